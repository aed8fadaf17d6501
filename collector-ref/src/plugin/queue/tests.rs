use std::sync::mpsc::{SyncSender, sync_channel};

use super::*;
use crate::plugin::PluginError;

/// Answers each batch with the next of its answers, then with `Ok`.
struct Scripted {
    answers: Vec<Answer>,
    seen: SyncSender<usize>,
}

enum Answer {
    Panic,
    Retry,
    Reject,
    WaitFor(Receiver<()>),
}

impl CollectorPlugin for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }
    fn hooks(&self) -> Hooks {
        Hooks::ALERT
    }
    fn alert(&mut self, batch: &[StoredAlert]) -> Result<(), PluginError> {
        if self.answers.is_empty() {
            self.seen.send(batch.len()).unwrap();
            return Ok(());
        }
        match self.answers.remove(0) {
            Answer::Panic => panic!("the plugin is broken"),
            Answer::Retry => Err(PluginError::Retry("away".into())),
            Answer::Reject => Err(PluginError::Reject("malformed".into())),
            Answer::WaitFor(gate) => {
                gate.recv().unwrap();
                Ok(())
            }
        }
    }
}

fn alerts(count: usize) -> Event {
    let alert = scouter_wire::record::Alert {
        unix_us: 1,
        kind: scouter_wire::record::AlertKind::Agent,
        level: scouter_wire::record::AlertLevel::Warn,
        message: String::new(),
        place: String::new(),
        service: String::new(),
        tenant: String::new(),
        transaction: None,
        suppressed: 0,
        stack: Vec::new(),
    };
    Event::Alerts(Arc::new(vec![StoredAlert { object: "/h/o".into(), alert }; count]))
}

fn start(answers: Vec<Answer>, limits: PluginLimits) -> (Plugins, Receiver<usize>) {
    let (seen, seen_rx) = sync_channel(64);
    let plugin: Box<dyn CollectorPlugin> = Box::new(Scripted { answers, seen });
    (Plugins::start(vec![(plugin, limits)]).unwrap(), seen_rx)
}

fn quick() -> PluginLimits {
    PluginLimits { retry_pause: Duration::from_micros(1), ..PluginLimits::default() }
}

fn figures(plugins: &Plugins) -> [u64; 5] {
    let status = plugins.statuses().next().unwrap();
    [&status.delivered, &status.dropped, &status.failed, &status.retried, &status.panicked]
        .map(Counter::value)
}

#[test]
fn only_wanted_hooks_are_offered() {
    let (plugins, _seen) = start(vec![], quick());
    assert!(plugins.want(Hooks::ALERT) && !plugins.want(Hooks::XLOG));
    plugins.offer(&Event::XLogs(Arc::new(vec![])));
    plugins.stop();
    assert_eq!(figures(&plugins), [0, 0, 0, 0, 0]);
}

#[test]
fn a_panicking_plugin_loses_that_batch_and_gets_the_next() {
    let (plugins, seen) = start(vec![Answer::Panic], quick());
    plugins.offer(&alerts(3));
    plugins.offer(&alerts(2));
    assert_eq!(seen.recv().unwrap(), 2);
    plugins.stop();
    assert_eq!(figures(&plugins), [2, 0, 3, 0, 1]);
}

#[test]
fn a_batch_is_tried_again_until_it_is_taken() {
    let (plugins, seen) = start(vec![Answer::Retry, Answer::Retry], quick());
    plugins.offer(&alerts(3));
    assert_eq!(seen.recv().unwrap(), 3);
    plugins.stop();
    assert_eq!(figures(&plugins), [3, 0, 0, 2, 0]);
}

#[test]
fn a_batch_fails_after_the_last_retry_and_at_once_when_it_is_refused() {
    let answers = vec![Answer::Retry, Answer::Retry, Answer::Reject];
    let (plugins, seen) = start(answers, PluginLimits { max_retries: 1, ..quick() });
    plugins.offer(&alerts(3));
    plugins.offer(&alerts(4));
    plugins.offer(&alerts(5));
    assert_eq!(seen.recv().unwrap(), 5);
    plugins.stop();
    assert_eq!(figures(&plugins), [5, 0, 7, 1, 0]);
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_it_without_waiting() {
    let (open, gate) = sync_channel(1);
    let limits = PluginLimits { queue_records: 10, ..quick() };
    let (plugins, seen) = start(vec![Answer::WaitFor(gate)], limits);
    plugins.offer(&alerts(6));
    plugins.offer(&alerts(4));
    plugins.offer(&alerts(1));
    assert_eq!(figures(&plugins), [0, 1, 0, 0, 0]);
    open.send(()).unwrap();
    assert_eq!(seen.recv().unwrap(), 4);
    plugins.stop();
    assert_eq!(figures(&plugins), [10, 1, 0, 0, 0]);
    plugins.offer(&alerts(2));
    assert_eq!(figures(&plugins), [10, 3, 0, 0, 0], "after the end everything is dropped");
}

#[test]
fn a_stopping_collector_does_not_wait_through_the_pauses() {
    let limits = PluginLimits { retry_pause: Duration::from_secs(3_600), ..quick() };
    let (plugins, _seen) = start(vec![Answer::Retry], limits);
    plugins.offer(&alerts(1));
    plugins.stop();
    let status = plugins.statuses().next().unwrap();
    assert_eq!(status.queued_records.load(Ordering::Relaxed), 0);
    assert_eq!(figures(&plugins)[1], 0, "the thread ended by itself");
}
