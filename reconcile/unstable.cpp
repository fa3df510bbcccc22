#include "reconcile/unstable.hpp"

#include <cstddef>
#include <set>

#include "protocol/component_texts.hpp"
#include "protocol/document.hpp"
#include "protocol/problems.hpp"
#include "reconcile/plan.hpp"

namespace berth::reconcile {
namespace {

constexpr std::size_t kMostTold = 1024;  // bytes: it is in every later message of its operation

}  // namespace

std::string unstable(const ContainerSpec& asked, const ContainerSpec& held) {
    std::set<std::string> keys = compare(held, asked).all();
    // A kernel without swap limits has none for anybody: no news of a component that asked for none.
    if (has_default_swap(asked.resources) && held.resources.memory_swap == "-1") keys.erase("memorySwap");
    // No reason to make an instance anew, but asked for all the same.
    if (held.host_name != asked.host_name) keys.insert("hostName");
    if (held.domain_name != asked.domain_name) keys.insert("domainName");
    std::string text;
    for (const auto& change : key_changes(held, asked, keys, {"*"}))
        text += std::string(text.empty() ? "unstable: " : ", ") + change.key + " wanted \"" + change.wanted +
                "\" engine says \"" + change.old + '"';
    return shortened(text, kMostTold);
}

}  // namespace berth::reconcile
