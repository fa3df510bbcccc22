#include "test/fault/scenarios.hpp"

namespace berth::test {
namespace {

std::string component(const std::string& name, const std::string& image, const std::string& memory = {}) {
    const std::string limit = memory.empty() ? "" : R"(,{"key":"memory","value":")" + memory + "\"}";
    return R"({"id":")" + name + R"(","version":"1","config":[{"key":"image","value":")" + image + "\"}" +
           limit + "]}";
}

std::string start_first(const std::string& name, const std::string& image) {
    auto text = component(name, image);
    return text.insert(text.size() - 2, R"(,{"key":"updateOrder","value":"start-first"})");
}

std::string message(const std::string& activity, const std::vector<std::string>& components) {
    std::string text =
        R"({"activityId":")" + activity + R"(","payload":{"domains":[{"id":"containers","components":[)";
    for (std::size_t i = 0; i < components.size(); ++i)
        text += (i == 0 ? "" : ",") + components[i];
    return text + "]}]}}";
}

// All of them in one baseline.
std::string in_baseline(const std::string& title, std::string text, const std::vector<std::string>& names) {
    std::string entries;
    for (const auto& name : names)
        entries += (entries.empty() ? "\"containers:" : ",\"containers:") + name + '"';
    const std::string payload = R"("payload":{)";
    const auto at = text.find(payload) + payload.size();
    return text.insert(at, R"("baselines":[{"title":")" + title + R"(","components":[)" + entries + "]}],");
}

const std::vector<std::string> kFour = {component("web", kOldImage), component("db", kOldImage, "64M"),
                                        component("gone", kOldImage), component("same", kOldImage)};

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = {
        {"first deploy of 3", "",
         message("cut",
                 {component("web", kOldImage), component("db", kPulledImage), component("log", kOldImage)})},
        // One made again, one changed in place, one new, one removed, one unchanged.
        {"update of 5", message("before", kFour),
         message("cut", {component("web", kNewImage), component("db", kOldImage, "96M"),
                         component("fresh", kOldImage), component("same", kOldImage)})},
        {"update that goes back", message("before", kFour),
         message("cut", {component("web", kNewImage), component("db", kOldImage, "96M"),
                         component("fresh", kBrokenImage), component("same", kOldImage)}),
         false},
        {"update that starts first",
         message("before", {component("web", kOldImage), component("db", kOldImage)}),
         message("cut", {start_first("web", kNewImage), component("db", kOldImage)})},
        {"update that starts first and goes back",
         message("before", {component("web", kOldImage), component("db", kOldImage)}),
         message("cut", {start_first("web", kNewImage), start_first("db", kBrokenImage)}), false},
        {"update by commands",
         message("before", {component("web", kOldImage), component("same", kOldImage)}),
         stamped(in_baseline("all",
                             message("cut", {component("web", kPulledImage), component("same", kOldImage)}),
                             {"web", "same"})),
         true,
         {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"},
         "all"},
        {"update by commands that is taken back",
         message("before", {component("web", kOldImage), component("db", kOldImage, "64M")}),
         stamped(message("cut", {component("web", kNewImage), component("db", kOldImage, "96M")})),
         false,
         {"DOWNLOAD", "UPDATE", "ACTIVATE", "ROLLBACK", "CLEANUP"}},
        {"recovery of what is gone",
         message("before", {component("web", kPulledImage), component("db", kOldImage, "64M"),
                            component("same", kOldImage)}),
         "",
         false,
         {},
         "",
         {"web", "db"}},
        {"update that gives way to a newer one",
         message("before", {component("web", kOldImage)}),
         message("cut", {component("web", kPulledImage)}),
         true,
         {},
         "",
         {},
         message("newer", {component("web", kOldImage), component("fresh", kOldImage)})},
    };
    return all;
}

const Scenario& update_of_five() {
    return scenarios().at(1);
}

std::string as_activity(std::string message, const std::string& activity) {
    const std::string key = R"("activityId":")";
    const auto begin = message.find(key) + key.size();
    return message.replace(begin, message.find('"', begin) - begin, activity);
}

std::string stamped(const std::string& message) {
    return R"({"timestamp":1718000010000,)" + message.substr(1);
}

std::string phase_of(const std::string& command) {
    return command == "ACTIVATE" ? "ACTIVATION" : command;
}

}  // namespace berth::test
