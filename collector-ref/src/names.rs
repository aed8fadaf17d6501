//! The words that stand for kinds, reasons and outcomes in JSON, plain text and metrics.

use scouter_wire::record::{
    AlertKind, AlertLevel, EndReason, Outcome, ProfileFate, RunState, StepKind, XLogFlags, XLogKind,
};

/// What a kind from a newer version reads as.
const UNKNOWN: &str = "unknown";

/// All kinds of transactions that somebody may ask for, by name.
pub(crate) const XLOG_KINDS: [XLogKind; 4] =
    [XLogKind::Web, XLogKind::Service, XLogKind::Background, XLogKind::Spawned];

/// `web`, `service`, `background`, `spawned`.
pub(crate) fn xlog_kind(kind: XLogKind) -> &'static str {
    match kind {
        XLogKind::Web => "web",
        XLogKind::Service => "service",
        XLogKind::Background => "background",
        XLogKind::Spawned => "spawned",
        _ => UNKNOWN,
    }
}

/// How a transaction ended.
pub(crate) fn end_reason(end: EndReason) -> &'static str {
    match end {
        EndReason::Complete => "complete",
        EndReason::CancelledBeforeResponse => "cancelled_before_response",
        EndReason::AbortedInBody => "aborted_in_body",
        EndReason::BodyError => "body_error",
        EndReason::ServiceError => "service_error",
        EndReason::Panic => "panic",
        EndReason::Upgraded => "upgraded",
        EndReason::ForcedEnd => "forced_end",
        _ => UNKNOWN,
    }
}

/// What became of a profile.
pub(crate) fn profile_fate(fate: ProfileFate) -> &'static str {
    match fate {
        ProfileFate::Kept => "kept",
        ProfileFate::Empty => "empty",
        ProfileFate::SampledOut => "sampled_out",
        ProfileFate::Dropped => "dropped",
        _ => UNKNOWN,
    }
}

/// All flags that are set.
pub(crate) fn flags(flags: XLogFlags) -> Vec<&'static str> {
    [
        (XLogFlags::SLOW, "slow"),
        (XLogFlags::TRUNCATED, "truncated"),
        (XLogFlags::CLOCK_CHANGED, "clock_changed"),
        (XLogFlags::CONTINUED, "continued"),
        (XLogFlags::FORCE_KEPT, "force_kept"),
    ]
    .into_iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .map(|(_, name)| name)
    .collect()
}

/// What a step is.
pub(crate) fn step_kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Method => "method",
        StepKind::Sql => "sql",
        StepKind::Api => "api",
        StepKind::Message => "message",
        StepKind::Error => "error",
        StepKind::PoolWait => "pool_wait",
        StepKind::Wait => "wait",
        StepKind::Spawn => "spawn",
        StepKind::SqlTransaction => "sql_transaction",
        _ => UNKNOWN,
    }
}

/// How a step ended.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Error => "error",
        Outcome::Cancelled => "cancelled",
        Outcome::Panic => "panic",
        Outcome::Unfinished => "unfinished",
        _ => UNKNOWN,
    }
}

/// `running` or `waiting`.
pub(crate) fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Waiting => "waiting",
        _ => UNKNOWN,
    }
}

/// What an alert is about.
pub(crate) fn alert_kind(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::ConnectionLeak => "connection_leak",
        AlertKind::TooManyRows => "too_many_rows",
        AlertKind::CancelledBegin => "cancelled_begin",
        AlertKind::PoolExhausted => "pool_exhausted",
        AlertKind::ForcedEnd => "forced_end",
        AlertKind::Agent => "agent",
        AlertKind::RepeatedStatement => "repeated_statement",
        AlertKind::SlowStatement => "slow_statement",
        AlertKind::SlowTransaction => "slow_transaction",
        AlertKind::SlowCall => "slow_call",
        AlertKind::SlowAcquire => "slow_acquire",
        AlertKind::StuckAwait => "stuck_await",
        AlertKind::BlockingPoll => "blocking_poll",
        AlertKind::StarvedRuntime => "starved_runtime",
        AlertKind::Uncommitted => "uncommitted",
        AlertKind::HeldLong => "held_long",
        AlertKind::HeldAcrossCall => "held_across_call",
        AlertKind::ChattyCalls => "chatty_calls",
        AlertKind::Panic => "panic",
        AlertKind::ErrorBurst => "error_burst",
        AlertKind::LargeAllocation => "large_allocation",
        AlertKind::MemoryGrowth => "memory_growth",
        AlertKind::Cascade => "cascade",
        AlertKind::RetryStorm => "retry_storm",
        AlertKind::PreviousDeath => "previous_death",
        _ => UNKNOWN,
    }
}

/// Whether there are alerts of this name.
pub(crate) fn is_alert_kind(name: &str) -> bool {
    AlertKind::ALL.iter().any(|kind| alert_kind(*kind) == name)
}

/// How bad an alert is.
pub(crate) fn alert_level(level: AlertLevel) -> &'static str {
    match level {
        AlertLevel::Info => "info",
        AlertLevel::Warn => "warn",
        AlertLevel::Error => "error",
        AlertLevel::Fatal => "fatal",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_set_flags_are_named() {
        assert_eq!(flags(XLogFlags::default()), Vec::<&str>::new());
        assert_eq!(flags(XLogFlags::SLOW.with(XLogFlags::CONTINUED)), ["slow", "continued"]);
    }
}
