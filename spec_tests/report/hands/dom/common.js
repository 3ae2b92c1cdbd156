// What the figures have in common: elements in two languages, grids of numbers, sliders.

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
  return String(Number(number.toPrecision(digits))).replace("-", "−").replace("Infinity", "∞");
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

function cellName(en, zh, row, column) {
  return [`${en}, row ${row + 1}, column ${column + 1}`, `${zh}，第 ${row + 1} 行第 ${column + 1} 列`];
}

// The sliders of a figure by their names, each with its value beside it. Returns a function that reads one.
function sliders(place, changed) {
  const found = Object.fromEntries([...place.querySelectorAll("input[type=range]")].map((input) => [input.name, input]));
  const show = (input) => {
    input.parentElement.querySelector(".hands-value").textContent = shown(input.valueAsNumber);
  };
  for (const input of Object.values(found)) {
    show(input);
    input.addEventListener("input", () => {
      show(input);
      changed(input.name);
    });
  }
  const read = (name) => found[name].valueAsNumber;
  read.set = (name, value) => {
    found[name].value = value;
    show(found[name]);
  };
  return read;
}
