//! The small examples as a stranger runs them: what they print.

use std::path::PathBuf;
use std::process::Command;

/// Cargo puts examples beside the folder of the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    own.ancestors().nth(2).expect("the profile's folder").join("examples").join(name)
}

/// What an example prints.
fn output_of(name: &str) -> String {
    let output = Command::new(program(name)).output().expect("the example starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {text}{errors}");
    assert!(errors.is_empty(), "{name}: {errors}");
    text
}

/// The steps an example shows, without the ids and places.
fn steps(text: &str) -> String {
    let plain = |line: &str| match line.split_once(" @ ") {
        Some((step, rest)) => {
            let failure =
                rest.split_once(" !").map_or(String::new(), |(_, why)| format!(" !{why}"));
            format!("{step}{failure}\n")
        }
        None => format!("{line}\n"),
    };
    let is_step = |line: &&str| {
        let kinds = ["Method", "Sql", "Api", "Message", "Error", "Wait"];
        kinds.iter().any(|kind| line.trim_start().starts_with(kind))
    };
    text.lines().filter(is_step).map(plain).collect()
}

#[test]
fn worker_job_shows_a_consumer_and_a_job_by_the_clock() {
    let text = output_of("worker_job");
    let rows: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
    let count = |wanted: &str| rows.iter().filter(|row| **row == wanted).count();
    assert_eq!(count("POST /orders 0 Complete"), 2, "{text}");
    assert_eq!(count("queue orders 0 Complete"), 2, "{text}");
    assert_eq!(count("cron clean up 0 Complete"), 3, "{text}");
    let shown = steps(&text);
    assert!(shown.contains("Method ship\n    Wait warehouse\n"), "{text}");
    assert!(shown.contains("Method ship !Error order 13 cannot be shipped"), "{text}");
    assert_eq!(shown.matches("Method cron clean up\n").count(), 3, "{text}");
}

#[test]
fn manual_shows_what_is_recorded_by_hand() {
    let text = output_of("manual");
    for line in [
        "GET colour -> value of colour",
        "TELL hello -> error: the neighbour is busy",
        "SHOUT -> error: no verb SHOUT",
        "LINE GET 0 Complete",
        "LINE TELL 0 Complete",
        "LINE SHOUT 0 Complete",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
    }
    let shown = steps(&text);
    assert!(shown.contains("Method answer\n    Sql SELECT v FROM kv WHERE k = ?\n"), "{text}");
    assert!(
        shown.contains(
            "Method answer !Error the neighbour is busy\n    Api POST neighbour/tell !Error busy\n"
        ),
        "{text}"
    );
}

#[test]
fn tracing_bridge_shows_spans_as_steps_and_ids_in_log_lines() {
    let text = output_of("tracing_bridge");
    let logged: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(logged.len(), 4, "{text}");
    assert!(logged[0].trim_start().starts_with("INFO"), "{text}");
    let txid_of = |line: &str| {
        let (_, rest) = line.split_once(" txid=").unwrap_or_else(|| panic!("no txid: {line}"));
        rest.split(' ').next().expect("an id").to_owned()
    };
    assert!(logged[1..].iter().all(|line| line.starts_with("gxid=")), "{text}");
    assert_ne!(txid_of(logged[1]), txid_of(logged[2]));
    assert_eq!(txid_of(logged[2]), txid_of(logged[3]));
    assert!(text.lines().any(|line| line == txid_of(logged[3])), "a log line leads to its steps");
    let shown = steps(&text);
    let paid = "Method POST /orders\n    Message \n    Method pay\n        Method check\n";
    assert!(shown.starts_with(paid), "{shown}");
    assert!(shown.ends_with(&format!("{paid}    Error \n")), "{shown}");
}

#[test]
fn multi_tenant_tells_the_tenant_to_the_listed_host_and_to_no_other() {
    let text = output_of("multi_tenant");
    let (answers, rows) = text.split_once("\n\n").expect("answers and rows");
    let expected = "billing saw a trace, tenant acme, baggage plan=gold, booked on \"acme\"\n\
                    partner saw a trace, tenant nothing, baggage nothing, booked on \"\"";
    assert_eq!(answers, expected);
    let mut rows: Vec<_> = rows.lines().collect();
    rows.sort_unstable();
    let expected = ["billing", "order", "partner"].map(|path| format!("GET /{path} 200 Complete"));
    assert_eq!(rows, expected);
}

#[test]
fn tonic_shows_both_sides_of_each_call() {
    let text = output_of("tonic");
    let (rows, _) = text.split_once("\n\n").expect("rows, then steps");
    let mut rows: Vec<_> = rows.lines().collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            "GRPC /shop.Orders/List 1000 Complete",
            "GRPC /shop.Orders/Place 1000 Complete",
            "GRPC /shop.Orders/Place 1005 Complete",
            "GRPC /shop.Orders/Place 1013 Complete",
            "buy 0 Complete",
        ],
        "{text}"
    );
    let calls: String = text.lines().filter(|line| line.starts_with("Api ")).collect();
    assert_eq!(calls.matches("/shop.Orders/Place").count(), 3, "{text}");
    assert_eq!(calls.matches("!Error").count(), 2, "{text}");
    assert_eq!(text.matches("Method place @").count(), 3, "{text}");
    assert!(text.contains("!Error code: 'Internal error', message: \"no luck\""), "{text}");
}

#[test]
fn hyper_client_shows_the_calls_of_a_job_and_who_served_them() {
    let text = output_of("hyper_client");
    let (rows, steps) = text.split_once("\n\n").expect("rows, then steps");
    let mut rows: Vec<_> = rows.lines().collect();
    rows.sort_unstable();
    let served = ["GET /stock/{id} 200 Complete", "GET /stock/{id} 500 Complete"];
    assert_eq!(rows, [served[0], served[1], "count stock 0 Complete"], "{text}");
    assert_eq!(steps.matches("Api GET 127.0.0.1:").count(), 2, "{text}");
    assert_eq!(steps.matches("!Error").count(), 1, "{text}");
}
