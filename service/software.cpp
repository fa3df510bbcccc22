#include "service/software.hpp"

#include <fmt/format.h>

#include <utility>

#include "protocol/document.hpp"
#include "protocol/envelope.hpp"
#include "service/download.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::size_t kMostWaitingBytes = 4 * 1024 * 1024;

}  // namespace

using twin::Progress;

Software::Software(Loop& loop, Workers& workers, Verbs& verbs, std::string ca_file, SoftwareRecord& record)
    : loop_(loop), workers_(workers), verbs_(verbs), ca_file_(std::move(ca_file)), record_(record) {}

bool Software::has_room(std::size_t bytes) const {
    return waiting_.empty() || waiting_bytes_ + bytes <= kMostWaitingBytes;
}

std::uint64_t Software::accept(twin::KeptAction kept, std::size_t bytes, Accepted accepted,
                               std::function<void()> begin) {
    Action action{};
    action.bytes = bytes;
    action.begin = std::move(begin);
    action.number =
        record_.accept(std::move(kept), [this, accepted = std::move(accepted)](std::uint64_t number) {
            accepted();
            on_recorded(number);
        });
    const auto number = action.number;
    if (first_) {
        waiting_bytes_ += bytes;
        waiting_.push_back(std::move(action));
    } else {
        first_ = std::move(action);
    }
    return number;
}

void Software::on_recorded(std::uint64_t action) {
    if (first_ && first_->number == action) return begin_first();
    for (auto& one : waiting_)
        one.is_recorded |= one.number == action;
}

void Software::begin_first() {
    loop_.post(std::exchange(first_->begin, {}));
}

void Software::end() {
    first_.reset();
    if (waiting_.empty()) return;
    first_ = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= first_->bytes;
    if (first_->is_recorded) begin_first();
}

void Software::install(twin::Install install, const std::string& thing, std::size_t bytes,
                       Accepted accepted) {
    auto installing = std::make_shared<Installing>();
    installing->action = accept(twin::kept(thing, install), bytes, std::move(accepted),
                                [this, installing] { install_module(installing); });
    installing->install = std::move(install);
}

twin::OperationStatus Software::status_of(const Install& install, Progress progress) {
    twin::OperationStatus status{};
    status.correlation_id = install->install.correlation_id;
    status.status = progress;
    status.module = install->install.modules[install->module].module;
    return status;
}

void Software::say(const Install& install, Progress progress) {
    record_.progress(install->action, status_of(install, progress));
}

std::string Software::log_name(const Install& install) {
    const auto& module = install->install.modules[install->module].module;
    return "install '" + install->install.correlation_id + "' of '" + module.name + "' " + module.version;
}

void Software::install_module(const Install& install) {
    log::info("{}", log_name(install));
    install->specs.clear();
    install->made.clear();
    say(install, Progress::Started);
    say(install, Progress::Downloading);
    const auto& artifacts = install->install.modules[install->module].artifacts;
    // One at a time, and of seconds: not behind pulls, which may take hours.
    workers_.submit(
        Lane::Surveys, {}, [this, install, artifacts, ca = ca_file_](const std::stop_token& stop) -> Task {
            auto fetched = fetch(artifacts, ca, stop);
            return [this, install, fetched = std::move(fetched)] { on_fetched(install, fetched); };
        });
}

// On a worker. A descriptor that is another one, or asks for what cannot be, is rejected; what could not be
// had is an error.
Software::Fetched Software::fetch(const std::vector<twin::Artifact>& artifacts, const std::string& ca_file,
                                  const std::stop_token& stop) {
    Fetched fetched;
    const auto failed = [&](const std::string& message, Progress ending = Progress::FinishedError) {
        fetched.failure = message;
        fetched.ending = ending;
        return fetched;
    };
    for (const auto& artifact : artifacts) {
        if (artifact.url.empty())
            return failed("internal runtime error: artifact '" + artifact.filename +
                          "' has no download by HTTP or HTTPS");
        const auto text = download(artifact.url, ca_file, stop);
        if (!text) return failed(text.error().message);
        if (artifact.checksums == twin::Checksums{})
            log::warn("artifact '{}' has no checksum", artifact.filename);
        if (const auto same = check(*text, artifact.checksums); !same)
            return failed(same.error().message, same.error().code == Errc::Internal
                                                    ? Progress::FinishedError
                                                    : Progress::FinishedRejected);
        if (const auto look = peek(*text); look.refused)
            return failed("artifact '" + artifact.filename + "': " + look.refused->message);
        std::vector<std::string> warnings;
        auto spec = decode_document(*text, &warnings);
        for (const auto& warning : warnings)
            log::warn("artifact '{}': {}", artifact.filename, warning);
        if (!spec)
            return failed("artifact '" + artifact.filename + "': " + spec.error().message,
                          Progress::FinishedRejected);
        ContainerSpec named = *spec;
        if (named.name.empty()) named.name = named.id.empty() ? "unnamed" : named.id;
        if (const auto valid = validate(named); !valid)
            return failed("artifact '" + artifact.filename + "': " + valid.error().message,
                          Progress::FinishedRejected);
        fetched.specs.push_back(std::move(*spec));
    }
    return fetched;
}

