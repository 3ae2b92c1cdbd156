// The figure of section 2.7: the path of an optimizer down a bowl that is twelve times as steep in one direction.

figures.optimizers = (place) => {
  const bowl = { minimum: [3, 1], steepness: [1, 12] };
  const start = [-4, -1];
  const drawing = part(place, "drawing");
  const rate = (exponent) => Number((10 ** exponent).toPrecision(2)); // what is shown is what is used
  const read = controls(place, update, { rate: (exponent) => shown(rate(exponent)) });

  function update() {
    const optimizer = read("optimizer");
    const adam = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    const options = { lr: rate(read("rate")), ...(optimizer === "sgd" ? { momentum: read("momentum") } : adam) };
    part(place, "for-sgd").hidden = optimizer !== "sgd";
    const passed = path(optimizer, options, bowl, start, read("count")).map(({ param }) => param);
    draw(passed);
    part(place, "back").disabled = read("count") === 0;
    part(place, "next").disabled = read("count") === Number(place.querySelector('[name="count"]').max);
    const [first, last] = [bowlHeight(bowl, start), bowlHeight(bowl, passed.at(-1))];
    const [en, zh] = optimizer === "sgd" ? limit(options) : length(options);
    part(place, "result").replaceChildren(
      ...said(
        `After ${read("count")} steps f = ${shown(last, 3)}, from ${shown(first, 3)} at the start. ${en}`,
        `走 ${read("count")} 步后 f = ${shown(last, 3)}，起点为 ${shown(first, 3)}。${zh}`,
      ),
    );
  }

  function limit({ lr, momentum }) {
    const most = largestRate(bowl, momentum);
    const sum = `2·(1 + ${shown(momentum)}) / 12 = ${shown(most, 3)}`;
    return lr < most
      ? [`It converges: the rate is below ${sum}.`, `它会收敛：学习率小于 ${sum}。`]
      : [`It does not converge: the rate is not below ${sum}.`, `它不收敛：学习率不小于 ${sum}。`];
  }

  function length({ lr }) {
    return [
      `Adam's first step is ${shown(lr)} long in each direction, however steep the bowl is there.`,
      `Adam 的第一步在每个方向上都长 ${shown(lr)}，与那里有多陡无关。`,
    ];
  }

  function draw(passed) {
    const visible = passed.map(([x, y]) => `${clipped(x)} ${clipped(-y)}`);
    const rings = [1, 4, 12, 30, 60].map((f) =>
      svg("ellipse", {
        class: "hands-ring",
        cx: bowl.minimum[0],
        cy: -bowl.minimum[1],
        rx: Math.sqrt((2 * f) / bowl.steepness[0]),
        ry: Math.sqrt((2 * f) / bowl.steepness[1]),
      }),
    );
    const dots = passed.slice(1).map(([x, y]) => svg("circle", { class: "hands-dot", cx: clipped(x), cy: clipped(-y), r: 0.06 }));
    const [[x0, y0], [x1, y1]] = [start, passed.at(-1)];
    drawing.replaceChildren(
      ...rings,
      svg("path", { class: "hands-cross", d: "M2.85 -1.15l.3 .3m0 -.3l-.3 .3" }),
      svg("path", { class: "hands-path", d: `M${visible.join("L")}` }),
      ...dots,
      svg("circle", { class: "hands-start", cx: x0, cy: -y0, r: 0.14 }),
      svg("circle", { class: "hands-point", cx: clipped(x1), cy: clipped(-y1), r: 0.13 }),
    );
  }

  // Far outside the drawing all is alike; browsers do not draw numbers beyond about 1e7.
  function clipped(number) {
    return Number.isNaN(number) ? 1e4 : Math.max(-1e4, Math.min(1e4, number));
  }

  function set(values) {
    read.setAll(values);
    update();
  }

  part(place, "back").addEventListener("click", () => set({ count: read("count") - 1 }));
  part(place, "next").addEventListener("click", () => set({ count: read("count") + 1 }));
  part(place, "diverging").addEventListener("click", () => set({ optimizer: "sgd", rate: Math.log10(0.17), momentum: 0 }));
  part(place, "momentum").addEventListener("click", () => set({ optimizer: "sgd", rate: Math.log10(0.05), momentum: 0.8 }));
  set({ rate: Math.log10(0.15) });
};
