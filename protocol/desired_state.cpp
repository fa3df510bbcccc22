#include "protocol/desired_state.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/component_keys.hpp"
#include "protocol/digest.hpp"
#include "protocol/fields.hpp"

namespace berth {
namespace {

// Splits at commas and trims blanks; empty names are nobody's.
std::set<std::string> names_of_list(std::string_view text) {
    std::set<std::string> names;
    while (true) {
        const auto comma = text.find(',');
        std::string_view name = text.substr(0, comma);
        const auto begin = name.find_first_not_of(" \t\r\n");
        if (begin != name.npos)
            names.emplace(name.substr(begin, name.find_last_not_of(" \t\r\n") - begin + 1));
        if (comma == text.npos) return names;
        text.remove_prefix(comma + 1);
    }
}

constexpr std::string_view kAnyAddress = "0.0.0.0";
using PortKey =
    std::tuple<std::uint16_t, std::string, std::string>;  // port, protocol and address of the host
using Published = std::map<PortKey, std::string>;         // by which component

PortKey key_of(const Port& port, std::string_view address) {
    return {port.host_port, port.protocol, std::string(address)};
}

bool is_fixed(const Port& port) {  // else a free one is taken
    return port.host_port != 0 && port.host_port_end <= port.host_port;
}

// Who has it already, on that address, on all, or, where all are wanted, on any; empty: nobody.
std::string holder_of(const Port& port, const Published& published) {
    if (port.host_ip == kAnyAddress) {
        const auto first = published.lower_bound(key_of(port, {}));
        const bool same = first != published.end() && std::get<0>(first->first) == port.host_port &&
                          std::get<1>(first->first) == port.protocol;
        return same ? first->second : std::string();
    }
    for (const std::string_view address : {std::string_view(port.host_ip), kAnyAddress})
        if (const auto found = published.find(key_of(port, address)); found != published.end())
            return found->second;
    return {};
}

class Decoder {
 public:
    Decoder(std::string_view domain, Strictness strictness) : domain_(domain), strictness_(strictness) {}

    Result<DesiredState> decode(const Json& root);

 private:
    bool is_ours(const Fields& domain);
    bool read_domain(const Fields& payload);  // false: nothing was read that baselines could name
    std::vector<Pair> read_pairs(const Fields& owner, Notes* notes);
    void read_domain_config(const Fields& domain);
    void read_component(const Fields& component);
    void read_baseline(const Fields& baseline);
    void read_baseline_entry(const std::string& title, const std::string& entry, Baseline& into);
    void check_title(const Fields& baseline, const std::string& title);
    void check_implicit_titles();
    void check_ports();

