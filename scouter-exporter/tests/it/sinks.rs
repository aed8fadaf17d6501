//! Sinks other than the collector.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scouter_core::record::XLog;
use scouter_exporter::{JsonLines, Memory, Sink, Texts};

use crate::collector::{Collector, State};
use crate::recorder::{Recorder, agent, flush, record, until};

/// Panics at each of its first XLogs.
struct Panicking {
    panics_left: usize,
    seen: Arc<AtomicUsize>,
}

impl Sink for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn xlog(&mut self, _: &XLog<'_>, _: &Texts) {
        if self.panics_left > 0 {
            self.panics_left -= 1;
            // Not `panic!`: the hook would print a backtrace for each.
            std::panic::resume_unwind(Box::new("a sink of a test"));
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_panicking_sink_is_caught_counted_and_tried_again_while_the_others_go_on() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let seen = Arc::new(AtomicUsize::new(0));
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let guard = agent(&collector.address)
        .sink(Panicking { panics_left: 2, seen: Arc::clone(&seen) })
        .on_notice(move |line| heard.lock().unwrap().push(line.to_owned()))
        .start()
        .unwrap();
    let mut recorded = 0;
    until("it works again", || {
        record(10);
        recorded += 10;
        seen.load(Ordering::Relaxed) > 0
    });
    flush(&guard);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
    assert_eq!(telemetry.sink_panics, 2);
    let seen = seen.load(Ordering::Relaxed);
    assert_eq!(telemetry.sink_skipped, (recorded - seen) as u64);
    assert_eq!(collector.state().stored, recorded);
    assert_eq!(said.lock().unwrap().len(), 1);
    assert!(said.lock().unwrap()[0].contains("sink panicking panicked"));
}

#[test]
fn memory_shows_xlogs_and_profiles_as_trees() {
    let _recorder = Recorder::take();
    let memory = Memory::new();
    let guard = agent("").without_collector().sink(memory.clone()).start().unwrap();
    record(2);
    flush(&guard);
    let content = memory.content();
    assert_eq!(content.xlogs, ["GET /0 200 Complete", "GET /1 200 Complete"]);
    let (_, tree) = &content.profiles[0];
    let lines: Vec<_> = tree.lines().map(|line| line.split(" @ ").next().unwrap()).collect();
    assert_eq!(lines, ["Method load_order", "    Method price"]);
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_json_line_is_json() {
    let _recorder = Recorder::take();
    let out = Shared::default();
    let interval = Duration::from_millis(20);
    let guard = agent("")
        .without_collector()
        .sink(JsonLines::new(out.clone()))
        .intervals(interval, interval)
        .start()
        .unwrap();
    record(3);
    until("a digest is written", || {
        String::from_utf8_lossy(&out.0.lock().unwrap()).contains("\"digest\"")
    });
    drop(guard);
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("xlog").len(), 3);
    assert_eq!(of("xlog")[0]["service"], "GET /0");
    assert_eq!(of("xlog")[0]["tenant"], "tenant-0");
    assert_eq!(of("profile").len(), 3);
    assert_eq!(of("profile")[0]["steps"].as_array().unwrap().len(), 2);
    assert!(of("counters")[0]["values"]["process_rss|B"].as_f64().unwrap() > 0.0);
    assert!(!of("digest").is_empty());
}

/// Fails as a full disk does.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_under_json_lines_harms_nobody_else() {
    let recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let guard = agent(&collector.address).sink(JsonLines::new(Full)).start().unwrap();
    record(5);
    until("the disk is full", || guard.telemetry().sink_panics > 0);
    assert!(guard.telemetry().sink_lost > 0);
    record(5);
    until("the collector has all", || collector.state().stored == 10);
    let telemetry = guard.shutdown();
    recorder.assert_balance(&telemetry);
}
