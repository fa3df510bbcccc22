// Operations on software as JSON, in the twin and on disk. Internal to protocol/twin: JSON stays in here.
#pragma once

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"
#include "protocol/twin/software.hpp"

namespace berth::twin {

Module read_name(const Fields& module);
Dependency read_dependency(const Fields& item);
OrderedJson write_dependency(const Dependency& dependency);
OrderedJson write_operation(const OperationStatus& status);

}  // namespace berth::twin
