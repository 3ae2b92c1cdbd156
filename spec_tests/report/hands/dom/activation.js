// The figure of section 2.3: an activation as a curve, and its gradient as the slope of the tangent at a point.

figures.activation = (place) => {
  const drawing = part(place, "drawing");
  const read = controls(place, update);
  const formulas = {
    relu: ["max(0, x)", (x) => (x > 0 ? "1" : "0")],
    sigmoid: ["1 / (1 + e⁻ˣ)", (x) => `s·(1 − s) = ${shown(activations.sigmoid(x))}·${shown(1 - activations.sigmoid(x))}`],
    tanh: ["tanh x", (x) => `1 − t² = 1 − ${factor(activations.tanh(x))}²`],
  };

  function update() {
    const [name, x] = [read("function"), read("x")];
    const [value, slope] = [activations[name](x), activationGradients[name](1, x)];
    draw(name, x, value, slope);
    const [formula, why] = [formulas[name][0], formulas[name][1](x)];
    const because = why === shown(slope) ? why : `${why} = ${shown(slope)}`;
    const kink = name === "relu" && x === 0;
    part(place, "result").replaceChildren(
      ...said(
        `${formula} at x = ${shown(x)} is ${shown(value)}. The gradient is ${because}${kink ? ": at the kink torch, and this specification, take 0" : ""}. ${spoken(slope)[0]}`,
        `x = ${shown(x)} 时，${formula} 等于 ${shown(value)}，梯度为 ${because}${kink ? "（转折点处 torch 与本规范都取 0）" : ""}。${spoken(slope)[1]}`,
      ),
    );
  }

  function spoken(slope) {
    if (slope === 0) return ["Nothing flows back.", "没有梯度传回去。"];
    if (slope < 0.05) return ["Little flows back: learning is slow here.", "传回去的很少：在这里学得慢。"];
    return ["", ""];
  }

  function draw(name, x, value, slope) {
    const [curve, gradient] = [activations[name], (at) => activationGradients[name](1, at)];
    const along = (reach) => [value + slope * reach, x + reach];
    const [[y1, x1], [y2, x2]] = [along(-1.5), along(1.5)];
    drawing.replaceChildren(
      svg("path", { class: "hands-axis", d: "M-6 0H6M0 -2.2V2.2" }),
      ...[-4, -2, 2, 4].map((at) => svg("text", { class: "hands-tick", x: at, dy: "1.1em", "text-anchor": "middle" }, shown(at))),
      ...[-1, 1].map((at) => svg("text", { class: "hands-tick", x: -0.12, y: -at, dy: "0.35em", "text-anchor": "end" }, shown(at))),
      svg("path", { class: "hands-slope", d: line(gradient) }),
      svg("path", { class: "hands-curve", d: line(curve) }),
      svg("path", { class: "hands-tangent", d: `M${x1} ${-y1}L${x2} ${-y2}` }),
      svg("circle", { class: "hands-point", cx: x, cy: -value, r: 0.16 }),
    );
  }

  // A curve from -6 to 6, broken where it jumps.
  function line(curve) {
    let d = "";
    let before = NaN;
    for (let i = -120; i <= 120; i++) {
      const y = curve(i / 20);
      d += `${Math.abs(y - before) < 0.5 ? "L" : "M"}${i / 20} ${-y}`;
      before = y;
    }
    return d;
  }

  draggable(drawing, ([x]) => {
    read.set("x", x);
    update();
  });
  update();
};
