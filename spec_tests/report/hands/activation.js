// Activations (section 2.3), each of one number, and what they send back of a gradient.

const activations = {
  relu: (x) => (x < 0 ? 0 : x),
  sigmoid: (x) => {
    const small = Math.exp(-Math.abs(x)); // never overflows
    return (x < 0 ? small : 1) / (1 + small);
  },
  tanh: (x) => Math.tanh(x),
};

const activationGradients = {
  relu: (gradOutput, x) => (x <= 0 ? 0 : gradOutput),
  sigmoid: (gradOutput, x) => gradOutput * activations.sigmoid(x) * (1 - activations.sigmoid(x)),
  tanh: (gradOutput, x) => gradOutput * (1 - activations.tanh(x) ** 2),
};
