// The figure of section 2.2: the largest of each window, and the cell that its gradient goes back to.

figures.pooling = (place) => {
  const worked = [
    [1, 3, 2, 4, 0],
    [5, 2, 7, 1, 3],
    [9, 6, 3, 8, 2],
    [2, 5, 1, 7, 4],
    [8, 3, 6, 2, 9],
  ];
  const tied = [
    [0, 0, 1, 1, 0],
    [0, 0, 1, 1, 0],
    [2, 0, 0, 0, 3],
    [0, 2, 0, 3, 0],
    [5, 5, 5, 5, 5],
  ];
  let input = worked;
  const read = controls(place, layOut);
  const shownWindows = windows(place, update);
  const options = () => ({
    kernel: read("kernel"),
    stride: read("stride"),
    padding: read("padding"),
    ceil: read("ceil"),
  });

  function layOut() {
    input = sized(input, input.length);
    fill(part(place, "input"), padded(editable(input, ["input", "输入"], update), read("padding"), "−∞"));
    update();
  }

  function update() {
    const refused = read("padding") > read("kernel") / 2;
    const output = refused ? [] : maxPooled(input, options());
    part(place, "size").replaceChildren(...sizeText(refused));
    const at = shownWindows.show(output);
    const cells = at ? pooledCells(input, options(), at.row, at.column) : [];
    mark(cells);
    part(place, "result").replaceChildren(...(at ? explained(cells, at.title) : []));
    const ones = output.map((row) => row.map(() => 1));
    const gradient = refused ? input.map((row) => row.map(() => 0)) : maxPooledGradient(ones, input, options());
    fill(part(place, "gradient"), gradient.map((row) => row.map(share)));
  }

  function share(value) {
    const cell = element("span", { class: "hands-cell" }, shown(value));
    if (value !== 0) cell.dataset.share = "";
    return cell;
  }

  function sizeText(refused) {
    const { kernel, stride, padding, ceil } = options();
    if (refused) {
      return said(
        `The padding, ${padding}, must be at most half of the kernel, ${kernel}.`,
        `填充 ${padding} 不得超过窗口 ${kernel} 的一半。`,
      );
    }
    const [size, [open, close]] = [pooledSize(input.length, options()), ceil ? "⌈⌉" : "⌊⌋"];
    const unlimited = Math.ceil((input.length + 2 * padding - kernel) / stride) + 1;
    const dropped = ceil && unlimited > size;
    const sum = `${open}(${input.length} + 2·${padding} − ${kernel}) / ${stride}${close} + 1 = ${dropped ? unlimited : size}`;
    const late = dropped
      ? said(
          `, less the last window, which would start in the padding: ${size}`,
          `，最后一个窗口从填充处开始，舍去：${size}`,
        )
      : [];
    return [...said("Output size: ", "输出尺寸："), sum, ...late];
  }

  function mark(cells) {
    const fields = [...part(place, "input").children];
    for (const field of fields) delete field.dataset.seen;
    const around = read("padding");
    const winner = cells.length ? winnerOf(cells) : null;
    for (const cell of cells) {
      const field = fields[(cell.at[0] + around) * (input.length + 2 * around) + cell.at[1] + around];
      field.dataset.seen = cell === winner ? "winner" : "window";
    }
  }

  function explained(cells, title) {
    const { at, value } = winnerOf(cells);
    const equal = cells.filter((cell) => cell.value === value).length;
    const [all, where] = [cells.map((cell) => shown(cell.value)).join(", "), [at[0] + 1, at[1] + 1]];
    const tie =
      equal > 1
        ? [` ${equal} cells have it; the first of them, row by row, takes all of the gradient.`, `有 ${equal} 格同为最大；逐行数第一个得到全部梯度。`]
        : [" The gradient of the window goes there, and to no other cell.", "这个窗口的梯度只传给这一格。"];
    return said(
      `${title[0]}: the largest of ${all} is ${shown(value)}, at row ${where[0]}, column ${where[1]} of the input.${tie[0]}`,
      `${title[1]}：${all.replaceAll(", ", "、")} 中最大的是 ${shown(value)}，在输入的第 ${where[0]} 行第 ${where[1]} 列。${tie[1]}`,
    );
  }

  function reset(map, kernel) {
    read.setAll({ kernel, stride: 1, padding: 0, ceil: false });
    input = map;
    shownWindows.reset();
    layOut();
  }

  part(place, "reset").addEventListener("click", () => reset(worked, 3));
  part(place, "tie").addEventListener("click", () => reset(tied, 2));
  reset(worked, 3);
};
