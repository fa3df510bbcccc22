#include "service/software_record.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "service/clock.hpp"
#include "service/files.hpp"
#include "service/log.hpp"
#include "service/software_files.hpp"

namespace berth::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEnds = 4096;
constexpr std::size_t kMostEndBytes = 4 * 1024 * 1024;
constexpr std::chrono::seconds kWritePause{30};
constexpr auto kCutOff = "berthd ended before this was done: look at what is there, and ask for it again";

std::size_t bytes_of(const twin::OperationStatus& end) {
    auto bytes = end.correlation_id.size() + end.message.size();
    if (end.module) bytes += end.module->name.size() + end.module->version.size();
    for (const auto& item : end.software)
        bytes += item.group.size() + item.name.size() + item.version.size() + item.type.size();
    return bytes;
}

}  // namespace

SoftwareRecord::SoftwareRecord(Loop& loop, Workers& workers, fs::path folder, Says says)
    : loop_(loop), workers_(workers), folder_(std::move(folder)), says_(std::move(says)) {}

fs::path SoftwareRecord::file_of(std::uint64_t action) const {
    return folder_ / std::to_string(action);
}

void SoftwareRecord::open() {
    std::error_code error;
    for (const auto number : numbered_files(folder_, error)) {
        last_action_ = number;
        auto kept = software_files::read(file_of(number));
        if (kept) {
            take_up(number, std::move(*kept));
            continue;
        }
        const auto aside = file_of(number).string() + ".bad";
        log::warn("{}: it is not believed, and put aside", kept.error().message);
        std::error_code kept_there;
        fs::rename(file_of(number), aside, kept_there);
        if (kept_there) log::warn("rename to {}: {}", aside, kept_there.message());
    }
    if (error) {
        log::warn("{}: not all that was under way of software is known: {}", folder_.string(),
                  error.message());
        last_action_ = static_cast<std::uint64_t>(unix_ms());  // nothing of before has such a number
    }
    said_up_to_ = last_said_;
    bound_ends();
}

void SoftwareRecord::take_up(std::uint64_t number, twin::KeptAction kept) {
    auto ends = std::exchange(kept.ends, {});
    const auto add = [&](twin::Progress progress, const std::string& message) -> twin::OperationStatus& {
        twin::OperationStatus status{};
        status.correlation_id = kept.correlation_id;
        status.status = progress;
        status.message = message;
        return ends.emplace_back(std::move(status));
    };
    if (!kept.modules.empty() || !kept.software.empty())
        log::warn("operation '{}' on software: {}", kept.correlation_id, kCutOff);
    for (auto& module : kept.modules)
        add(twin::Progress::FinishedError, kCutOff).module = std::move(module);
    if (!kept.software.empty())
        add(twin::Progress::FinishedError, kCutOff).software = std::move(kept.software);
    if (!kept.removed.empty()) add(twin::Progress::FinishedSuccess, {}).software = std::move(kept.removed);
    auto& action = actions_[number];
    action.kept.thing = kept.thing;
    action.kept.correlation_id = kept.correlation_id;
    action.is_done = true;
    for (auto& end : ends)
        action.ends.push_back({++last_said_, std::move(end)});
    if (action.is_over()) write(number, {});
}

std::uint64_t SoftwareRecord::accept(twin::KeptAction action, std::function<void(std::uint64_t)> then) {
    const auto number = ++last_action_;
    actions_[number].kept = std::move(action);
    write(number, [then = std::move(then), number] { then(number); });
    return number;
}

void SoftwareRecord::progress(std::uint64_t action, twin::OperationStatus status) {
    say({++last_said_, actions_[action].kept.thing, std::move(status)});
}

void SoftwareRecord::removed(std::uint64_t action, const twin::Dependency& item) {
    auto& kept = actions_[action].kept;
    if (const auto at = std::ranges::find(kept.software, item); at != kept.software.end())
        kept.software.erase(at);
    kept.removed.push_back(item);
    write(action, {});
}

void SoftwareRecord::end(std::uint64_t action, std::vector<twin::OperationStatus> ends, Then then) {
    auto& under_way = actions_[action];
    auto& kept = under_way.kept;
    if (!kept.modules.empty()) kept.modules.erase(kept.modules.begin());
    kept.software.clear();
    kept.removed.clear();
    under_way.is_done = kept.modules.empty();
    std::vector<Said> said;
    for (auto& status : ends) {
        under_way.ends.push_back({++last_said_, status});
        said.push_back({last_said_, kept.thing, std::move(status)});
    }
    bound_ends();
    write(action, [this, said = std::move(said), then = std::move(then)] {
        for (const auto& one : said)
            say(one);
        then();
    });
}

