#include "service/software_record.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>
#include <utility>

#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEnds = twin::kMostSoftware;
constexpr std::size_t kMostEndBytes = 4 * 1024 * 1024;
constexpr std::uintmax_t kMostFileBytes = 2 * kMostEndBytes;
constexpr std::chrono::seconds kWritePause{30};
constexpr auto kCutOff = "berthd ended before this was done: look at what is there, and ask for it again";

std::size_t bytes_of(const twin::OperationStatus& end) {
    auto bytes = end.correlation_id.size() + end.message.size();
    if (end.module) bytes += end.module->name.size() + end.module->version.size();
    for (const auto& item : end.software)
        bytes += item.group.size() + item.name.size() + item.version.size() + item.type.size();
    return bytes;
}

std::optional<std::uint64_t> number_of(const fs::path& file) {
    const auto name = file.filename().string();
    std::uint64_t number{};
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    return number;
}

Result<twin::KeptAction> read(const fs::path& file) {
    std::error_code error;
    if (const auto bytes = fs::file_size(file, error); !error && bytes > kMostFileBytes)
        return fail(Errc::TooLarge, file.string() + ": has " + std::to_string(bytes) + " bytes");
    const auto text = read_file(file);
    if (!text) return text.error();
    auto kept = twin::decode_kept(*text);
    if (!kept) return fail(kept.error(), file.string());
    return kept;
}

// On a full disk there is room to remove a file: no last word is better than a false one.
Result<> put(const fs::path& file, const std::string& text) {
    std::error_code error;
    if (text.empty()) {
        fs::remove(file, error);
        if (error) return fail(Errc::Internal, "remove " + file.string() + ": " + error.message());
        return flush_folder(file.parent_path());
    }
    auto written = make_folder(file.parent_path());
    if (written) written = replace_file(file, text, 0600);
    if (!written) fs::remove(file, error);
    return written;
}

}  // namespace

SoftwareRecord::SoftwareRecord(Loop& loop, Workers& workers, fs::path folder, Says says)
    : loop_(loop), workers_(workers), folder_(std::move(folder)), says_(std::move(says)) {}

fs::path SoftwareRecord::file_of(std::uint64_t action) const {
    return folder_ / std::to_string(action);
}

void SoftwareRecord::open() {
    std::error_code error;
    std::set<std::uint64_t> found;
    for (const auto& entry : fs::directory_iterator(folder_, error))
        if (const auto number = number_of(entry.path())) found.insert(*number);
    if (error && error != std::errc::no_such_file_or_directory)
        log::warn("{}: what was under way of software is not known: {}", folder_.string(), error.message());
    for (const auto number : found) {
        last_action_ = number;
        auto kept = read(file_of(number));
        if (kept) {
            take_up(number, std::move(*kept));
            continue;
        }
        log::warn("{}: it is not believed, and put aside", kept.error().message);
        fs::rename(file_of(number), file_of(number).string() + ".bad", error);
    }
    said_up_to_ = last_said_;
    bound_ends();
}

void SoftwareRecord::take_up(std::uint64_t number, twin::KeptAction kept) {
    Action action{};
    twin::OperationStatus cut{};
    cut.correlation_id = kept.correlation_id;
    cut.status = twin::Progress::FinishedError;
    cut.message = kCutOff;
    auto ends = std::exchange(kept.ends, {});
    for (const auto& module : std::exchange(kept.modules, {})) {
        cut.module = module;
        ends.push_back(cut);
    }
    cut.module.reset();
    cut.software = std::exchange(kept.software, {});
    if (!cut.software.empty()) ends.push_back(cut);
    if (!ends.empty() && ends.back().message == kCutOff)
        log::warn("operation '{}' on software: {}", kept.correlation_id, kCutOff);
    for (auto& end : ends)
        action.ends.push_back({++last_said_, std::move(end)});
    action.kept = std::move(kept);
    action.is_done = true;
    actions_[number] = std::move(action);
    if (actions_[number].is_over()) write(number, {});
}

