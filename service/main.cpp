// berthd: command line and configuration in, exit status out. What happens between is service/daemon.
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <system_error>

#include <fmt/format.h>

#include "service/config_load.hpp"
#include "service/daemon.hpp"
#include "service/lock.hpp"
#include "service/log.hpp"
#include "service/logging.hpp"
#include "service/options.hpp"

namespace {

using namespace berth;
using namespace berth::service;

// Before any thread is there, so that all inherit it: the daemon waits for these with sigwait.
void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGHUP})
        sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a closed socket is an error value, not the end
}

void print_problems(const Problems& problems, Severity least = Severity::Warning) {
    for (const auto& problem : problems)
        if (problem.severity <= least) std::cerr << to_string(problem) << '\n';
}

void log_remarks(const Problems& problems) {
    for (const auto& problem : problems) {
        if (problem.severity == Severity::Warning) log::warn("configuration: {}", to_string(problem));
        if (problem.severity == Severity::Note) log::debug("configuration: {}", to_string(problem));
    }
}

int check_config(const Loaded& loaded) {
    print_problems(loaded.problems, Severity::Note);
    const auto warnings = std::ranges::count(loaded.problems, Severity::Warning, &Problem::severity);
    if (loaded.good())
        std::cout << (loaded.file.empty() ? "no configuration file, own defaults" : loaded.file) << ": good"
                  << (warnings == 0
                          ? ""
                          : fmt::format(", {} {}", warnings, warnings == 1 ? "warning" : "warnings"))
                  << '\n';
    return loaded.good() ? 0 : 1;
}

int dump_config(const Loaded& loaded) {
    print_problems(loaded.problems);
    if (!loaded.good()) return 1;
    std::cout << dump(loaded);
    return 0;
}

Result<Config> reload(const Request& request) {
    auto loaded = load(request);
    log_remarks(loaded.problems);
    std::string errors;
    for (const auto& problem : loaded.problems)
        if (problem.severity == Severity::Error) errors += (errors.empty() ? "" : "; ") + to_string(problem);
    if (!errors.empty()) return fail(Errc::Invalid, errors);
    return std::move(loaded.config);
}

int refuse(const Error& error) {
    std::cerr << "berthd: " << error.message << '\n';
    return 1;
}

// Metrics keep seven files open for each container. The usual limit is low for the sake of programs that
// cannot handle more; the hard one is the administrator's.
void allow_many_files() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log::warn("no more than the usual number of files can be open: {}",
                  std::generic_category().message(errno));
}

int serve(const Request& request, const Loaded& loaded) {
    if (!loaded.good()) {
        print_problems(loaded.problems);
        return 1;
    }
    const auto& config = loaded.config;
    const auto lock = Lock::take(config.run_dir);  // first: the log file may be another instance's
    if (!lock) return refuse(lock.error());
    if (const auto started = start_logging(config.log); !started) return refuse(started.error());
    log_remarks(loaded.problems);
    allow_many_files();
    log::info("Berth {} starts: device '{}', configuration {}, broker {}, engine {}", BERTH_VERSION,
              config.name, loaded.file.empty() ? "its own defaults" : loaded.file, config.mqtt.url,
              config.runtime.type);
    return run(config, [request] { return reload(request); });
}

}  // namespace

int main(int argc, char** argv) {
    block_signals();
    auto command = parse_command_line(argc, argv);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet
    if (const char* environment = std::getenv("BERTH_CONFIG")) command.request.environment = environment;
    if (command.errand == Errand::ShowText) std::cout << command.text;
    if (command.errand == Errand::Refuse) std::cerr << command.text;
    if (command.errand == Errand::ShowText || command.errand == Errand::Refuse) return command.status;
    const auto loaded = load(command.request);
    if (command.errand == Errand::CheckConfig) return check_config(loaded);
    if (command.errand == Errand::DumpConfig) return dump_config(loaded);
    return serve(command.request, loaded);
}
