// Three layers, as an example of something to test: a convolution, a max pooling and a cross entropy.
//
// They compute in T, float or double; every number of an array is held in a double. What a layer refuses it throws as
// std::invalid_argument, what it does not offer as NotOffered. With `wrong` each has one defect.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using Index = std::int64_t;
using Shape = std::vector<Index>;
using Pair = std::array<Index, 2>;

struct NotOffered : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Array {
    std::string dtype;
    Shape shape;
    std::vector<double> data;  // in row-major order
};

struct Window {
    Pair stride, dilation;
    std::array<Pair, 2> padding;  // before and after, for each axis
};

inline void refuse_unless(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

inline Shape batched(const Shape& shape) {
    refuse_unless(shape.size() == 3 || shape.size() == 4, "input must have 3 or 4 axes");
    refuse_unless(std::count(shape.end() - 3, shape.end(), 0) == 0, "only the batch may be empty");
    return shape.size() == 4 ? shape : Shape{1, shape[0], shape[1], shape[2]};
}

inline Pair sizes_of_output(Pair size, Pair kernel, const Window& window, bool ceil) {
    Pair found{};
    for (int axis = 0; axis < 2; axis++) {
        const Index stride = window.stride[axis], before = window.padding[axis][0], after = window.padding[axis][1];
        refuse_unless(stride > 0 && window.dilation[axis] > 0, "stride and dilation must be positive");
        refuse_unless(kernel[axis] > 0, "the kernel is empty");
        refuse_unless(before >= 0 && after >= 0, "padding must not be negative");
        // Divided rather than multiplied: a huge dilation must not overflow.
        const Index padded = size[axis] + before + after;
        refuse_unless(padded > 0 && (kernel[axis] == 1 || window.dilation[axis] <= (padded - 1) / (kernel[axis] - 1)),
                      "the kernel is larger than the padded input");
        const Index room = padded - window.dilation[axis] * (kernel[axis] - 1) - 1;
        Index steps = room / stride;
        // A window that begins behind the input and the padding before it does not count.
        if (ceil && room % stride && (steps + 1) * stride < size[axis] + before) steps++;
        found[axis] = steps + 1;
    }
    return found;
}

template <class T>
Array conv2d(const Array& input, const Array& weight, const Array* bias, const Window& window, Index groups,
                bool wrong) {
    const Shape in = batched(input.shape), w = weight.shape;
    refuse_unless(w.size() == 4, "weight must have 4 axes");
    refuse_unless(groups > 0 && w[0] > 0 && w[0] % groups == 0, "groups must be positive and divide the outputs");
    refuse_unless(in[1] % groups == 0 && in[1] / groups == w[1], "weight has another number of channels than input");
    refuse_unless(!bias || bias->shape == Shape{w[0]}, "bias has another length than weight");
    const Pair out = sizes_of_output({in[2], in[3]}, {w[2], w[3]}, window, false);
    Array output{input.dtype, input.shape, {}};
    output.shape.resize(input.shape.size() - 3);
    output.shape.insert(output.shape.end(), {w[0], out[0], out[1]});
    const auto [stride, dilation, padding] = window;
    for (Index n = 0; n < in[0]; n++)
        for (Index o = 0; o < w[0]; o++)
            for (Index i = 0; i < out[0]; i++)
                for (Index j = 0; j < out[1]; j++) {
                    T sum = 0;
                    const Index first = o / (w[0] / groups) * w[1];
                    for (Index c = 0; c < w[1]; c++)
                        for (Index y = 0; y < w[2]; y++)
                            for (Index x = 0; x < w[3]; x++) {
                                const Index row = i * stride[0] + y * dilation[0] - padding[0][0];
                                const Index column = j * stride[1] + x * dilation[1] - padding[1][0];
                                if (row < 0 || row >= in[2] || column < 0 || column >= in[3]) continue;
                                const Index tap = wrong ? (w[2] - 1 - y) * w[3] + w[3] - 1 - x : y * w[3] + x;
                                const T cell = input.data[((n * in[1] + first + c) * in[2] + row) * in[3] + column];
                                sum += cell * T(weight.data[(o * w[1] + c) * w[2] * w[3] + tap]);
                            }
                    output.data.push_back(bias ? sum + T(bias->data[o]) : sum);
                }
    return output;
}

struct Pooled {
    Array output, indices;
};

inline Pooled max_pool2d(const Array& input, Pair kernel, const Window& window, bool ceil_mode, bool wrong) {
    const Shape in = batched(input.shape);
    const Pair out = sizes_of_output({in[2], in[3]}, kernel, window, ceil_mode);
    const auto [stride, dilation, padding] = window;
    for (int axis = 0; axis < 2; axis++)
        refuse_unless(padding[axis][0] <= kernel[axis] / 2, "padding must be at most half of kernel_size");
    Pooled found{{input.dtype, input.shape, {}}, {"int64", {}, {}}};
    std::copy(out.begin(), out.end(), found.output.shape.end() - 2);
    found.indices.shape = found.output.shape;
    for (Index plane = 0; plane < in[0] * in[1]; plane++)
        for (Index i = 0; i < out[0]; i++)
            for (Index j = 0; j < out[1]; j++) {
                double best = wrong ? 0 : -std::numeric_limits<double>::infinity();
                Index at = -1;
                for (Index y = 0; y < kernel[0]; y++)
                    for (Index x = 0; x < kernel[1]; x++) {
                        const Index row = i * stride[0] + y * dilation[0] - padding[0][0];
                        const Index column = j * stride[1] + x * dilation[1] - padding[1][0];
                        if (row < 0 || row >= in[2] || column < 0 || column >= in[3]) continue;
                        const double value = input.data[(plane * in[2] + row) * in[3] + column];
                        if ((at < 0 && !wrong) || value > best || std::isnan(value)) {
                            best = value;
                            at = row * in[3] + column;
                        }
                    }
                found.output.data.push_back(best);
                found.indices.data.push_back(at);
            }
    return found;
}

template <class T>
Array cross_entropy(const Array& input, const Array& target, const Array* weight, Index ignore_index,
                       const std::string& reduction, bool wrong) {
    if (input.shape.size() != 2) throw NotOffered("an input of other than two axes");
    const Index samples = input.shape[0], classes = input.shape[1];
    refuse_unless(target.shape == Shape{samples}, "target has another length than input");
    refuse_unless(!weight || weight->shape == Shape{classes}, "weight has another length than there are classes");
    refuse_unless(reduction == "none" || reduction == "sum" || reduction == "mean", "reduction is unknown");
    Array losses{input.dtype, {samples}, {}};
    T sum = 0, total = 0;
    for (Index n = 0; n < samples; n++) {
        const Index label = Index(target.data[n]);
        if (label == ignore_index) {
            losses.data.push_back(0);
            continue;
        }
        refuse_unless(label >= 0 && label < classes, "target has a class that there is not");
        const std::vector<T> scores(input.data.begin() + n * classes, input.data.begin() + (n + 1) * classes);
        const T largest = *std::max_element(scores.begin(), scores.end());
        T powers = 0;
        for (T score : scores) powers += std::exp(score - largest);
        const T share = weight ? T(weight->data[label]) : T(1);
        total += share;
        const T loss = share * (std::log(powers) + (largest - scores[label]));
        losses.data.push_back(loss);
        sum += loss;
    }
    if (reduction == "none") return losses;
    return {input.dtype, {}, {reduction == "sum" ? sum : sum / (wrong ? T(samples) : total)}};
}
