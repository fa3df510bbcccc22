#include "test/bench/trial.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <utility>

namespace berth::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::duration<double, std::milli>;

constexpr double kPaceTolerance = 0.15;
constexpr int kResamples = 4000;

void spin(std::uint64_t turns) {
    volatile std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < turns; ++i)
        sum = sum + i;
}

double spin_ms(std::uint64_t turns) {
    const auto begin = Clock::now();
    spin(turns);
    return Ms(Clock::now() - begin).count();
}

// So many turns take about 50 ms when nobody else wants the processor.
std::uint64_t turns_of_50_ms() {
    constexpr std::uint64_t kProbe = 4'000'000;
    double best = spin_ms(kProbe);
    for (int i = 0; i < 20; ++i)
        best = std::min(best, spin_ms(kProbe));
    return static_cast<std::uint64_t>(50.0 / best * static_cast<double>(kProbe));
}

double load() {
    double value = 0;
    std::ifstream("/proc/loadavg") >> value;
    return value;
}

struct Ticks {
    double all{};
    double stolen{};
};

Ticks ticks() {
    std::ifstream file("/proc/stat");
    std::string cpu;
    file >> cpu;
    Ticks ticks{};
    double value = 0;
    for (int column = 0; column < 8 && file >> value; ++column) {
        ticks.all += value;
        if (column == 7) ticks.stolen = value;
    }
    return ticks;
}

Round run_round(const std::vector<Variant>& variants, bool backwards, std::uint64_t turns) {
    Round round{};
    round.values.resize(variants.size());
    const auto before = ticks();
    round.spin_ms = spin_ms(turns);
    for (std::size_t i = 0; i < variants.size(); ++i) {
        const auto index = backwards ? variants.size() - 1 - i : i;
        round.values[index] = variants[index].run();
    }
    round.spin_ms = (round.spin_ms + spin_ms(turns)) / 2;
    const auto after = ticks();
    if (after.all > before.all) round.steal = 100 * (after.stolen - before.stolen) / (after.all - before.all);
    round.load = load();
    return round;
}

std::vector<double> resampled_medians(const std::vector<double>& values) {
    std::mt19937 random(42);  // the same numbers give the same interval
    std::uniform_int_distribution<std::size_t> any(0, values.size() - 1);
    std::vector<double> medians;
    for (int i = 0; i < kResamples; ++i) {
        std::vector<double> sample(values.size());
        std::generate(sample.begin(), sample.end(), [&] { return values[any(random)]; });
        medians.push_back(median(std::move(sample)));
    }
    std::sort(medians.begin(), medians.end());
    return medians;
}

}  // namespace

double median(std::vector<double> values) {
    if (values.empty()) return std::nan("");
    std::sort(values.begin(), values.end());
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Trial interleave(std::string name, const std::vector<Variant>& variants, int rounds) {
    static const auto turns = turns_of_50_ms();
    Trial trial{};
    trial.name = std::move(name);
    for (const auto& variant : variants)
        trial.variants.push_back(variant.name);
    for (int i = 0; i < rounds; ++i) {
        trial.rounds.push_back(run_round(variants, i % 2 == 1, turns));
        const auto& round = trial.rounds.back();
        std::fprintf(stderr, "  %s %d/%d:", trial.name.c_str(), i + 1, rounds);
        for (std::size_t v = 0; v < variants.size(); ++v)
            std::fprintf(stderr, "  %s %.1f", variants[v].name.c_str(), round.values[v]);
        std::fprintf(stderr, "  (pace %.0f, load %.1f, steal %.0f %%)\n", round.spin_ms, round.load,
                     round.steal);
    }
    return trial;
}

std::vector<Round> counting(const Trial& trial) {
    std::vector<Round> rounds(trial.rounds.begin() + (trial.rounds.empty() ? 0 : 1), trial.rounds.end());
    std::vector<double> paces;
    for (const auto& round : rounds)
        paces.push_back(round.spin_ms);
    const double usual = median(std::move(paces));
    std::erase_if(rounds, [usual](const Round& round) {
        return std::abs(round.spin_ms - usual) > kPaceTolerance * usual;
    });
    return rounds;
}

Comparison compare(const Trial& trial, std::size_t ours, std::size_t reference) {
    std::vector<double> first;
    std::vector<double> second;
    std::vector<double> ratios;
    for (const auto& round : counting(trial)) {
        first.push_back(round.values[ours]);
        second.push_back(round.values[reference]);
        ratios.push_back(first.back() / second.back());
    }
    Comparison result{};
    result.pairs = ratios.size();
    result.ours = median(first);
    result.reference = median(second);
    result.ratio = result.low = result.high = median(ratios);
    if (ratios.empty()) return result;
    const auto medians = resampled_medians(ratios);
    result.low = medians[medians.size() * 25 / 1000];
    result.high = medians[medians.size() * 975 / 1000];
    return result;
}

}  // namespace berth::bench
