// What the engine says: its lists, inspections and events as our structs. Pure. Anything it leaves out is the
// default; only an answer that is no JSON of the expected shape is an error (Internal).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/docker/encode.hpp"
#include "runtime/docker/manifest.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

struct Inspected {
    Container container{};
    std::string stop_signal{};  // the container's own, from the image; empty: none named
    Limits limits{};
    std::set<std::string> networks{};  // by name; of one that does not run: those it will be on
};

Result<std::vector<Container>> decode_list(std::string_view body);
Result<Inspected> decode_inspect(std::string_view body);
// Conflict: it does not run, the engine sends empty counters then.
Result<Usage> decode_stats(std::string_view body);
Result<EngineId> decode_id(std::string_view body);

// One line of the event stream; nothing: an event nobody here asks about.
Result<std::optional<EngineEvent>> decode_event(std::string_view line);

Result<std::string> decode_gateway(std::string_view body);  // of a network: the first IPv4 one, empty: none
Result<std::vector<std::string>> decode_network_names(std::string_view body);  // of GET /networks

// "20.10.24+dfsg1" of GET /version -> "20.10.24".
Result<std::string> decode_engine_version(std::string_view body);
Platform decode_platform(std::string_view body);  // of GET /version; what it leaves out is empty

std::string decode_data_folder(
    std::string_view body);  // of GET /info; empty: it names none that has the images

// Of GET /images/json, and of one image: the diff ids of its layers, the lowest first.
std::vector<std::string> decode_image_ids(std::string_view body);
std::vector<std::string> decode_image_layers(std::string_view body);

}  // namespace berth::runtime::docker
