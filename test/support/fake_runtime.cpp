#include "test/support/fake_runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace berth::test {

using runtime::Call;
using runtime::EngineEventKind;
using runtime::steady_clock;

namespace {

Error no_such_container(const EngineId& engine_id) {
    return fail(Errc::NotFound, fmt::format("No such container: {}", engine_id));
}

bool is_sigkill(const std::string& signal) {
    return signal == "SIGKILL" || signal == "KILL" || signal == "9";
}

std::string word_of(runtime::Place place) {
    if (place == runtime::Place::Shared) return "shared";
    return place == runtime::Place::Apart ? "apart" : "nowhere";
}

bool restarts(const std::string& policy, std::int64_t exit_code) {
    return policy == "always" || policy == "unless-stopped" || (policy == "on-failure" && exit_code != 0);
}

}  // namespace

// --- verbs -----------------------------------------------------------------------------------------------

Result<runtime::EngineInfo> FakeRuntime::connect(Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Connect, call)) return *error;
    return runtime::EngineInfo{.name = "Fake Engine 1", .api_version = "1.41"};
}

Result<std::vector<Container>> FakeRuntime::list(Call call) {
    {
        Lock lock(mutex_);
        if (auto error = refused(Verb::List, call)) return *error;
        while (hang_lists_ && reachable_ && !over(call))
            changed_.wait_until(lock, call.stop, call.deadline,
                                [this] { return !hang_lists_ || !reachable_; });
        if (!reachable_) return fail(Errc::Unavailable, "the engine went away");
        if (auto error = over(call)) return *error;
        if (late_list_) return *late_list_;
    }
    return containers();
}

Result<Container> FakeRuntime::inspect(const EngineId& engine_id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Inspect, call)) return *error;
    const auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    auto container = instance->container;
    container.engine_policy = instance->policy;
    return container;
}

Result<ContainerSpec> FakeRuntime::read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                             Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::ReadBack, call)) return *error;
    const auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    auto held = instance->container.spec;
    held.resources = instance->limits;
    held.restart = asked.restart;  // of an update only the type is kept
    held.restart.type = instance->policy;
    if (otherwise_) otherwise_(held);
    return held;
}

Result<std::optional<EngineId>> FakeRuntime::find(const ContainerId& id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Find, call)) return *error;
    for (const auto& [engine_id, instance] : instances_)
        if (!instance.foreign && instance.container.spec.id == id) return std::optional(engine_id);
    return std::optional<EngineId>{};
}

Result<bool> FakeRuntime::image_present(const std::string& reference, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::ImagePresent, call)) return *error;
    return images_.contains(reference);
}

Result<> FakeRuntime::pull(const std::string& reference, Call call) {
    Lock lock(mutex_);
    if (auto error = refused(Verb::Pull, call)) return *error;
    const auto there = registry_.find(reference);
    if (there == registry_.end())
        return fail(Errc::NotFound, fmt::format("image {}: manifest unknown", reference));
    const auto bytes = there->second;
    most_pulling_ = std::max(most_pulling_, ++pulling_);
    auto ended = pull_to_end(reference, bytes, call, lock);
    --pulling_;
    return ended;
}

Result<> FakeRuntime::pull_to_end(const std::string& reference, std::int64_t bytes, const Call& call,
                                  Lock& lock) {
    const auto report = [&](std::int64_t current) {
        lock.unlock();
        if (call.progress) call.progress({.current_bytes = current, .total_bytes = bytes});
        lock.lock();
    };
    report(bytes / 2);
    while (hang_pulls_ && !over(call))
        changed_.wait_until(lock, call.stop, call.deadline, [this] { return !hang_pulls_; });
    if (auto error = over(call)) return *error;
    report(bytes);
    images_.insert(reference);
    write_down();
    return {};
}

Result<std::vector<Layer>> FakeRuntime::image_layers(const std::string& reference, runtime::Which which,
                                                     Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::ImageLayers, call)) return *error;
    const auto told = layers_.find(reference);
    if (told == layers_.end())
        return fail(Errc::Unavailable, fmt::format("image {}: no registry answers", reference));
    auto layers = told->second;
    if (which == runtime::Which::All) return layers;
    if (hide_deltas_) return fail(Errc::Unsupported, fmt::format("image {}: no configuration", reference));
    for (const auto& image : images_)
        if (const auto other = layers_.find(image); other != layers_.end())
            for (const auto& layer : other->second)
                std::erase(layers, layer);
    return layers;
}

