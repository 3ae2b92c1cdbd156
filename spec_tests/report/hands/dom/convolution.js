// The figure of section 2.1: a kernel slides over a map. It begins with the worked example of section 2.1.2.

const WORKED_MAP = [
  [1, 2, 3, 0, 1],
  [4, 5, 6, 1, 0],
  [7, 8, 9, 2, 1],
  [0, 1, 2, 3, 4],
  [3, 2, 1, 0, 5],
];
const WORKED_KERNEL = [
  [1, 0, -1],
  [1, 0, -1],
  [1, 0, -1],
];
const WORKED_OPTIONS = { size: 5, kernel: 3, stride: 1, padding: 0, dilation: 1 };

// The map cut or continued to another size; new cells count up, so that they differ from each other.
function sized(map, size) {
  return Array.from({ length: size }, (_, r) => Array.from({ length: size }, (_, c) => map[r]?.[c] ?? (r + c) % 5));
}

figures.convolution = (place) => {
  let input = copied(WORKED_MAP);
  let kernel = copied(WORKED_KERNEL);
  let chosen = 0; // the window's number, row by row
  const read = sliders(place, rebuild);
  const options = () => ({ stride: read("stride"), padding: read("padding"), dilation: read("dilation") });

  function rebuild() {
    input = sized(input, read("size"));
    kernel = sized(kernel, read("kernel"));
    const around = read("padding");
    const fields = editable(input, ["input", "输入"], update);
    const cells = Array.from({ length: input.length + 2 * around }, (_, r) =>
      Array.from({ length: input.length + 2 * around }, (_, c) => {
        const field = fields[r - around]?.[c - around];
        const cell = element("span", { class: field ? "hands-cell" : "hands-cell hands-pad" }, field ?? "0");
        if (!field) cell.setAttribute("aria-hidden", "true");
        return cell;
      }),
    );
    fill(part(place, "input"), cells);
    const taps = editable(kernel, ["kernel", "卷积核"], update);
    fill(part(place, "kernel"), taps.map((row) => row.map((field) => element("span", { class: "hands-cell" }, field))));
    update();
  }

  function update() {
    const output = convolved(input, kernel, options());
    const count = output.flat().length;
    chosen = Math.max(0, Math.min(chosen, count - 1));
    showSize(output.length);
    fill(part(place, "output"), output.map((row, r) => row.map((value, c) => choice(value, r, c, output.length))));
    for (const button of ["back", "next"]) part(place, button).disabled = count < 2;
    const [row, column] = [Math.floor(chosen / output.length), chosen % output.length];
    const products = count ? productsOf(input, kernel, options(), row, column) : [];
    mark(products);
    explain(products, row, column, count);
  }

  function choice(value, row, column, columns) {
    const number = row * columns + column;
    const button = element("button", { type: "button", class: "hands-cell" }, shown(value));
    if (number === chosen) button.setAttribute("aria-current", "true");
    call(button, `window at row ${row + 1}, column ${column + 1}: ${shown(value)}`, `第 ${row + 1} 行第 ${column + 1} 列的窗口：${shown(value)}`);
    button.addEventListener("click", () => {
      go(number);
      part(place, "output").children[number].focus();
    });
    return button;
  }

  function showSize(size) {
    const { stride, padding, dilation } = options();
    const [h, k] = [input.length, kernel.length];
    const sum = `⌊(${h} + 2·${padding} − ${dilation}·(${k} − 1) − 1) / ${stride}⌋ + 1`;
    if (size > 0) part(place, "size").replaceChildren(...said("Output size: ", "输出大小："), `${sum} = ${size}`);
    else
      part(place, "size").replaceChildren(
        ...said(
          `The kernel spans ${dilation * (k - 1) + 1} cells and does not fit into ${h + 2 * padding}: there is no output.`,
          `卷积核跨 ${dilation * (k - 1) + 1} 格，放不进 ${h + 2 * padding} 格：没有输出。`,
        ),
      );
  }

  function mark(products) {
    const cells = [...part(place, "input").children];
    for (const cell of cells) cell.removeAttribute("data-times");
    const [around, columns] = [read("padding"), input.length + 2 * read("padding")];
    for (const { at, weight } of products) {
      cells[(at[0] + around) * columns + at[1] + around].dataset.times = `×${shown(weight)}`;
    }
  }

  function explain(products, row, column, count) {
    const terms = products.map(({ value, weight }) => `${factor(value)}·${factor(weight)}`).join(" + ");
    const sum = `${terms} = ${shown(sumOf(products))}`;
    if (count === 0) part(place, "result").replaceChildren();
    else
      part(place, "result").replaceChildren(
        ...said(
          `Window ${chosen + 1} of ${count} (row ${row + 1}, column ${column + 1}): ${sum}`,
          `第 ${chosen + 1} 个窗口，共 ${count} 个（第 ${row + 1} 行第 ${column + 1} 列）：${sum}`,
        ),
      );
  }

  function go(number) {
    chosen = number;
    update();
  }

  function step(by) {
    const count = part(place, "output").children.length;
    go((chosen + by + count) % count);
  }

  part(place, "back").addEventListener("click", () => step(-1));
  part(place, "next").addEventListener("click", () => step(1));
  part(place, "reset").addEventListener("click", () => {
    for (const [name, value] of Object.entries(WORKED_OPTIONS)) read.set(name, value);
    [input, kernel, chosen] = [copied(WORKED_MAP), copied(WORKED_KERNEL), 0];
    rebuild();
  });
  rebuild();
};
