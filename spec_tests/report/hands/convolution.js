// Convolution of one channel with one kernel (sections 2.1.1 and 2.1.2). Maps are arrays of rows.
// Options: stride, padding, dilation, the same along both axes.

function convolvedSize(size, kernel, { stride, padding, dilation }) {
  const room = size + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}

// The products of one window, row by row. A cell of the padding counts as 0 and is not `inside`.
function productsOf(input, kernel, { stride, padding, dilation }, row, column) {
  return kernel.flatMap((weights, tapRow) =>
    weights.map((weight, tapColumn) => {
      const at = [row * stride - padding + tapRow * dilation, column * stride - padding + tapColumn * dilation];
      const value = input[at[0]]?.[at[1]];
      return { at, tap: [tapRow, tapColumn], inside: value !== undefined, value: value ?? 0, weight };
    }),
  );
}

function sumOf(products) {
  return products.reduce((sum, { value, weight }) => sum + value * weight, 0);
}

function convolved(input, kernel, options) {
  const rows = convolvedSize(input.length, kernel.length, options);
  const columns = convolvedSize(input[0].length, kernel[0].length, options);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => sumOf(productsOf(input, kernel, options, row, column))),
  );
}