std::uint64_t SoftwareRecord::accept(twin::KeptAction action, std::function<void(std::uint64_t)> then) {
    const auto number = ++last_action_;
    actions_[number].kept = std::move(action);
    write(number, [then = std::move(then), number] { then(number); });
    return number;
}

void SoftwareRecord::progress(std::uint64_t action, twin::OperationStatus status) {
    progress_ = Said{++last_said_, actions_[action].kept.thing, std::move(status)};
    const auto said = *progress_;
    says_(said);
}

void SoftwareRecord::removed(std::uint64_t action, const twin::Dependency& item) {
    auto& all = actions_[action].kept.software;
    if (const auto at = std::ranges::find(all, item); at != all.end()) all.erase(at);
    write(action, {});
}

void SoftwareRecord::end(std::uint64_t action, std::vector<twin::OperationStatus> ends, Then then) {
    auto& under_way = actions_[action];
    auto& kept = under_way.kept;
    if (!kept.modules.empty()) kept.modules.erase(kept.modules.begin());
    kept.software.clear();
    under_way.is_done = kept.modules.empty();
    std::vector<Said> said;
    for (auto& status : ends) {
        under_way.ends.push_back({++last_said_, status});
        said.push_back({last_said_, kept.thing, std::move(status)});
    }
    bound_ends();
    write(action, [this, said = std::move(said), then = std::move(then)] {
        progress_.reset();
        for (const auto& one : said) {
            said_up_to_ = one.number;
            says_(one);
        }
        then();
    });
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
    if (progress_ && progress_->number == said) progress_.reset();
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
    if (progress_ && progress_->thing == thing) all.push_back(*progress_);
    return all;
}

std::string SoftwareRecord::text_of(std::uint64_t number) const {
    const auto at = actions_.find(number);
    if (at == actions_.end() || at->second.is_over()) return {};
    auto kept = at->second.kept;
    for (const auto& end : at->second.ends)
        kept.ends.push_back(end.status);
    return twin::encode_kept(kept);
}

SoftwareRecord::Texts SoftwareRecord::texts_of(const std::set<std::uint64_t>& actions) const {
    Texts texts;
    for (const auto number : actions)
        texts[number] = text_of(number);
    return texts;
}

// Once for all that changes until then.
void SoftwareRecord::write(std::uint64_t action, Then then) {
    due_.insert(action);
    if (then) waiting_.push_back(std::move(then));
    if (!std::exchange(is_busy_, true)) loop_.post([this] { write_now(); });
}

void SoftwareRecord::write_now() {
    writing_ = std::exchange(due_, {});
    std::erase_if(actions_,
                  [this](const auto& one) { return one.second.is_over() && writing_.contains(one.first); });
    workers_.submit(Lane::Records, {},
                    [this, texts = texts_of(writing_),
                     waiting = std::exchange(waiting_, {})](const std::stop_token&) -> Task {
                        std::map<std::uint64_t, Error> failed;
                        for (const auto& [number, text] : texts)
                            if (const auto done = put(file_of(number), text); !done)
                                failed.emplace(number, done.error());
                        return [this, waiting, failed] { on_written(waiting, failed); };
                    });
}

// A disk that takes nothing stops nobody: only a last word may be missing after the end of this berthd.
void SoftwareRecord::on_written(const std::vector<Then>& waiting,
                                const std::map<std::uint64_t, Error>& failed) {
    writing_.clear();
    if (!failed.empty() && is_kept_)
        log::error("what is under way of software is not kept: {}", failed.begin()->second.message);
    is_kept_ = failed.empty();
    for (const auto& then : waiting)
        then();
    if (!failed.empty() && again_ == 0)
        again_ = loop_.post_after(kWritePause, [this] {
            again_ = 0;
            for (const auto& [number, action] : actions_)
                write(number, {});
        });
    is_busy_ = !due_.empty();
    if (is_busy_) write_now();
}

void SoftwareRecord::keep_rest() {
    due_.merge(writing_);
    for (const auto& [number, text] : texts_of(due_))
        if (const auto done = put(file_of(number), text); !done)
            log::error("what was under way of software is not kept: {}", done.error().message);
    due_.clear();
}

}  // namespace berth::service
