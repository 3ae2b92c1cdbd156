// Softmax and cross entropy (section 2.6.3): scores are an array with one number for each class.

function logSoftmax(scores) {
  const largest = Math.max(...scores);
  const shifted = scores.map((score) => score - largest); // at most 0, so that no exponential overflows
  const total = Math.log(shifted.reduce((sum, score) => sum + Math.exp(score), 0));
  return shifted.map((score) => score - total);
}

function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function crossEntropy(scores, target) {
  return -logSoftmax(scores)[target];
}

// Of several samples, each an array of scores.
function meanCrossEntropy(samples, targets) {
  return samples.reduce((sum, scores, i) => sum + crossEntropy(scores, targets[i]), 0) / samples.length;
}

// What the mean sends back to every score: (softmax − 1 at the target) / number of samples.
function meanCrossEntropyGradient(samples, targets) {
  return samples.map((scores, i) =>
    softmax(scores).map((share, c) => (share - (c === targets[i] ? 1 : 0)) / samples.length),
  );
}