Result<runtime::Space> FakeRuntime::space(Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Space, call)) return *error;
    return runtime::Space{.folder = "/in/memory", .free_bytes = free_};
}

Result<EngineId> FakeRuntime::create(const ContainerSpec& spec, runtime::CreateOptions options, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Create, call)) return *error;
    for (const auto& [engine_id, instance] : instances_)
        if (!instance.foreign && instance.container.spec.id == spec.id) return engine_id;
    if (!images_.contains(spec.image))
        return fail(Errc::NotFound, fmt::format("create {}: image {}: not found", spec.name, spec.image));
    auto name = options.engine_name.empty() ? runtime::plain_name(spec) : options.engine_name;
    if (name_taken(name)) name += "-" + runtime::id8(spec.id);
    if (name_taken(name)) return fail(Errc::Conflict, fmt::format("the name {} is taken", name));

    Instance made{.container = {.spec = spec}, .policy = spec.restart.type, .limits = spec.resources};
    made.env = options.env.value_or(spec.env);
    made.container.engine_id = fmt::format("{:064x}", ++last_id_);
    made.container.engine_name = name;
    made.container.replaces = options.replaces;
    made.container.state.status = Status::Created;
    made.container.state.created = tick();
    const auto engine_id = instances_.emplace(made.container.engine_id, made).first->first;
    tell(EngineEventKind::Create, made.container);
    if (lost_answers_.erase(Verb::Create) > 0) return fail(Errc::Internal, "the connection was cut");
    return engine_id;
}

Result<> FakeRuntime::start(const EngineId& engine_id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Start, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    if (instance->container.state.status == Status::Paused)
        return fail(Errc::Conflict, "cannot start a paused container");
    if (broken_images_.contains(instance->container.spec.image))
        return fail(Errc::Invalid, "exec: not found");
    note("start", *instance);
    if (!instance->container.runs()) {
        // What is on no network gets its usual one.
        if (instance->place == runtime::Place::Nowhere) instance->place = runtime::Place::Shared;
        instance->container.state.restart_count = 0;
        run(*instance);
    }
    return {};
}

Result<> FakeRuntime::stop(const EngineId& engine_id, runtime::StopOptions options, Call call) {
    Lock lock(mutex_);
    if (auto error = refused(Verb::Stop, call)) return *error;
    const auto ended = [&] {
        const auto* instance = at(engine_id);
        return !instance || !instance->container.runs();
    };
    if (ended()) {
        if (auto* instance = at(engine_id)) instance->container.state.restarting = false;
        return {};
    }
    note("stop", *at(engine_id));
    last_stop_ = options;
    signal(*at(engine_id), options.signal.empty() ? "SIGTERM" : options.signal);
    const auto until = std::min(call.deadline, steady_clock::now() + options.grace);
    changed_.wait_until(lock, call.stop, until, ended);
    if (ended()) return {};
    if (auto error = over(call)) return *error;
    if (!options.force) return fail(Errc::Timeout, "stop: still runs");
    signal(*at(engine_id), "SIGKILL");
    return {};
}

Result<> FakeRuntime::kill(const EngineId& engine_id, const std::string& name, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Kill, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    if (!instance->container.runs()) return fail(Errc::Conflict, "container is not running");
    signal(*instance, name);
    return {};
}

Result<> FakeRuntime::pause(const EngineId& engine_id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Pause, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    auto& container = instance->container;
    if (!container.runs()) return fail(Errc::Conflict, "container is not running");
    if (std::exchange(container.state.status, Status::Paused) == Status::Running)
        tell(EngineEventKind::Pause, container);
    return {};
}

Result<> FakeRuntime::unpause(const EngineId& engine_id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Unpause, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    auto& container = instance->container;
    if (!container.runs()) return fail(Errc::Conflict, "container is not paused");
    if (std::exchange(container.state.status, Status::Running) == Status::Paused)
        tell(EngineEventKind::Unpause, container);
    return {};
}

