#include "protocol/journal_record.hpp"

#include <exception>
#include <utility>

#include "protocol/document.hpp"
#include "protocol/document_tree.hpp"

namespace berth {
namespace {

// Numbers of enumerators are part of the format: kJournalVersion guards them.
template <class E>
int number(E value) {
    return static_cast<int>(value);
}

OrderedJson json_of(const ContainerSpec& spec) {
    return document_tree(spec);
}

OrderedJson json_of(const OldInstance& old) {
    return {{"spec", json_of(old.spec)},
            {"ran", old.ran},
            {"paused", old.paused},
            {"manuallyStopped", old.manually_stopped},
            {"missing", old.missing}};
}

OrderedJson json_of(const ActionState& action) {
    OrderedJson json = {{"action", number(action.action)},  {"name", action.name},
                        {"version", action.version},        {"status", number(action.status)},
                        {"message", action.message},        {"staged", action.staged},
                        {"touched", action.touched},        {"started", action.started},
                        {"restored", action.restored},      {"finished", action.finished},
                        {"startFirst", action.start_first}, {"held", action.held}};
    if (action.action != Action::Destroy) json["spec"] = json_of(action.spec);
    if (action.old) json["old"] = json_of(*action.old);
    for (const auto& duplicate : action.duplicates)
        json["duplicates"].push_back(json_of(duplicate));
    return json;
}

OrderedJson json_of(const ScopeState& scope) {
    return {{"baseline", scope.baseline},
            {"actions", scope.actions},
            {"status", number(scope.status)},
            {"cleaned", scope.cleaned},
            {"succeeded", scope.succeeded}};
}

OrderedJson json_of(const RunningPhase& phase) {
    return {{"command", number(phase.command)},
            {"scope", phase.scope},
            {"baseline", phase.baseline},
            {"waiting", phase.waiting},
            {"active", phase.active},
            {"failed", phase.failed},
            {"quiet", phase.quiet},
            {"interruptedBy", phase.interrupted_by}};
}

OrderedJson json_of(const OperationState& state) {
    OrderedJson json = {{"number", state.number},
                        {"activityId", state.activity_id},
                        {"timestamp", state.timestamp},
                        {"digest", state.digest},
                        {"drivesItself", state.drives_itself},
                        {"waitsForGrace", state.waits_for_grace},
                        {"parallel", state.parallel},
                        {"superseded", state.superseded},
                        {"ended", state.ended},
                        {"actions", OrderedJson::array()},
                        {"scopes", OrderedJson::array()}};
    for (const auto& action : state.actions)
        json["actions"].push_back(json_of(action));
    for (const auto& scope : state.scopes)
        json["scopes"].push_back(json_of(scope));
    if (state.running) json["running"] = json_of(*state.running);
    return json;
}

// The readers throw on whatever does not fit; decode_journal turns that into an Error.
ContainerSpec spec_of(const Json& json) {
    auto spec = decode_document(json.dump());
    if (!spec) throw std::runtime_error(spec.error().message);
    return *std::move(spec);
}

OldInstance old_of(const Json& json) {
    return {spec_of(json.at("spec")), json.at("ran"), json.at("paused"),
            json.value("manuallyStopped", false),  // a record of before has neither
            json.value("missing", false)};
}

ActionState action_of(const Json& json) {
    ActionState action{};
    action.action = static_cast<Action>(json.at("action").get<int>());
    action.name = json.at("name");
    action.version = json.at("version");
    action.status = static_cast<Word>(json.at("status").get<int>());
    action.message = json.at("message");
    action.staged = json.at("staged");
    action.touched = json.at("touched");
    action.started = json.at("started");
    action.restored = json.at("restored");
    action.finished = json.at("finished");
    action.start_first = json.value("startFirst", false);  // a record of before has neither
    action.held = json.value("held", false);
    if (json.contains("spec")) action.spec = spec_of(json["spec"]);
    if (json.contains("old")) action.old = old_of(json["old"]);
    if (json.contains("duplicates"))
        for (const auto& duplicate : json["duplicates"])
            action.duplicates.push_back(old_of(duplicate));
    return action;
}

ScopeState scope_of(const Json& json) {
    ScopeState scope{};
    scope.baseline = json.at("baseline");
    scope.actions = json.at("actions").get<std::vector<std::size_t>>();
    scope.status = static_cast<Word>(json.at("status").get<int>());
    scope.cleaned = json.at("cleaned");
    scope.succeeded = json.at("succeeded");
    return scope;
}

RunningPhase phase_of(const Json& json) {
    RunningPhase phase{};
    phase.command = static_cast<Command>(json.at("command").get<int>());
    phase.scope = json.at("scope");
    phase.baseline = json.at("baseline");
    phase.waiting = json.at("waiting").get<std::vector<std::size_t>>();
    phase.active = json.at("active").get<std::vector<std::size_t>>();
    phase.failed = json.at("failed");
    phase.quiet = json.at("quiet");
    phase.interrupted_by = json.at("interruptedBy");
    return phase;
}

OperationState state_of(const Json& json) {
    OperationState state{};
    state.number = json.at("number");
    state.activity_id = json.at("activityId");
    state.timestamp = json.at("timestamp");
    state.digest = json.at("digest");
    state.drives_itself = json.at("drivesItself");
    state.waits_for_grace = json.at("waitsForGrace");
    state.parallel = json.at("parallel");
    state.superseded = json.at("superseded");
    state.ended = json.at("ended");
    for (const auto& action : json.at("actions"))
        state.actions.push_back(action_of(action));
    for (const auto& scope : json.at("scopes"))
        state.scopes.push_back(scope_of(scope));
    if (json.contains("running")) state.running = phase_of(json["running"]);
    return state;
}

OrderedJson json_of(const WaitingMessage& message) {
    if (const auto* desired_state = std::get_if<std::string>(&message)) return *desired_state;
    const auto& command = std::get<CommandMessage>(message);
    return {{"activityId", command.activity_id}, {"command", command.word}, {"baseline", command.baseline}};
}

WaitingMessage waiting_of(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    CommandMessage command{};
    command.activity_id = json.at("activityId");
    command.word = json.at("command");
    command.command = parse_command(command.word);
    command.baseline = json.at("baseline");
    return command;
}

}  // namespace

std::string encode(const JournalRecord& record) {
    auto waiting = OrderedJson::array();
    for (const auto& message : record.waiting)
        waiting.push_back(json_of(message));
    OrderedJson json = {{"unsent", record.unsent},
                        {"lastSaid", record.last_said},
                        {"lastStamp", record.last_stamp},
                        {"accepted", record.accepted},
                        {"commands", record.commands},
                        {"bootId", record.boot_id},
                        {"waiting", std::move(waiting)},
                        {"stampBootId", record.stamp_boot_id},
                        {"stampUptime", record.stamp_uptime},
                        {"taken", record.taken},
                        {"movedUptime", record.moved_uptime}};
    if (record.operation) json["operation"] = json_of(*record.operation);
    return print(json);
}

Result<JournalRecord> decode_journal(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        JournalRecord record{};
        record.unsent = json.at("unsent").get<std::vector<std::string>>();
        record.last_said = json.at("lastSaid");
        record.last_stamp = json.at("lastStamp");
        record.accepted = json.at("accepted").get<std::vector<std::string>>();
        record.commands = json.value("commands", std::vector<std::string>{});
        record.boot_id = json.at("bootId");
        for (const auto& message : json.value("waiting", Json::array()))
            record.waiting.push_back(waiting_of(message));
        record.stamp_boot_id = json.value("stampBootId", std::string{});
        record.stamp_uptime = json.value("stampUptime", std::int64_t{0});
        record.taken = json.value("taken", std::uint64_t{0});
        record.moved_uptime = json.value("movedUptime", std::int64_t{0});
        if (json.contains("operation")) record.operation = state_of(json["operation"]);
        return record;
    } catch (const std::exception& problem) {
        return fail(Errc::Invalid, std::string("journal record: ") + problem.what());
    }
}

}  // namespace berth
