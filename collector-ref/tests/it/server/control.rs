//! Commands to agents over their own connections.

use scouter_wire::codec::{
    CallsiteEntry, CommandKind, EnvironmentEntry, FrameEntry, InstanceId, ModuleEntry, OptionEntry,
    ProfileMode, StackCount, StackProfile, StackQuality, ThreadDump, ThreadEntry, put_active,
    put_callsites, put_environment, put_options, put_profile, put_threads,
};
use scouter_wire::record::{ActiveStep, ActiveTransaction, RunState, StepKind, XLogKind};
use scouter_wire::{Gxid, Txid};
use serde_json::json;

use super::agent::{Agent, hello};
use super::collector::start;

fn running() -> ActiveTransaction {
    let step = |kind, name: &str, age_us| ActiveStep { kind, name: name.into(), age_us };
    ActiveTransaction {
        txid: Txid::new(7).unwrap(),
        gxid: Gxid::new(9).unwrap(),
        kind: XLogKind::Web,
        caller: None,
        service: "GET /orders/{id}".into(),
        tenant: "acme".into(),
        login: "kim".into(),
        ip: "192.0.2.7".into(),
        desc: String::new(),
        age_us: 9_000_000,
        busy_us: 5,
        state: RunState::Waiting,
        tid: 0,
        steps: 2,
        stack: vec![
            step(StepKind::Method, "load_order @ src/orders.rs:12", 8_999_000),
            step(StepKind::Sql, "SELECT pg_sleep(?)", 8_998_000),
        ],
    }
}

