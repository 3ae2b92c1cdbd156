// Arrays as the vectors hold them, and a call of what is tested.
#pragma once
#include <cstring>
#include <numeric>
#include "binding.hpp"

template <class T, class Bits> double number_of(const std::string& digits) {
    const Bits bits = std::stoull(digits, nullptr, 16);
    T number;
    std::memcpy(&number, &bits, sizeof number);
    return double(number);
}

inline Array read(const json& array) {
    Array found{array.at("dtype"), array.at("shape"), {}};
    const std::string bits = array.value("bits", "");
    const Index length = std::accumulate(found.shape.begin(), found.shape.end(), Index(1), std::multiplies<>());
    const json rule = array.value("generator", json{{"seed", 0}});
    std::uint32_t state = rule["seed"];
    for (Index i = 0, width = length ? bits.size() / length : 0; i < length; i++) {
        const std::string digits = bits.substr(i * width, width);
        if (array.contains("generator")) {
            state = state * 1664525u + 1013904223u;
            const Index steps = (std::uint64_t(state >> 16) * rule["count"].get<std::uint64_t>()) >> 16;
            found.data.push_back(std::ldexp(double(rule["low"].get<Index>() + steps), rule["exponent"]));
        } else if (found.dtype == "float32") found.data.push_back(number_of<float, std::uint32_t>(digits));
        else if (found.dtype == "float64") found.data.push_back(number_of<double, std::uint64_t>(digits));
        else if (found.dtype == "int64") found.data.push_back(number_of<Index, std::uint64_t>(digits));
        else throw NotOffered(found.dtype);
    }
    return found;
}

// Return the results of a case or request by name, or why there are none ("refused", "not_offered").
template <class Find> Arrays answered(const json& request, const Find& array, std::string& instead, std::string& why) {
    try {
        Arrays given;
        for (const auto& [name, value] : request.at("arguments").items())
            if (!value.is_null()) given[name] = read(array(value));
        return call(request.at("function"), given, request.at("options"));
    } catch (const NotOffered& error) {
        instead = "not_offered", why = error.what();
    } catch (const std::exception& error) {
        instead = "refused", why = error.what();
    }
    return {};
}
