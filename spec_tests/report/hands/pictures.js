// Normalize and Resize (section 1.3). A channel is an array of rows of numbers.

function normalized(channels, means, deviations) {
  return channels.map((rows, c) => rows.map((row) => row.map((pixel) => (pixel - means[c]) / deviations[c])));
}

const reaches = { bilinear: 1, bicubic: 2 };

// The share of a pixel at this distance: a triangle, or Keys' cubic.
function shareAt(distance, interpolation, antialias) {
  const d = Math.abs(distance);
  if (interpolation === "bilinear") return Math.max(1 - d, 0);
  const a = antialias ? -0.5 : -0.75;
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

// What each new pixel takes from the old ones: a row for each new pixel; its numbers add up to 1.
function resizeWeights(old, wanted, interpolation, antialias) {
  const stretch = antialias ? Math.max(old / wanted, 1) : 1;
  const reach = reaches[interpolation] * stretch;
  return Array.from({ length: wanted }, (_, i) => {
    const centre = ((i + 0.5) * old) / wanted;
    const row = new Array(old).fill(0);
    for (let pixel = Math.floor(centre - reach + 0.5); pixel < Math.floor(centre + reach + 0.5); pixel++) {
      if (antialias && (pixel < 0 || pixel >= old)) continue;
      const nearest = Math.min(Math.max(pixel, 0), old - 1); // without antialias the edge stands in for what is beyond
      row[nearest] += shareAt((pixel + 0.5 - centre) / stretch, interpolation, antialias);
    }
    const total = row.reduce((sum, share) => sum + share, 0);
    return row.map((share) => share / total);
  });
}

function resized(rows, height, width, interpolation, antialias) {
  if (interpolation === "nearest") {
    const nearest = (i, old, wanted) => Math.floor((i * old) / wanted);
    return Array.from({ length: height }, (_, r) =>
      Array.from({ length: width }, (_, c) => rows[nearest(r, rows.length, height)][nearest(c, rows[0].length, width)]),
    );
  }
  const down = resizeWeights(rows.length, height, interpolation, antialias);
  const across = resizeWeights(rows[0].length, width, interpolation, antialias);
  const mixed = (shares, values) => shares.reduce((sum, share, i) => (share === 0 ? sum : sum + share * values(i)), 0);
  const narrow = rows.map((row) => across.map((shares) => mixed(shares, (i) => row[i])));
  return down.map((shares) => across.map((_, c) => mixed(shares, (i) => narrow[i][c])));
}

// The size that an image gets if its shorter edge is to have this one.
function resizedSize(height, width, shorter) {
  const other = (long, short) => Math.floor((shorter * long) / short);
  return height <= width ? [shorter, other(width, height)] : [other(height, width), shorter];
}
