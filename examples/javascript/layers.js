// Three layers, as an example of something to test: a convolution, a max pooling and a cross entropy.
//
// An array is {dtype, shape, data}, data in row-major order. A function takes one object with all its arguments and
// options, and returns its results by name. What it refuses it throws as Refused. With `wrong` each has one defect.
"use strict";

class Refused extends Error {}
class NotOffered extends Error {}

function refuseUnless(condition, message) {
  if (!condition) throw new Refused(message);
}

const isSizes = (sizes, least, count) =>
  Array.isArray(sizes) && sizes.length === count && sizes.every((n) => Number.isInteger(n) && n >= least);
const isFloat = (array) => array.dtype === "float32" || array.dtype === "float64";

// Results are rounded once: sums are kept in double precision.
function result(dtype, shape, data) {
  return { dtype, shape, data: dtype === "float32" ? data.map(Math.fround) : data };
}

function batched(input) {
  refuseUnless([3, 4].includes(input.shape.length), `input has ${input.shape.length} axes, expected 3 or 4`);
  refuseUnless(!input.shape.slice(-3).includes(0), `input has shape [${input.shape}]: only the batch may be empty`);
  return input.shape.length === 4 ? input.shape : [1, ...input.shape];
}

function geometry(size, kernel, { stride, padding, dilation }, ceil) {
  refuseUnless(isSizes(stride, 1, 2), "stride must be two positive numbers");
  refuseUnless(isSizes(dilation, 1, 2), "dilation must be two positive numbers");
  refuseUnless(Array.isArray(padding) && padding.length === 2 && padding.every((pair) => isSizes(pair, 0, 2)),
    "padding must be two pairs of numbers");
  return size.map((length, axis) => {
    const [before, after] = padding[axis];
    const room = length + before + after - dilation[axis] * (kernel[axis] - 1) - 1;
    refuseUnless(room >= 0, `the kernel is larger than the padded input along axis ${axis}`);
    let steps = Math.floor(room / stride[axis]);
    // A window that begins behind the input and the padding before it does not count.
    if (ceil && (steps + 1) * stride[axis] < length + before) steps = Math.ceil(room / stride[axis]);
    return steps + 1;
  });
}

function conv2d({ input, weight, bias, groups, ...options }, wrong) {
  if (!isFloat(input)) throw new NotOffered(input.dtype);
  const [n, channels, height, width] = batched(input);
  refuseUnless(weight.shape.length === 4, `weight has ${weight.shape.length} axes, expected 4`);
  const [outputs, perGroup, kernelHeight, kernelWidth] = weight.shape;
  refuseUnless([weight, bias].every((array) => !array || array.dtype === input.dtype), "dtypes differ");
  refuseUnless(isSizes([groups], 1, 1) && outputs % groups === 0, "groups must be positive and divide the outputs");
  refuseUnless(channels === perGroup * groups, `weight has ${perGroup} channels in a group, input ${channels} in all`);
  refuseUnless(!bias || (bias.shape.length === 1 && bias.shape[0] === outputs), "bias has another length than weight");
  refuseUnless(kernelHeight > 0 && kernelWidth > 0, "weight is empty");
  const [rows, columns] = geometry([height, width], [kernelHeight, kernelWidth], options, false);
  const { stride, padding, dilation } = options;
  const data = [];
  for (let image = 0; image < n; image++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          let sum = bias ? bias.data[o] : 0;
          const first = Math.floor(o / (outputs / groups)) * perGroup;
          for (let c = 0; c < perGroup; c++)
            for (let y = 0; y < kernelHeight; y++)
              for (let x = 0; x < kernelWidth; x++) {
                const row = i * stride[0] + y * dilation[0] - padding[0][0];
                const column = j * stride[1] + x * dilation[1] - padding[1][0];
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                const tap = wrong ? (kernelHeight - 1 - y) * kernelWidth + kernelWidth - 1 - x : y * kernelWidth + x;
                sum += input.data[((image * channels + first + c) * height + row) * width + column] *
                  weight.data[(o * perGroup + c) * kernelHeight * kernelWidth + tap];
              }
          data.push(sum);
        }
  return { output: result(input.dtype, [...input.shape.slice(0, -3), outputs, rows, columns], data) };
}