Result<> FakeRuntime::rename(const EngineId& engine_id, const std::string& engine_name, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Rename, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    if (instance->container.engine_name == engine_name) return {};
    if (name_taken(engine_name))
        return fail(Errc::Conflict, fmt::format("the name {} is taken", engine_name));
    instance->container.engine_name = engine_name;
    tell(EngineEventKind::Rename, instance->container);
    return {};
}

Result<> FakeRuntime::update(const EngineId& engine_id, const runtime::UpdateOptions& options, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Update, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    if (options.restart) instance->policy = options.restart->type;
    if (options.resources) instance->limits = *options.resources;
    tell(EngineEventKind::Update, instance->container);
    return {};
}

Result<> FakeRuntime::remove(const EngineId& engine_id, Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::Remove, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) return {};
    if (instance->container.runs()) signal(*instance, "SIGKILL");
    const auto gone = instance->container;
    instances_.erase(engine_id);
    tell(EngineEventKind::Destroy, gone);
    return {};
}

Result<> FakeRuntime::move_to(const EngineId& engine_id, const ContainerSpec& spec, runtime::Place place,
                              Call call) {
    const Lock lock(mutex_);
    if (auto error = refused(Verb::MoveTo, call)) return *error;
    auto* instance = at(engine_id);
    if (!instance) {
        if (place == runtime::Place::Nowhere) deeds_.emplace_back("network of what is gone");
        return no_such_container(engine_id);
    }
    const bool stays =
        spec.network == "host" || (place == runtime::Place::Apart && instance->container.runs());
    if (stays || instance->place == place) return {};
    instance->place = place;
    note(word_of(place), *instance);
    write_down();
    return {};
}

Result<Usage> FakeRuntime::stats(const EngineId& engine_id, Call call) {
    Lock lock(mutex_);
    if (auto error = refused(Verb::Stats, call)) return *error;
    changed_.wait_until(lock, call.stop, call.deadline,
                        [this] { return calls_[Verb::Stats] >= stats_together_; });
    if (auto error = over(call)) return *error;
    const auto* instance = at(engine_id);
    if (!instance) return no_such_container(engine_id);
    if (!instance->container.runs()) return fail(Errc::Conflict, "stats: it does not run");
    return instance->usage;
}

void FakeRuntime::gather_stats(int together) {
    const Lock lock(mutex_);
    stats_together_ = together;
    changed_.notify_all();
}

void FakeRuntime::put_usage(const EngineId& engine_id, const Usage& usage) {
    const Lock lock(mutex_);
    if (auto* instance = at(engine_id)) instance->usage = usage;
}

Result<> FakeRuntime::watch(const std::function<void()>& subscribed,
                            const std::function<void(runtime::EngineEvent)>& deliver, Call call) {
    Lock lock(mutex_);
    if (auto error = refused(Verb::Watch, call)) return *error;
    const auto queue = watchers_.insert(watchers_.end(), Queue{});
    const auto leave = [&](Error error) {
        watchers_.erase(queue);
        return error;
    };
    lock.unlock();
    if (subscribed) subscribed();
    lock.lock();
    for (;;) {
        changed_.wait_until(lock, call.stop, call.deadline, [&] { return !queue->empty() || !reachable_; });
        for (; !queue->empty(); lock.lock()) {
            const auto event = queue->front();
            queue->pop_front();
            lock.unlock();
            deliver(event);
        }
        if (!reachable_) return leave(fail(Errc::Unavailable, "events: the engine ended the stream"));
        if (auto error = over(call)) return leave(*error);
    }
}

// --- the world around it ---------------------------------------------------------------------------------

void FakeRuntime::put_image(const std::string& reference) {
    const Lock lock(mutex_);
    images_.insert(reference);
}

void FakeRuntime::break_image(const std::string& reference) {
    const Lock lock(mutex_);
    images_.insert(reference);
    broken_images_.insert(reference);
}

void FakeRuntime::put_in_registry(const std::string& reference, std::int64_t bytes) {
    const Lock lock(mutex_);
    registry_[reference] = bytes;
}

void FakeRuntime::put_layers(const std::string& reference, std::vector<Layer> layers) {
    const Lock lock(mutex_);
    layers_[reference] = std::move(layers);
}

void FakeRuntime::hide_deltas(bool on) {
    const Lock lock(mutex_);
    hide_deltas_ = on;
}

void FakeRuntime::set_free(std::int64_t bytes) {
    const Lock lock(mutex_);
    free_ = bytes;
}

