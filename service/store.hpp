// The store: one record per container on disk, <home_dir>/containers/<io.berth.id>/config.json, 0600,
// replaced atomically. Blocking: called on workers. Holds no state; service/world owns the picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth::service::store {

// An id from outside becomes a folder name only if it is one: is_container_id.
bool is_safe_id(const std::string& id);

struct Loaded {
    std::vector<Container> records{};
    std::vector<std::string>
        problems{};  // damaged records, one sentence each; the engine's labels replace them
};

// Clears away what a cut left of a save. Before the first save of this process.
void clear_unfinished(const std::filesystem::path& home_dir);

// A folder that does not exist yet holds nothing. Internal: it is
// there but cannot be read.
Result<Loaded> load(const std::filesystem::path& home_dir);

// On disk when it returns. NoSpace: the disk is full; the old record is untouched then.
Result<> save(const std::filesystem::path& home_dir, const Container& container);

Result<> erase(const std::filesystem::path& home_dir, const ContainerId& id);  // absent: fine

}  // namespace berth::service::store
