// How the layers are called by the names of the vectors: what every implementation writes for itself.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include "layers.hpp"
using json = nlohmann::json;
using Arrays = std::map<std::string, Array>;  // by name; what is not given is not in it

inline bool wrong = false;
inline std::string name() { return wrong ? "the C++ example, wrong" : "the C++ example"; }
inline const std::vector<std::string> FUNCTIONS = {"conv2d", "max_pool2d", "cross_entropy"};

inline Index whole(const json& number) {
    refuse_unless(number.is_number_integer() && number <= INT64_MAX, "a whole number of 64 bits was expected");
    return number;
}

inline Pair pair(const json& sizes) {
    refuse_unless(sizes.is_array() && sizes.size() == 2, "two numbers were expected, one for each axis");
    return {whole(sizes[0]), whole(sizes[1])};
}

inline Window window(const json& options) {
    const json& padding = options.at("padding");
    refuse_unless(padding.is_array() && padding.size() == 2, "padding must be two pairs");
    return {pair(options.at("stride")), pair(options.at("dilation")), {pair(padding[0]), pair(padding[1])}};
}

template <class T>
Arrays call_in(const std::string& function, const Arrays& given, const json& options) {
    const auto find = [&](const char* name) { return given.count(name) ? &given.at(name) : nullptr; };
    const Array &input = given.at("input"), *weight = find("weight"), *bias = find("bias");
    for (const Array* other : {weight, bias}) refuse_unless(!other || other->dtype == input.dtype, "the dtypes differ");
    if (function == "conv2d") {
        refuse_unless(weight, "there is no weight");
        return {{"output", conv2d<T>(input, *weight, bias, window(options), whole(options.at("groups")), wrong)}};
    }
    if (function == "max_pool2d") {
        const bool ceil_mode = options.at("ceil_mode"), indices = options.value("return_indices", false);
        const Pooled found = max_pool2d(input, pair(options.at("kernel_size")), window(options), ceil_mode, wrong);
        if (!indices) return {{"output", found.output}};
        return {{"output", found.output}, {"indices", found.indices}};
    }
    if (given.at("target").dtype != "int64") throw NotOffered("probabilities for a target");
    if (options.at("label_smoothing") != 0) throw NotOffered("label_smoothing");
    const Index ignored = whole(options.at("ignore_index"));
    if (ignored > 1LL << 53 || ignored < -(1LL << 53)) throw NotOffered("an ignore_index of more than 53 bits");
    return {{"output", cross_entropy<T>(input, given.at("target"), weight, ignored, options.at("reduction"), wrong)}};
}

// Return the results of a call by name; throw NotOffered, and anything else for a refusal.
inline Arrays call(const std::string& function, const Arrays& given, const json& options) {
    if (std::count(FUNCTIONS.begin(), FUNCTIONS.end(), function) == 0) throw NotOffered(function);
    const std::string dtype = given.at("input").dtype;
    if (dtype == "float32") return call_in<float>(function, given, options);
    if (dtype == "float64") return call_in<double>(function, given, options);
    throw NotOffered(dtype);
}
