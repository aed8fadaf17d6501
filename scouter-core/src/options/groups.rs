//! SCOUTER's groups of sampling: services named by patterns, with steps and shares of their own.

use super::typed::{BoolOption, Line, OptionInfo, OptionKind, TextOption, U64Option};

/// One group. The first whose patterns fit a service decides about its profiles.
#[derive(Debug)]
#[non_exhaustive]
pub struct SamplingGroup {
    /// Whether the group is looked at.
    pub enabled: BoolOption,
    /// Services it is about.
    pub service_patterns: TextOption,
    /// Upper bound of a class of transactions, ms, and the share of profiles kept of it, %.
    pub steps: [(U64Option, U64Option); 3],
    /// Share of profiles kept of transactions slower than all classes, %.
    pub over_rate_pct: U64Option,
}

const fn info(
    name: &'static str,
    env: &'static str,
    default: &'static str,
    unit: &'static str,
    help: &'static str,
    kind: OptionKind,
) -> OptionInfo {
    OptionInfo { name, help, unit, default, env, kind, is_live: true }
}

macro_rules! bound {
    ($name:literal, $env:literal, $step:literal, $default:literal = $value:literal, $class:literal) => {
        U64Option::new(
            info(
                concat!("xlog_", $name, "_sampling_step", $step, "_ms"),
                concat!("SCOUTER_XLOG_", $env, "_SAMPLING_STEP", $step, "_MS"),
                $default,
                "ms",
                concat!("Upper bound of the ", $class, " class of transactions of this group."),
                OptionKind::Number { min: 1, max: 86_400_000 },
            ),
            $value,
        )
    };
}

macro_rules! rate {
    ($name:literal, $env:literal, $step:literal, $default:literal = $value:literal, $class:literal) => {
        U64Option::new(
            info(
                concat!("xlog_", $name, "_sampling_", $step, "_rate_pct"),
                concat!("SCOUTER_XLOG_", $env, "_SAMPLING_", $class, "_RATE_PCT"),
                $default,
                "%",
                "Share of profiles kept of that class of the group.",
                OptionKind::Number { min: 0, max: 100 },
            ),
            $value,
        )
    };
}

macro_rules! group {
    ($name:literal, $env:literal) => {
        SamplingGroup {
            enabled: BoolOption::new(
                info(
                    concat!("xlog_", $name, "_sampling_enabled"),
                    concat!("SCOUTER_XLOG_", $env, "_SAMPLING_ENABLED"),
                    "false",
                    "",
                    "Samples the profiles of the services of this group by its own steps, whatever `xlog_sampling_enabled` says. The first group that fits decides.",
                    OptionKind::Bool,
                ),
                false,
            ),
            service_patterns: TextOption::new(info(
                concat!("xlog_", $name, "_sampling_service_patterns"),
                concat!("SCOUTER_XLOG_", $env, "_SAMPLING_SERVICE_PATTERNS"),
                "",
                "",
                "Services of this group, as in `xlog_discard_service_patterns`.",
                OptionKind::Text,
            )),
            steps: [
                (
                    bound!($name, $env, "1", "100" = 100, "fastest"),
                    rate!($name, $env, "step1", "3" = 3, "STEP1"),
                ),
                (
                    bound!($name, $env, "2", "1000" = 1_000, "second"),
                    rate!($name, $env, "step2", "10" = 10, "STEP2"),
                ),
                (
                    bound!($name, $env, "3", "3000" = 3_000, "third"),
                    rate!($name, $env, "step3", "30" = 30, "STEP3"),
                ),
            ],
            over_rate_pct: rate!($name, $env, "over", "100" = 100, "OVER"),
        }
    };
}

/// The groups in the order in which they are asked.
pub static SAMPLING_GROUPS: [SamplingGroup; 5] = [
    group!("patterned", "PATTERNED"),
    group!("patterned2", "PATTERNED2"),
    group!("patterned3", "PATTERNED3"),
    group!("patterned4", "PATTERNED4"),
    group!("patterned5", "PATTERNED5"),
];

/// The lines of all groups.
pub(super) fn lines() -> impl Iterator<Item = &'static dyn Line> {
    SAMPLING_GROUPS.iter().flat_map(|group| {
        let SamplingGroup { enabled, service_patterns, steps, over_rate_pct } = group;
        let first: [&dyn Line; 2] = [enabled, service_patterns];
        let steps = steps.iter().flat_map(|(bound, rate)| [bound as &dyn Line, rate]);
        first.into_iter().chain(steps).chain([over_rate_pct as &dyn Line])
    })
}
