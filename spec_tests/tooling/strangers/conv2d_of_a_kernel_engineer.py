"""A kernel that does one thing: float32, batches, whole-number options, forward only."""

import numpy as np

DTYPES = ["float32"]
NOT_OFFERED = ["unbatched", "integers", "empty", "tuples", "conv2d.padding=same", "conv2d.padding=valid"]


def conv2d(input, weight, bias, stride, padding):
    stride, padding = int(stride), int(padding)
    if not input.dtype == weight.dtype == np.float32 or input.ndim != 4 or 0 in (*input.shape[1:], *weight.shape):
        raise TypeError("batches of float32 are needed")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride is {stride}, padding {padding}")
    padded = np.pad(input, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height = (padded.shape[2] - weight.shape[2]) // stride + 1
    width = (padded.shape[3] - weight.shape[3]) // stride + 1
    if height < 1 or width < 1 or input.shape[1] != weight.shape[1]:
        raise ValueError(f"a kernel of {weight.shape} does not fit {padded.shape}")
    output = np.empty((len(input), len(weight), height, width), np.float32)
    for i in range(height):
        for j in range(width):
            window = padded[:, :, i * stride :, j * stride :][:, :, : weight.shape[2], : weight.shape[3]]
            output[:, :, i, j] = np.tensordot(window, weight, ((1, 2, 3), (1, 2, 3)))
    return output if bias is None else output + bias[:, None, None]
