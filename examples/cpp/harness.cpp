// Three layers held against the vectors of torch-by-hand.
//   g++ -std=c++17 -O2 harness.cpp -o harness     it needs nlohmann/json (Debian: nlohmann-json3-dev)
//   ./harness DIR ANSWERS.json [--wrong]          compare with the vectors in DIR; write the answers
#include <fstream>
#include <iostream>
#include "arrays.hpp"

// Return what is wrong with the results of a case, or an empty string.
std::string complaint(const json& one, const Arrays& results, const json& arrays) {
    for (const auto& [name, wanted] : one["expected"].items()) {
        if (wanted.contains("absent")) continue;
        if (!results.count(name) || json(results.at(name).shape) != wanted["shape"]) return name + " has another shape";
        const bool near = wanted.contains("near"), signs = wanted.contains("signed_zeros");
        const auto [dtype, _, right] = read(arrays[wanted[near ? "near" : "equals"].get<std::string>()]);
        if (results.at(name).dtype != (near ? one["dtype"] : json(dtype))) return name + " has another dtype";
        const auto within = near ? read(arrays[wanted["within"].get<std::string>()]).data : right;
        for (std::size_t i = 0; i < right.size(); i++) {
            const std::size_t at = wanted.contains("places") ? wanted["places"][i].get<std::size_t>() : i;
            const double got = results.at(name).data[at], exact = right[i];
            const bool same = got == exact && !(signs && std::signbit(got) != std::signbit(exact));
            if (near ? std::abs(got - exact) <= within[i] : same || (std::isnan(got) && std::isnan(exact))) continue;
            const std::string place = name + ": element " + std::to_string(at);
            return place + " is " + std::to_string(got) + ", expected " + std::to_string(exact);
        }
    }
    return "";
}

int main(int count, char** words) {
    wrong = count > 3 && std::string(words[3]) == "--wrong";
    json answers = json::object(), version;
    int passed = 0, failed = 0, not_offered = 0;
    for (const std::string& operation : FUNCTIONS) {
        const json set = json::parse(std::ifstream(words[1] + ("/" + operation) + ".json"));
        version = set["version"];
        for (const json& one : set["cases"]) {
            std::string id = one["id"], instead, why;
            const auto find = [&](const json& name) { return set["arrays"].at(name.get<std::string>()); };
            const Arrays results = answered(one, find, instead, why);
            const bool refuse = one["expected"].contains("refused");
            answers[id] = {{instead, why}};
            if (instead == "not_offered" && ++not_offered) continue;
            if (instead == "refused") why = refuse ? "" : "is refused: " + why;
            else why = refuse ? "is taken, but must be refused" : complaint(one, results, set["arrays"]);
            ++(why.empty() ? passed : failed);
            answers[id] = why.empty() ? json{{"passed", true}} : json{{"passed", false}, {"why", why}};
            if (!why.empty()) std::cout << id << ": " << why << "\n";
        }
    }
    std::ofstream(words[2]) << json{{"name", name()}, {"version", version}, {"answers", answers}};
    std::cout << passed << " passed, " << failed << " failed, " << not_offered << " not offered\n";
    return failed ? 1 : 0;
}