void FakeRuntime::remove_image(const std::string& reference) {
    const Lock lock(mutex_);
    images_.erase(reference);
}

void FakeRuntime::hang_pulls(bool on) {
    const Lock lock(mutex_);
    hang_pulls_ = on;
    changed_.notify_all();
}

void FakeRuntime::hang_lists(bool on) {
    const Lock lock(mutex_);
    hang_lists_ = on;
    changed_.notify_all();
}

void FakeRuntime::late_lists(bool on) {
    auto now = on ? std::optional(containers()) : std::nullopt;
    const Lock lock(mutex_);
    late_list_ = std::move(now);
}

void FakeRuntime::set_reachable(bool on) {
    const Lock lock(mutex_);
    reachable_ = on;
    changed_.notify_all();
}

void FakeRuntime::fail_next(Verb verb, Error error, int times) {
    const Lock lock(mutex_);
    for (int i = 0; i < times; ++i)
        failures_[verb].push_back(error);
}

void FakeRuntime::lose_answer(Verb verb) {
    const Lock lock(mutex_);
    lost_answers_.insert(verb);
}

void FakeRuntime::hold_otherwise(std::function<void(ContainerSpec&)> change) {
    const Lock lock(mutex_);
    otherwise_ = std::move(change);
}

void FakeRuntime::make_stubborn(const EngineId& engine_id) {
    const Lock lock(mutex_);
    if (auto* instance = at(engine_id)) instance->stubborn = true;
}

void FakeRuntime::end_process(const EngineId& engine_id, std::int64_t exit_code) {
    const Lock lock(mutex_);
    auto* instance = at(engine_id);
    if (!instance || !instance->container.runs()) return;
    end(*instance, exit_code);
}

void FakeRuntime::put_foreign(const std::string& engine_name) {
    const Lock lock(mutex_);
    Instance instance{.foreign = true};
    instance.container.engine_id = fmt::format("{:064x}", ++last_id_);
    instance.container.engine_name = engine_name;
    instances_.emplace(instance.container.engine_id, instance);
}

EngineId FakeRuntime::put(Container container) {
    const Lock lock(mutex_);
    if (container.engine_id.empty()) container.engine_id = fmt::format("{:064x}", ++last_id_);
    if (container.engine_name.empty()) container.engine_name = runtime::plain_name(container.spec);
    Instance instance{
        .container = container, .policy = container.engine_policy, .limits = container.spec.resources};
    if (instance.policy.empty()) instance.policy = container.spec.restart.type;
    instance.container.engine_policy.clear();  // only an inspection tells it
    instances_.insert_or_assign(container.engine_id, instance);
    return container.engine_id;
}

void FakeRuntime::emit(const runtime::EngineEvent& event) {
    const Lock lock(mutex_);
    for (auto& queue : watchers_)
        queue.push_back(event);
    changed_.notify_all();
}

// --- what became of it -----------------------------------------------------------------------------------

int FakeRuntime::calls(Verb verb) const {
    const Lock lock(mutex_);
    const auto found = calls_.find(verb);
    return found == calls_.end() ? 0 : found->second;
}

runtime::StopOptions FakeRuntime::last_stop() const {
    const Lock lock(mutex_);
    return last_stop_;
}

int FakeRuntime::most_pulls_at_once() const {
    const Lock lock(mutex_);
    return most_pulling_;
}

bool FakeRuntime::await_calls(Verb verb, int count, std::chrono::milliseconds patience) const {
    Lock lock(mutex_);
    return changed_.wait_until(lock, steady_clock::now() + patience, [&] {
        const auto found = calls_.find(verb);
        return found != calls_.end() && found->second >= count;
    });
}

std::vector<Container> FakeRuntime::containers() const {
    const Lock lock(mutex_);
    std::vector<Container> all;
    for (const auto& [engine_id, instance] : instances_)
        if (!instance.foreign) all.push_back(instance.container);
    return all;
}

std::optional<Container> FakeRuntime::named(const std::string& engine_name) const {
    for (auto& container : containers())
        if (container.engine_name == engine_name) return std::move(container);
    return std::nullopt;
}

std::string FakeRuntime::policy_of(const EngineId& engine_id) const {
    const Lock lock(mutex_);
    const auto* instance = at(engine_id);
    return instance ? instance->policy : std::string();
}

