// The container document: one JSON object for the store, the label io.berth.document and (later) get, create
// and the deployment folder. Reads Kanto's config.json and the manifests of Eclipse Leda as they are.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth {

inline constexpr std::int64_t kNanosecondsInASecond = 1'000'000'000;  // retry_timeout is in nanoseconds
inline constexpr std::int64_t kMaxRetryTimeoutSeconds =
    std::numeric_limits<std::int64_t>::max() / kNanosecondsInASecond;

// What was asked for, compact, read-only fields left out: the label.
std::string encode_document(const ContainerSpec& spec);

// With state, created, restart_count, manually_stopped, started_successfully_before and Berth's "berth"
// object (role, replaces), indented by three blanks: the store's file.
std::string encode_record(const Container& container);

// Unknown keys are ignored, keys match case-insensitively, null is absent, defaults are filled
// (fill_defaults).
// Invalid lists every problem with its path. `warnings`: what is read otherwise than written (a retry_timeout
// meant as seconds) or does not act (hooks, retry_timeout, root_dir).
Result<ContainerSpec> decode_document(std::string_view text, std::vector<std::string>* warnings = nullptr);
// A record of Kanto with memory but no swap had an unlimited one: read as "-1".
Result<Container> decode_record(std::string_view text);

// Everything the model leaves open: host and domain name, restart policy, log, propagation, swap (twice the
// memory, same unit letter, up to four decimals; "-1" stays).
void fill_defaults(ContainerSpec& spec);
// Its swap limit is what fill_defaults makes of its memory: nobody had to ask for it.
bool has_default_swap(const Resources& limits);

// Up to 76 letters and digits, joined by single . _ or -: what may become a folder name or a label.
bool is_container_id(std::string_view text);

// The checks that need more than one value, in the order of the document: image, name, mounts, privileged
// with devices, host network with ports, logs, restart policy, resources, env. First failure ends it; the
// message is `key <key>: reason (value "v")`.
Result<> validate(const ContainerSpec& spec);

}  // namespace berth
