//! Which profiles are kept of those that tell nothing by themselves: SCOUTER's steps.
//!
//! The faster a transaction was, the smaller the share of profiles kept. Chosen by gxid, so that the
//! choice needs no random number and all services of a trace choose alike: of two with the same
//! share both keep the profile or neither does, and one with a larger share keeps all that the
//! other does.

use crate::alert::service_of;
use crate::header::{Header, Word};
use crate::options::{self, SAMPLING_GROUPS, SamplingGroup, U64Option};
use crate::rules;
use crate::text::text;

/// Whether the profile of a transaction is kept.
pub(crate) fn is_sampled(header: &'static Header, elapsed_us: u64) -> bool {
    let percent = match group_of(header) {
        Some(group) => group_share(group, elapsed_us),
        None if options::XLOG_SAMPLING_ENABLED.value() => general_share(elapsed_us),
        None => return true,
    };
    // Spread by a multiplication, since not every peer makes its ids at random.
    let trace = header.word(Word::GxidLow) ^ header.word(Word::GxidHigh);
    let spread = trace.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    spread * 100 < percent << 16
}

/// The first group that is on and fits the service. Without any this is five loads.
fn group_of(header: &'static Header) -> Option<&'static SamplingGroup> {
    SAMPLING_GROUPS
        .iter()
        .filter(|group| group.enabled.value() && group.service_patterns.is_set())
        .find(|group| fits(group, header))
}

#[cold]
fn fits(group: &SamplingGroup, header: &'static Header) -> bool {
    rules::is_listed(&group.service_patterns.value(), text(service_of(header)))
}

fn group_share(group: &SamplingGroup, elapsed_us: u64) -> u64 {
    let steps = group.steps.each_ref().map(|(bound, rate)| (bound, rate));
    share(steps, &group.over_rate_pct, elapsed_us)
}

fn general_share(elapsed_us: u64) -> u64 {
    let steps = [
        (&options::XLOG_SAMPLING_STEP1_MS, &options::XLOG_SAMPLING_STEP1_RATE_PCT),
        (&options::XLOG_SAMPLING_STEP2_MS, &options::XLOG_SAMPLING_STEP2_RATE_PCT),
        (&options::XLOG_SAMPLING_STEP3_MS, &options::XLOG_SAMPLING_STEP3_RATE_PCT),
    ];
    share(steps, &options::XLOG_SAMPLING_OVER_RATE_PCT, elapsed_us)
}

fn share(steps: [(&U64Option, &U64Option); 3], over: &U64Option, elapsed_us: u64) -> u64 {
    let ms = elapsed_us / 1_000;
    let step = steps.into_iter().find(|(bound, _)| ms < bound.value());
    step.map_or(over, |(_, rate)| rate).value()
}