void SoftwareRecord::say(const Said& said) {
    said_up_to_ = said.number;
    newest_ = said;
    newest_was_heard_ = false;
    says_(said);
}

// Where nobody ever hears them.
void SoftwareRecord::bound_ends() {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const auto& [number, action] : actions_)
        for (const auto& end : action.ends) {
            ++count;
            bytes += bytes_of(end.status);
        }
    for (auto at = actions_.begin(); at != actions_.end() && count > 1; ++at)
        while (!at->second.ends.empty() && count > 1 && (count > kMostEnds || bytes > kMostEndBytes)) {
            const auto& oldest = at->second.ends.front().status;
            log::warn("how operation '{}' on software ended is not told: too much waits for the broker",
                      oldest.correlation_id);
            --count;
            bytes -= bytes_of(oldest);
            at->second.ends.pop_front();
            write(at->first, {});
        }
}

void SoftwareRecord::heard(std::uint64_t said) {
    newest_was_heard_ |= newest_ && newest_->number == said;
    for (auto& [number, action] : actions_)
        if (std::erase_if(action.ends, [said](const End& end) { return end.number == said; }) > 0)
            return write(number, {});
}

std::vector<SoftwareRecord::Said> SoftwareRecord::unheard(const std::string& thing) const {
    std::vector<Said> all;
    for (const auto& [number, action] : actions_)
        for (const auto& end : action.ends)
            if (action.kept.thing == thing && end.number <= said_up_to_)
                all.push_back({end.number, thing, end.status});
    if (!newest_ || newest_->thing != thing) return all;
    const bool is_last = !all.empty() && all.back().number >= newest_->number;
    if (!is_last && (!all.empty() || !newest_was_heard_)) all.push_back(*newest_);
    return all;
}

SoftwareRecord::Kept SoftwareRecord::kept_of(const std::set<std::uint64_t>& actions) const {
    Kept all;
    for (const auto number : actions) {
        auto& kept = all[number];
        const auto at = actions_.find(number);
        if (at == actions_.end() || at->second.is_over()) continue;
        kept = at->second.kept;
        for (const auto& end : at->second.ends)
            kept->ends.push_back(end.status);
    }
    return all;
}

// Once for all that changes until then.
void SoftwareRecord::write(std::uint64_t action, Then then) {
    due_.insert(action);
    if (then) waiting_.push_back(std::move(then));
    if (!std::exchange(is_busy_, true)) loop_.post([this] { write_now(); });
}

void SoftwareRecord::write_now() {
    writing_ = std::exchange(due_, {});
    auto kept = kept_of(writing_);
    std::erase_if(actions_, [&kept](const auto& one) {
        const auto at = kept.find(one.first);
        return at != kept.end() && !at->second;
    });
    workers_.submit(Lane::Records, {},
                    [this, kept = std::move(kept),
                     waiting = std::exchange(waiting_, {})](const std::stop_token&) -> Task {
                        std::map<std::uint64_t, Error> failed;
                        for (const auto& [number, action] : kept)
                            if (const auto done = software_files::put(file_of(number), action); !done)
                                failed.emplace(number, done.error());
                        return [this, waiting, failed] { on_written(waiting, failed); };
                    });
}

// A disk that takes nothing stops nobody.
void SoftwareRecord::on_written(const std::vector<Then>& waiting,
                                const std::map<std::uint64_t, Error>& failed) {
    const bool was_kept = unkept_.empty();
    for (const auto number : std::exchange(writing_, {}))
        if (failed.contains(number))
            unkept_.insert(number);
        else
            unkept_.erase(number);
    if (was_kept && !failed.empty())
        log::error("what is under way of software is not kept: {}", failed.begin()->second.message);
    for (const auto& then : waiting)
        then();
    if (!unkept_.empty() && again_ == 0)
        again_ = loop_.post_after(kWritePause, [this] {
            again_ = 0;
            for (const auto number : unkept_)
                write(number, {});
        });
    is_busy_ = !due_.empty();
    if (is_busy_) write_now();
}

void SoftwareRecord::keep_rest() {
    due_.merge(writing_);
    due_.merge(unkept_);
    for (const auto& [number, kept] : kept_of(due_))
        if (const auto done = software_files::put(file_of(number), kept); !done)
            log::error("what was under way of software is not kept: {}", done.error().message);
    due_.clear();
}

}  // namespace berth::service
