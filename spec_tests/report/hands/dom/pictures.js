// The figures of section 1.3: a small picture, normalized and resized.

const picture = {
  height: PICTURE_HEIGHT,
  width: PICTURE_WIDTH,
  base64: "PICTURE_BYTES",
};

// The picture as to_tensor returns it: three channels of rows of numbers from 0 to 1.
function asTensor() {
  const bytes = Uint8Array.from(atob(picture.base64), (letter) => letter.charCodeAt(0));
  return [0, 1, 2].map((c) =>
    Array.from({ length: picture.height }, (_, r) =>
      Array.from({ length: picture.width }, (_, x) => bytes[(r * picture.width + x) * 3 + c] / 255),
    ),
  );
}

// Draw an image as a screen shows it: what is below 0 is black, what is above 1 has full intensity.
function paint(canvas, channels) {
  const [height, width] = [channels[0].length, channels[0][0].length];
  [canvas.height, canvas.width] = [height, width];
  const drawn = new ImageData(width, height); // it clamps and rounds
  for (let r = 0; r < height; r++) {
    for (let x = 0; x < width; x++) {
      const at = (r * width + x) * 4;
      for (let c = 0; c < 3; c++) drawn.data[at + c] = channels[c][r][x] * 255;
      drawn.data[at + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(drawn, 0, 0);
}

function summary(channels) {
  const pixels = channels.flat(2);
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  const variance = pixels.reduce((sum, pixel) => sum + (pixel - mean) ** 2, 0) / pixels.length;
  const [least, most] = [Math.min(...pixels), Math.max(...pixels)];
  return { least, most, mean, deviation: Math.sqrt(variance) };
}

figures.normalize = (place) => {
  const image = asTensor();
  const read = controls(place, update);
  const presets = {
    none: [[0, 0, 0], [1, 1, 1]],
    half: [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
    imagenet: [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
  };

  function update() {
    const [means, deviations] = ["mean", "std"].map((name) => [0, 1, 2].map((c) => read(`${name}${c}`)));
    const result = normalized(image, means, deviations);
    paint(part(place, "canvas"), result);
    const { least, most, mean, deviation } = summary(result);
    const numbers = [least, most, mean, deviation].map((number) => shown(Number(number.toFixed(3))));
    part(place, "result").replaceChildren(
      ...said(
        `The numbers are now from ${numbers[0]} to ${numbers[1]}, with mean ${numbers[2]} and standard deviation ${numbers[3]}. On the screen, those below 0 are black and those above 1 have full intensity.`,
        `现在的数从 ${numbers[0]} 到 ${numbers[1]}，均值 ${numbers[2]}，标准差 ${numbers[3]}。屏幕上小于 0 的显示为黑，大于 1 的显示为最亮。`,
      ),
    );
  }

  function set([means, deviations]) {
    means.forEach((mean, c) => read.set(`mean${c}`, mean));
    deviations.forEach((deviation, c) => read.set(`std${c}`, deviation));
    update();
  }

  for (const [name, numbers] of Object.entries(presets)) {
    part(place, name).addEventListener("click", () => set(numbers));
  }
  paint(part(place, "original"), image);
  set(presets.imagenet);
};

figures.resize = (place) => {
  const image = asTensor();
  const read = controls(place, update);

  function update() {
    const [interpolation, antialias] = [read("interpolation"), read("antialias")];
    const [height, width] = resizedSize(picture.height, picture.width, read("size"));
    const result = image.map((rows) => resized(rows, height, width, interpolation, antialias));
    paint(part(place, "canvas"), result);
    const { least, most } = summary(result);
    const [lowest, highest] = [least, most].map((number) => shown(number, 3));
    const [en, zh] = meaning(interpolation, antialias, width);
    const over = interpolation === "bicubic" && (least < 0 || most > 1);
    const [tooFar, tooFarZh] = over ? overshoot : ["", ""];
    part(place, "result").replaceChildren(
      ...said(
        `${picture.height}×${picture.width} became ${height}×${width}, with numbers from ${lowest} to ${highest}. ${en}${tooFar}`,
        `${picture.height}×${picture.width} 变为 ${height}×${width}，数值从 ${lowest} 到 ${highest}。${zh}${tooFarZh}`,
      ),
    );
  }

  const overshoot = [
    " The cubic has negative weights, so the result leaves the range of 0 to 1.",
    "三次核有负的权重，所以结果超出了 0 到 1。",
  ];

  function meaning(interpolation, antialias, width) {
    const all = picture.width;
    const unused = unusedColumns(interpolation, antialias, width);
    const lost = [`${unused} of the ${all} columns count for nothing`, `${all} 列中有 ${unused} 列完全没用上`];
    if (interpolation === "nearest") {
      return [`Each new pixel copies one old one; ${lost[0]}.`, `每个新像素只复制一个旧像素；${lost[1]}。`];
    }
    const reach = 2 * reaches[interpolation];
    if (width < all && antialias) {
      const wide = shown((reach * all) / width, 3);
      return [
        `The filter grows as the image shrinks: it is ${wide} old pixels wide, and ${lost[0]}.`,
        `图像缩小多少，滤波核就变宽多少：宽 ${wide} 个旧像素；${lost[1]}。`,
      ];
    }
    if (width < all) {
      return [
        `The filter stays ${reach} old pixels wide, however much the image shrinks: ${lost[0]}. See the fence.`,
        `无论缩小多少，滤波核只宽 ${reach} 个旧像素：${lost[1]}。请看栅栏。`,
      ];
    }
    return interpolation === "bilinear"
      ? ["The image does not shrink, so antialias changes nothing.", "图像没有缩小，antialias 不起作用。"]
      : [
          "The image does not shrink: antialias smooths nothing, and only changes the cubic and the edges.",
          "图像没有缩小：antialias 不再平滑，只是改变三次核和边缘的处理。",
        ];
  }

  // How many columns of the picture no new pixel takes anything from.
  function unusedColumns(interpolation, antialias, width) {
    if (interpolation === "nearest") return Math.max(picture.width - width, 0);
    const weights = resizeWeights(picture.width, width, interpolation, antialias);
    return weights[0].filter((_, column) => weights.every((row) => row[column] === 0)).length;
  }

  paint(part(place, "original"), image);
  update();
};
