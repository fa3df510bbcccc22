#include "protocol/twin/operation_json.hpp"

#include <utility>

namespace berth::twin {
namespace {

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
    if (operation.has("softwareModule")) {
        const Fields module = operation.object("softwareModule");
        status.module = Module{.name = module.text("name"), .version = module.text("version")};
    }
    for (const Fields& item : operation.objects("software"))
        status.software.push_back(read_dependency(item));
    status.message = operation.text("message");
    return status;
}

}  // namespace

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
    if (status.module)
        written["softwareModule"] = {{"name", status.module->name}, {"version", status.module->version}};
    for (const auto& item : status.software)
        written["software"].push_back(write_dependency(item));
    if (!status.message.empty()) written["message"] = status.message;
    return written;
}

std::string encode_kept(const std::vector<KeptOperation>& operations) {
    OrderedJson all = OrderedJson::array();
    for (const auto& [thing, status] : operations)
        all.push_back({{"thing", thing}, {"operation", write_operation(status)}});
    return print(OrderedJson{{"operations", std::move(all)}});
}

Result<std::vector<KeptOperation>> decode_kept(std::string_view text) {
    const auto root = parse_exact(text, text.size());
    if (!root) return root.error();
    Problems problems;
    const Fields fields(&*root, "$", problems);
    std::vector<KeptOperation> all;
    for (const Fields& one : fields.objects("operations"))
        all.push_back({.thing = one.text("thing"), .status = read_operation(one.object("operation"))});
    if (!problems.empty()) return problems.error();
    return all;
}

}  // namespace berth::twin
