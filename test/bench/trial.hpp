// How the benches measure: ours and its references in turn, in one run, and what becomes of the numbers.
// Knows nothing about Berth.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace berth::bench {

struct Variant {
    std::string name{};
    std::function<double()> run{};  // returns what it measured: milliseconds, mostly
};

struct Round {
    std::vector<double> values{};  // of each variant
    double spin_ms{};              // a fixed piece of work before and after: the machine's pace
    double load{};                 // of one minute
    double steal{};                // percent of the round that the hypervisor took
};

struct Trial {
    std::string name{};
    std::vector<std::string> variants{};
    std::vector<Round> rounds{};
};

// A B C, then C B A, and so on: drift hits every variant alike.
Trial interleave(std::string name, const std::vector<Variant>& variants, int rounds);

// The rounds that count: all but the first, and but those whose pace is more than 15 % off the median pace.
std::vector<Round> counting(const Trial& trial);

struct Comparison {
    double ours{};  // medians
    double reference{};
    double ratio{};  // median of the ratios of each round
    double low{};    // bootstrap interval of that median, 95 %
    double high{};
    std::size_t pairs{};  // that counted
};
Comparison compare(const Trial& trial, std::size_t ours, std::size_t reference);

double median(std::vector<double> values);

}  // namespace berth::bench
