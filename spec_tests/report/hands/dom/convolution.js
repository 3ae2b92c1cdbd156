// The figure of section 2.1: a kernel slides over a map. It begins with the worked example of section 2.1.2.

figures.convolution = (place) => {
  const worked = {
    input: [
      [1, 2, 3, 0, 1],
      [4, 5, 6, 1, 0],
      [7, 8, 9, 2, 1],
      [0, 1, 2, 3, 4],
      [3, 2, 1, 0, 5],
    ],
    kernel: [
      [1, 0, -1],
      [1, 0, -1],
      [1, 0, -1],
    ],
    options: { size: 5, kernel: 3, stride: 1, padding: 0, dilation: 1 },
  };
  let input, kernel, sizedInput, sizedKernel;
  const read = controls(place, layOut);
  const shownWindows = windows(place, update);
  const options = () => ({ stride: read("stride"), padding: read("padding"), dilation: read("dilation") });

  function layOut() {
    input = sizedInput(input, read("size"));
    kernel = sizedKernel(kernel, read("kernel"));
    fill(part(place, "input"), padded(editable(input, ["input", "输入"], update), read("padding"), "0"));
    fill(part(place, "kernel"), padded(editable(kernel, ["kernel", "卷积核"], update), 0));
    update();
  }

  function update() {
    const output = convolved(input, kernel, options());
    part(place, "size").replaceChildren(...sizeText());
    const at = shownWindows.show(output);
    const products = at ? productsOf(input, kernel, options(), at.row, at.column) : [];
    mark(products);
    const terms = products.map(({ value, weight }) => `${factor(value)}·${factor(weight)}`).join(" + ");
    const sum = `${terms} = ${shown(sumOf(products))}`;
    part(place, "result").replaceChildren(...(at ? said(`${at.title[0]}: ${sum}`, `${at.title[1]}：${sum}`) : []));
  }

  function sizeText() {
    const { stride, padding, dilation } = options();
    const [h, k] = [input.length, kernel.length];
    const [span, room, size] = [dilation * (k - 1) + 1, h + 2 * padding, convolvedSize(h, k, options())];
    if (size === 0) {
      return said(
        `The kernel spans ${span} cells and does not fit into ${room}: there is no output.`,
        `卷积核跨 ${span} 格，放不进 ${room} 格：没有输出。`,
      );
    }
    const sum = `⌊(${h} + 2·${padding} − ${dilation}·(${k} − 1) − 1) / ${stride}⌋ + 1 = ${size}`;
    return [...said("Output size: ", "输出尺寸："), sum];
  }

  // Show the weights on the cells that they multiply.
  function mark(products) {
    const cells = [...part(place, "input").children];
    for (const cell of cells) cell.removeAttribute("data-times");
    const around = read("padding");
    for (const { at, weight } of products) {
      cells[(at[0] + around) * (input.length + 2 * around) + at[1] + around].dataset.times = `×${shown(weight)}`;
    }
  }

  function reset() {
    read.setAll(worked.options);
    [input, kernel] = [worked.input, worked.kernel];
    [sizedInput, sizedKernel] = [remembering(), remembering()];
    shownWindows.reset();
    layOut();
  }

  part(place, "reset").addEventListener("click", reset);
  reset();
};

// A copy of a map, cut or continued to another size; new cells differ from their neighbours.
function sized(map, size, before = []) {
  const cell = (r, c) => map[r]?.[c] ?? before[r]?.[c] ?? (r + c) % 5;
  return Array.from({ length: size }, (_, r) => Array.from({ length: size }, (_, c) => cell(r, c)));
}

// The same for a map that changes its size again and again: what was cut off comes back.
function remembering() {
  let all = [];
  return (map, size) => {
    all = sized(map, Math.max(map.length, all.length), all);
    return sized(all, size);
  };
}
