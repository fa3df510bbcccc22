// The document as a tree, for what has it inside its own JSON; for the .cpp files of protocol only.
#pragma once

#include "protocol/container.hpp"
#include "protocol/json_text.hpp"

namespace berth {

OrderedJson document_tree(const ContainerSpec& spec);  // encode_document before it is text

}  // namespace berth
