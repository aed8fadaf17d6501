//! Commands of the collector.

use scouter_core::record::{EndReason, StepKind};
use scouter_core::{Begin, TextKind, Transaction, callsite, intern, step};
use scouter_wire::codec::{
    Answer, Command, CommandKind, Encoding, FrameType, read_active, read_callsites, read_options,
    write_frame,
};

use crate::collector::{Collector, State};
use crate::recorder::{Recorder, agent, flush, record, until};

pub(crate) fn ask(collector: &Collector, id: u64, kind: CommandKind, payload: &str) -> Answer {
    collector.command(id, kind, payload);
    until("the command is answered", || collector.state().answered.contains(&id));
    collector.state().answers.remove(&id).unwrap()
}

#[test]
fn commands_are_answered_over_the_connection_that_brought_them() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);

    assert_eq!(ask(&collector, 1, CommandKind::Ping, "hello").payload, b"hello");

    let options = read_options(&ask(&collector, 2, CommandKind::Options, "").payload).unwrap();
    // Lists are empty by default.
    let is_list = |name: &str| {
        ["trace_tenant_hosts", "trace_read_formats", "native_signal"].contains(&name)
            || name.ends_with("_patterns")
    };
    for option in &options {
        assert!(!option.help.is_empty(), "{}", option.name);
        assert!(!option.default.is_empty() || is_list(&option.name), "{}", option.name);
    }
    let set = ask(&collector, 3, CommandKind::SetOption, "xlog_slow_time_ms=777");
    assert_eq!(read_options(&set.payload).unwrap()[0].value, "777");
    let set = ask(&collector, 4, CommandKind::SetOption, "xlog_slow_time_ms=1000");
    assert_eq!(read_options(&set.payload).unwrap()[0].value, "1000");
    let unknown = ask(&collector, 5, CommandKind::SetOption, "xlog_slow_tim_ms=1");
    assert!(unknown.is_error);
    assert!(String::from_utf8(unknown.payload).unwrap().contains("xlog_slow_time_ms"));
    assert_eq!(guard.telemetry().commands, 5);
    drop(guard);
}

#[test]
fn the_live_view_shows_what_is_in_flight_with_its_open_steps() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "GET /in-flight")));
    {
        let _entered = transaction.enter();
        let _step = step(callsite!(name: "waiting_for_stock"));
        let answer = ask(&collector, 1, CommandKind::Active, "");
        let (total, listed) = read_active(&answer.payload).unwrap();
        assert_eq!((total, listed.len()), (1, 1));
        assert_eq!(listed[0].service, "GET /in-flight");
        assert_eq!(listed[0].stack.len(), 1);
        assert_eq!(listed[0].stack[0].kind, StepKind::Method);
        assert!(listed[0].stack[0].name.starts_with("waiting_for_stock"));
    }
    transaction.end(EndReason::Complete);
    flush(&guard);
    let (total, _) = read_active(&ask(&collector, 2, CommandKind::Active, "").payload).unwrap();
    assert_eq!(total, 0);
}

#[test]
fn a_callsite_switched_off_makes_no_step_until_it_is_switched_on() {
    fn visit() {
        let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "GET /switch")));
        {
            let _entered = transaction.enter();
            let site = callsite!(name: "switched");
            if site.is_step_on() {
                let _step = step(site);
            }
        }
        transaction.end(EndReason::Complete);
    }
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    visit();
    let list = read_callsites(&ask(&collector, 1, CommandKind::Callsites, "").payload).unwrap();
    let site = list.iter().find(|callsite| callsite.name == "switched").unwrap();
    assert!(site.place.contains("control.rs:"));
    let set = |id, flags: u32| {
        let payload = format!("{}={flags}", site.id);
        let answer = ask(&collector, id, CommandKind::SetCallsites, &payload);
        read_callsites(&answer.payload).unwrap()[0].flags
    };
    assert_eq!(set(2, 0), 0);
    visit();
    assert_eq!(set(3, site.flags), site.flags);
    visit();
    flush(&guard);
    let state = collector.state();
    assert_eq!(state.profiles.len(), 2, "{:?}", state.profiles);
    assert_eq!(state.stored, 3);
}

#[test]
fn a_large_answer_travels_in_chunks_between_batches() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let text = "x".repeat(500_000);
    collector.command(7, CommandKind::Ping, &text);
    record(1_000);
    flush(&guard);
    until("the command is answered", || collector.state().answered.contains(&7));
    let state = collector.state();
    assert_eq!(state.answers[&7].payload, text.as_bytes());
    assert_eq!(state.stored, 1_000);
}

#[test]
fn an_unknown_command_is_answered_with_a_sentence() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let command = Command {
        id: 9,
        kind_number: 999,
        deadline_ms: 1_000,
        encoding: Encoding::Text,
        payload: b"",
    };
    let mut frame = Vec::new();
    write_frame(&mut frame, FrameType::Command, 0, |out| command.put(out)).unwrap();
    collector.send(&frame);
    until("the command is answered", || collector.state().answered.contains(&9));
    assert!(collector.state().answers[&9].is_error);
    drop(guard);
}
