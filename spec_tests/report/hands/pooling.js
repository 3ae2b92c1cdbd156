// Max pooling of one channel (section 2.2). Maps are arrays of rows.
// Options: kernel, stride, padding, ceil, the same along both axes; padding is at most half of the kernel.

// With `ceil` the last window may reach over the end, unless it would start in the padding after the input.
function pooledSize(size, { kernel, stride, padding, ceil }) {
  const room = size + 2 * padding + (ceil ? stride - 1 : 0) - kernel;
  if (room < 0) return 0;
  const places = Math.floor(room / stride) + 1;
  return (places - 1) * stride >= size + padding ? places - 1 : places;
}

// The cells of the input in a window, row by row; padding is none of them.
function pooledCells(input, { kernel, stride, padding }, row, column) {
  const [top, left] = [row * stride - padding, column * stride - padding];
  const cells = [];
  for (let r = Math.max(top, 0); r < Math.min(top + kernel, input.length); r++) {
    for (let c = Math.max(left, 0); c < Math.min(left + kernel, input[0].length); c++) {
      cells.push({ at: [r, c], value: input[r][c] });
    }
  }
  return cells;
}

// The first of the largest; of several NaN the last.
function winnerOf(cells) {
  return cells.reduce((leader, cell) => (cell.value > leader.value || Number.isNaN(cell.value) ? cell : leader));
}

function winners(input, options) {
  const rows = pooledSize(input.length, options);
  const columns = pooledSize(input[0].length, options);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => winnerOf(pooledCells(input, options, row, column))),
  );
}

function maxPooled(input, options) {
  return winners(input, options).map((row) => row.map((winner) => winner.value));
}

// A cell receives the gradients of all the windows that it wins.
function maxPooledGradient(gradOutput, input, options) {
  const gradient = input.map((row) => row.map(() => 0));
  winners(input, options).forEach((row, r) =>
    row.forEach(({ at }, c) => {
      gradient[at[0]][at[1]] += gradOutput[r][c];
    }),
  );
  return gradient;
}