    std::string domain_;
    Strictness strictness_;
    Problems problems_{};
    Problems warnings_{};
    DesiredState state_{};
    std::set<std::string> ids_{};                 // of all components, also of bad ones
    std::map<std::string, std::string> taken_{};  // component -> title of its baseline
    std::set<std::string> titles_{};
};

// Without notes a value that is no text is named by its path.
std::vector<Pair> Decoder::read_pairs(const Fields& owner, Notes* notes) {
    std::vector<Pair> pairs;
    for (const Fields& item : owner.objects("config")) {
        Pair pair{.key = item.text("key")};
        if (!item.has("key")) {
            auto& kept = strictness_ == Strictness::Strict ? problems_ : warnings_;
            kept.add(item.path() + ".key: is missing; the pair is ignored");
            continue;
        }
        const Json* value = item.find("value");
        if (notes != nullptr && value != nullptr && !value->is_string()) {
            notes->refuse(pair.key, fmt::format("expected a JSON string, got {}", kind_of(*value)));
            continue;
        }
        pair.value = item.text("value");
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

void Decoder::read_component(const Fields& item) {
    const auto given = item.text_if("id");
    const std::string id = given.value_or("");
    Notes notes(id.empty() ? item.path() : id, strictness_, problems_, warnings_);
    if (!given && !item.has("id"))
        item.problem("id", "is missing; expected the container's name");
    else if (given && id.empty())
        item.problem("id", "is empty; expected the container's name");
    else if (given && !ids_.insert(id).second)
        notes.refuse("id", "two components have this id", id);
    else if (const auto fault = fault_of_component_id(id); given && !fault.empty())
        notes.refuse("id", fault, id);
    item.is_misspelt("config", "the image would be <id>:<version>, and all else the default");
    // One that is no text is told already, and so says nothing of the image that would be made of it.
    const bool unreadable = item.has("version") && !item.find("version")->is_string();
    const std::string version = item.text("version", unreadable ? "?" : "");
    state_.components.push_back(component_of(id, version, read_pairs(item, &notes), notes));
}

void Decoder::read_domain_config(const Fields& domain) {
    for (const auto& [key, value] : read_pairs(domain, nullptr)) {
        if (key == "systemContainers")
            state_.system_containers = names_of_list(value);
        else
            warnings_.add("domain " + domain_ + ", key " + shortened(key) + ": unknown key, ignored");
    }
}

bool Decoder::is_ours(const Fields& domain) {
    const auto id = domain.text_if("id");
    if (id == domain_) return true;
    if (id)
        domain.problem("id", fmt::format("expected \"{}\"", domain_) + value_note(*id));
    else if (!domain.has("id"))
        domain.problem("id", fmt::format("is missing; expected \"{}\"", domain_));
    return false;
}

bool Decoder::read_domain(const Fields& payload) {
    if (payload.is_misspelt("domains", "there is nothing to do")) return false;
    const Json* list = payload.find("domains");
    const auto domains = payload.objects("domains");
    const std::size_t count = list != nullptr && list->is_array() ? list->size() : 0;
    if (count != 1 && (list == nullptr || list->is_array()))
        payload.problem("domains",
                        fmt::format("expected exactly one domain, \"{}\", got {}", domain_, count));
    if (count != 1 || domains.empty()) return false;
    const Fields& domain = domains.front();
    if (!is_ours(domain)) return false;
    domain.is_misspelt("config", "the configured system containers count");
    read_domain_config(domain);
    // Senders leave an empty list out, so that is no mistake; a misspelt one would remove everything.
    if (domain.is_misspelt("components", "everything is removed")) return false;
    const auto components = domain.objects("components");
    if (components.size() > kMaxComponents) {
        domain.problem("components", fmt::format("{} are too many; at most {} are accepted",
                                                 components.size(), kMaxComponents));
        return false;
    }
    for (const Fields& component : components)
        read_component(component);
    return true;
}

void Decoder::check_title(const Fields& baseline, const std::string& title) {
    if (baseline.is_misspelt("title", "no command can name it")) return;
    if (!baseline.has("title"))
        baseline.problem("title", "is missing; expected a name");
    else if (title.empty())
        baseline.problem("title", "is empty; expected a name");
    else if (title == domain_ + ":remove-components")
        baseline.problem("title", "is reserved for the containers to remove" + value_note(title));
    else if (title == "*")
        baseline.problem("title", "stands for all components in a command" + value_note(title));
    else if (!titles_.insert(title).second)
        baseline.problem("title", "another baseline has it, too" + value_note(title));
}

void Decoder::read_baseline_entry(const std::string& title, const std::string& entry, Baseline& into) {
    const std::string prefix = domain_ + ":";
    const std::string where = "baseline " + shortened(title) + ": ";
    if (!entry.starts_with(prefix)) {
        if (entry.find(':') == entry.npos)
            warnings_.add(where + "an entry is <domain>:<component id>, ignored" + value_note(entry));
        return;  // another domain's
    }
    const std::string name = entry.substr(prefix.size());
    if (ids_.count(name) == 0) {
        problems_.add(where + "no such component" + value_note(entry));
        return;
    }
    const auto [holder, is_new] = taken_.emplace(name, title);
    if (!is_new)
        problems_.add(where + "the component is in baseline " + shortened(holder->second) + " already" +
                      value_note(entry));
    into.components.push_back(name);
}

void Decoder::read_baseline(const Fields& item) {
    Baseline baseline{.title = item.text("title")};
    check_title(item, baseline.title);
    item.text("description");  // nobody reads these two, but they must be texts
    item.text("preconditions");
    item.is_misspelt("components", "its commands would do nothing");
    for (const auto& entry : item.texts("components"))
        read_baseline_entry(baseline.title, entry, baseline);
    state_.baselines.push_back(std::move(baseline));
}

// A component in no baseline gets one of its own, named <domain>:<id>.
void Decoder::check_implicit_titles() {
    for (const auto& id : ids_)
        if (taken_.count(id) == 0 && titles_.count(domain_ + ":" + id) != 0)
            problems_.add("baseline " + domain_ + ":" + id + ": component " + id +
                          " has a baseline of this name already, because it is in no other");
}

// Where both run, the second could not start, after what ran in its place had been stopped. One may have
// ended.
void Decoder::check_ports() {
    Published published;
    for (const auto& [version, spec, order] : state_.components) {
        for (const auto& port : spec.ports)
            if (const auto holder = is_fixed(port) ? holder_of(port, published) : ""; !holder.empty())
                warnings_.add(fmt::format("component {}, key port: component {} publishes {}:{}/{} as well",
                                          spec.name, holder, port.host_ip, port.host_port, port.protocol));
        for (const auto& port : spec.ports)
            if (is_fixed(port)) published.emplace(key_of(port, port.host_ip), spec.name);
    }
}

Result<DesiredState> Decoder::decode(const Json& root) {
    const Fields envelope(&root, "$", problems_);
    const Fields payload = envelope.object("payload");
    state_.activity_id = envelope.text("activityId");
    state_.timestamp = envelope.integer("timestamp");
    envelope.is_misspelt("timestamp", "it would be carried out at once");
    const bool is_misspelt = envelope.is_misspelt("payload", "there is nothing to do");
    if (!envelope.has("payload") && !is_misspelt)
        envelope.problem("payload", "is missing; expected {\"domains\":[{\"id\":\"" + domain_ + "\", …}]}");
    if (envelope.has("payload") && read_domain(payload)) {
        payload.is_misspelt("baselines", "each component is one of its own");
        for (const Fields& baseline : payload.objects("baselines"))
            read_baseline(baseline);
        check_implicit_titles();
        check_ports();
    }
    if (!problems_.empty()) {
        for (const auto& warning : warnings_.list())
            problems_.add("warning: " + warning);
        return problems_.error();
    }
    state_.warnings = warnings_.list();
    state_.digest = sha256(print(*payload.json()));
    if (state_.digest.empty()) return fail(Errc::Internal, "no SHA-256 from the crypto library");
    return std::move(state_);
}

}  // namespace

Result<DesiredState> decode_desired_state(std::string_view text, std::string_view domain,
                                          Strictness strictness) {
    auto root = parse_object(text);
    if (!root) return root.error();
    return Decoder(domain, strictness).decode(*root);
}

}  // namespace berth
