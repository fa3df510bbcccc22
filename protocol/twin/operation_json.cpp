#include "protocol/twin/operation_json.hpp"

#include <utility>

namespace berth::twin {
namespace {

OrderedJson write_module(const Module& module) {
    return {{"name", module.name}, {"version", module.version}};
}

Progress read_progress(const Fields& operation) {
    const auto word = operation.text("status");
    for (int i = 0; i <= static_cast<int>(Progress::FinishedRejected); ++i)
        if (word == to_string(static_cast<Progress>(i))) return static_cast<Progress>(i);
    operation.problem("status", "is no word of an operation" + value_note(word));
    return {};
}

OperationStatus read_operation(const Fields& operation) {
    OperationStatus status;
    status.correlation_id = operation.text("correlationId");
    status.status = read_progress(operation);
    if (operation.has("softwareModule")) status.module = read_name(operation.object("softwareModule"));
    for (const Fields& item : operation.objects("software"))
        status.software.push_back(read_dependency(item));
    status.message = operation.text("message");
    return status;
}

}  // namespace

Module read_name(const Fields& module) {
    return {.name = module.text("name"), .version = module.text("version")};
}

Dependency read_dependency(const Fields& item) {
    return {.group = item.text("group"),
            .name = item.text("name"),
            .version = item.text("version"),
            .type = item.text("type")};
}

OrderedJson write_dependency(const Dependency& dependency) {
    OrderedJson written = OrderedJson::object();
    if (!dependency.group.empty()) written["group"] = dependency.group;
    written["name"] = dependency.name;
    written["version"] = dependency.version;
    if (!dependency.type.empty()) written["type"] = dependency.type;
    return written;
}

OrderedJson write_operation(const OperationStatus& status) {
    OrderedJson written = {{"correlationId", status.correlation_id}, {"status", to_string(status.status)}};
    if (status.module) written["softwareModule"] = write_module(*status.module);
    for (const auto& item : status.software)
        written["software"].push_back(write_dependency(item));
    if (!status.message.empty()) written["message"] = status.message;
    return written;
}

std::string encode_kept(const KeptAction& action) {
    OrderedJson written = {{"thing", action.thing}, {"correlationId", action.correlation_id}};
    for (const auto& module : action.modules)
        written["modules"].push_back(write_module(module));
    for (const auto& item : action.software)
        written["software"].push_back(write_dependency(item));
    for (const auto& item : action.removed)
        written["removed"].push_back(write_dependency(item));
    for (const auto& end : action.ends)
        written["ends"].push_back(write_operation(end));
    return print(written);
}

Result<KeptAction> decode_kept(std::string_view text) {
    const auto root = parse_exact(text, text.size());
    if (!root) return root.error();
    Problems problems;
    const Fields fields(&*root, "$", problems);
    KeptAction action{.thing = fields.text("thing"), .correlation_id = fields.text("correlationId")};
    for (const Fields& module : fields.objects("modules"))
        action.modules.push_back(read_name(module));
    for (const Fields& item : fields.objects("software"))
        action.software.push_back(read_dependency(item));
    for (const Fields& item : fields.objects("removed"))
        action.removed.push_back(read_dependency(item));
    for (const Fields& end : fields.objects("ends"))
        action.ends.push_back(read_operation(end));
    if (!problems.empty()) return problems.error();
    return action;
}

}  // namespace berth::twin
