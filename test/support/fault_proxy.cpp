#include "test/support/fault_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "test/support/http_answer.hpp"

namespace berth::test {
namespace {

using nlohmann::json;
using Verb = FaultProxy::Verb;
using Fault = FaultProxy::Fault;

struct VerbLine {
    Verb verb;
    std::string_view method;
    std::string_view part;
};

constexpr std::array kVerbLines = {
    VerbLine{Verb::List, "GET ", "/containers/json?"},
    VerbLine{Verb::Pull, "POST ", "/images/create?"},
    VerbLine{Verb::Create, "POST ", "/containers/create?"},
    VerbLine{Verb::Start, "POST ", "/start "},
    VerbLine{Verb::Stop, "POST ", "/wait?condition=not-running"},
    VerbLine{Verb::Rename, "POST ", "/rename?"},
    VerbLine{Verb::Remove, "DELETE ", "/containers/"},
};

std::optional<Verb> verb_of(std::string_view request) {
    const auto line = first_line(request);
    for (const auto& [verb, method, part] : kVerbLines)
        if (line.starts_with(method) && line.find(part) != std::string_view::npos) return verb;
    return std::nullopt;
}

bool is_stream(std::string_view request) {
    const auto line = first_line(request);
    return line.find("/events?") != std::string_view::npos || verb_of(request) == Verb::Pull;
}

// What can be cut so that it shows: the body, or where there is none the head.
std::string first_half(const HttpAnswer& answer) {
    const auto bytes = bytes_of(answer);
    const auto least = answer.body.empty() ? 0 : bytes.size() - answer.body.size();
    return bytes.substr(0, least + (bytes.size() - least) / 2);
}

HttpAnswer refusal() {
    return {"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\r\n",
            R"({"message":"spoilt by a test"})"};
}

void add_members(json& object) {
    object["Unheard"] = {{"Of", {1, nullptr, "x", json::object()}}};
    object["unknown.number"] = 0.5;
}

void embellish_answer(HttpAnswer& answer) {
    answer.head.insert(answer.head.find("\r\n") + 2, "Unheard-Of: {\"a\": [1]}\r\nX-Empty:\r\n");
    auto body = json::parse(answer.body, nullptr, false);
    if (body.is_array()) {
        for (auto& one : body)
            if (one.is_object()) add_members(one);
    } else if (body.is_object()) {
        for (const auto* part : {"State", "Config", "HostConfig"})
            if (body.contains(part) && body[part].is_object()) add_members(body[part]);
        add_members(body);
    } else {
        return;
    }
    answer.body = body.dump();
}

}  // namespace

FaultProxy::FaultProxy(std::string socket, std::string engine_socket)
    : relay_(std::move(socket), std::move(engine_socket),
             [this](const Relay::Connection& connection) { serve(connection); }) {}

FaultProxy::~FaultProxy() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
}

void FaultProxy::spoil(Verb verb, Fault fault) {
    const std::lock_guard lock(mutex_);
    wish_ = Wish{verb, fault};
    struck_ = false;
}

bool FaultProxy::has_struck() const {
    const std::lock_guard lock(mutex_);
    return struck_;
}

void FaultProxy::go_on() {
    release(Held::GoesOn);
}

void FaultProxy::cut() {
    release(Held::IsCut);
}

void FaultProxy::embellish(bool on) {
    const std::lock_guard lock(mutex_);
    embellish_ = on;
}

bool FaultProxy::has_embellished(Verb verb) const {
    const std::lock_guard lock(mutex_);
    return embellished_.contains(verb);
}

// A request is handed on when it is whole; what the engine says passes as it comes, unless it is to be
// spoilt.
void FaultProxy::serve(const Relay::Connection& connection) {
    std::string asked;
    std::array<char, 65536> piece{};
    while (connection.server >= 0) {
        std::array<pollfd, 3> fds = {
            {{connection.client, POLLIN, 0}, {connection.server, POLLIN, 0}, {connection.end, POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[2].revents != 0) return;
        if (fds[1].revents != 0) {
            const auto count = recv(connection.server, piece.data(), piece.size(), 0);
            if (count <= 0) return;
            if (!send_all(connection.client, piece.data(), static_cast<std::size_t>(count))) return;
        }
        if (fds[0].revents == 0) continue;
        const auto count = recv(connection.client, piece.data(), piece.size(), 0);
        if (count <= 0) return;
        asked.append(piece.data(), static_cast<std::size_t>(count));
        if (is_whole_request(asked) && !exchange(connection, std::exchange(asked, {}))) return;
    }
}

// False: the connection is to end.
bool FaultProxy::exchange(const Relay::Connection& connection, const std::string& request) {
    const auto verb = verb_of(request);
    const auto fault = take_wish(verb);
    if (fault == Fault::HoldRequest && !hold()) return false;
    if (!send_all(connection.server, request.data(), request.size())) return false;
    if (fault && fault != Fault::HoldRequest) return answer(connection, verb, fault);
    return !embellishes() || is_stream(request) || answer(connection, verb, std::nullopt);
}

bool FaultProxy::answer(const Relay::Connection& connection, std::optional<Verb> verb,
                        std::optional<Fault> fault) {
    auto said = read_answer(connection);
    if (!said) return false;
    if (fault == Fault::HoldAnswer && !hold()) return false;
    if (fault == Fault::Refuse) said = refusal();
    if (!fault) embellish_answer(*said);
    const auto bytes = fault == Fault::CutAnswer ? first_half(*said) : bytes_of(*said);
    const bool sent = send_all(connection.client, bytes.data(), bytes.size());
    if (fault) {
        strike();
    } else if (verb) {
        const std::lock_guard lock(mutex_);
        embellished_.insert(*verb);
    }
    return sent && fault != Fault::CutAnswer;
}

std::optional<Fault> FaultProxy::take_wish(std::optional<Verb> verb) {
    const std::lock_guard lock(mutex_);
    if (!wish_ || wish_->verb != verb) return std::nullopt;
    const auto fault = wish_->fault;
    wish_.reset();
    return fault;
}

bool FaultProxy::embellishes() const {
    const std::lock_guard lock(mutex_);
    return embellish_;
}

// False: its connection is cut.
bool FaultProxy::hold() {
    std::unique_lock lock(mutex_);
    struck_ = true;
    held_ = Held::Waits;
    changed_.wait(lock, [this] { return held_ != Held::Waits || ending_; });
    return std::exchange(held_, Held::Nothing) == Held::GoesOn;
}

void FaultProxy::release(Held how) {
    {
        const std::lock_guard lock(mutex_);
        if (held_ == Held::Waits) held_ = how;
    }
    changed_.notify_all();
}

void FaultProxy::strike() {
    const std::lock_guard lock(mutex_);
    struck_ = true;
}

}  // namespace berth::test
