// The figure of section 2.6.3: scores, their softmax, the cross entropy and its gradient, with the document's models.

figures.cross_entropy = (place) => {
  const targets = [2, 1, 0]; // a pig, a dog and a cat; the classes are cat, dog and pig
  const models = {
    first: [
      [0.3, 0.3, 0.4],
      [0.3, 0.4, 0.3],
      [0.1, 0.2, 0.7],
    ],
    second: [
      [0.1, 0.2, 0.7],
      [0.1, 0.7, 0.2],
      [0.3, 0.4, 0.3],
    ],
  };
  const LARGEST_SCORE = Number(place.querySelector("[name]").max);
  const two = (number) => shown(Number(number.toFixed(2)));
  const names = targets.map((_, sample) => targets.map((_, c) => `${sample}${c}`));
  const read = controls(place, update, Object.fromEntries(names.flat().map((name) => [name, two])));
  const rows = [...place.querySelectorAll(".hands-score")];
  const losses = [...place.querySelectorAll('[data-part="loss"]')];

  function update() {
    const scores = names.map((row) => row.map(read));
    const [shares, gradient] = [scores.map(softmax), meanCrossEntropyGradient(scores, targets)];
    const tooLarge = scores.flat().some((score) => Math.abs(2 * score) > LARGEST_SCORE);
    part(place, "surer").disabled = tooLarge;
    part(place, "limit").hidden = !tooLarge;
    rows.forEach((row, i) => showScore(row, shares.flat()[i], gradient.flat()[i]));
    losses.forEach((line, i) => {
      const share = shares[i][targets[i]];
      const sum = `−ln ${shown(share, 3)} = ${shown(crossEntropy(scores[i], targets[i]))}`;
      line.replaceChildren(...said(`Loss: ${sum}`, `损失：${sum}`));
    });
    const each = scores.map((row, i) => shown(crossEntropy(row, targets[i]))).join(" + ");
    const mean = `(${each}) / 3 = ${shown(meanCrossEntropy(scores, targets))}`;
    part(place, "result").replaceChildren(...said(`The mean of the losses: ${mean}`, `损失的平均值：${mean}`));
  }

  function showScore(row, share, slope) {
    part(row, "bar").style.width = `${100 * share}%`;
    part(row, "share").replaceChildren("p = ", share.toFixed(3));
    part(row, "slope").replaceChildren(...said("gradient ", "梯度 "), slope.toFixed(3).replace("-", "−"));
  }

  function set(scores) {
    scores.forEach((row, sample) => row.forEach((score, c) => read.set(names[sample][c], score)));
    update();
  }

  for (const name of ["first", "second"]) {
    const scores = models[name].map((row) => row.map(Math.log)); // softmax turns them back into these probabilities
    part(place, name).addEventListener("click", () => set(scores));
  }
  part(place, "surer").addEventListener("click", () => set(names.map((row) => row.map((name) => 2 * read(name)))));
  set(models.first.map((row) => row.map(Math.log)));
};