Resources FakeRuntime::limits_of(const EngineId& engine_id) const {
    const Lock lock(mutex_);
    const auto* instance = at(engine_id);
    return instance ? instance->limits : Resources{};
}

std::vector<std::string> FakeRuntime::env_of(const EngineId& engine_id) const {
    const Lock lock(mutex_);
    const auto* instance = at(engine_id);
    return instance ? instance->env : std::vector<std::string>{};
}

runtime::Place FakeRuntime::place_of(const EngineId& engine_id) const {
    const Lock lock(mutex_);
    const auto* instance = at(engine_id);
    return instance ? instance->place : runtime::Place::Nowhere;
}

std::vector<std::string> FakeRuntime::take_deeds() {
    const Lock lock(mutex_);
    return std::exchange(deeds_, {});
}

// --- inside; the lock is held ----------------------------------------------------------------------------

std::optional<Error> FakeRuntime::refused(Verb verb, const Call& call) {
    ++calls_[verb];
    changed_.notify_all();
    if (auto error = over(call)) return error;
    if (!reachable_) return fail(Errc::Unavailable, "no engine answers");
    auto& planned = failures_[verb];
    if (planned.empty()) return std::nullopt;
    auto error = planned.front();
    planned.pop_front();
    return error;
}

std::optional<Error> FakeRuntime::over(const Call& call) const {
    if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
    if (steady_clock::now() >= call.deadline) return fail(Errc::Timeout, "the engine took too long");
    return std::nullopt;
}

FakeRuntime::Instance* FakeRuntime::at(const EngineId& engine_id) {
    const auto found = instances_.find(engine_id);
    return found == instances_.end() || found->second.foreign ? nullptr : &found->second;
}

const FakeRuntime::Instance* FakeRuntime::at(const EngineId& engine_id) const {
    const auto found = instances_.find(engine_id);
    return found == instances_.end() || found->second.foreign ? nullptr : &found->second;
}

bool FakeRuntime::name_taken(const std::string& engine_name) const {
    return std::ranges::any_of(
        instances_, [&](const auto& entry) { return entry.second.container.engine_name == engine_name; });
}

void FakeRuntime::run(Instance& instance) {
    auto& state = instance.container.state;
    state = {.status = Status::Running,
             .pid = static_cast<std::int64_t>(1000 + ++clock_),
             .created = state.created,
             .started_at = tick(),
             .finished_at = state.finished_at,
             .restart_count = state.restart_count};
    instance.container.started_before = true;
    instance.told_to_end = false;
    tell(EngineEventKind::Start, instance.container);
}

void FakeRuntime::end(Instance& instance, std::int64_t exit_code) {
    auto& state = instance.container.state;
    state.status = Status::Exited;
    state.pid = -1;
    state.exit_code = exit_code;
    state.finished_at = tick();
    tell(EngineEventKind::Die, instance.container, {}, exit_code);
    if (instance.told_to_end || !restarts(instance.policy, exit_code)) return;
    ++state.restart_count;
    run(instance);
}

void FakeRuntime::signal(Instance& instance, const std::string& name) {
    instance.told_to_end = true;
    tell(EngineEventKind::Kill, instance.container, name);
    if (is_sigkill(name))
        end(instance, 137);
    else if (!instance.stubborn)
        end(instance, 143);
}

void FakeRuntime::tell(EngineEventKind kind, const Container& container, std::string signal,
                       std::int64_t exit_code) {
    const runtime::EngineEvent event{.kind = kind,
                                     .engine_id = container.engine_id,
                                     .id = container.spec.id,
                                     .name = container.engine_name,
                                     .signal = std::move(signal),
                                     .exit_code = exit_code,
                                     .time = tick()};
    for (auto& queue : watchers_)
        queue.push_back(event);
    changed_.notify_all();
    write_down();
}

void FakeRuntime::note(const std::string& deed, const Instance& instance) {
    deeds_.push_back(deed + " " + instance.container.spec.image);
}

// A clock of its own: every moment is later than the one before, in every run the same.
std::string FakeRuntime::tick() {
    ++clock_;
    return fmt::format("2026-01-01T00:{:02}:{:02}.{:09}Z", clock_ / 60 % 60, clock_ % 60, clock_);
}

}  // namespace berth::test
