// berth_bench: Berth beside the bare calls on the same engine. Started by test/bench/run, which makes the
// lab.
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "test/bench/benches.hpp"

namespace {

struct Options {
    std::string report{};
    std::set<std::string> only{};  // empty: all
    int pairs{15};
    bool quick{false};

    bool wants(const std::string& id) const { return only.empty() || only.contains(id); }
};

Options parse(int argc, char** argv) {
    Options options{};
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--quick") {
            options.quick = true;
        } else if (word == "--pairs" && i + 1 < argc) {
            options.pairs = std::atoi(argv[++i]);
        } else if (word == "--report" && i + 1 < argc) {
            options.report = argv[++i];
        } else if (word == "--only" && i + 1 < argc) {
            std::istringstream list(argv[++i]);
            for (std::string id; std::getline(list, id, ',');)
                options.only.insert(id);
        } else {
            throw std::runtime_error("unknown option '" + word + "'");
        }
    }
    if (options.report.empty() || options.pairs < 1)
        throw std::runtime_error("--report FILE and at least one pair are needed");
    return options;
}

void measure(const Options& options) {
    berth::bench::Bench bench(options.report);
    bench.rounds = options.pairs + 1;
    bench.quick = options.quick;
    if (options.wants("B1") || options.wants("B2"))
        measure_deployments(bench, options.wants("B1"), options.wants("B2"));
    if (options.wants("B3")) measure_unchanged(bench);
    if (options.wants("B4")) measure_updates(bench);
    if (options.wants("B12")) measure_flash(bench);
    measure_twin(bench, [&options](const std::string& id) { return options.wants(id); });
    if (options.wants("B11")) measure_recovery(bench);  // last: it kills the engine
}

}  // namespace

int main(int argc, char** argv) {
    try {
        measure(parse(argc, argv));
    } catch (const std::exception& error) {
        fmt::print(stderr, "berth_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
