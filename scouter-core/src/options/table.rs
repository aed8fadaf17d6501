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
        CONNECTION_LEAK_AFTER_MS = ("connection_leak_after_ms", "SCOUTER_CONNECTION_LEAK_AFTER_MS", "500" = 500, "ms", 0 => 86_400_000,
            "A pooled connection that is still out so long after its transaction has ended raises an alert with the line that took it; ten times as long if it was used since. One that a statement runs on, or whose transaction has a child that still runs, raises none; 0 raises none at all.");
        CONTROL_REJECT_SERVICE_MAX_COUNT = ("control_reject_service_max_count", "SCOUTER_CONTROL_REJECT_SERVICE_MAX_COUNT", "10000" = 10_000, "requests", 1 => 1_000_000,
            "While `control_reject_service_enabled` is on a layer turns a request away when so many that it let in are active. Those that were active when it was switched on are not counted.");
        ALERT_STATEMENT_RUNNING_MS = ("alert_statement_running_ms", "SCOUTER_ALERT_STATEMENT_RUNNING_MS", "3000" = 3_000, "ms", 0 => 86_400_000,
            "A statement that runs so long raises an alert while it runs; 0 raises none. One that took long raises it at its end, see `sql_slow_time_ms`.");
        ALERT_CALL_RUNNING_MS = ("alert_call_running_ms", "SCOUTER_ALERT_CALL_RUNNING_MS", "3000" = 3_000, "ms", 0 => 86_400_000,
            "An outbound call that has had no answer for so long raises an alert while it waits; 0 raises none.");
        ALERT_POOL_WAIT_MS = ("alert_pool_wait_ms", "SCOUTER_ALERT_POOL_WAIT_MS", "1000" = 1_000, "ms", 0 => 86_400_000,
            "A transaction that waits so long for a connection of a pool raises an alert that names who holds them; 0 raises none.");
        ALERT_STUCK_AWAIT_MS = ("alert_stuck_await_ms", "SCOUTER_ALERT_STUCK_AWAIT_MS", "5000" = 5_000, "ms", 0 => 86_400_000,
            "A transaction that was not polled for so long, and waits neither for a database nor for an answer, raises an alert that names where it stands; 0 raises none.");
        ALERT_TRANSACTION_RUNNING_MS = ("alert_transaction_running_ms", "SCOUTER_ALERT_TRANSACTION_RUNNING_MS", "8000" = 8_000, "ms", 0 => 86_400_000,
            "A transaction that runs so long raises an alert, unless one about its cause was raised before; 0 raises none.");
        ALERT_BLOCKING_POLL_MS = ("alert_blocking_poll_ms", "SCOUTER_ALERT_BLOCKING_POLL_MS", "100" = 100, "ms", 0 => 86_400_000,
            "One poll that takes so long raises an alert while it blocks its thread. The time in which the machine did not let the thread run is not counted; 0 raises none.");
        ALERT_BLOCKING_POLL_ERROR_MS = ("alert_blocking_poll_error_ms", "SCOUTER_ALERT_BLOCKING_POLL_ERROR_MS", "1000" = 1_000, "ms", 1 => 86_400_000,
            "From here on that alert is an error, not a warning.");
        ALERT_RUNTIME_STARVED_MS = ("alert_runtime_starved_ms", "SCOUTER_ALERT_RUNTIME_STARVED_MS", "1000" = 1_000, "ms", 0 => 86_400_000,
            "A runtime that did not run an empty task for so long raises an alert that names who keeps its threads; 0 raises none.");
        ALERT_UNCOMMITTED_MS = ("alert_uncommitted_ms", "SCOUTER_ALERT_UNCOMMITTED_MS", "5000" = 5_000, "ms", 0 => 86_400_000,
            "A database transaction on which nothing ran for so long, neither committed nor rolled back, raises an alert with the line that began it; 0 raises none.");
        ALERT_HELD_LONG_MS = ("alert_held_long_ms", "SCOUTER_ALERT_HELD_LONG_MS", "10000" = 10_000, "ms", 0 => 86_400_000,
            "A pooled connection that a running transaction keeps so long without a statement raises an alert with the line that took it; 0 raises none.");
        ALERT_HELD_ACROSS_CALL_MS = ("alert_held_across_call_ms", "SCOUTER_ALERT_HELD_ACROSS_CALL_MS", "1000" = 1_000, "ms", 0 => 86_400_000,
            "A pooled connection that is kept while an outbound call has had no answer for so long raises an alert with both; 0 raises none.");
        ALERT_CHATTY_CALLS = ("alert_chatty_calls", "SCOUTER_ALERT_CHATTY_CALLS", "5000" = 5_000, "calls", 0 => 1_000_000_000,
            "A function that ran so often in a row in one transaction raises an alert at its end, or a fifth as often if the calls took half of its time and more than a second; 0 raises none. Only of profiles that are kept.");
        ALERT_PATIENCE_FACTOR = ("alert_patience_factor", "SCOUTER_ALERT_PATIENCE_FACTOR", "10" = 10, "times", 1 => 1_000,
            "How much longer everything may take in services of `alert_patient_service_patterns` before an alert tells that it runs, waits or is kept.");
        ERROR_BURST_COUNT = ("error_burst_count", "SCOUTER_ERROR_BURST_COUNT", "20" = 20, "errors", 0 => 1_000_000_000,
            "An error that comes so often within ten seconds in one service, and `error_burst_factor` times as often as usual, raises an alert; 0 raises none. Errors that differ in numbers, ids and quoted values only are the same.");
        ERROR_BURST_FACTOR = ("error_burst_factor", "SCOUTER_ERROR_BURST_FACTOR", "5" = 5, "times", 1 => 1_000_000,
            "How many times as often as usual an error must come to be a burst.");
        RETRY_STORM_COUNT = ("retry_storm_count", "SCOUTER_RETRY_STORM_COUNT", "20" = 20, "calls", 0 => 1_000_000_000,
            "So many calls within five seconds that a service makes right after a failed one to the same destination, while most fail, raise an alert; 0 raises none.");
        CASCADE_COUNT = ("cascade_count", "SCOUTER_CASCADE_COUNT", "5" = 5, "transactions", 0 => 1_000_000_000,
            "Least transactions of a service within five seconds that are looked at for whether one destination of its calls makes them slow or fail; 0 looks at none.");
        CASCADE_SLOW_TIME_MS = ("cascade_slow_time_ms", "SCOUTER_CASCADE_SLOW_TIME_MS", "1000" = 1_000, "ms", 1 => 86_400_000,
            "Average time of a service's transactions from which on it is looked for the destination that makes it slow, if it is three times as long as usual.");
        LARGE_ALLOCATION_BYTES = ("large_allocation_bytes", "SCOUTER_LARGE_ALLOCATION_BYTES", "67108864" = 64 << 20, "bytes", 0 => 1 << 50,
            "One allocation that is larger raises an alert; 0 raises none. Only in programs whose allocator is `ScoutAlloc`.");
        HEAP_SAMPLE_BYTES = ("heap_sample_bytes", "SCOUTER_HEAP_SAMPLE_BYTES", "524288" = 512 << 10, "bytes", 0 => 1 << 40,
            "About every so many allocated bytes a block is sampled for the heap profile; 0 samples none. Only in programs whose allocator is `ScoutAlloc`.");
        MEMORY_GROWTH_BYTES = ("memory_growth_bytes", "SCOUTER_MEMORY_GROWTH_BYTES", "67108864" = 64 << 20, "bytes", 0 => 1 << 50,
            "When what lives of one callsite's allocations has grown by so much without falling in between, an alert names the callsite; 0 raises none. Only in programs whose allocator is `ScoutAlloc`.");
        MEMORY_LIMIT_WARNING_S = ("memory_limit_warning_s", "SCOUTER_MEMORY_LIMIT_WARNING_S", "600" = 600, "s", 0 => 86_400,
            "When memory in use is above 80 % of the limit of the control group, and grows so that it is reached within this time, an alert says so; 0 raises none.");
        THREAD_DUMP_INTERVAL_MS = ("thread_dump_interval_ms", "SCOUTER_THREAD_DUMP_INTERVAL_MS", "5000" = 5_000, "ms", 0 => 86_400_000,
            "Native stacks of all threads are taken at most once in this time; whoever asks earlier is told when they may be again.");
        SFA_INTERVAL_MS = ("sfa_interval_ms", "SCOUTER_SFA_INTERVAL_MS", "100" = 100, "ms", 0 => 60_000,
            "How often the stack frequency analyzer looks at what every running transaction does or awaits; less often while a look takes more than a hundredth of the time in between. 0 switches it off.");
        SFA_CPU_HZ = ("sfa_cpu_hz", "SCOUTER_SFA_CPU_HZ", "0" = 0, "Hz", 0 => 250,
            "Samples a second of each thread's CPU time that are taken all the time, such as 19, and told for the last minute; 0 takes them only when somebody asks.");
        LARGE_BODY_BYTES = ("large_body_bytes", "SCOUTER_LARGE_BODY_BYTES", "16777216" = 16 << 20, "bytes", 0 => 1 << 50,
            "A response whose body leaves in one piece that is larger, so that it lay in memory as a whole, raises an alert, and so does the answer to an outbound call of which more is read; 0 raises none.");
        TRANSACTION_FORCED_END_MS = ("transaction_forced_end_ms", "SCOUTER_TRANSACTION_FORCED_END_MS", "300000" = 300_000, "ms", 0 => 86_400_000,
            "A request or message that has run for so long without an answer gets its row now, with the end `forced_end`, and an alert that says where it stands. Nothing of the application is stopped: it stays in the live view until it ends, which gives no second row. 0 forces none.");
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
        PANIC_ALERT_ENABLED = ("panic_alert_enabled", "SCOUTER_PANIC_ALERT_ENABLED", "true" = true,
            "Raises an alert for every panic, also of threads and of tasks that nobody awaits, with its place, its message and the steps that were open. Off, a panic is still the error of its transaction.");
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
        ALERT_PATIENT_SERVICE_PATTERNS = ("alert_patient_service_patterns", "SCOUTER_ALERT_PATIENT_SERVICE_PATTERNS", "",
            "Services that may take `alert_patience_factor` times as long before an alert is raised, patterns as in `xlog_discard_service_patterns`. Empty: none.");
        ALERT_QUIET_SERVICE_PATTERNS = ("alert_quiet_service_patterns", "SCOUTER_ALERT_QUIET_SERVICE_PATTERNS", "",
            "Services about which no alert tells that something runs, waits, blocks or is kept, patterns as in `xlog_discard_service_patterns`. Empty: none.");
        NATIVE_SIGNAL = ("native_signal", "SCOUTER_NATIVE_SIGNAL", "",
            "Signal that asks a running thread for its native stack (feature `native`): the number of a real-time signal that nothing else handles, or `off` for none. Threads that sleep get none in any case. Empty: the sixth one, 39 with glibc.");
        ENVIRONMENT_SHOWN = ("environment_shown", "SCOUTER_ENVIRONMENT_SHOWN", "RUST_LOG,RUST_BACKTRACE,TZ,LANG,LC_*,TOKIO_WORKER_THREADS",
            "Variables of the environment whose values an operator may see, separated by commas; `*` stands for any characters. Of all others the names alone are shown, and of those that look like a secret in any case.");
        ALERT_PATIENT_STATEMENT_PATTERNS = ("alert_patient_statement_patterns", "SCOUTER_ALERT_PATIENT_STATEMENT_PATTERNS", "",
            "Statements that may take `alert_patience_factor` times as long before an alert tells that they are slow, separated by semicolons, 64 at most; `*` stands for any characters, and values read `?`, as the page shows them. Empty: none.");
        ALERT_QUIET_STATEMENT_PATTERNS = ("alert_quiet_statement_patterns", "SCOUTER_ALERT_QUIET_STATEMENT_PATTERNS", "",
            "Statements about which no alert tells that they are slow, patterns as in `alert_patient_statement_patterns`. Empty: none.");
    }
}
