//! The way of one transaction from begin to tree.

use scouter_core::record::{EndReason, Outcome, ProfileFate, StepKind, XLogKind};
use scouter_core::testing::{capture, capture_async};
use scouter_core::{
    ApiOutcome, Begin, Field, OpenStep, SqlOutcome, TextKind, TraceContext, Transaction, attr,
    callsite, current, in_step, in_transaction, intern, step, wait,
};

fn begin(service: &str) -> Transaction {
    Transaction::begin(Begin::new(intern(TextKind::Service, service)))
}

#[test]
fn steps_become_a_tree_under_their_transaction() {
    let recording = capture(|| {
        let transaction = begin("GET /orders/{id}");
        {
            let _entered = transaction.enter();
            let outer = step(callsite!(name: "outer"));
            outer.attr("id", 7_u64);
            outer.attr("who", "ann");
            {
                let _inner = step(callsite!(name: "inner"));
                current::message("hello");
            }
            let sql = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT ?"));
            sql.finish_sql(SqlOutcome { rows: 3, ..SqlOutcome::default() });
            let api = OpenStep::begin(StepKind::Api, intern(TextKind::Api, "GET billing"));
            api.finish_api(ApiOutcome {
                status: 503,
                outcome: Outcome::Error,
                error: "unavailable",
                ..ApiOutcome::default()
            });
        }
        transaction.set_status(200);
        transaction.end(EndReason::Complete);
    });
    assert_eq!(
        recording.tree(),
        "GET /orders/{id} 200 !error\n    outer {id=7, who=ann}\n        inner\n            message \"hello\"\n        sql SELECT ?\n        api GET billing 503 !error\n"
    );
    let xlog = recording.only();
    assert_eq!((xlog.sql_count, xlog.sql_rows, xlog.api_count), (1, 3, 1));
    assert_eq!(xlog.error, "unavailable");
    assert_eq!((xlog.steps, xlog.profile), (5, ProfileFate::Kept));
}

#[test]
fn row_carries_what_was_set() {
    let recording = capture(|| {
        let caller = begin("caller");
        let context: TraceContext = caller.context().expect("recording");
        let begin = Begin::new(intern(TextKind::Service, "unknown"))
            .kind(XLogKind::Background)
            .context(Some(&context));
        let transaction = Transaction::begin(begin);
        transaction.set_service(intern(TextKind::Service, "job"));
        transaction.set_text(Field::Tenant, "acme");
        transaction.set_text(Field::Ip, "10.0.0.1");
        transaction.set_text(Field::UserAgent, "curl");
        transaction.add_bytes_out(12);
        transaction.add_bytes_out(30);
        transaction.tag("plan", "gold");
        transaction.set_ttfb_now();
        {
            let _entered = transaction.enter();
            assert_eq!(current::tenant_string(), "acme");
            current::set_login("ann");
            current::set_desc("nightly");
            current::error(&"first");
            current::error(&"second");
        }
        transaction.end(EndReason::Complete);
        caller.end(EndReason::Complete);
    });
    let (caller, job) = (recording.xlog("caller").unwrap(), recording.xlog("job").unwrap());
    assert_eq!((job.gxid, job.caller), (caller.gxid, Some(caller.txid)));
    assert_eq!(job.kind, XLogKind::Background);
    assert_eq!([&*job.tenant, &*job.login, &*job.desc], ["acme", "ann", "nightly"]);
    assert_eq!([&*job.ip, &*job.user_agent, &*job.error], ["10.0.0.1", "curl", "first"]);
    assert_eq!(job.bytes_out, 42);
    assert_eq!(job.tags, [("plan".to_owned(), "gold".to_owned())]);
}

#[test]
fn dropping_a_transaction_ends_it_as_cancelled() {
    let recording = capture(|| drop(begin("dropped")));
    assert_eq!(recording.only().end, EndReason::CancelledBeforeResponse);
    assert_eq!(recording.only().profile, ProfileFate::Empty);
}

#[tokio::test]
async fn async_steps_have_polls_and_siblings_keep_their_parent() {
    let recording = capture_async(async {
        let work = in_step(callsite!(name: "handler"), async {
            let left = in_step(callsite!(name: "left"), async {
                tokio::task::yield_now().await;
                attr("side", "left");
                wait("lock", tokio::task::yield_now()).await;
            });
            let right = in_step(callsite!(name: "right"), async {
                tokio::task::yield_now().await;
                let _sync = step(callsite!(name: "sync"));
            });
            futures_util::join!(left, right);
        });
        in_transaction(begin("GET /"), work).await;
    })
    .await;
    assert_eq!(
        recording.tree(),
        "GET /\n    handler\n        left {side=left}\n            wait lock\n        right\n            sync\n"
    );
    let xlog = recording.only();
    let steps = recording.steps(xlog.txid);
    assert_eq!(steps[0].polls, 3);
    assert_eq!(xlog.polls, 3);
    assert!(xlog.busy_us <= xlog.elapsed_us);
}

#[test]
fn error_hidden_by_wrapping_shows_where_it_came_from_and_a_handled_one_does_not() {
    let mut line = 0;
    let recording = capture(|| {
        let mut failing = |service: &str, answer: Option<&str>| {
            let transaction = begin(service);
            {
                let _entered = transaction.enter();
                let _handler = step(callsite!(name: "handler"));
                line = line!() + 1;
                let load = step(callsite!(name: "load_order"));
                load.fail(&"db down");
                drop(load);
                scouter_core::fail(&"cannot load the order");
            }
            if let Some(answer) = answer {
                transaction.set_error(&answer);
            }
            transaction.end(EndReason::Complete);
        };
        failing("wrapped", Some("500 Internal Server Error"));
        failing("handled", None);
        let transaction = begin("statement");
        {
            let _entered = transaction.enter();
            let _load = step(callsite!(name: "load"));
            let sql = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, "SELECT ?"));
            let outcome = Outcome::Error;
            sql.finish_sql(SqlOutcome { outcome, error: "no table", ..SqlOutcome::default() });
        }
        transaction.end(EndReason::Complete);
    });
    let error = |service: &str| {
        let row = recording.xlog(service).unwrap();
        (row.error.as_str(), row.error_place.as_str())
    };
    let place = format!("{}:{line}", file!());
    assert_eq!(error("wrapped"), ("500 Internal Server Error (first: db down)", place.as_str()));
    assert_eq!(error("handled"), ("", ""));
    assert_eq!(error("statement").0, "no table");
    assert!(error("statement").1.starts_with(file!()), "{:?}", error("statement"));
}
