"""An engineer's linear layer: half numbers, forward only, on torch tensors."""

import torch

TENSORS = True
DTYPES = ["float16"]


def linear(input, weight, bias=None):
    with torch.no_grad():
        output = input.float() @ weight.float().T
        if bias is not None:
            output += bias.float()
        return output.half()
