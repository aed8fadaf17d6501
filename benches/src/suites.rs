//! The suites and their rows. Names of rows are binding: tools read them.

mod active;
pub(crate) mod compile;
mod compiled_out;
mod diagnose;
mod hotpath;
mod http;
pub(crate) mod ingest;
pub(crate) mod query;
mod sql;
mod wire;
#[cfg(feature = "peers")]
mod wire_otlp;

use crate::harness::{Cell, Row};

/// Names of all suites.
pub(crate) const SUITES: [&str; 9] =
    ["hotpath", "http", "sql", "active", "diagnose", "wire", "ingest", "query", "compile"];

/// The rows of one suite. Without feature `peers` those of [`crate::peers::HEAVY`] are left out.
pub(crate) fn rows(suite: &str) -> Vec<Row> {
    let rows = match suite {
        "hotpath" => hotpath::ROWS,
        "http" => http::ROWS,
        "sql" => sql::ROWS,
        "active" => active::ROWS,
        "diagnose" => diagnose::ROWS,
        "wire" => wire::ROWS,
        "ingest" => ingest::ROWS,
        "query" => query::ROWS,
        "compile" => compile::ROWS,
        _ => &[],
    };
    rows.to_vec()
}

/// Measures one cell in this process.
pub(crate) fn run(suite: &str, cell: &Cell<'_>) -> Result<f64, String> {
    match suite {
        "hotpath" => hotpath::run(cell),
        "http" => http::run(cell),
        "sql" => sql::run(cell),
        "active" => active::run(cell),
        "diagnose" => diagnose::run(cell),
        "wire" => wire::run(cell),
        "ingest" => ingest::run(cell),
        "query" => query::run(cell),
        "compile" => compile::run(cell),
        other => Err(format!("no suite `{other}`")),
    }
}

