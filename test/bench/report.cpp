#include "test/bench/report.hpp"

#include <fmt/format.h>

#include <fstream>

namespace berth::bench {
namespace {

std::string aim_text(std::optional<double> aim) {
    return aim ? fmt::format("{:.2f}", *aim) : "-";
}

// An aim is judged only when the whole interval lies on one side of it.
std::string verdict(double low, double high, std::optional<double> aim) {
    if (!aim) return "-";
    if (high <= *aim) return "met";
    return low > *aim ? "missed" : "open";
}

}  // namespace

void Report::row(const std::string& id, const std::string& workload, int n, const Trial& trial,
                 std::size_t ours, std::size_t reference, std::optional<double> aim) {
    const auto result = compare(trial, ours, reference);
    line(fmt::format("{}\t{}\t{}\t{:.1f}\t{:.1f}\t{:.3f}\t{:.3f}..{:.3f}\t{}\t{}\t{}/{}", id, workload, n,
                     result.ours, result.reference, result.ratio, result.low, result.high, aim_text(aim),
                     verdict(result.low, result.high, aim), result.pairs, trial.rounds.size() - 1));
}

void Report::figure(const std::string& id, const std::string& workload, int n, const std::string& ours,
                    const std::string& reference, double value, std::optional<double> aim) {
    line(fmt::format("{}\t{}\t{}\t{}\t{}\t{:.3f}\t-\t{}\t{}\t-", id, workload, n, ours, reference, value,
                     aim_text(aim), verdict(value, value, aim)));
}

void Report::note(const std::string& text) {
    line("# " + text);
}

void Report::line(const std::string& text) {
    std::ofstream(file_, std::ios::app) << text << '\n';
}

}  // namespace berth::bench
