#include "test/support/daemon.hpp"

#include <chrono>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "test/support/wait.hpp"

namespace berth::test {

constexpr std::chrono::seconds kToEnd{5};

namespace {

std::string& program() {
    static std::string path = BERTHD;
    return path;
}

}  // namespace

void Daemon::use(std::string path) {
    program() = std::move(path);
}

std::string Daemon::quoted(const std::string& text) {
    return '"' + text + '"';
}

Daemon::Daemon(Options options) : options_(std::move(options)) {
    options_.try_emplace("berth.name", quoted("e2e"));
    options_.try_emplace("storage.home_dir", quoted(home()));
    options_.try_emplace("storage.run_dir", quoted(run_dir()));
    write();
}

Daemon::~Daemon() = default;

void Daemon::write() const {
    std::ostringstream lines;
    for (const auto& [option, value] : options_)
        lines << option << " = " << value << '\n';
    write_file(folder_ / "berth.toml", lines.str());
}

void Daemon::set(const std::string& option, const std::string& value) {
    options_[option] = value;
    write();
}

void Daemon::start() {
    const auto output = folder_ / "log";
    log_from_ = read_file(output).size();
    auto command = start_by_;
    command.insert(command.end(), {program(), "--strict", "--config", folder_ / "berth.toml"});
    process_ = std::make_unique<Child>(command, output);
}

void Daemon::start_by(std::vector<std::string> command) {
    start_by_ = std::move(command);
}

void Daemon::stop() {
    signal(SIGTERM);
    if (const int status = process_->wait(kToEnd); status != 0)
        throw std::runtime_error("berthd ended with " + std::to_string(status) + ":\n" + log());
}

void Daemon::kill() {
    signal(SIGKILL);
    process_->wait();
}

std::string Daemon::log() const {
    return read_file(folder_ / "log").substr(log_from_);
}

bool Daemon::logs(const std::string& text) const {
    return eventually([&] { return log().find(text) != std::string::npos; });
}

std::size_t Daemon::count(const std::string& text) const {
    std::size_t lines = 0;
    std::istringstream all(log());
    for (std::string line; std::getline(all, line);)
        lines += line.find(text) != std::string::npos ? 1 : 0;
    return lines;
}

}  // namespace berth::test
