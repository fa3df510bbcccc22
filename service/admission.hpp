// What is to be pulled, and whether there is room for it: asked of the engine and of the registries.
// Blocking: called on workers. The arithmetic is reconcile's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "reconcile/room.hpp"
#include "runtime/runtime.hpp"

namespace berth::service {

using reconcile::Survey;

enum class Depth {
    Decide,  // no more than it takes to admit or refuse; where nothing is missing, only that is asked
    Tell     // everything that can be learnt
};

// An error is that of an engine which is away, or an interruption. What else the engine says of an image, and
// what is not learnt within seconds, is left to the pull: an image that the engine does not tell of in time
// is among the missing, and room that it does not tell of is no reason to refuse.
Result<Survey> survey(runtime::Runtime& runtime, const std::vector<std::string>& images, std::int64_t reserve,
                      const runtime::Call& call, Depth depth = Depth::Decide);

// Of an image that names no registry or no tag, where both are required.
Error not_qualified(const std::string& image);

// What Berth keeps free for its own records, if not less is to stay free anyway: they are small.
inline constexpr std::int64_t kOwnReserve = 16 * 1024 * 1024;

// NoSpace: Berth's own folder has come down to the reserve. One system call, so fit for the loop.
Result<> room_in(const std::filesystem::path& folder, std::int64_t reserve);

}  // namespace berth::service
