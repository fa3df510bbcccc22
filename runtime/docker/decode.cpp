#include "runtime/docker/decode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "protocol/document.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

struct Word {
    std::string_view engine;
    Status status;
};

// Whether an exited container was stopped or ended by itself is seen in the events only: kill before die.
constexpr std::array kStatusWords = {
    Word{"created", Status::Created},   Word{"running", Status::Running}, Word{"paused", Status::Paused},
    Word{"restarting", Status::Exited}, Word{"exited", Status::Exited},   Word{"removing", Status::Dead},
    Word{"dead", Status::Dead},
};

struct EventWord {
    std::string_view engine;
    EngineEventKind kind;
};

constexpr std::array kEventWords = {
    EventWord{"create", EngineEventKind::Create},   EventWord{"start", EngineEventKind::Start},
    EventWord{"kill", EngineEventKind::Kill},       EventWord{"stop", EngineEventKind::Stop},
    EventWord{"die", EngineEventKind::Die},         EventWord{"oom", EngineEventKind::Oom},
    EventWord{"pause", EngineEventKind::Pause},     EventWord{"unpause", EngineEventKind::Unpause},
    EventWord{"rename", EngineEventKind::Rename},   EventWord{"update", EngineEventKind::Update},
    EventWord{"destroy", EngineEventKind::Destroy},
};

Status status_of(std::string_view word) {
    const auto found = std::ranges::find(kStatusWords, word, &Word::engine);
    return found == kStatusWords.end() ? Status::Unknown : found->status;
}

Result<json> parse_object(std::string_view body, std::string_view what) {
    auto value = json::parse(body, nullptr, false);
    if (!value.is_object())
        return fail(Errc::Internal, fmt::format("the engine's {} is no JSON object", what));
    return value;
}

std::string utc(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string time_or_never(std::string time) {
    return time.starts_with("0001-01-01") ? std::string() : time;
}

std::string without_slash(std::string name) {
    if (name.starts_with('/')) name.erase(0, 1);
    return name;
}

std::int64_t leading_number(std::string_view digits) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

// "Exited (3) 2 hours ago", "Restarting (1) 5 seconds ago" -> 3, 1.
std::int64_t exit_code_in(std::string_view status) {
    const auto open = status.find('(');
    if (!status.starts_with("Exited") && !status.starts_with("Restarting")) return 0;
    return open == std::string_view::npos ? 0 : leading_number(status.substr(open + 1));
}

// The label decides who it is; the document says what was asked for. Unreadable: the id stands alone, so that
// whoever has stored the document finds it by that.
void put_labels(const json& labels, Container& container) {
    container.replaces = text(labels, kLabelReplaces);
    const auto id = text(labels, kLabelId);
    auto spec = decode_document(text(labels, kLabelDocument));
    const bool readable = spec && !spec->name.empty();
    if (readable && !id.empty()) container.spec = *std::move(spec);
    container.spec.id = id;
}

std::string name_of_listed(const json& listed) {
    const auto& names = member(listed, "Names");
    if (!names.is_array() || names.empty() || !names.front().is_string()) return {};
    return without_slash(names.front().get<std::string>());
}

Container listed_container(const json& listed) {
    Container container;
    container.engine_id = text(listed, "Id");
    container.engine_name = name_of_listed(listed);
    const auto word = text(listed, "State");
    container.state.status = status_of(word);
    container.state.restarting = word == "restarting";
    container.state.exit_code = exit_code_in(text(listed, "Status"));
    container.state.created = utc(number(listed, "Created")) + "Z";
    container.started_before = word != "created";
    put_labels(member(listed, "Labels"), container);
    return container;
}

// The exclusive flags and texts of containers.md §5.
ContainerState inspected_state(const json& state) {
    ContainerState result;
    const auto word = text(state, "Status");
    result.status = status_of(word);
    result.restarting = word == "restarting";
    result.started_at = time_or_never(text(state, "StartedAt"));
    result.finished_at = time_or_never(text(state, "FinishedAt"));
    const bool runs = result.status == Status::Running || result.status == Status::Paused;
    if (runs) {
        result.pid = number(state, "Pid");
        return result;
    }
    result.exit_code = number(state, "ExitCode");
    result.oom_killed = flag(state, "OOMKilled");
    result.error = clean_message(text(state, "Error"));
    const bool ended =
        result.status == Status::Created || (result.status == Status::Exited && !result.restarting);
    if (ended && !result.error.empty()) result.status = Status::Stopped;  // it could not be started (again)
    if (result.oom_killed && result.error.empty()) result.error = "OOM Killed";
    return result;
}

std::set<std::string> names_of_members(const json& object) {
    std::set<std::string> names;
    if (!object.is_object()) return names;
    for (auto at = object.begin(); at != object.end(); ++at)
        names.insert(at.key());
    return names;
}

}  // namespace

