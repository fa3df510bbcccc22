// Runtime: the verbs Berth needs of a container engine. Holds no policy, no retries and no state of
// containers. Blocking by design: called on workers, from several threads at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/layer.hpp"
#include "protocol/result.hpp"
#include "protocol/usage.hpp"

namespace berth::runtime {

using std::chrono::steady_clock;

struct Progress {  // of a pull, summed over all layers known so far; total grows while layers are found
    std::int64_t current_bytes{};
    std::int64_t total_bytes{};
};

struct Call {                // how long a verb may take, how to stop it, where its progress goes
    std::stop_token stop{};  // stopped: the verb returns Interrupted soon
    steady_clock::time_point deadline{steady_clock::time_point::max()};  // passed: Timeout
    std::function<void(const Progress&)> progress{};  // on the calling thread; may be empty
};

struct EngineInfo {
    std::string name{};         // "Docker Engine 20.10.24"
    std::string api_version{};  // in use, "1.41"
};

struct CreateOptions {
    std::string engine_name{};  // for people; taken already: the runtime appends -<id8>
    ContainerId replaces{};     // label io.berth.replaces, empty: none
    // What the process gets where it differs from the document's: secrets resolved. Never stored, never
    // logged.
    std::optional<std::vector<std::string>> env{};
};

struct StopOptions {
    std::string signal{};  // "SIGTERM", "15"; empty: the container's own stop signal
    std::chrono::milliseconds grace{30'000};
    bool force{true};  // after the grace SIGKILL; without force: Timeout, and the container runs on
};

struct UpdateOptions {  // what is given replaces the whole of it
    std::optional<RestartPolicy> restart{};
    std::optional<Resources> resources{};
};

enum class Which { All, Missing };  // layers of an image: all, or those that the engine would have to fetch

struct Space {                                 // where the engine keeps images and containers
    std::string folder{};                      // as the engine names it
    std::optional<std::int64_t> free_bytes{};  // absent: it cannot be seen from here
};

// Where a container can be reached: on Berth's bridge, under its host name; apart, on a network of its own,
// from which it reaches the machine and what is outside, but no other container reaches it; nowhere.
enum class Place { Shared, Apart, Nowhere };

enum class EngineEventKind { Create, Start, Kill, Stop, Die, Oom, Pause, Unpause, Rename, Update, Destroy };

struct EngineEvent {
    EngineEventKind kind{};
    EngineId engine_id{};
    ContainerId id{};          // io.berth.id
    std::string name{};        // the engine's name
    std::string signal{};      // Kill
    std::int64_t exit_code{};  // Die
    std::string time{};        // RFC 3339, UTC, nanoseconds: the engine's
};

class Runtime {
 public:
    virtual ~Runtime() = default;

    // Agrees on an API version and makes sure that Berth's bridge network is there. Called by the watcher
    // after every (re)connect, before list. Unavailable: nobody answers; Unsupported: too old, both versions
    // named.
    virtual Result<EngineInfo> connect(Call call) = 0;

    // All containers of this namespace in whatever state, spec from io.berth.document. Of one whose document
    // cannot be read, only spec.id is set and spec.name is empty; without a label of its id spec is as if
    // new. One call;
    // restart_count, exit_code and finished_at are as far as the engine's list knows them, engine_policy is
    // empty.
    virtual Result<std::vector<Container>> list(Call call) = 0;
    virtual Result<Container> inspect(const EngineId& engine_id, Call call) = 0;
    // `asked` as the engine holds it: in its words where that is not what it was told at create or by an
    // update. What it does not tell, what the image or the machine adds, and a value that `asked` only refers
    // to, count as asked.
    virtual Result<ContainerSpec> read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                            Call call) = 0;
    virtual Result<std::optional<EngineId>> find(const ContainerId& id, Call call) = 0;

    virtual Result<bool> image_present(const std::string& reference, Call call) = 0;
    // Reads the stream to its end: an error inside it is an error. NotFound: no such image or no access to
    // it; Unavailable: the registry cannot be reached or answers 5xx; Forbidden: credentials refused.
    virtual Result<> pull(const std::string& reference, Call call) = 0;
    // As the image's registry tells them, for the platform of the engine. Missing takes longer, and is an
    // error, too, when it cannot be found out what the engine has of them. NotFound, Unavailable, Forbidden
    // as for a pull; Unsupported: the registry says nothing we understand.
    virtual Result<std::vector<Layer>> image_layers(const std::string& reference, Which which, Call call) = 0;
    virtual Result<Space> space(Call call) = 0;

    virtual Result<EngineId> create(const ContainerSpec& spec, CreateOptions options,
                                    Call call) = 0;                    // idempotent on spec.id
    virtual Result<> start(const EngineId& engine_id, Call call) = 0;  // running already: fine
    virtual Result<> stop(const EngineId& engine_id, StopOptions options,
                          Call call) = 0;  // absent or not running: fine
    virtual Result<> kill(const EngineId& engine_id, const std::string& signal, Call call) = 0;
    virtual Result<> pause(const EngineId& engine_id, Call call) = 0;    // paused already: fine
    virtual Result<> unpause(const EngineId& engine_id, Call call) = 0;  // running already: fine
    virtual Result<> rename(const EngineId& engine_id, const std::string& engine_name, Call call) = 0;
    virtual Result<> update(const EngineId& engine_id, const UpdateOptions& options, Call call) = 0;
    virtual Result<> remove(const EngineId& engine_id,
                            Call call) = 0;  // with anonymous volumes; absent: fine
    // Once it is done the container is in that place and in no other; one of the machine's network stays
    // there. Apart is for one that waits to take another one's place: it starts there; what runs already
    // stays where it is.
    virtual Result<> move_to(const EngineId& engine_id, const ContainerSpec& spec, Place place,
                             Call call) = 0;
    // What it has used so far. Of one that does not run: Conflict.
    virtual Result<Usage> stats(const EngineId& engine_id, Call call) = 0;

    // Blocks and delivers events of this namespace until the stream ends (Unavailable) or stop is requested
    // (Interrupted). `subscribed` is called once the engine has accepted the subscription: list after it.
    virtual Result<> watch(const std::function<void()>& subscribed,
                           const std::function<void(EngineEvent)>& deliver, Call call) = 0;
};

// The names people see in `docker ps`; never an identity.
std::string id8(const ContainerId& id);  // first 8 of a UUID, else first 8 hex digits of its SHA-256
std::string plain_name(const ContainerSpec& spec);
std::string staged_name(const ContainerSpec& spec);  // web.staged-1a2b3c4d
std::string old_name(const ContainerSpec& spec);     // web.old-1a2b3c4d
// That, also as it is where somebody else had it.
bool is_old_name(const std::string& engine_name, const ContainerSpec& spec);
// The container's name by the engine's: that of `spec` where the engine's is a form of it, else what somebody
// has made of it since.
std::string name_by_engine(const std::string& engine_name, const ContainerSpec& spec);

}  // namespace berth::runtime