/// Whether the bench only has to show that it works.
pub(crate) fn is_small() -> bool {
    std::env::var("SCOUTER_BENCH_SMALL").is_ok_and(|small| small == "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{FLOOR, NONE, OURS};
    use crate::peers::{
        ASYNC_BACKTRACE, AWAIT_TREE, FASTRACE, FASTRACE_ATTRIBUTE, OTEL_SDK, OTEL_TOWER, OTLP,
        OTLP_ZSTD, REGISTRY, TRACE_LAYER, TRACING_ATTRIBUTE, TRACING_OTEL,
    };

    fn check(suite: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = rows(suite).iter().map(|row| (row.name, row.unit)).collect();
        assert_eq!(found, expected, "suite {suite}");
    }

    #[test]
    fn every_row_of_the_agent_has_its_binding_name_and_unit() {
        check(
            "hotpath",
            &[
                ("sync_step_flat100_ns", "ns"),
                ("sync_step_folded100_ns", "ns"),
                ("sync_step_nested1000_ns", "ns"),
                ("step_2_attributes_ns", "ns"),
                ("step_dynamic_string_ns", "ns"),
                ("async_request_5_spans_4_polls_ns", "ns"),
                ("tracing_bridge_span_ns", "ns"),
                ("tracing_bridge_outside_ns", "ns"),
                ("outside_transaction_ns", "ns"),
                ("disabled_runtime_ns", "ns"),
                ("compiled_out_ns", "ns"),
                ("allocations_per_step", "count"),
            ],
        );
        check(
            "http",
            &[
                ("axum_layer_in_process_ns", "ns"),
                ("allocations_per_request", "count"),
                ("loopback_throughput_loss_pct", "%"),
            ],
        );
        check(
            "sql",
            &[
                ("sql_statement_overhead_ns", "ns"),
                ("sql_acquire_overhead_ns", "ns"),
                ("allocations_per_statement", "count"),
            ],
        );
        check(
            "active",
            &[
                ("active_list_1000_us", "us"),
                ("active_list_10000_us", "us"),
                ("idle_transaction_bytes", "bytes"),
            ],
        );
        check(
            "diagnose",
            &[
                ("scope_repoll_ns", "ns"),
                ("poll_overhead_ns", "ns"),
                ("dump_50_threads_ms", "ms"),
                ("dump_pause_p99_us", "us"),
                ("blocked_poll_lateness_ticks_p99", "ticks"),
                ("sfa_99hz_overhead_pct", "%"),
                ("sfa_attribution_error_points", "points"),
                ("alloc_wrapper_ns_per_pair", "ns"),
                ("alloc_sum_error_pct", "%"),
                ("toggle_off_ns", "ns"),
                ("leak_detect_ms", "ms"),
            ],
        );
    }

    #[test]
    fn every_row_of_wire_and_collector_has_its_binding_name_and_unit() {
        check(
            "wire",
            &[
                ("encode_ns_per_tx", "ns"),
                ("decode_xlog_ns_per_tx", "ns"),
                ("wire_bytes_per_tx", "bytes"),
            ],
        );
        check(
            "ingest",
            &[
                ("ingest_tx_per_cpu_s", "tx/s"),
                ("disk_bytes_per_xlog", "bytes"),
                ("disk_bytes_per_profile", "bytes"),
                ("rss_mb", "MB"),
            ],
        );
        check(
            "query",
            &[
                ("scatter_1m_ms", "ms"),
                ("grid_10m_ms", "ms"),
                ("p99_by_service_10m_ms", "ms"),
                ("p99_by_service_10m_rollup_ms", "ms"),
                ("profile_by_id_10m_p99_ms", "ms"),
                ("trace_by_gxid_10m_p99_ms", "ms"),
                ("recovery_1m_ms", "ms"),
            ],
        );
        check(
            "compile",
            &[
                ("compile_cost_300_async_fns_cpu_s", "s"),
                ("compile_cost_300_async_fns_rlib_mb", "MB"),
            ],
        );
    }

    #[test]
    fn every_row_lists_us_and_a_yardstick() {
        for row in SUITES.iter().flat_map(|suite| rows(suite)) {
            assert!(row.peers.contains(&OURS), "{}", row.name);
            assert!(row.peers.contains(&FLOOR) || row.peers.contains(&NONE), "{}", row.name);
        }
    }

    #[test]
    fn every_peer_is_measured_where_it_has_something_to_compare() {
        let check = |suite: &str, name: &str, peers: &[&str]| {
            let rows = rows(suite);
            let row = rows.iter().find(|row| row.name == name);
            for peer in peers {
                assert!(row.is_some_and(|row| row.peers.contains(peer)), "{name} {peer}");
            }
        };
        let spans = [FASTRACE, REGISTRY, TRACING_OTEL, OTEL_SDK];
        check("hotpath", "sync_step_flat100_ns", &spans);
        check("hotpath", "async_request_5_spans_4_polls_ns", &spans);
        check("hotpath", "tracing_bridge_span_ns", &[REGISTRY, TRACING_OTEL]);
        check("http", "axum_layer_in_process_ns", &[TRACE_LAYER, FASTRACE, OTEL_TOWER]);
        check("http", "loopback_throughput_loss_pct", &[TRACE_LAYER, FASTRACE, OTEL_TOWER]);
        check("diagnose", "scope_repoll_ns", &[AWAIT_TREE, ASYNC_BACKTRACE]);
        check("diagnose", "poll_overhead_ns", &[AWAIT_TREE, ASYNC_BACKTRACE]);
        let attributes = [TRACING_ATTRIBUTE, FASTRACE_ATTRIBUTE];
        check("compile", "compile_cost_300_async_fns_cpu_s", &attributes);
        check("wire", "encode_ns_per_tx", &[OTLP, OTLP_ZSTD]);
        check("wire", "wire_bytes_per_tx", &[OTLP, OTLP_ZSTD]);
    }
}
