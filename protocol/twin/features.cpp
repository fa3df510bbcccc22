#include "protocol/twin/features.hpp"

#include <utility>

#include "protocol/json_text.hpp"
#include "protocol/twin/configuration.hpp"
#include "protocol/twin/operation_json.hpp"
#include "protocol/twin/words.hpp"

namespace berth::twin {
namespace {

constexpr std::string_view kFactoryDefinition = "com.bosch.iot.suite.edge.containers:ContainerFactory:1.3.0";
constexpr std::string_view kContainerDefinition = "com.bosch.iot.suite.edge.containers:Container:1.5.0";
constexpr std::string_view kSoftwareDefinition = "org.eclipse.hawkbit.swupdatable:SoftwareUpdatable:2.0.0";
constexpr std::string_view kMetricsDefinition = "com.bosch.iot.suite.edge.metric:Metrics:1.0.0";

OrderedJson message(const Thing& thing, std::string_view action, const std::string& path) {
    return {{"topic", thing.topic_prefix + "/things/twin/commands/" + std::string(action)},
            {"headers", {{"response-required", false}}},
            {"path", "/features/" + path}};
}

std::string modify(const Thing& thing, const std::string& path, OrderedJson value) {
    auto written = message(thing, "modify", path);
    written["value"] = std::move(value);
    return print(written);
}

std::string property(const Thing& thing, std::string_view feature, std::string_view name, OrderedJson value) {
    return modify(thing, std::string(feature) + "/properties/status/" + std::string(name), std::move(value));
}

OrderedJson feature(std::string_view definition) {
    OrderedJson written = OrderedJson::object();
    written["definition"] = OrderedJson::array({std::string(definition)});
    return written;
}

OrderedJson feature(std::string_view definition, OrderedJson status) {
    auto written = feature(definition);
    written["properties"] = OrderedJson::object();
    written["properties"]["status"] = std::move(status);
    return written;
}

OrderedJson write_state(const ContainerState& state) {
    OrderedJson written = OrderedJson::object();
    written["status"] = upper_word(to_string(state.status));
    if (state.pid != 0) written["pid"] = state.pid;
    if (state.exit_code != 0) written["exitCode"] = state.exit_code;
    if (!state.error.empty()) written["error"] = state.error;
    if (!state.started_at.empty()) written["startedAt"] = short_time(state.started_at);
    if (!state.finished_at.empty()) written["finishedAt"] = short_time(state.finished_at);
    // A child's end is not that of a container which runs on.
    const bool is_up = state.status == Status::Running || state.status == Status::Paused;
    if (state.oom_killed && !is_up) written["oomKilled"] = true;
    return written;
}

// null: there is no container.
OrderedJson write_dependencies(const std::vector<Container>& containers) {
    OrderedJson written = nullptr;
    for (const auto& container : containers) {
        const auto dependency = dependency_of(container.spec);
        written[key_of(dependency)] = write_dependency(dependency);
    }
    return written;
}

}  // namespace

std::string container_feature(const ContainerId& id) {
    return "Container:" + id;
}

Features::Features(Thing thing, std::vector<std::string> redact)
    : thing_(std::move(thing)), redact_(std::move(redact)) {}

std::string Features::factory() const {
    return modify(thing_, std::string(kContainerFactory), feature(kFactoryDefinition));
}

std::string Features::metrics() const {
    return modify(thing_, std::string(kMetrics), feature(kMetricsDefinition));
}

std::string Features::software(const std::vector<Container>& containers) const {
    OrderedJson status = {{"softwareModuleType", "oci:container"}};
    if (auto dependencies = write_dependencies(containers); !dependencies.is_null())
        status["installedDependencies"] = std::move(dependencies);
    return modify(thing_, std::string(kSoftwareUpdatable), feature(kSoftwareDefinition, std::move(status)));
}

std::string Features::dependencies(const std::vector<Container>& containers) const {
    return property(thing_, kSoftwareUpdatable, "installedDependencies", write_dependencies(containers));
}

std::string Features::last_operation(const OperationStatus& status) const {
    return property(thing_, kSoftwareUpdatable, "lastOperation", write_operation(status));
}

std::string Features::last_failed_operation(const OperationStatus& status) const {
    return property(thing_, kSoftwareUpdatable, "lastFailedOperation", write_operation(status));
}

std::string Features::container(const Container& container) const {
    OrderedJson status = OrderedJson::object();
    if (!container.spec.name.empty()) status["name"] = container.spec.name;
    status["imageRef"] = container.spec.image;
    status["config"] = write_configuration(container.spec, redact_);
    status["createdAt"] = short_time(container.state.created);
    status["state"] = write_state(container.state);
    return modify(thing_, container_feature(container.spec.id),
                  feature(kContainerDefinition, std::move(status)));
}

std::string Features::state(const ContainerId& id, const ContainerState& state) const {
    return property(thing_, container_feature(id), "state", write_state(state));
}

std::string Features::name(const ContainerSpec& spec) const {
    return property(thing_, container_feature(spec.id), "name", spec.name);
}

std::string Features::configuration(const ContainerSpec& spec) const {
    return property(thing_, container_feature(spec.id), "config", write_configuration(spec, redact_));
}

std::string Features::removed(std::string_view feature) const {
    return print(message(thing_, "delete", std::string(feature)));
}

std::string encode_known(const std::vector<ContainerId>& ids) {
    OrderedJson known = nullptr;
    for (const auto& id : ids)
        known[id] = container_feature(id);
    return print(known);
}

Result<std::vector<ContainerId>> decode_known(std::string_view text) {
    std::vector<ContainerId> ids;
    if (text.find_first_not_of(" \t\r\n") == text.npos) return ids;
    if (text.substr(text.find_first_not_of(" \t\r\n")).starts_with("null")) return ids;
    const auto root = parse_exact(text);
    if (!root) return root.error();
    for (const auto& [id, feature] : root->items())
        if (feature.is_string() && feature == container_feature(id)) ids.push_back(id);
    return ids;
}

}  // namespace berth::twin
