// What the figures have in common: elements in two languages, grids of numbers, windows, controls, drawings.

const figures = {}; // by name, a function that starts a figure in its place

function whenReady() {
  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-hands]")) {
      place.hidden = false;
      figures[place.dataset.hands](place);
    }
  });
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function said(en, zh) {
  return [element("span", { class: "en", lang: "en" }, en), element("span", { class: "zh", lang: "zh-Hans" }, zh)];
}

// Give an element its name for screen readers; the page changes it with the language.
function call(made, en, zh) {
  made.setAttribute("data-label-en", en);
  made.setAttribute("data-label-zh", zh);
  made.setAttribute("aria-label", document.documentElement.classList.contains("chinese") ? zh : en);
  return made;
}

function shown(number, digits = 4) {
  return String(Number(number.toPrecision(digits))).replaceAll("-", "−").replace("Infinity", "∞");
}

// A factor in a sum of products: negative numbers in parentheses.
function factor(number) {
  return number < 0 ? `(${shown(number)})` : shown(number);
}

function part(place, name) {
  return place.querySelector(`[data-part="${name}"]`);
}

function copied(map) {
  return map.map((row) => [...row]);
}

// Lay out rows of elements as a grid.
function fill(place, rows) {
  place.style.setProperty("--columns", rows[0]?.length ?? 1);
  place.replaceChildren(...rows.flat());
  letMove(place, rows.map((row) => row.map(control).filter(Boolean)).filter((row) => row.length > 0));
}

// The field or button of a cell, if it has one.
function control(cell) {
  return cell.matches("input, button") ? cell : cell.querySelector("input, button");
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// Make one tab stop of the controls of a grid: the arrow keys go from one to the next.
function letMove(place, rows) {
  const all = rows.flat();
  const stopAt = (one) => all.forEach((each) => (each.tabIndex = each === one ? 0 : -1));
  stopAt(all.find((each) => each.ariaCurrent === "true") ?? all[0]);
  for (const each of all) each.addEventListener("focus", () => stopAt(each));
  place.onkeydown = (event) => {
    const [row, column] = STEPS[event.key] ?? [0, 0];
    const at = rows.findIndex((cells) => cells.includes(event.target));
    const next = rows[at + row]?.[rows[at]?.indexOf(event.target) + column];
    if (next === undefined || next === event.target) return;
    event.preventDefault(); // else a field would count up or down
    next.focus();
    next.select?.();
  };
}

// Rows of numbers to edit, kept in `map`.
function editable(map, [en, zh], changed) {
  return map.map((row, r) =>
    row.map((value, c) => {
      const field = call(element("input", { type: "number", step: "any", value }), ...cellName(en, zh, r, c));
      field.addEventListener("input", () => {
        const valid = Number.isFinite(field.valueAsNumber);
        field.setAttribute("aria-invalid", String(!valid));
        if (valid) {
          map[r][c] = field.valueAsNumber;
          changed();
        }
      });
      return field;
    }),
  );
}

// The same fields as cells of a grid, with so much padding around them.
function padded(fields, around, text) {
  const size = fields.length + 2 * around;
  return Array.from({ length: size }, (_, r) =>
    Array.from({ length: size }, (_, c) => {
      const field = fields[r - around]?.[c - around];
      if (field) return element("span", { class: "hands-cell" }, field);
      return element("span", { class: "hands-cell hands-pad", "aria-hidden": "true" }, text);
    }),
  );
}

function cellName(en, zh, row, column) {
  return [`${en}, row ${row + 1}, column ${column + 1}`, `${zh}，第 ${row + 1} 行第 ${column + 1} 列`];
}

// An output whose numbers are buttons, one for each window: the chosen one is explained. Returns how to step on.
function windows(place, update) {
  const output = part(place, "output");
  let chosen = 0; // row by row
  const go = (number) => {
    chosen = number;
    update();
  };
  const by = (count) => go((chosen + count + output.children.length) % output.children.length);
  part(place, "back").addEventListener("click", () => by(-1));
  part(place, "next").addEventListener("click", () => by(1));
  return {
    reset: () => (chosen = 0),
    // Show these numbers, and return the place of the chosen one, or null if there is none.
    show(values) {
      const [rows, columns] = [values.length, values[0]?.length ?? 0];
      chosen = Math.max(0, Math.min(chosen, rows * columns - 1));
      fill(output, values.map((row, r) => row.map((value, c) => button(value, r, c, r * columns + c))));
      for (const name of ["back", "next"]) part(place, name).disabled = rows * columns < 2;
      if (rows * columns === 0) return null;
      const at = { row: Math.floor(chosen / columns), column: chosen % columns };
      at.title = [
        `Window ${chosen + 1} of ${rows * columns} (row ${at.row + 1}, column ${at.column + 1})`,
        `第 ${chosen + 1} 个窗口，共 ${rows * columns} 个（第 ${at.row + 1} 行第 ${at.column + 1} 列）`,
      ];
      return at;
    },
  };

  function button(value, row, column, number) {
    const made = element("button", { type: "button", class: "hands-cell" }, shown(value));
    if (number === chosen) made.setAttribute("aria-current", "true");
    const [en, zh] = cellName("window", "窗口", row, column);
    call(made, `${en}: ${shown(value)}`, `${zh}：${shown(value)}`);
    made.addEventListener("click", () => {
      go(number);
      output.children[number].focus();
    });
    return made;
  }
}

// The controls of a figure by their names; a slider has its value beside it. Returns a function that reads one.
function controls(place, changed, texts = {}) {
  const found = [...place.querySelectorAll("[name]")];
  const show = (input) => {
    if (input.type !== "range") return;
    const text = (texts[input.name] ?? shown)(input.valueAsNumber);
    input.parentElement.querySelector(".hands-value").textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  for (const input of found) {
    show(input);
    input.addEventListener("input", () => {
      show(input);
      changed(input.name);
    });
  }
  const read = (name) => {
    const named = found.filter((input) => plainName(input) === name);
    if (named[0].type === "radio") return named.find((input) => input.checked).value;
    if (named[0].type === "checkbox") return named[0].checked;
    return named[0].valueAsNumber;
  };
  read.set = (name, value) => {
    for (const input of found.filter((each) => plainName(each) === name)) {
      if (input.type === "radio") input.checked = input.value === value;
      else if (input.type === "checkbox") input.checked = value;
      else input.value = value;
      show(input);
    }
  };
  read.setAll = (values) => Object.entries(values).forEach(([name, value]) => read.set(name, value));
  return read;
}

// Radio buttons of different figures have different names: "figure.name".
function plainName(input) {
  return input.name.split(".").at(-1);
}

// Drawings

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Where a place on the screen lies in a drawing, in the drawing's own units.
function placeIn(drawing, event) {
  const { left, top, width, height } = drawing.getBoundingClientRect();
  const box = drawing.viewBox.baseVal;
  return [box.x + ((event.clientX - left) / width) * box.width, box.y + ((event.clientY - top) / height) * box.height];
}

// Call `moved` with the place of the pointer while it is held down in a drawing.
function draggable(drawing, moved) {
  drawing.addEventListener("pointerdown", (event) => {
    drawing.setPointerCapture(event.pointerId);
    moved(placeIn(drawing, event));
  });
  drawing.addEventListener("pointermove", (event) => {
    if (drawing.hasPointerCapture(event.pointerId)) moved(placeIn(drawing, event));
  });
}
