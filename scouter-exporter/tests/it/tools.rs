//! The tools on demand, while the application stands still.

use std::sync::mpsc;
use std::time::Duration;

use scouter_core::record::{CounterPoint, EndReason};
use scouter_core::{Begin, TextKind, Transaction, callsite, intern, options, step};
use scouter_wire::codec::{
    CommandKind, FrameEntry, StackQuality, read_environment, read_profile, read_threads,
};

use scouter_exporter::{Sink, Texts};

use crate::collector::{Collector, State};
use crate::control::ask;
use crate::recorder::{Recorder, agent, until};

/// A thread that blocks inside a poll of a transaction, until this is dropped.
struct Blocked {
    end: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Blocked {
    fn start(service: &'static str) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::Builder::new().name("blocked-worker".into()).spawn(move || {
            let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, service)));
            {
                let _entered = transaction.enter_poll();
                let _step = step(callsite!(name: "holds_the_lock"));
                tell.send(()).unwrap();
                let _ = ended.recv();
            }
            transaction.end(EndReason::Complete);
        });
        told.recv().unwrap();
        Self { end: Some(end), thread: Some(thread.unwrap()) }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn threads_are_told_with_what_they_poll_while_that_blocks_them() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let blocked = Blocked::start("GET /blocked");
    let dump = read_threads(&ask(&collector, 1, CommandKind::Threads, "").payload).unwrap();
    assert_eq!(dump.total, dump.threads.len() as u64);
    let found = dump.threads.iter().find(|thread| thread.name == "blocked-worker").unwrap();
    assert_eq!(found.service, "GET /blocked");
    assert!(found.txid.is_some());
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_ne!(found.quality, StackQuality::Missing, "{}", found.missing);
        assert!(found.frames.len() > 3, "{:?}", found.frames);
        assert!(matches!(found.frames[0], FrameEntry::Code { module: Some(_), .. }));
        assert!(dump.modules.iter().any(|module| !module.build_id.is_empty()));
    }
    let again = ask(&collector, 2, CommandKind::Threads, "");
    assert!(again.is_error, "one dump in five seconds");
    drop(blocked);
    drop(guard);
}

#[test]
fn what_transactions_await_is_counted_all_the_time_unless_it_is_switched_off() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let blocked = Blocked::start("GET /counted");
    let mut id = 0;
    let mut count = || {
        id += 1;
        let profile = read_profile(&ask(&collector, id, CommandKind::Sfa, "").payload).unwrap();
        let ours = profile.stacks.into_iter().find(|stack| {
            stack.service == "GET /counted"
                && matches!(&stack.frames[..], [FrameEntry::Step(name)] if name.starts_with("holds_the_lock"))
        });
        ours.map_or(0, |stack| {
            assert!(stack.is_running);
            stack.count
        })
    };
    until("it was looked at three times", || count() >= 3);
    options::set("sfa_interval_ms", "0").unwrap();
    // A look may be under way.
    let _ = count();
    let seen = count();
    let later = (0..20).map(|_| count()).last().unwrap();
    options::set("sfa_interval_ms", "100").unwrap();
    assert_eq!(later, seen);
    drop(blocked);
    drop(guard);
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn cpu_time_is_sampled_for_as_long_as_was_asked_and_kept_afterwards() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let none = ask(&collector, 1, CommandKind::Sfa, "take cpu");
    assert_eq!(read_profile(&none.payload).unwrap().samples, 0);
    let refused = ask(&collector, 2, CommandKind::Sfa, "start cpu 10000 1");
    assert!(refused.is_error);
    let started = ask(&collector, 3, CommandKind::Sfa, "start cpu 99 300");
    assert!(read_profile(&started.payload).unwrap().is_running);
    let mut id = 3;
    until("there are samples with code", || {
        std::hint::black_box((0..100_000_u64).fold(1, |a: u64, b| a.wrapping_mul(31) ^ b));
        id += 1;
        let taken = ask(&collector, id, CommandKind::Sfa, "take cpu");
        let profile = read_profile(&taken.payload).unwrap();
        profile.samples >= 5 && profile.stacks.iter().any(|stack| stack.frames.len() > 2)
    });
    let stopped = read_profile(&ask(&collector, id + 1, CommandKind::Sfa, "stop cpu").payload);
    let stopped = stopped.unwrap();
    assert!(!stopped.is_running && stopped.samples >= 5);
    assert_eq!(stopped.samples, stopped.stacks.iter().map(|stack| stack.count).sum::<u64>());
    let kept = read_profile(&ask(&collector, id + 2, CommandKind::Sfa, "take cpu").payload);
    assert_eq!(kept.unwrap().samples, stopped.samples);
    drop(guard);
}

#[test]
fn the_environment_is_told_without_values_that_nobody_listed() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).start().unwrap();
    until("the connection stands", || guard.telemetry().connections == 1);
    let answer = ask(&collector, 1, CommandKind::Environment, "");
    let entries = read_environment(&answer.payload).unwrap();
    let path = entries.iter().find(|one| one.section == "variables" && one.name == "PATH");
    assert!(path.is_none_or(|path| path.is_hidden && path.value.is_empty()));
    assert!(entries.iter().any(|one| one.section == "tools" && one.name == "stacks_asleep"));
    drop(guard);
}

/// Hands on which tools are said to work.
struct Told(mpsc::SyncSender<(String, f64)>);

impl Sink for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn counters(&mut self, _: i64, points: &[CounterPoint], texts: &Texts) {
        for point in points {
            if let Some(tool) = texts.text(point.name).strip_prefix("tool_available||") {
                // One round is enough.
                let _ = self.0.try_send((tool.to_owned(), point.value));
            }
        }
    }
}

#[test]
fn which_tools_work_is_told_without_being_asked() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let (tell, told) = mpsc::sync_channel(4);
    let short = Duration::from_millis(10);
    let builder = agent(&collector.address).intervals(short, Duration::from_secs(60));
    let guard = builder.sink(Told(tell)).start().unwrap();
    let works = if cfg!(all(target_os = "linux", target_arch = "x86_64")) { 1.0 } else { 0.0 };
    let expected = [
        ("stacks_asleep", works),
        ("stacks_running", works),
        ("cpu_samples", works),
        // This program has the system's allocator.
        ("allocations", 0.0),
    ];
    for (tool, value) in expected {
        let told = told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(told, (tool.to_owned(), value));
    }
    drop(guard);
}
