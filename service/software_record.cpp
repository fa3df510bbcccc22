#include "service/software_record.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostUnheard = 64;
constexpr std::chrono::seconds kWritePause{2};
constexpr auto kCutOff = "berthd ended before this was done: look at what is there, and ask for it again";

Result<std::vector<twin::KeptOperation>> read(const fs::path& file) {
    const auto text = read_file(file);
    if (!text && text.error().code == Errc::NotFound) return std::vector<twin::KeptOperation>{};
    if (!text) return text.error();
    auto kept = twin::decode_kept(*text);
    if (!kept) return fail(kept.error(), file.string());
    return kept;
}

Result<> save(const fs::path& file, const std::string& text) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error)
        return fail(Errc::Internal, "make folder " + file.parent_path().string() + ": " + error.message());
    return replace_file(file, text, 0600);
}

}  // namespace

SoftwareRecord::SoftwareRecord(Loop& loop, Workers& workers, const fs::path& folder,
                               std::function<void(const Said&)> says)
    : loop_(loop), workers_(workers), file_(folder / "operations.json"), says_(std::move(says)) {}

void SoftwareRecord::open() {
    auto kept = read(file_);
    if (!kept) return log::warn("{}: what was under way of software is not known", kept.error().message);
    for (auto& [thing, status] : *kept) {
        if (!twin::is_end(status.status)) {
            log::warn("operation '{}' on software: {}", status.correlation_id, kCutOff);
            status.status = twin::Progress::FinishedError;
            status.message = kCutOff;
        }
        unheard_.push_back({++last_said_, std::move(thing), std::move(status)});
    }
}

void SoftwareRecord::accept(const std::string& thing, std::vector<twin::OperationStatus> parts,
                            const Then& then) {
    const Part first{last_part_ + 1, thing};
    for (auto& status : parts)
        under_way_.emplace(++last_part_, twin::KeptOperation{thing, std::move(status)});
    write([then, first] { then(first); });
}

void SoftwareRecord::note(const Part& part, twin::OperationStatus status) {
    const auto number = ++last_said_;
    const bool is_end = twin::is_end(status.status);
    noted_.push_back({{number, part.thing, std::move(status)}, !is_end});
    if (!is_end) return say_noted();
    under_way_.erase(part.number);
    write([this, number] {
        for (auto& noted : noted_)
            noted.may_be_said |= noted.said.number == number;
        say_noted();
    });
}

// Of what is only under way the newest is enough for whoever hears it later.
void SoftwareRecord::say_noted() {
    while (!noted_.empty() && noted_.front().may_be_said) {
        const auto said = std::move(noted_.front().said);
        noted_.pop_front();
        std::erase_if(unheard_, [](const Said& one) { return !twin::is_end(one.status.status); });
        unheard_.push_back(said);
        if (unheard_.size() > kMostUnheard) unheard_.pop_front();
        says_(said);
    }
}

void SoftwareRecord::heard(std::uint64_t number) {
    const auto at = std::ranges::find(unheard_, number, &Said::number);
    if (at == unheard_.end()) return;
    const bool is_end = twin::is_end(at->status.status);
    unheard_.erase(at);
    if (is_end) write({});
}

std::string SoftwareRecord::text() const {
    std::vector<twin::KeptOperation> all;
    const auto add = [&all](const Said& said) {
        if (twin::is_end(said.status.status)) all.push_back({said.thing, said.status});
    };
    for (const auto& said : unheard_)
        add(said);
    for (const auto& noted : noted_)
        add(noted.said);
    for (const auto& [number, part] : under_way_)
        all.push_back(part);
    return twin::encode_kept(all);
}

// Once for all that changes until then, as an action has up to three ends at once.
void SoftwareRecord::write(std::function<void()> written) {
    if (written) waiting_.push_back(std::move(written));
    changed_ = true;
    if (!std::exchange(writing_, true)) loop_.post([this] { write_now(); });
}

void SoftwareRecord::write_now() {
    changed_ = false;
    workers_.submit(Lane::Quick, ":software",
                    [this, file = file_, text = text(),
                     waiting = std::exchange(waiting_, {})](const std::stop_token&) -> Task {
                        auto written = save(file, text);
                        return
                            [this, waiting, written = std::move(written)] { on_written(written, waiting); };
                    });
}

// A disk that takes nothing stops nobody: only a last word may be lost with this berthd.
void SoftwareRecord::on_written(const Result<>& written, const std::vector<std::function<void()>>& waiting) {
    if (!written && is_kept_)
        log::error("what is under way of software is not kept: {}", written.error().message);
    is_kept_ = bool(written);
    for (const auto& then : waiting)
        then();
    if (changed_) return write_now();
    writing_ = false;
    if (is_kept_ || again_ != 0) return;
    again_ = loop_.post_after(kWritePause, [this] {
        again_ = 0;
        write({});
    });
}

}  // namespace berth::service
