"""A student's convolution: seven loops become two, over the cells of the kernel; its gradient is the same walk back."""

import numpy as np


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    plan = Plan(input, weight, bias, stride, padding, dilation, groups)
    out = np.zeros((len(plan.padded), len(weight), *plan.size), input.dtype)
    for g in range(groups):
        ins, outs = plan.channels(g)
        for y, x in np.ndindex(weight.shape[2:]):
            seen = plan.padded[(slice(None), ins, *plan.cells(y, x))]
            out[:, outs] += np.einsum("nchw,oc->nohw", seen, weight[outs, :, y, x])
    if bias is not None:
        out += bias.reshape(-1, 1, 1)
    return out if input.ndim == 4 else out[0]


def conv2d_backward(grad_output, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    plan = Plan(input, weight, bias, stride, padding, dilation, groups)
    if input.dtype.kind != "f" or grad_output.dtype != input.dtype:
        raise TypeError(f"no gradient of {input.dtype} from {grad_output.dtype}")
    grad = grad_output if input.ndim == 4 else grad_output[None]
    if grad.shape != (len(plan.padded), len(weight), *plan.size):
        raise ValueError(f"grad_output has shape {grad_output.shape}")
    grad_padded, grad_weight = np.zeros_like(plan.padded), np.zeros_like(weight)
    for g in range(groups):
        ins, outs = plan.channels(g)
        for y, x in np.ndindex(weight.shape[2:]):
            place = (slice(None), ins, *plan.cells(y, x))
            grad_padded[place] += np.einsum("nohw,oc->nchw", grad[:, outs], weight[outs, :, y, x])
            grad_weight[outs, :, y, x] = np.einsum("nohw,nchw->oc", grad[:, outs], plan.padded[place], optimize=True)
    (top, _), (left, _) = plan.padding
    h, w = input.shape[-2:]
    grad_input = grad_padded[:, :, top : top + h, left : left + w].copy()
    grad_bias = None if bias is None else grad.sum((0, 2, 3))
    return grad_input if input.ndim == 4 else grad_input[0], grad_weight, grad_bias


class Plan:
    """Where the kernel goes."""

    def __init__(self, input, weight, bias, stride, padding, dilation, groups):
        for array in (input, weight, bias):
            if array is not None and (not isinstance(array, np.ndarray) or array.dtype != input.dtype):
                raise TypeError("arrays of one dtype, please")
        if input.dtype.kind not in "fiu" or input.dtype.name in ("float16", "uint16", "uint32", "uint64", "longdouble"):
            raise TypeError(f"no convolution of {input.dtype}")
        if isinstance(groups, bool) or not isinstance(groups, int):
            raise TypeError(f"groups is {groups!r}")
        if input.ndim not in (3, 4) or weight.ndim != 4:
            raise ValueError(f"input has shape {input.shape}, weight {weight.shape}")
        if groups < 1 or len(weight) % groups or input.shape[-3] != weight.shape[1] * groups:
            raise ValueError(f"{groups} groups of {input.shape[-3]} channels do not fit a weight of {weight.shape}")
        if 0 in weight.shape or 0 in input.shape[-3:]:
            raise ValueError("there is nothing to convolve")
        if bias is not None and bias.shape != (len(weight),):
            raise ValueError(f"bias has shape {bias.shape}")
        self.groups, self.shape = groups, weight.shape
        self.stride, self.dilation = pair("stride", stride, 1), pair("dilation", dilation, 1)
        spans = [d * (k - 1) for k, d in zip(weight.shape[2:], self.dilation, strict=True)]
        self.padding = self.border(padding, spans)
        padded = [n + a + b for n, (a, b) in zip(input.shape[-2:], self.padding, strict=True)]
        if max(padded) >= 2**31:
            raise ValueError(f"padding {padding!r} is too much")
        if any(n <= span for n, span in zip(padded, spans, strict=True)):
            raise ValueError(f"the kernel is larger than the image of {padded}")
        self.size = [(n - span - 1) // s + 1 for n, span, s in zip(padded, spans, self.stride, strict=True)]
        images = input if input.ndim == 4 else input[None]
        self.padded = np.pad(images, [(0, 0), (0, 0), *self.padding])

    def border(self, padding, spans):
        if isinstance(padding, str):
            if padding == "valid":
                return [(0, 0), (0, 0)]
            if padding != "same" or self.stride != (1, 1):
                raise ValueError(f"padding is {padding!r} with stride {self.stride}")
            return [(span // 2, span - span // 2) for span in spans]
        return [(p, p) for p in pair("padding", padding, 0)]

    def channels(self, group):
        ins, outs = self.shape[1], self.shape[0] // self.groups
        return slice(group * ins, group * ins + ins), slice(group * outs, group * outs + outs)

    def cells(self, y, x):
        starts = (y * self.dilation[0], x * self.dilation[1])
        return [slice(b, b + s * (n - 1) + 1, s) for b, s, n in zip(starts, self.stride, self.size, strict=True)]


def pair(name, value, least):
    both = tuple(value) if isinstance(value, tuple | list) else (value,)
    if any(isinstance(one, bool | np.bool_) or not isinstance(one, int | np.integer) for one in both):
        raise TypeError(f"{name} is {value!r}")
    if len(both) not in (1, 2) or min(both) < least:
        raise ValueError(f"{name} is {value!r}")
    return tuple(int(one) for one in both * (2 // len(both)))