/// Answers one command on a thread of its own while the test asks over HTTP.
pub(crate) fn answering(
    mut agent: Agent,
    expected: CommandKind,
    is_error: bool,
    put: impl FnOnce(&[u8], &mut Vec<u8>) + Send + 'static,
) -> std::thread::JoinHandle<Agent> {
    let thread = std::thread::Builder::new().name("answering-agent".into()).spawn(move || {
        agent.answer(|command| {
            assert_eq!(CommandKind::from_wire(command.kind_number), Some(expected));
            let mut payload = Vec::new();
            put(command.payload, &mut payload);
            (is_error, payload)
        });
        agent
    });
    thread.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn active_services_are_asked_of_the_agent_and_show_what_they_await() {
    let collector = start().await;
    let agent = collector.agent("/test/orders");
    let agent = answering(agent, CommandKind::Active, false, |_, out| {
        put_active(out, 1, &[running()]);
    });
    let answer = collector.json("/api/v1/active").await;
    let object = &answer["objects"][0];
    assert_eq!(object["total"], 1);
    assert_eq!(object["age_bands"], json!({"under_3s": 0, "to_8s": 0, "over_8s": 1}));
    assert_eq!(object["transactions"][0]["ip"], "192.0.2.7");
    assert_eq!(object["transactions"][0]["desc"], "");
    let stack = &object["transactions"][0]["stack"];
    assert_eq!(stack[0]["name"], "load_order");
    assert_eq!(stack[0]["place"], "src/orders.rs:12");
    assert_eq!(stack[1]["kind"], "sql");
    let agent = answering(agent.join().unwrap(), CommandKind::Active, false, |_, out| {
        put_active(out, 1, &[running()]);
    });
    let text = collector.text("/api/v1/active?object=/test/*").await;
    assert!(text.contains("SELECT pg_sleep(?)"), "{text}");
    agent.join().unwrap();
    let none = collector.json("/api/v1/active?object=/other/*").await;
    assert_eq!(none["objects"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_comes_in_chunks() {
    let collector = start().await;
    let agent = collector.agent("/test/orders");
    let many = vec![running(); 5_000];
    let agent = answering(agent, CommandKind::Active, false, move |_, out| {
        put_active(out, 12_345, &many);
    });
    let answer = collector.json("/api/v1/active").await;
    assert_eq!(answer["objects"][0]["total"], 12_345);
    assert_eq!(answer["objects"][0]["transactions"].as_array().unwrap().len(), 5_000);
    agent.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_answer_or_answers_nonsense_is_said_to_be_unavailable() {
    let collector = start().await;
    let agent = collector.agent("/test/silent");
    let answer = collector.json("/api/v1/active").await;
    let why = answer["objects"][0]["unavailable"].as_str().unwrap().to_owned();
    assert!(why.contains("did not answer within 2 s"), "{why}");
    assert_eq!(collector.metric("scouter_collector_commands_timed_out_total").await, 1);
    drop(agent);
    let agent = collector.agent("/test/silent");
    let agent = answering(agent, CommandKind::Active, false, |_, out| out.push(0xff));
    // The command that timed out may still lie in the new connection's way; it does not: commands
    // die with their connection.
    let answer = collector.json("/api/v1/active").await;
    let why = answer["objects"][0]["unavailable"].as_str().unwrap().to_owned();
    assert!(why.contains("ends inside"), "{why}");
    agent.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_read_and_changed_and_the_change_is_written_down() {
    let collector = start().await;
    let option = OptionEntry {
        name: "profile_step_max_count".into(),
        value: "1024".into(),
        default: "1024".into(),
        unit: "steps".into(),
        help: "How many steps one transaction keeps.".into(),
        is_live: true,
    };
    let entry = option.clone();
    let agent = collector.agent("/test/orders");
    let agent =
        answering(agent, CommandKind::Options, false, move |_, out| put_options(out, &[entry]));
    let answer = collector.json("/api/v1/options/%2Ftest%2Forders").await;
    assert_eq!(answer["options"][0]["name"], "profile_step_max_count");
    assert_eq!(answer["options"][0]["live"], true);
    let agent =
        answering(agent.join().unwrap(), CommandKind::SetOption, false, move |sent, out| {
            assert_eq!(sent, b"profile_step_max_count=64");
            put_options(out, &[OptionEntry { value: "64".into(), ..option }]);
        });
    let change = json!({"name": "profile_step_max_count", "value": "64"});
    let url = collector.url("/api/v1/options/%2Ftest%2Forders");
    let answer = collector.client.post(&url).json(&change).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let agent = agent.join().unwrap();
    let audit = std::fs::read_to_string(collector.folder.path().join("data/audit.jsonl")).unwrap();
    assert!(audit.contains("profile_step_max_count=64"), "{audit}");
    let agent = answering(agent, CommandKind::SetOption, true, |_, out| {
        out.extend_from_slice(b"unknown option \"x\"");
    });
    let change = json!({"name": "x", "value": "64"});
    let answer = collector.client.post(&url).json(&change).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.unwrap();
    assert!(text.contains("the agent refused: unknown option"), "{text}");
    agent.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callsites_are_switched_by_name() {
    let collector = start().await;
    let site = CallsiteEntry {
        id: 3,
        name: "load_order".into(),
        place: "src/orders.rs:12".into(),
        arguments: vec!["id".into()],
        flags: 3,
    };
    let agent = collector.agent("/test/orders");
    let agent = answering(agent, CommandKind::SetCallsites, false, move |sent, out| {
        assert_eq!(sent, b"3=3\n");
        put_callsites(out, &[site]);
    });
    let change = json!({"callsites": [{"id": 3, "flags": ["step", "args"]}]});
    let url = collector.url("/api/v1/callsites/%2Ftest%2Forders");
    let answer = collector.client.post(&url).json(&change).send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(answer["callsites"][0]["flags"], json!(["step", "args"]));
    agent.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_not_connected_is_named() {
    let collector = start().await;
    let (status, answer) = collector.get("/api/v1/options/%2Fnobody").await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("not_connected")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reaches_the_process_that_was_chosen_of_two_under_one_name() {
    let collector = start().await;
    let address = collector.running.agent_addr();
    let first = collector.agent("/test/orders");
    let mut other = hello("/test/orders");
    other.instance = InstanceId(99);
    let second = Agent::connect_with(address, other, None).unwrap();
    let url = "/api/v1/options/%2Ftest%2Forders";
    let (status, answer) = collector.get(url).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("ambiguous")));
    let message = answer["error"]["message"].as_str().unwrap();
    let chosen = format!("{:032x}", first.hello.instance.0);
    assert!(message.contains(&chosen) && message.contains(&format!("{:032x}", 99)), "{message}");
    // The one that connected first answers, which the newer one used to hide.
    let first = answering(first, CommandKind::Options, false, |_, out| put_options(out, &[]));
    let answer = collector.json(&format!("{url}?instance={chosen}")).await;
    assert_eq!(answer["options"], json!([]));
    let first = answering(first.join().unwrap(), CommandKind::Active, false, |_, out| {
        put_active(out, 1, &[running()]);
    });
    let second = answering(second, CommandKind::Active, false, |_, out| put_active(out, 0, &[]));
    let answer = collector.json("/api/v1/active").await;
    let totals: Vec<_> =
        answer["objects"].as_array().unwrap().iter().map(|o| &o["total"]).collect();
    assert_eq!(totals.len(), 2, "{answer}");
    assert_eq!(totals.iter().filter_map(|total| total.as_u64()).sum::<u64>(), 1);
    second.join().unwrap().close();
    first.join().unwrap().close();
    let (status, _) = collector.get(&format!("{url}?instance={chosen}")).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_shown_with_names_for_code_whose_debug_file_is_here_and_why_not_elsewhere() {
    let collector = start().await;
    let agent = collector.agent("/test/orders");
    let agent = answering(agent, CommandKind::Threads, false, |_, out| {
        let modules =
            vec![ModuleEntry { path: "/srv/elsewhere".into(), build_id: vec![0xab, 0xcd] }];
        let blocked = ThreadEntry {
            tid: 42,
            name: "tokio-runtime-w".into(),
            state: b'S',
            txid: Txid::new(7),
            service: "GET /orders/{id}".into(),
            quality: StackQuality::Complete,
            frames: vec![FrameEntry::Code { module: Some(0), offset: 0x10 }],
            ..ThreadEntry::default()
        };
        let threads = vec![blocked];
        put_threads(out, &ThreadDump { modules, total: 1, threads, ..ThreadDump::default() });
    });
    let url = collector.url("/api/v1/threads/%2Ftest%2Forders");
    let answer = collector.client.post(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    let thread = &answer["threads"][0];
    assert_eq!(thread["service"], "GET /orders/{id}");
    assert_eq!(thread["frames"][0]["functions"][0]["name"], "elsewhere+0x10");
    let missing = thread["frames"][0]["missing"].as_str().unwrap();
    assert!(missing.contains("build-id abcd"), "{missing}");
    agent.join().unwrap();
    let audit = std::fs::read_to_string(collector.folder.path().join("data/audit.jsonl")).unwrap();
    assert!(audit.contains("dump threads"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_frequencies_are_folded_root_first_and_the_environment_hides_what_the_agent_hid() {
    let collector = start().await;
    let agent = collector.agent("/test/orders");
    let agent = answering(agent, CommandKind::Sfa, false, |sent, out| {
        assert_eq!(sent, b"take logical");
        let step = |name: &str| FrameEntry::Step(name.into());
        let stack = |is_running, count| StackCount {
            service: "GET /a;b".into(),
            is_running,
            count,
            frames: vec![step("outer"), step("inner")],
            ..StackCount::default()
        };
        let stacks = vec![stack(false, 3), stack(true, 1)];
        put_profile(
            out,
            &StackProfile { mode: ProfileMode::Logical, stacks, ..StackProfile::default() },
        );
    });
    let text = collector.text("/api/v1/sfa/%2Ftest%2Forders?format=folded").await;
    assert_eq!(text, "GET /a,b;outer;inner;(running) 1\nGET /a,b;outer;inner;(waiting) 3\n");
    let agent = answering(agent.join().unwrap(), CommandKind::Environment, false, |_, out| {
        let hidden = EnvironmentEntry {
            section: "variables".into(),
            name: "DATABASE_URL".into(),
            value: String::new(),
            is_hidden: true,
        };
        put_environment(out, &[hidden]);
    });
    let answer = collector.json("/api/v1/env/%2Ftest%2Forders").await;
    let expected = json!([{"section": "variables", "name": "DATABASE_URL", "value": null}]);
    assert_eq!(answer["environment"], expected);
    agent.join().unwrap();
}
