// A cloud at work: sessions with a digital twin as they were recorded with Kanto.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "test/e2e/connected.hpp"
#include "test/e2e/recording.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;
using nlohmann::json;

namespace {

using Lines = std::vector<std::string>;

const std::string kRecordedImage = "localhost:5000/hello:3";
const std::string kRecordedFirst = "e40428df-392f-4a3f-8b09-5cfc19016bac";  // was there before the recording

struct Heard {
    std::string topic{};
    std::string payload{};
};

Heard heard_of(const std::string& text) {
    const auto blank = text.find(' ');
    return {text.substr(0, blank), text.substr(blank + 1)};
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

bool is_moment(const json& value) {
    if (!value.is_string()) return false;
    const auto text = value.get<std::string>();
    return text.size() >= 20 && text[10] == 'T' && text.back() == 'Z';
}

// Which files of the kernel can be seen depends on the machine; interfaces always can.
json ids_of_net(const json& measurements) {
    json ids = json::array();
    for (const auto& one : measurements)
        if (const auto id = one["id"].get<std::string>(); id.starts_with("net.")) ids.push_back(id);
    return ids;
}

// That it is there is compared, but not what it says: times, process ids, texts for people, measurements.
void mask(json& value) {
    for (auto& one : value.items()) {
        auto& member = one.value();
        if (one.key() == "pid" && member.is_number() && member.get<std::int64_t>() > 0) {
            member = "<pid>";
        } else if (is_moment(member) || (one.key() == "timestamp" && member.is_number_integer())) {
            member = "<time>";
        } else if (one.key() == "message" && member.is_string() && !member.get<std::string>().empty()) {
            member = "<text>";
        } else if (one.key() == "measurements") {
            member = ids_of_net(member);
        } else if (member.is_structured()) {
            mask(member);
        }
    }
}

bool is_report(const std::string& line) {
    return line.find("/things/live/messages/data") != line.npos;
}

// Only within each of these there is an order.
std::string stream_of(const std::string& topic, const json& envelope) {
    if (!topic.starts_with("e/")) return "answers";
    const auto path = envelope.value("path", "");
    if (path.starts_with("/features/Metrics/outbox/")) return "reports";
    return path.starts_with("/features/SoftwareUpdatable") ? "software" : "features";
}

// What is compared of all that was said; reports, which come as long as there is time for them, count once.
enum class Order { OfEachStream, OfAll };
Lines compared(const std::vector<Heard>& all, Order order) {
    std::vector<std::pair<std::string, std::string>> said;
    for (const auto& [topic, payload] : all) {
        auto envelope = json::parse(payload);
        mask(envelope);
        if (is_report(payload)) {
            auto& snapshot = envelope["value"]["snapshot"].get_ref<json::array_t&>();
            std::sort(snapshot.begin(), snapshot.end(),
                      [](const json& a, const json& b) { return a.dump() < b.dump(); });
        }
        said.emplace_back(order == Order::OfAll ? "" : stream_of(topic, envelope),
                          topic + " " + envelope.dump());
    }
    std::stable_sort(said.begin(), said.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Lines lines;
    for (const auto& [stream, line] : said)
        if (lines.empty() || line != lines.back() || !is_report(line)) lines.push_back(line);
    return lines;
}

// A second name of an image, taken away however the test ends: the next test has the same engine.
class SecondName {
 public:
    SecondName(const Engine& engine, const std::string& image, std::string name)
        : engine_(engine), name_(std::move(name)) {
        engine_.docker({"tag", image, name_});
    }
    ~SecondName() {
        try {
            engine_.remove_image(name_);
        } catch (const std::exception& error) {
            FAIL_CHECK(error.what());
        }
    }
    SecondName(const SecondName&) = delete;
    SecondName& operator=(const SecondName&) = delete;

 private:
    const Engine& engine_;
    const std::string name_;
};

// Plays one exchange after the other. Containers are called as in the recording.
class TwinReplay {
 public:
    TwinReplay(Connected& connected, const std::string& first)
        : connected_(connected),
          said_(connected.device.broker, "edge/thing/request", {"-t", "e/#", "-t", "command//+/res/#"}) {
        recorded_[first] = kRecordedFirst;
    }

    void play(const Exchange& exchange) {
        send(heard_of(exchange.sent));
        std::vector<Heard> wanted;
        for (const auto& answer : exchange.answers)
            wanted.push_back(heard_of(answer));
        // A handshake is followed by all that there is, in an order that is promised.
        const auto order =
            exchange.sent.starts_with("edge/thing/response") ? Order::OfAll : Order::OfEachStream;
        const auto expected = compared(wanted, order);
        const bool reports = std::any_of(expected.begin(), expected.end(), is_report);
        Lines said;
        eventually([&] {
            said = compared(hear(wanted), order);
            if (reports_were_on_) std::erase_if(said, is_report);  // one was on its way
            return said == expected;
        });
        INFO(exchange.session);
        REQUIRE(said == expected);
        seen_ = heard_;
        reports_were_on_ = reports;
    }

 private:
    void send(const Heard& what) {
        auto& device = connected_.device;
        if (what.topic == "start") return device.start();
        if (what.topic == "SIGTERM") return device.daemon.stop();
        if (what.topic.starts_with("command//") && !std::exchange(commands_are_taken_, true))
            connected_.await_commands();
        auto topic = what.topic;
        auto payload = what.payload;
        for (const auto& [id, recorded] : recorded_) {
            topic = with(topic, recorded, id);
            payload = with(payload, recorded, id);
        }
        device.broker.publish(topic, payload);
    }

    // All since the exchange before.
    std::vector<Heard> hear(const std::vector<Heard>& wanted) {
        const auto all = said_.received();
        heard_ = all.size();
        std::vector<Heard> found;
        const std::string probe = std::string("/features/") + Connected::kNothing + "/";
        for (auto at = seen_; at < all.size(); ++at)
            if (all[at].payload.find(probe) == std::string::npos)
                found.push_back({all[at].topic, all[at].payload});
        for (const auto& one : found)
            learn(one, wanted);
        for (auto& one : found)
            for (const auto& [id, recorded] : recorded_)
                one.payload = with(one.payload, id, recorded);
        return found;
    }

    // The id of what was made is in the answer.
    void learn(const Heard& answer, const std::vector<Heard>& wanted) {
        if (!answer.topic.ends_with("/200")) return;
        for (const auto& one : wanted) {
            if (one.topic != answer.topic) continue;
            recorded_[json::parse(answer.payload)["value"].get<std::string>()] =
                json::parse(one.payload)["value"].get<std::string>();
        }
    }

    Connected& connected_;
    Subscriber said_;
    std::map<std::string, std::string> recorded_{};  // ids: ours, and those of the recording
    std::size_t seen_{0};                            // messages of exchanges before
    std::size_t heard_{0};
    bool commands_are_taken_{false};
    bool reports_were_on_{false};
};

}  // namespace

TEST_CASE("a recorded cloud gets the recorded answers and sees the recorded twin",
          "[TW-05][TW-16][TW-18][TW-19][TW-20][TW-24][TW-27][TW-29][TW-30][TW-31][TW-34][TW-40][TW-41][TW-43]"
          "[TW-47][TW-48][TW-58][TW-65][TW-67][TW-68][TW-70][TW-71][e2e]") {
    Connected connected({}, Cloud("org.acme:dev1", "t1"));
    auto& device = connected.device;
    const SecondName recorded(device.engine, kSleeper, kRecordedImage);
    const std::string first =
        connected.ask("ContainerFactory", "create", {{"imageRef", kRecordedImage}, {"start", true}})["value"];
    connected.require([&] { return connected.status(first) == "RUNNING"; }, "the first container");
    device.daemon.stop();

    TwinReplay replay(connected, first);
    for (const auto& exchange : read_recording(BERTH_SOURCE_DIR "/test/data/kanto-twin.txt"))
        replay.play(exchange);
    CHECK(device.containers() == Lines{first, "web"});
    CHECK(device.engine.state(first) == "running");
    CHECK(device.engine.state("web") == "running");
}
