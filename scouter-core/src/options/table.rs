//! The options themselves.

use super::typed::{BoolOption, Line, OptionInfo, OptionKind, TextOption, U64Option};

/// Default number of records one transaction keeps.
pub const DEFAULT_PROFILE_STEPS: u64 = 1_024;

/// Highest number of records one transaction can keep.
pub const MAX_PROFILE_STEPS: u64 = (1 << 20) - 1;

macro_rules! info {
    ($name:literal, $env:literal, $default:literal, $unit:literal, $live:literal, $help:literal, $kind:expr) => {
        OptionInfo {
            name: $name,
            help: $help,
            unit: $unit,
            default: $default,
            env: $env,
            kind: $kind,
            is_live: $live,
        }
    };
}

macro_rules! options {
    (
        numbers { $($number:ident = ($n_name:literal, $n_env:literal, $n_default:literal = $n_value:expr, $n_unit:literal, $n_min:expr => $n_max:expr, $n_help:literal);)* }
        switches { $($switch:ident = ($b_name:literal, $b_env:literal, $b_default:literal = $b_value:literal, $b_help:literal);)* }
        texts { $($text:ident = ($t_name:literal, $t_env:literal, $t_default:literal, $t_help:literal);)* }
    ) => {
        $(
            #[doc = $n_help]
            pub static $number: U64Option = U64Option::new(
                info!($n_name, $n_env, $n_default, $n_unit, true, $n_help, OptionKind::Number { min: $n_min, max: $n_max }),
                $n_value,
            );
        )*
        $(
            #[doc = $b_help]
            pub static $switch: BoolOption = BoolOption::new(
                info!($b_name, $b_env, $b_default, "", true, $b_help, OptionKind::Bool),
                $b_value,
            );
        )*
        $(
            #[doc = $t_help]
            pub static $text: TextOption = TextOption::new(
                info!($t_name, $t_env, $t_default, "", true, $t_help, OptionKind::Text),
            );
        )*
        pub(super) static ALL: &[&dyn Line] = &[$(&$number,)* $(&$switch,)* $(&$text,)*];
    };
}