Result<std::vector<Container>> decode_list(std::string_view body) {
    const auto list = json::parse(body, nullptr, false);
    if (!list.is_array()) return fail(Errc::Internal, "the engine's list is no JSON array");
    std::vector<Container> containers;
    containers.reserve(list.size());
    for (const auto& listed : list)
        containers.push_back(listed_container(listed));
    return containers;
}

Result<Inspected> decode_inspect(std::string_view body) {
    const auto parsed = parse_object(body, "inspection");
    if (!parsed) return parsed.error();
    const auto& config = member(*parsed, "Config");
    const auto& host = member(*parsed, "HostConfig");
    Inspected result;
    result.container.engine_id = text(*parsed, "Id");
    result.container.engine_name = without_slash(text(*parsed, "Name"));
    result.container.state = inspected_state(member(*parsed, "State"));
    result.container.state.created = text(*parsed, "Created");
    result.container.state.restart_count = number(*parsed, "RestartCount");
    result.container.started_before = !result.container.state.started_at.empty();
    put_labels(member(config, "Labels"), result.container);
    result.stop_signal = text(config, "StopSignal");
    result.limits = {.memory = number(host, "Memory"), .reservation = number(host, "MemoryReservation")};
    result.container.engine_policy = text(member(host, "RestartPolicy"), "Name");
    result.networks = names_of_members(member(member(*parsed, "NetworkSettings"), "Networks"));
    return result;
}

Result<EngineId> decode_id(std::string_view body) {
    const auto parsed = parse_object(body, "answer to create");
    if (!parsed) return parsed.error();
    auto id = text(*parsed, "Id");
    if (id.empty()) return fail(Errc::Internal, "the engine made a container and named no id");
    return id;
}

Result<std::optional<EngineEvent>> decode_event(std::string_view line) {
    const auto parsed = parse_object(line, "event");
    if (!parsed) return parsed.error();
    const auto found = std::ranges::find(kEventWords, text(*parsed, "Action"), &EventWord::engine);
    if (found == kEventWords.end()) return std::optional<EngineEvent>{};
    const auto& actor = member(*parsed, "Actor");
    const auto& attributes = member(actor, "Attributes");
    constexpr std::int64_t kPerSecond = 1'000'000'000;
    const auto nanoseconds = number(*parsed, "timeNano");
    return std::optional(EngineEvent{
        .kind = found->kind,
        .engine_id = text(actor, "ID"),
        .id = text(attributes, kLabelId),
        .name = text(attributes, "name"),
        .signal = text(attributes, "signal"),
        .exit_code = leading_number(text(attributes, "exitCode")),
        .time = fmt::format("{}.{:09}Z", utc(nanoseconds / kPerSecond), nanoseconds % kPerSecond),
    });
}

Result<std::string> decode_gateway(std::string_view body) {
    const auto parsed = parse_object(body, "network");
    if (!parsed) return parsed.error();
    const auto& config = member(member(*parsed, "IPAM"), "Config");
    if (!config.is_array()) return std::string();
    for (const auto& addresses : config) {
        const auto gateway = text(addresses, "Gateway");
        const bool is_ipv4 = !gateway.empty() && gateway.find(':') == std::string::npos;
        if (is_ipv4) return gateway.substr(0, gateway.find('/'));
    }
    return std::string();
}

Result<std::vector<std::string>> decode_network_names(std::string_view body) {
    const auto list = json::parse(body, nullptr, false);
    if (!list.is_array()) return fail(Errc::Internal, "the engine's list of networks is no JSON array");
    std::vector<std::string> names;
    for (const auto& network : list)
        if (auto name = text(network, "Name"); !name.empty()) names.push_back(std::move(name));
    return names;
}

Result<std::string> decode_engine_version(std::string_view body) {
    const auto parsed = parse_object(body, "version");
    if (!parsed) return parsed.error();
    const auto version = text(*parsed, "Version");
    return version.substr(0, version.find('+'));
}

}  // namespace berth::runtime::docker
