// Optimizers (section 2.7). A step takes and returns a parameter, an array of numbers, and the optimizer's state.

const steps = {
  sgd(param, grad, state, { lr, momentum }) {
    if (momentum === 0) return { param: param.map((p, i) => p - lr * grad[i]), state };
    const old = state.momentum_buffer;
    const buffer = old === undefined ? grad : grad.map((g, i) => momentum * old[i] + g);
    return { param: param.map((p, i) => p - lr * buffer[i]), state: { momentum_buffer: buffer } };
  },

  adam(param, grad, state, { lr, beta1, beta2, eps }) {
    const step = (state.step ?? 0) + 1;
    const mean = grad.map((g, i) => beta1 * (state.exp_avg?.[i] ?? 0) + (1 - beta1) * g);
    const square = grad.map((g, i) => beta2 * (state.exp_avg_sq?.[i] ?? 0) + (1 - beta2) * (g * g));
    const [first, second] = [1 - beta1 ** step, Math.sqrt(1 - beta2 ** step)];
    const moved = param.map((p, i) => p - (lr * (mean[i] / first)) / (Math.sqrt(square[i]) / second + eps));
    return { param: moved, state: { step, exp_avg: mean, exp_avg_sq: square } };
  },
};

// A bowl: f(x) = Σ steepness · (x − minimum)² / 2.
function bowlHeight({ minimum, steepness }, param) {
  return param.reduce((sum, p, i) => sum + (steepness[i] * (p - minimum[i]) ** 2) / 2, 0);
}

function bowlGradient({ minimum, steepness }, param) {
  return param.map((p, i) => steepness[i] * (p - minimum[i]));
}

// All that an optimizer comes by on its way down a bowl: its start, and where it is after each step.
function path(optimizer, options, bowl, start, count) {
  const passed = [{ param: start, state: {} }];
  for (let i = 0; i < count; i++) {
    const { param, state } = passed[i];
    passed.push(steps[optimizer](param, bowlGradient(bowl, param), state, options));
  }
  return passed;
}

// SGD leaves a bowl if its learning rate is above this: 2·(1 + momentum) over the greatest steepness.
function largestRate({ steepness }, momentum) {
  return (2 * (1 + momentum)) / Math.max(...steepness);
}