function max_pool2d({ input, kernel_size, ceil_mode, return_indices, ...options }, wrong) {
  const [n, channels, height, width] = batched(input);
  if (!isFloat(input)) throw new NotOffered(input.dtype);
  refuseUnless(typeof ceil_mode === "boolean", `ceil_mode is ${ceil_mode}, expected true or false`);
  refuseUnless(isSizes(kernel_size, 1, 2), "kernel_size must be two positive numbers");
  const [rows, columns] = geometry([height, width], kernel_size, options, ceil_mode);
  const { stride, padding, dilation } = options;
  refuseUnless(padding.every(([before], axis) => 2 * before <= kernel_size[axis]),
    "padding must be at most half of kernel_size");
  const data = [], indices = [];
  for (let plane = 0; plane < n * channels; plane++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let best = wrong ? 0 : -Infinity, at = -1;
        for (let y = 0; y < kernel_size[0]; y++)
          for (let x = 0; x < kernel_size[1]; x++) {
            const row = i * stride[0] + y * dilation[0] - padding[0][0];
            const column = j * stride[1] + x * dilation[1] - padding[1][0];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const value = input.data[(plane * height + row) * width + column];
            if (at < 0 && !wrong || value > best || Number.isNaN(value)) {
              best = value;
              at = row * width + column;
            }
          }
        data.push(best);
        indices.push(at);
      }
  const shape = [...input.shape.slice(0, -2), rows, columns];
  const output = result(input.dtype, shape, data);
  return return_indices ? { output, indices: { dtype: "int64", shape, data: indices } } : { output };
}

function cross_entropy({ input, target, weight, ignore_index, reduction, label_smoothing }, wrong) {
  if (!isFloat(input)) throw new NotOffered(input.dtype);
  if (target.dtype !== "int64") throw new NotOffered("probabilities for a target");
  if (label_smoothing !== 0) throw new NotOffered("label_smoothing");
  if (input.shape.length !== 2) throw new NotOffered("an input of other than two axes");
  const [samples, classes] = input.shape;
  refuseUnless(target.shape.length === 1 && target.shape[0] === samples, "target has another length than input");
  refuseUnless(!weight || (weight.shape.length === 1 && weight.shape[0] === classes), "weight has another length");
  refuseUnless(!weight || weight.dtype === input.dtype, "dtypes differ");
  refuseUnless(Number.isInteger(ignore_index), `ignore_index is ${ignore_index}, expected a whole number`);
  if (!Number.isSafeInteger(ignore_index)) throw new NotOffered("an ignore_index of more than 53 bits");
  refuseUnless(["none", "sum", "mean"].includes(reduction), `reduction is ${reduction}`);
  const losses = [];
  let total = 0;
  target.data.forEach((label, sample) => {
    if (label === ignore_index) return losses.push(0);
    refuseUnless(label >= 0 && label < classes, `target has class ${label}, expected 0 to ${classes - 1}`);
    const scores = input.data.slice(sample * classes, (sample + 1) * classes);
    const largest = scores.reduce((one, other) => Math.max(one, other), -Infinity); // NaN if one of them is
    const sum = scores.reduce((part, score) => part + Math.exp(score - largest), 0);
    const share = weight ? weight.data[label] : 1;
    total += share;
    return losses.push(share * (Math.log(sum) + (largest - scores[label])));
  });
  if (reduction === "none") return { output: result(input.dtype, [samples], losses) };
  const sum = losses.reduce((part, loss) => part + loss, 0);
  return { output: result(input.dtype, [], [reduction === "sum" ? sum : sum / (wrong ? samples : total)]) };
}

module.exports = { layers: { conv2d, max_pool2d, cross_entropy }, Refused, NotOffered };
