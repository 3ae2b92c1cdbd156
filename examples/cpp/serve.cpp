// The same layers as a subject of the whole specification: --subject "command: ./serve"
//
//   g++ -std=c++17 -O2 serve.cpp -o serve     ./serve [--wrong]
#include <cstdio>
#include <iostream>
#include "arrays.hpp"

template <class T> void append(std::string& bits, T number) {
    std::uint64_t whole = 0;
    char digits[17];
    std::memcpy(&whole, &number, sizeof number);  // on machines that store the lowest byte first
    std::snprintf(digits, sizeof digits, "%0*llx", int(2 * sizeof number), (unsigned long long)whole);
    bits += digits;
}

json written(const Array& array) {
    std::string bits;
    for (double number : array.data)
        if (array.dtype == "float32") append(bits, float(number));
        else if (array.dtype == "float64") append(bits, number);
        else append(bits, Index(number));
    return {{"dtype", array.dtype}, {"shape", array.shape}, {"bits", bits}};
}

int main(int count, char**) {
    wrong = count > 1;
    for (std::string line; std::getline(std::cin, line);) {
        const json request = json::parse(line);
        json said = json::object();
        std::string instead, why;
        if (request.contains("hello"))
            said = {{"name", name()}, {"functions", FUNCTIONS}, {"dtypes", {"float32", "float64"}}};
        else
            for (const auto& [key, array] : answered(request, [](const json& array) { return array; }, instead, why))
                said[key] = written(array);
        if (!instead.empty()) said[instead] = why;
        std::cout << json{{"id", request["id"]}, {request.contains("hello") ? "hello" : "answer", said}} << std::endl;
    }
}