void Software::on_fetched(const Install& install, const Fetched& fetched) {
    if (!fetched.failure.empty()) return fail_module(install, fetched.ending, fetched.failure);
    install->specs = fetched.specs;
    say(install, Progress::Downloaded);
    say(install, Progress::Installing);
    create_next(install);
}

void Software::create_next(const Install& install) {
    const auto next = install->made.size();
    if (next == install->specs.size()) {
        say(install, Progress::Installed);
        return start_next(install, 0);
    }
    verbs_.create(install->specs[next], Verbs::Then::Nothing,
                  [this, install](const Result<ContainerId>& made) {
                      if (!made) return fail_module(install, Progress::FinishedError, made.error().message);
                      install->made.push_back(*made);
                      create_next(install);
                  });
}

void Software::start_next(const Install& install, std::size_t next) {
    if (next == install->made.size()) {
        log::info("{}: done", log_name(install));
        return end_module(install, Progress::FinishedSuccess);
    }
    verbs_.start(install->made[next], [this, install, next](const Result<>& started) {
        if (!started) return fail_module(install, Progress::FinishedError, started.error().message);
        start_next(install, next + 1);
    });
}

void Software::fail_module(const Install& install, Progress ending, const std::string& message) {
    log::error("{}: {}", log_name(install), message);
    end_module(install, ending, message);
}

void Software::end_module(const Install& install, Progress ending, const std::string& message) {
    auto status = status_of(install, ending);
    status.message = message;
    record_.end(install->action, {std::move(status)}, [this, install] {
        if (++install->module < install->install.modules.size()) return install_module(install);
        end();
    });
}

void Software::remove(twin::RemoveSoftware remove, const std::string& thing, std::size_t bytes,
                      Accepted accepted) {
    auto removing = std::make_shared<Removing>();
    removing->action = accept(twin::kept(thing, remove), bytes, std::move(accepted),
                              [this, removing] { remove_next(removing); });
    removing->remove = std::move(remove);
}

twin::OperationStatus Software::status_of(const Remove& remove, Progress progress,
                                          std::vector<twin::Dependency> software) {
    twin::OperationStatus status{};
    status.correlation_id = remove->remove.correlation_id;
    status.status = progress;
    status.software = std::move(software);
    return status;
}

// A container that is not there is answered at once: the next one is a task of its own, or a long list would
// be as many calls deep.
void Software::remove_next(const Remove& remove) {
    const auto& all = remove->remove.software;
    while (remove->next < all.size() && !remove->remove.forced && !remove->failed.empty())
        remove->rejected.push_back(all[remove->next++]);
    if (remove->next == all.size()) return end_remove(remove);
    const auto item = all[remove->next++];
    record_.progress(remove->action, status_of(remove, Progress::Removing, {item}));
    verbs_.remove(item.name, Verbs::Force::Yes, [this, remove, item](const Result<>& removed) {
        if (removed) {
            remove->removed.push_back(item);
            record_.removed(remove->action, item);
            record_.progress(remove->action, status_of(remove, Progress::Removed, {item}));
        } else {
            log::error("removal '{}' of '{}': {}", remove->remove.correlation_id, item.name,
                       removed.error().message);
            remove->failed.push_back(item);
            remove->errors.push_back(removed.error().message);
        }
        loop_.post([this, remove] { remove_next(remove); });
    });
}

// One error is its text; of several each has a line.
void Software::end_remove(const Remove& remove) {
    std::string message = remove->errors.empty() ? std::string() : remove->errors.front();
    if (remove->errors.size() > 1) {
        message = fmt::format("{} errors:\n", remove->errors.size());
        for (const auto& error : remove->errors)
            message += "\n* " + error;
    }
    std::vector<twin::OperationStatus> ends;
    if (!remove->rejected.empty()) {
        ends.push_back(status_of(remove, Progress::FinishedRejected, remove->rejected));
        ends.back().message = "not tried, as one before it failed; with forced the others are removed";
    }
    if (!remove->failed.empty()) {
        ends.push_back(status_of(remove, Progress::FinishedError, remove->failed));
        ends.back().message = message;
    }
    if (!remove->removed.empty())
        ends.push_back(status_of(remove, Progress::FinishedSuccess, remove->removed));
    record_.end(remove->action, std::move(ends), [this] { end(); });
}

}  // namespace berth::service
