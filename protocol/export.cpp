#include "protocol/export.hpp"

#include <cstddef>
#include <map>
#include <utility>

#include "protocol/component_keys.hpp"
#include "protocol/component_texts.hpp"
#include "protocol/current_state.hpp"
#include "protocol/json_text.hpp"
#include "protocol/redact.hpp"

namespace berth {
namespace {

std::vector<Pair> pairs_of(const std::vector<KeyTexts>& rows) {
    std::vector<Pair> pairs;
    for (const auto& row : rows) {
        if (!row.settable || row.usual) continue;
        for (const auto& text : row.texts)
            pairs.push_back({std::string(row.key), text});
    }
    return pairs;
}

// What is lost on the way through a desired state is found by going it.
void note_lost(const std::vector<KeyTexts>& rows, const ContainerSpec& read_back, Problems& lost) {
    const auto back = texts_of(read_back);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].texts == back[i].texts) continue;
        const std::string key(rows[i].key);
        lost.add(rows[i].settable ? "key " + key + ": a value cannot be written in a desired state"
                                  : key + ": there is no key for it");
    }
}

void mask_env(std::vector<Pair>& config, const std::vector<std::string>& redact, Problems& lost) {
    for (auto& [key, value] : config) {
        if (key != "env") continue;
        auto masked = redact_env(value, redact);
        if (masked == value) continue;
        lost.add("key env: the value of " + masked.substr(0, masked.find('=')) + " is masked");
        value = std::move(masked);
    }
}

void add_component(const ContainerSpec& spec, const std::vector<std::string>& redact, Problems& lost,
                   Export& out) {
    const auto rows = texts_of(spec);
    ExportedComponent component{spec.name, version_of_image(spec.image), pairs_of(rows)};
    Problems refusals;
    Problems warnings;
    Notes notes(spec.name, Strictness::Lenient, refusals, warnings);
    if (const auto fault = fault_of_component_id(spec.name); !fault.empty()) notes.refuse("id", fault);
    if (out.components.size() == kMaxComponents)
        refusals.add("a desired state has at most " + std::to_string(kMaxComponents) + " components");
    const auto read_back = component_of(spec.name, component.version, component.config, notes).spec;
    if (!refusals.empty())
        return lost.add("left out, so it is removed where this is sent: " + refusals.text());
    note_lost(rows, read_back, lost);
    mask_env(component.config, redact, lost);
    out.components.push_back(std::move(component));
}

OrderedJson write_exported(const ExportedComponent& component) {
    OrderedJson config = OrderedJson::array();
    for (const auto& [key, value] : component.config) {
        OrderedJson pair = {{"key", key}};
        if (!value.empty()) pair["value"] = value;
        config.push_back(std::move(pair));
    }
    return {{"id", component.name}, {"version", component.version}, {"config", std::move(config)}};
}

}  // namespace

Export export_of(const std::vector<Container>& containers, const std::set<std::string>& system,
                 const std::vector<std::string>& redact) {
    std::map<std::string, int> bearers;  // of a name
    for (const auto& container : containers)
        if (container.role == Role::Plain) ++bearers[container.spec.name];
    Export out{};
    for (const Container* container : effective(containers)) {
        const auto& name = container->spec.name;
        if (system.contains(name)) continue;
        Problems lost;
        add_component(container->spec, redact, lost, out);
        if (bearers[name] > 1) lost.add("another container of this name is removed where this is sent");
        if (!lost.empty()) out.incomplete.push_back({name, lost.text()});
    }
    return out;
}

std::string encode(const Export& given, std::string_view domain) {
    OrderedJson payload = OrderedJson::object();
    if (!given.message.empty()) {
        payload["message"] = given.message;
        return print_envelope(given.activity_id, given.timestamp, std::move(payload));
    }
    OrderedJson components = OrderedJson::array();
    for (const auto& component : given.components)
        components.push_back(write_exported(component));
    OrderedJson one = {{"id", domain}, {"components", std::move(components)}};
    payload["domains"] = OrderedJson::array({std::move(one)});
    for (const auto& [component, reason] : given.incomplete) {
        OrderedJson entry = {{"component", component}, {"reason", reason}};
        payload["incomplete"].push_back(std::move(entry));
    }
    return print_envelope(given.activity_id, given.timestamp, std::move(payload));
}

}  // namespace berth
