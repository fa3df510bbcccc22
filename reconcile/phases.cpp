#include "reconcile/phases.hpp"

#include <array>

namespace berth::reconcile {
namespace {

// Containers that ignore their stop signal would outlast the sender's patience one after another.
constexpr std::size_t kStopsAtOnce = 16;

const std::set<Word> kAnyStatus = {Word::Identified,        Word::DownloadSuccess, Word::DownloadFailure,
                                   Word::UpdateSuccess,     Word::UpdateFailure,   Word::ActivationSuccess,
                                   Word::ActivationFailure, Word::RollbackSuccess, Word::RollbackFailure};

const std::array<PhaseRule, 5>& rules() {
    static const std::array<PhaseRule, 5> table = {{
        {Command::Download,
         {Word::Identified},
         Word::Downloading,
         Word::DownloadSuccess,
         Word::DownloadFailure,
         Word::Downloading,
         Word::DownloadSuccess,
         Word::DownloadFailure},
        {Command::Update,
         {Word::DownloadSuccess},
         Word::Updating,
         Word::UpdateSuccess,
         Word::UpdateFailure,
         Word::Updating,
         Word::UpdateSuccess,
         Word::UpdateFailure},
        {Command::Activate,
         {Word::UpdateSuccess},
         Word::Activating,
         Word::ActivationSuccess,
         Word::ActivationFailure,
         Word::Activating,
         Word::ActivationSuccess,
         Word::ActivationFailure},
        // A rolled-back action ends in UPDATE_FAILURE whether that worked or not: only its message tells.
        {Command::Rollback,
         {Word::DownloadSuccess, Word::DownloadFailure, Word::UpdateSuccess, Word::UpdateFailure,
          Word::ActivationSuccess, Word::ActivationFailure},
         Word::Rollback,
         Word::RollbackSuccess,
         Word::RollbackFailure,
         Word::Updating,
         Word::UpdateFailure,
         Word::UpdateFailure},
        {Command::Cleanup, kAnyStatus, Word::Cleanup, Word::CleanupSuccess, Word::CleanupFailure,
         Word::CleanupSuccess, Word::RemovalSuccess, Word::RemovalFailure},
    }};
    return table;
}

// Of an action without duplicates.
std::optional<StepKind> plain_step_of(Command command, Action action) {
    const bool makes_new = action == Action::Create || action == Action::Recreate;
    const bool drops_old = action == Action::Recreate || action == Action::Destroy;
    switch (command) {
        case Command::Download:
            if (makes_new) return StepKind::Stage;
            break;
        case Command::Update:
            if (drops_old) return StepKind::StopOld;
            if (action == Action::Update) return StepKind::Apply;
            break;
        case Command::Activate:
            if (makes_new) return StepKind::StartNew;
            if (action != Action::Destroy) return StepKind::EnsureRunning;
            break;
        case Command::Rollback:
            if (action != Action::Check) return StepKind::Restore;
            break;
        case Command::Cleanup:
            if (drops_old) return StepKind::RemoveOld;
            break;
    }
    return std::nullopt;
}

}  // namespace

const PhaseRule& rule_of(Command command) {
    return rules()[static_cast<std::size_t>(command)];
}

std::optional<StepKind> step_of(Command command, const ActionState& action) {
    // Nothing goes, duplicates neither, before the new instance has held: ACTIVATE takes two steps.
    if (action.start_first && command == Command::Update) return std::nullopt;
    if (action.start_first && command == Command::Activate)
        return action.held ? StepKind::StopReplaced : StepKind::StartBeside;
    const auto step = plain_step_of(command, action.action);
    if (step || action.duplicates.empty()) return step;
    switch (command) {
        case Command::Update: return StepKind::StopOld;
        case Command::Rollback: return StepKind::Restore;
        case Command::Cleanup: return StepKind::RemoveOld;
        case Command::Download:
        case Command::Activate: break;
    }
    return std::nullopt;
}

bool ends_change(StepKind kind, Action action) {
    return kind == StepKind::StartNew || kind == StepKind::StopReplaced ||
           (kind == StepKind::EnsureRunning && action == Action::Update);
}

std::size_t width_of(Command command, unsigned parallel) {
    switch (command) {
        case Command::Download:
        case Command::Activate: return parallel;
        case Command::Update: return parallel == 1 ? 1 : kStopsAtOnce;
        case Command::Rollback:
        case Command::Cleanup: return 1;
    }
    return 1;
}

}  // namespace berth::reconcile
