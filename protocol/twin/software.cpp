#include "protocol/twin/software.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"
#include "protocol/twin/operation_json.hpp"

namespace berth::twin {
namespace {

std::string without_dashes(std::string_view name) {
    std::string plain = lower(name);
    std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == ' '; });
    return plain;
}

// Whoever sends a checksum counts on it: one that nobody looks at is told. One of another kind may stand
// beside.
void look_for_other_spellings(const Fields& sums) {
    if (sums.json() == nullptr) return;
    for (const std::string kind : {"MD5", "SHA1", "SHA256"})
        for (const auto& [name, value] : sums.json()->items())
            if (!sums.has(kind) && lower(name) != lower(kind) && without_dashes(name) == lower(kind))
                sums.problem(name, "unknown; did you mean " + kind + "? Without " + kind +
                                       " the artifact would not be checked");
}

Checksums read_checksums(const Fields& sums) {
    look_for_other_spellings(sums);
    Checksums read{.md5 = sums.text("MD5"), .sha1 = sums.text("SHA1"), .sha256 = sums.text("SHA256")};
    if (read != Checksums{} || sums.json() == nullptr) return read;
    for (const auto& [name, value] : sums.json()->items())
        if (value.is_string() && !value.get_ref<const std::string&>().empty()) read.other = name;
    return read;
}

Artifact read_artifact(const Fields& item) {
    const Fields download = item.object("download");
    Artifact artifact;
    artifact.filename = item.text("filename");
    artifact.url = download.object("HTTP").text("url");
    if (artifact.url.empty()) artifact.url = download.object("HTTPS").text("url");
    item.is_misspelt("checksums", "the artifact would not be checked");
    artifact.checksums = read_checksums(item.object("checksums"));
    if (item.integer("size") < 0) item.problem("size", "must not be negative");
    return artifact;
}

// One message is one action: what it asks for stays within reason.
std::vector<Fields> bounded(const Fields& fields, std::string_view name) {
    auto all = fields.objects(name);
    if (all.size() > kMostSoftware)
        fields.problem(name, "has " + std::to_string(all.size()) + " entries; at most " +
                                 std::to_string(kMostSoftware) + " are accepted");
    return all;
}

// It is repeated with each step.
std::string read_correlation_id(const Fields& fields) {
    constexpr std::size_t kMostBytes = 1024;
    fields.is_misspelt("correlationId", "nobody knows what its steps belong to");
    auto id = fields.text("correlationId");
    if (id.size() > kMostBytes)
        fields.problem("correlationId",
                       "is too long; at most " + std::to_string(kMostBytes) + " bytes are accepted");
    return id;
}

InstallModule read_module(const Fields& item) {
    const Fields named = item.object("softwareModule");
    if (!item.has("softwareModule")) item.problem("softwareModule", "is missing");
    InstallModule module;
    module.module = read_name(named);
    for (const Fields& artifact : bounded(item, "artifacts"))
        module.artifacts.push_back(read_artifact(artifact));
    if (module.artifacts.empty()) item.problem("artifacts", "expected at least one descriptor to download");
    return module;
}

}  // namespace

Result<Install> decode_install(std::string_view value) {
    const auto root = parse_exact(value, value.size());
    if (!root) return fail(root.error(), "install");
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    Install install;
    install.correlation_id = read_correlation_id(fields);
    for (const Fields& item : bounded(fields, "softwareModules"))
        install.modules.push_back(read_module(item));
    if (install.modules.empty()) fields.problem("softwareModules", "expected at least one module");
    fields.flag("forced");
    fields.integer("weight");
    if (!problems.empty()) return problems.error();
    return install;
}

Result<RemoveSoftware> decode_remove_software(std::string_view value) {
    const auto root = parse_exact(value, value.size());
    if (!root) return fail(root.error(), "remove");
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    RemoveSoftware remove;
    remove.correlation_id = read_correlation_id(fields);
    for (const Fields& item : bounded(fields, "software"))
        remove.software.push_back(read_dependency(item));
    if (remove.software.empty()) fields.problem("software", "expected at least one container to remove");
    fields.is_misspelt("forced", "the first failure ends it");
    remove.forced = fields.flag("forced");
    fields.integer("weight");
    if (!problems.empty()) return problems.error();
    return remove;
}

std::string_view to_string(Progress progress) {
    constexpr std::array<std::string_view, 10> kWords = {
        "STARTED",  "DOWNLOADING", "DOWNLOADED",       "INSTALLING",     "INSTALLED",
        "REMOVING", "REMOVED",     "FINISHED_SUCCESS", "FINISHED_ERROR", "FINISHED_REJECTED"};
    return kWords[static_cast<std::size_t>(progress)];
}

KeptAction kept(const std::string& thing, const Install& install) {
    KeptAction action{.thing = thing, .correlation_id = install.correlation_id};
    for (const auto& one : install.modules)
        action.modules.push_back(one.module);
    return action;
}

KeptAction kept(const std::string& thing, const RemoveSoftware& remove) {
    KeptAction action{.thing = thing, .correlation_id = remove.correlation_id};
    action.software = remove.software;
    return action;
}

Dependency dependency_of(const ContainerSpec& spec) {
    const auto colon = spec.image.find(':');
    Dependency dependency;
    dependency.group = spec.image.substr(0, colon);
    dependency.name = spec.id;
    if (colon != spec.image.npos) dependency.version = spec.image.substr(colon + 1);
    return dependency;
}

std::string key_of(const Dependency& dependency) {
    const auto plain = dependency.group + "." + dependency.name + ":" + dependency.version;
    std::string key;
    for (const char c : plain)
        if (c == '/')
            key += "%2F";
        else
            key += c;
    return key;
}

}  // namespace berth::twin
