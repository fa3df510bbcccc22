// FakeRuntime: what outlives the process. First a line with the images, then a block of lines for each
// container: its document and what the engine knows beside that.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

#include "protocol/document.hpp"
#include "test/support/fake_runtime.hpp"

namespace berth::test {
namespace {

std::string on_one_line(std::string text) {
    std::erase(text, '\n');  // JSON has none inside its strings
    return text;
}

std::string next_line(std::istream& in) {
    std::string line;
    if (!std::getline(in, line)) throw std::runtime_error("the engine's file ends too early");
    return line;
}

}  // namespace

void FakeRuntime::keep_in(const std::string& file) {
    const Lock lock(mutex_);
    file_ = file;
    std::ifstream in(file_);
    if (!in) return write_down();
    std::size_t images = 0;
    in >> last_id_ >> clock_ >> images;
    for (std::string reference; images > 0 && in >> reference; --images)
        images_.insert(reference);
    in >> std::ws;
    while (in.peek() != std::ifstream::traits_type::eof()) {
        Instance instance{};
        auto record = decode_record(next_line(in));
        if (!record) throw std::runtime_error("the engine's file: " + record.error().message);
        instance.container = *std::move(record);
        instance.container.engine_id = next_line(in);
        instance.container.engine_name = next_line(in);
        instance.policy = next_line(in);
        instance.limits = {next_line(in), next_line(in), next_line(in)};
        instance.place = static_cast<runtime::Place>(std::stoi(next_line(in)));
        instance.env = instance.container.spec.env;
        instances_.emplace(instance.container.engine_id, instance);
    }
}

// Beside, then renamed: a process that ends in the middle leaves the file as it was.
void FakeRuntime::write_down() const {
    if (file_.empty()) return;
    const auto beside = file_ + ".new";
    std::ofstream out(beside);
    out << last_id_ << ' ' << clock_ << ' ' << images_.size();
    for (const auto& reference : images_)
        out << ' ' << reference;
    out << '\n';
    for (const auto& [engine_id, instance] : instances_) {
        if (instance.foreign) continue;
        const auto& container = instance.container;
        out << on_one_line(encode_record(container)) << '\n'
            << engine_id << '\n'
            << container.engine_name << '\n'
            << instance.policy << '\n'
            << instance.limits.memory << '\n'
            << instance.limits.memory_reservation << '\n'
            << instance.limits.memory_swap << '\n'
            << static_cast<int>(instance.place) << '\n';
    }
    out.close();
    if (!out || ::rename(beside.c_str(), file_.c_str()) != 0)
        throw std::runtime_error("the engine's file cannot be written: " + file_);
}

}  // namespace berth::test
