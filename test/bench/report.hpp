// Where results go: rows of the table, as lines that test/bench/run puts together.
#pragma once

#include <optional>
#include <string>

#include "test/bench/trial.hpp"

namespace berth::bench {

class Report {
 public:
    explicit Report(std::string file) : file_(std::move(file)) {}

    // aim: the largest ratio that is good enough; none: the figure is for information.
    void row(const std::string& id, const std::string& workload, int n, const Trial& trial, std::size_t ours,
             std::size_t reference, std::optional<double> aim);
    // A figure that is no time and no ratio of pairs.
    void figure(const std::string& id, const std::string& workload, int n, const std::string& ours,
                const std::string& reference, double value, std::optional<double> aim);
    void note(const std::string& text);

 private:
    void line(const std::string& text);

    std::string file_;
};

}  // namespace berth::bench
