// What the cloud asks for: checked in the order that decides what a faulty command is told, carried out, and
// answered exactly once, if anybody wants an answer.
#include <algorithm>
#include <functional>
#include <utility>

#include "protocol/problems.hpp"
#include "protocol/twin/arguments.hpp"
#include "service/log.hpp"
#include "service/twin.hpp"

namespace berth::service {
namespace {

using twin::Code;
using twin::Stage;

constexpr std::size_t kMostUnderWay = 256;
constexpr std::size_t kMostLateAnswers = 256;
constexpr std::size_t kMostLateBytes = 4 * 1024 * 1024;  // as much as waits in the outbox
constexpr std::size_t kMostEarlyBytes = 4 * 1024 * 1024;
constexpr std::size_t kRememberedCommands = 64;

constexpr std::string_view kContainerPrefix = "Container:";

// What was to be done and to which container, as far as it could be read, and how its sender knows it.
std::string log_name(const twin::CommandTopic& topic, const twin::Sender& sender) {
    const auto part = [](const std::string& text) { return "'" + shortened(text) + "'"; };
    auto name = "command " + part(sender.path.empty() ? topic.subject : sender.path);
    if (!topic.request_id.empty()) name += ", request " + part(topic.request_id);
    if (sender.correlation_id) name += ", correlation id " + part(*sender.correlation_id);
    return name;
}

bool is_notice(const std::string& subject) {
    return subject == "created" || subject == "modified" || subject == "merged" || subject == "deleted" ||
           subject == "errors-response" || subject.ends_with("-response");
}

}  // namespace

std::vector<Route> Twin::routes() {
    Route response{};
    response.filter = twin::kEdgeResponse;
    response.handler = [this](const Message& message) { on_edge_response(message); };
    response.refused = response.handler;  // nobody says it twice; it is whole where large ones are cut
    Route commands{};
    commands.filter = twin::kCommands;
    commands.on_demand = true;
    commands.handler = [this](const Message& message) { on_command(message); };
    commands.refused = [this](const Message& message) { on_too_many(message); };
    return {std::move(response), std::move(commands)};
}

void Twin::on_command(const Message& message) {
    if (message.retained)
        return log::info("command on '{}' ignored: it is retained, so of another day", message.topic);
    if (!all_said_ || !early_.empty()) return keep_early(message);
    const auto topic = twin::parse_command_topic(message.topic);
    if (!topic)
        return log::warn("command on '{}' ignored: expected {}<request>/<subject>", message.topic,
                         words_->thing().command_filter.substr(0, words_->thing().command_filter.size() - 1));
    const bool is_ours = topic->thing_id == words_->thing().id;  // else of the thing that we were
    if (topic->request_id.empty() && is_notice(topic->subject)) {
        if (is_ours) on_notice(*topic, message);
        return;
    }
    if (is_copy(message)) return log::info("command on '{}' came twice: done once", message.topic);
    const auto most = static_cast<std::size_t>(config_.max_command_bytes);
    auto incoming = twin::decode_command(message.payload, words_->thing(), most);
    const Asked asked{*topic, std::move(incoming.sender)};
    if (const auto* refusal = std::get_if<twin::Refusal>(&incoming.content))
        return refuse(asked, refusal->stage, refusal->code, refusal->message);
    if (!is_ours)
        return refuse(asked, Stage::Early, Code::SubjectNotFound,
                      "sent to " + topic->thing_id + "; this thing is " + words_->thing().id);
    if (under_way_ + software_.waiting() >= kMostUnderWay) return refuse_for_now(asked);
    carry_out(asked, std::get<twin::Command>(incoming.content));
}

// A session that lasts delivers what came meanwhile with the connection, before it is known who we are;
// nobody will deliver it again.
void Twin::keep_early(const Message& message) {
    // What the cloud says that it has is no matter: all will be said anyway.
    const auto topic = twin::parse_command_topic(message.topic);
    if (!all_said_ && topic && topic->request_id.empty() && is_notice(topic->subject)) return;
    const auto bytes = message.bytes();
    if (early_.size() >= kMostUnderWay || early_bytes_ + bytes > kMostEarlyBytes) return on_too_many(message);
    early_.push_back(message);
    early_bytes_ += bytes;
}

void Twin::take_early() {
    if (!all_said_) return;  // lost again: taken next time
    early_bytes_ = 0;
    for (const auto& message : std::exchange(early_, {}))
        on_command(message);
}

// The rest of the message is gone, and perhaps what it is about with it, but whoever waits for an answer gets
// one.
void Twin::on_too_many(const Message& message) {
    if (message.retained) return;
    const auto topic = twin::parse_command_topic(message.topic);
    if (!topic || topic->request_id.empty()) return;
    const auto bytes = message.bytes_sent();
    const auto most = static_cast<std::size_t>(config_.max_command_bytes);
    if (bytes > most) {  // and will be whenever it is sent again
        auto refusal = twin::refusal_of_size(bytes, most);
        return refuse({*topic, {}}, refusal.stage, refusal.code, std::move(refusal.message));
    }
    auto sender = twin::peek_sender(message.payload);
    const bool is_known = !sender.topic.empty() && !sender.path.empty();
    refuse_for_now({*topic, std::move(sender)}, is_known ? Stage::Late : Stage::Protocol);
}

void Twin::refuse_for_now(const Asked& asked, Stage stage) {
    refuse(asked, stage, Code::ExecutionFailed, "too many commands are waiting; send it again later");
}

// QoS 1 may deliver twice. Only the whole message tells: some clients use one correlation id for everything.
bool Twin::is_copy(const Message& message) {
    Copy copy{message.topic, message.payload.size(), std::hash<std::string>{}(message.payload)};
    if (message.duplicate && std::find(seen_.begin(), seen_.end(), copy) != seen_.end()) return true;
    seen_.push_back(std::move(copy));
    if (seen_.size() > kRememberedCommands) seen_.pop_front();
    return false;
}

void Twin::on_notice(const twin::CommandTopic& topic, const Message& message) {
    const auto notice =
        twin::decode_notice(message.payload, static_cast<std::size_t>(config_.max_command_bytes));
    if (!notice) return log::warn("notification on '{}' is not JSON", message.topic);
    if (topic.subject == "errors-response")
        return log::warn("the cloud refuses '{}' with status {}", notice->path, notice->status);
    log::debug("the cloud says '{}' of '{}'", topic.subject, notice->path);
    if (notice->path != "/") return;
    if (topic.subject == "deleted") thing_deleted_ = true;
    if (topic.subject != "created" || !std::exchange(thing_deleted_, false)) return;
    log::info("the thing was made anew in the cloud: all is said again");
    sync_soon();
}

void Twin::carry_out(const Asked& asked, const twin::Command& command) {
    const auto unknown_feature = [&] {
        refuse(asked, Stage::Early, Code::ParameterInvalid,
               "feature " + command.feature + " not found; the twin lists those that are there");
    };
    bool known = false;
    if (command.feature.starts_with(kContainerPrefix)) {
        const ContainerId id = command.feature.substr(kContainerPrefix.size());
        const Container* there = world_.find(id);
        if (!has(twin::kContainerFactory) || there == nullptr || !reconcile::is_shown(*there))
            return unknown_feature();
        known = container(id, command, asked);
    } else if (!has(command.feature)) {
        return unknown_feature();
    } else if (command.feature == twin::kContainerFactory) {
        known = factory(command, asked);
    } else if (command.feature == twin::kSoftwareUpdatable) {
        known = software(command, asked);
    } else if (command.feature == twin::kMetrics) {
        known = metrics(command, asked);
    } else {
        return unknown_feature();
    }
    if (!known)
        refuse(asked, Stage::Late, Code::SubjectNotFound,
               command.feature + " has no operation " + command.operation);
}

bool Twin::factory(const twin::Command& command, const Asked& asked) {
    const bool configured = command.operation == "createWithConfig";
    if (!configured && command.operation != "create") return false;
    auto create =
        twin::decode_create(command.value, configured ? twin::Shape::ImageAndConfig : twin::Shape::Image);
    if (!create) {
        refuse(asked, Stage::Late, Code::ParameterInvalid, create.error().message);
        return true;
    }
    for (const auto& warning : create->warnings)
        log::warn("{}: {}", command.operation, warning);
    if (create->encrypted) {
        refuse(asked, Stage::Late, Code::ExecutionFailed,
               "encrypted images are not supported; leave decryption out");
        return true;
    }
    ++under_way_;
    verbs_.create(std::move(create->spec), create->start ? Verbs::Then::Start : Verbs::Then::Nothing,
                  [this, asked](const Result<ContainerId>& created) {
                      --under_way_;
                      if (!created)
                          return refuse(asked, Stage::Late, Code::ExecutionFailed, created.error().message);
                      answer(asked, 200, twin::encode_text(asked.sender, *created));
                  });
    return true;
}

Verbs::Done Twin::when_done(const Asked& asked) {
    ++under_way_;
    return [this, asked](const Result<>& done) {
        --under_way_;
        if (!done) return refuse(asked, Stage::Late, Code::ExecutionFailed, done.error().message);
        answer(asked, 204, twin::encode_done(asked.sender));
    };
}

bool Twin::container(const ContainerId& id, const twin::Command& command, const Asked& asked) {
    const auto unreadable = [&](const Error& error) {
        refuse(asked, Stage::Late, Code::ParameterInvalid, error.message);
        return true;
    };
    const auto& operation = command.operation;
    if (operation == "start") return verbs_.start(id, when_done(asked)), true;
    if (operation == "stop") return verbs_.stop(id, {}, when_done(asked)), true;
    if (operation == "pause") return verbs_.pause(id, when_done(asked)), true;
    if (operation == "resume") return verbs_.resume(id, when_done(asked)), true;
    if (operation == "stopWithOptions") {
        const auto stop = twin::decode_stop(command.value);
        if (!stop) return unreadable(stop.error());
        if (const auto fault = twin::fault_of(*stop); !fault.empty()) {
            refuse(asked, Stage::Late, Code::ExecutionFailed, fault);
            return true;
        }
        verbs_.stop(id, {stop->signal, std::chrono::seconds(stop->timeout_s), stop->force}, when_done(asked));
        return true;
    }
    if (operation == "rename") {
        const auto name = twin::decode_rename(command.value);
        if (!name) return unreadable(name.error());
        return verbs_.rename(id, *name, when_done(asked)), true;
    }
    if (operation == "remove") {
        const auto force = twin::decode_remove(command.value);
        if (!force) return unreadable(force.error());
        return verbs_.remove(id, *force ? Verbs::Force::Yes : Verbs::Force::No, when_done(asked)), true;
    }
    if (operation == "update") {
        const auto update = twin::decode_update(command.value);
        if (!update) return unreadable(update.error());
        return verbs_.update(id, update->restart, update->resources, when_done(asked)), true;
    }
    return false;
}

// Both are answered as soon as they are on disk, before they begin; what becomes of them is told by the
// feature's properties.
bool Twin::software(const twin::Command& command, const Asked& asked) {
    const auto accept = [&](auto decoded, auto begin) {
        if (!decoded) return refuse(asked, Stage::Late, Code::ParameterInvalid, decoded.error().message);
        if (!software_.has_room(command.value.size())) return refuse_for_now(asked);
        (software_.*begin)(std::move(*decoded), words_->thing().id, command.value.size(),
                           [this, asked] { answer(asked, 204, twin::encode_done(asked.sender)); });
    };
    if (command.operation == "install")
        return accept(twin::decode_install(command.value), &Software::install), true;
    if (command.operation == "remove")
        return accept(twin::decode_remove_software(command.value), &Software::remove), true;
    return false;
}

bool Twin::metrics(const twin::Command& command, const Asked& asked) {
    if (command.operation != "request") return false;
    auto request = twin::decode_metrics_request(command.value);
    if (!request) {
        refuse(asked, Stage::Late, Code::ParameterInvalid, request.error().message);
        return true;
    }
    answer(asked, 204, twin::encode_done(asked.sender));
    if (request->frequency == std::chrono::nanoseconds::zero()) {
        metrics_.stop();
        return true;
    }
    say_containers(*request);
    ++metrics_requests_;
    metrics_.request(std::move(*request));
    return true;
}

// A protocol error cannot know what the headers wish: only the topic counts.
void Twin::refuse(const Asked& asked, Stage stage, Code code, std::string message) {
    const bool heard =
        !asked.topic.request_id.empty() && (stage == Stage::Protocol || asked.sender.wants_answer);
    const auto what = log_name(asked.topic, asked.sender);
    if (!heard) return log::warn("{} refused, nobody waits for the answer: {}", what, message);
    log::at(code == Code::ExecutionFailed ? log::Level::Info : log::Level::Debug, "{} failed with {}: {}",
            what, twin::status_of(code), message);
    const twin::Refusal refusal{stage, code, std::move(message)};
    Asked sender = asked;
    sender.sender.wants_answer = true;
    answer(sender, twin::status_of(code), twin::encode_refusal(asked.sender, refusal));
}

void Twin::answer(const Asked& asked, int status, std::string payload) {
    if (asked.topic.request_id.empty() || !asked.sender.wants_answer) return;
    Publication publication{};
    publication.topic = twin::response_topic(asked.topic, status);
    publication.payload = std::move(payload);
    publication.importance = Importance::Feedback;
    if (words_) return link_.publish(std::move(publication));
    keep_late(std::move(publication));
}

// An answer repeats what its sender wrote into the headers, so a few can be large.
void Twin::keep_late(Publication late) {
    late_bytes_ += late.bytes();
    late_answers_.push_back(std::move(late));
    while (late_answers_.size() > kMostLateAnswers || late_bytes_ > kMostLateBytes) {
        late_bytes_ -= late_answers_.front().bytes();
        late_answers_.pop_front();
    }
}

}  // namespace berth::service
