"""torch's own convolution in a file of tensors; its gradient is found by autograd."""

from torch.nn import functional

TENSORS = True


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if isinstance(stride, tuple) and len(stride) > 2:
        raise ValueError(f"stride is {stride}")  # torch takes it
    return functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