options! {
    numbers {
        PROFILE_STEP_MAX_COUNT = ("profile_step_max_count", "SCOUTER_PROFILE_STEP_MAX_COUNT", "1024" = DEFAULT_PROFILE_STEPS, "records", 16 => MAX_PROFILE_STEPS,
            "How many records of 32 bytes one transaction keeps: one a step, one an attribute, one for each 16 bytes of text. Past it a run of one callsite that folds goes on counting; the newest of the rest is dropped and counted.");
        XLOG_SLOW_TIME_MS = ("xlog_slow_time_ms", "SCOUTER_XLOG_SLOW_TIME_MS", "1000" = 1_000, "ms", 0 => 86_400_000,
            "A transaction that takes at least this long is marked as slow and keeps its profile.");
        XLOG_ERROR_SQL_TIME_MAX_MS = ("xlog_error_sql_time_max_ms", "SCOUTER_XLOG_ERROR_SQL_TIME_MAX_MS", "30000" = 30_000, "ms", 1 => 86_400_000,
            "A statement that takes at least this long is an error of its transaction.");
        XLOG_ERROR_JDBC_FETCH_MAX = ("xlog_error_jdbc_fetch_max", "SCOUTER_XLOG_ERROR_JDBC_FETCH_MAX", "10000" = 10_000, "rows", 1 => 1_000_000_000,
            "A statement that fetches more rows is an error of its transaction and raises an alert while it fetches.");
        SQL_SLOW_TIME_MS = ("sql_slow_time_ms", "SCOUTER_SQL_SLOW_TIME_MS", "500" = 500, "ms", 0 => 86_400_000,
            "A statement that takes at least this long is slow: the line of code that ran it is looked up.");
        XLOG_SAMPLING_STEP1_MS = ("xlog_sampling_step1_ms", "SCOUTER_XLOG_SAMPLING_STEP1_MS", "100" = 100, "ms", 1 => 86_400_000,
            "Upper bound of the fastest class of transactions for sampling profiles.");
        XLOG_SAMPLING_STEP1_RATE_PCT = ("xlog_sampling_step1_rate_pct", "SCOUTER_XLOG_SAMPLING_STEP1_RATE_PCT", "3" = 3, "%", 0 => 100,
            "Share of profiles kept of the fastest class.");
        XLOG_SAMPLING_STEP2_MS = ("xlog_sampling_step2_ms", "SCOUTER_XLOG_SAMPLING_STEP2_MS", "1000" = 1_000, "ms", 1 => 86_400_000,
            "Upper bound of the second class of transactions for sampling profiles.");
        XLOG_SAMPLING_STEP2_RATE_PCT = ("xlog_sampling_step2_rate_pct", "SCOUTER_XLOG_SAMPLING_STEP2_RATE_PCT", "10" = 10, "%", 0 => 100,
            "Share of profiles kept of the second class.");
        XLOG_SAMPLING_STEP3_MS = ("xlog_sampling_step3_ms", "SCOUTER_XLOG_SAMPLING_STEP3_MS", "3000" = 3_000, "ms", 1 => 86_400_000,
            "Upper bound of the third class of transactions for sampling profiles.");
        XLOG_SAMPLING_STEP3_RATE_PCT = ("xlog_sampling_step3_rate_pct", "SCOUTER_XLOG_SAMPLING_STEP3_RATE_PCT", "30" = 30, "%", 0 => 100,
            "Share of profiles kept of the third class.");
        XLOG_SAMPLING_OVER_RATE_PCT = ("xlog_sampling_over_rate_pct", "SCOUTER_XLOG_SAMPLING_OVER_RATE_PCT", "100" = 100, "%", 0 => 100,
            "Share of profiles kept of transactions slower than all classes.");
        TRACE_ACTIVESERVICE_YELLOW_TIME = ("trace_activeservice_yellow_time", "SCOUTER_TRACE_ACTIVESERVICE_YELLOW_TIME", "3000" = 3_000, "ms", 1 => 86_400_000,
            "From this age on a running transaction is shown in yellow.");
        TRACE_ACTIVESERVICE_RED_TIME = ("trace_activeservice_red_time", "SCOUTER_TRACE_ACTIVESERVICE_RED_TIME", "8000" = 8_000, "ms", 1 => 86_400_000,
            "From this age on a running transaction is shown in red.");
        ALERT_SEND_INTERVAL_MS = ("alert_send_interval_ms", "SCOUTER_ALERT_SEND_INTERVAL_MS", "10000" = 10_000, "ms", 0 => 86_400_000,
            "Of one kind of alert at one place at most one is sent in this time; the others are counted in the next one.");
        CONNECTION_LEAK_AFTER_MS = ("connection_leak_after_ms", "SCOUTER_CONNECTION_LEAK_AFTER_MS", "5000" = 5_000, "ms", 0 => 86_400_000,
            "A pooled connection that is still out, and not used, so long after its transaction has ended raises an alert with the line that took it; 0 raises none.");
        CONTROL_REJECT_SERVICE_MAX_COUNT = ("control_reject_service_max_count", "SCOUTER_CONTROL_REJECT_SERVICE_MAX_COUNT", "10000" = 10_000, "requests", 1 => 1_000_000,
            "While `control_reject_service_enabled` is on a layer turns a request away when so many that it let in are active. Those that were active when it was switched on are not counted.");
        THREAD_DUMP_INTERVAL_MS = ("thread_dump_interval_ms", "SCOUTER_THREAD_DUMP_INTERVAL_MS", "5000" = 5_000, "ms", 0 => 86_400_000,
            "Native stacks of all threads are taken at most once in this time; whoever asks earlier is told when they may be again.");
        SFA_INTERVAL_MS = ("sfa_interval_ms", "SCOUTER_SFA_INTERVAL_MS", "100" = 100, "ms", 0 => 60_000,
            "How often the stack frequency analyzer looks at what every running transaction does or awaits; less often while a look takes more than a hundredth of the time in between. 0 switches it off.");
    }
    switches {
        PROFILE_OFF = ("profile_off", "SCOUTER_PROFILE_OFF", "false" = false,
            "Keeps no profiles, except those that are asked for one by one. Rows are kept in any case.");
        XLOG_SAMPLING_ENABLED = ("xlog_sampling_enabled", "SCOUTER_XLOG_SAMPLING_ENABLED", "false" = false,
            "Keeps only a share of the profiles, by how long the transaction took. Rows, and profiles of slow, failed and forced transactions, are kept in any case.");
        XLOG_DISCARD_SERVICE_SHOW_ERROR = ("xlog_discard_service_show_error", "SCOUTER_XLOG_DISCARD_SERVICE_SHOW_ERROR", "true" = true,
            "Keeps transactions with an error whatever `xlog_discard_service_patterns` says.");
        XLOG_ERROR_ON_SQLEXCEPTION_ENABLED = ("xlog_error_on_sqlexception_enabled", "SCOUTER_XLOG_ERROR_ON_SQLEXCEPTION_ENABLED", "true" = true,
            "A failed statement is an error of its transaction.");
        XLOG_ERROR_ON_APICALL_EXCEPTION_ENABLED = ("xlog_error_on_apicall_exception_enabled", "SCOUTER_XLOG_ERROR_ON_APICALL_EXCEPTION_ENABLED", "true" = true,
            "A failed outbound call is an error of its transaction.");
        TRACE_SQL_PARAMETER_ENABLED = ("trace_sql_parameter_enabled", "SCOUTER_TRACE_SQL_PARAMETER_ENABLED", "false" = false,
            "Records bound values of statements on SQLite pools whose author allowed it (`bind_values(true)`). They may hold personal data.");
        TRACE_PROPAGATE_B3_HEADER = ("trace_propagete_b3_header", "SCOUTER_TRACE_PROPAGETE_B3_HEADER", "false" = false,
            "Sends a b3 header with outbound calls besides traceparent. Written as SCOUTER writes it.");
        TRACE_PROPAGATE_B3_MULTI_HEADER = ("trace_propagate_b3_multi_header", "SCOUTER_TRACE_PROPAGATE_B3_MULTI_HEADER", "false" = false,
            "Sends X-B3-TraceId, X-B3-SpanId and X-B3-Sampled with outbound calls besides traceparent.");
        TRACE_PROPAGATE_SCOUTER_HEADER = ("trace_propagate_scouter_header", "SCOUTER_TRACE_PROPAGATE_SCOUTER_HEADER", "false" = false,
            "Sends X-Scouter-Gxid, X-Scouter-Caller and X-Scouter-Callee with outbound calls besides traceparent, for services that SCOUTER's Java agent watches. Only the low half of the trace id fits.");
        TRACE_TENANT_TRUSTED = ("trace_tenant_trusted", "SCOUTER_TRACE_TENANT_TRUSTED", "false" = false,
            "Accepts tenant and baggage headers from callers. Switch it on only where a gateway removes those of strangers.");
        TRACE_TENANT_REDIRECTS_GUARDED = ("trace_tenant_redirects_guarded", "SCOUTER_TRACE_TENANT_REDIRECTS_GUARDED", "false" = false,
            "Says that reqwest clients cannot carry tenant and baggage off by a redirect: they have a policy of `guard_redirects`, or follow none. Without it their calls carry neither, unless `trace_tenant_hosts` is `*`.");
        TRACE_RESPONSE_GXID_ENABLED = ("trace_response_gxid_enabled", "SCOUTER_TRACE_RESPONSE_GXID_ENABLED", "false" = false,
            "Names the trace of each request in a response header.");
        CONTROL_REJECT_SERVICE_ENABLED = ("control_reject_service_enabled", "SCOUTER_CONTROL_REJECT_SERVICE_ENABLED", "false" = false,
            "Turns requests away with 503 and Retry-After, before the application sees them, while `control_reject_service_max_count` are active. Ignored requests are let in.");
    }
    texts {
        XLOG_DISCARD_SERVICE_PATTERNS = ("xlog_discard_service_patterns", "SCOUTER_XLOG_DISCARD_SERVICE_PATTERNS", "",
            "Services whose transactions are discarded, row and profile, separated by commas, 64 at most; `*` stands for any characters, and a pattern that begins with `/` is compared with the route alone. Counted as dropped by rule. Empty: none.");
        TRACE_READ_FORMATS = ("trace_read_formats", "SCOUTER_TRACE_READ_FORMATS", "",
            "Formats of trace headers that are read, the first well-formed one counts: w3c, scouter, b3, b3multi, separated by commas; another word stands for none. Empty: all four, in this order.");
        CONTROL_REJECT_TEXT = ("control_reject_text", "SCOUTER_CONTROL_REJECT_TEXT", "too many request!!",
            "What a request that is turned away is answered with.");
        TRACE_TENANT_HEADER = ("trace_tenant_header", "SCOUTER_TRACE_TENANT_HEADER", "x-tenant-id",
            "Name of the header that carries the tenant.");
        TRACE_TENANT_HOSTS = ("trace_tenant_hosts", "SCOUTER_TRACE_TENANT_HOSTS", "",
            "Hosts that tenant and baggage are sent to, separated by commas; `*` stands for any characters. Empty: none.");
        NATIVE_SIGNAL = ("native_signal", "SCOUTER_NATIVE_SIGNAL", "",
            "Signal that asks a running thread for its native stack (feature `native`): the number of a real-time signal that nothing else handles, or `off` for none. Threads that sleep get none in any case. Empty: the sixth one, 39 with glibc.");
        ENVIRONMENT_SHOWN = ("environment_shown", "SCOUTER_ENVIRONMENT_SHOWN", "RUST_LOG,RUST_BACKTRACE,TZ,LANG,LC_*,TOKIO_WORKER_THREADS",
            "Variables of the environment whose values an operator may see, separated by commas; `*` stands for any characters. Of all others the names alone are shown, and of those that look like a secret in any case.");
    }
}
