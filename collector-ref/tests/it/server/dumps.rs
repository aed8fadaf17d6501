//! Dumps that are taken by themselves, of an agent made by hand.

use scouter_collector::{AutoDump, StartError, Tokens};
use scouter_wire::codec::{CommandKind, put_active, write_alerts_frame};
use scouter_wire::record::{Alert, AlertKind, AlertLevel};
use serde_json::json;

use super::agent::{Agent, now_unix_us};
use super::collector::{builder, start, start_in, start_with};

fn on_stuck_awaits() -> AutoDump {
    let mut rules = AutoDump::default();
    rules.alerts = vec!["stuck_await".into()];
    rules
}

fn stuck() -> Alert {
    Alert {
        unix_us: now_unix_us(),
        kind: AlertKind::StuckAwait,
        level: AlertLevel::Warn,
        message: "it awaits".into(),
        place: "src/orders.rs:12".into(),
        service: "GET /orders".into(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
        stack: Vec::new(),
    }
}

/// Sends that alert.
fn tell(agent: &mut Agent) {
    let mut frame = Vec::new();
    write_alerts_frame(&mut frame, 1, &agent.origin(), &[stuck()]).unwrap();
    agent.send_raw(&frame);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_leads_to_a_dump_that_says_what_the_agent_answers_and_what_it_refuses() {
    let collector = start_with(|builder| builder.auto_dump(on_stuck_awaits())).await;
    let mut agent = collector.agent("/test/shop");
    let dumped = std::thread::Builder::new().name("dumped-agent".into()).spawn(move || {
        tell(&mut agent);
        agent.answer(|command| {
            assert_eq!(CommandKind::from_wire(command.kind_number), Some(CommandKind::Active));
            let mut payload = Vec::new();
            put_active(&mut payload, 3, &[]);
            (false, payload)
        });
        agent.answer(|command| {
            assert_eq!(CommandKind::from_wire(command.kind_number), Some(CommandKind::Threads));
            (true, b"built without the feature native".to_vec())
        });
        agent
    });
    let kept = loop {
        let listed = collector.json("/api/v1/dumps?object=/test/shop").await;
        if let Some(kept) = listed["dumps"].get(0) {
            break kept.clone();
        }
    };
    assert_eq!(kept["why"], "alert stuck_await GET /orders src/orders.rs:12");
    let others = collector.json("/api/v1/dumps?object=/test/other").await;
    assert_eq!(others, json!({ "dumps": [] }));
    let path = format!("/api/v1/dumps/{}", kept["id"].as_str().unwrap());
    let dump = collector.json(&path).await;
    assert_eq!(dump["active"]["total"], 3);
    let missing = dump["threads"]["unavailable"].as_str().unwrap();
    assert!(missing.contains("built without the feature native"), "{missing}");
    drop(dumped.unwrap().join().unwrap());
    collector.running.shutdown().await.unwrap();
    let again = start_in(collector.folder, |builder| builder).await;
    assert_eq!(again.json(&path).await, dump, "it is there after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_dump_is_not_found_and_a_viewer_may_only_look_at_the_list() {
    let collector = start().await;
    for id in ["7", "..%2Faudit", "%2E%2E"] {
        assert_eq!(collector.get(&format!("/api/v1/dumps/{id}")).await.0, 404, "{id}");
    }
    assert_eq!(collector.get("/api/v1/dumps?limit=1").await.0, 400);
    let mut tokens = Tokens::default();
    tokens.viewer = Some("a-token-for-looking-only".into());
    let guarded = start_with(|builder| builder.tokens(tokens)).await;
    let status = async |path: &str| {
        let request = guarded.client.get(guarded.url(path));
        request.bearer_auth("a-token-for-looking-only").send().await.unwrap().status().as_u16()
    };
    assert_eq!((status("/api/v1/dumps").await, status("/api/v1/dumps/7").await), (200, 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_alert_that_there_is_not_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut rules = AutoDump::default();
    rules.alerts = vec!["stuck_await".into(), "stuck".into()];
    let refused = builder(folder.path()).auto_dump(rules).start().await.unwrap_err();
    assert!(matches!(&refused, StartError::UnknownAlert { name } if name == "stuck"), "{refused}");
    assert!(refused.to_string().contains("DIAGNOSIS.md"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_gone_before_its_dump_counts_as_failed() {
    let collector = start_with(|builder| builder.auto_dump(on_stuck_awaits())).await;
    let mut agent = collector.agent("/test/shop");
    tell(&mut agent);
    agent.wait_acked(1);
    agent.close();
    // It may have been asked before it went; then the dump says so.
    loop {
        let of =
            async |name: &str| collector.metric(&format!("scouter_collector_{name}_total")).await;
        if of("dumps_failed").await + of("dumps").await == 1 {
            break;
        }
    }
}
