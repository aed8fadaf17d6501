//! What of the counters and alerts is a reason for a dump.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::{AutoDump, DEFAULT_INTERVAL_S, Wanted};
use crate::clock::Clock;
use crate::names;
use crate::plugin::{CollectorPlugin, CounterRecord, Hooks, PluginError, StoredAlert};

/// Values in a row, two seconds apart, for which a process must be busy.
const BUSY_VALUES: u32 = 5;

/// Objects whose last dump is remembered before those are forgotten that may be dumped again.
const MAX_REMEMBERED: usize = 1_024;

const ACTIVE: &str = "active_services|";
const CPU: &str = "process_cpu|%";

/// Decides, and hands on what it decided.
#[derive(Debug)]
pub(crate) struct Triggers {
    rules: AutoDump,
    clock: Clock,
    wanted: Sender<Wanted>,
    /// How many values in a row were above the limit.
    busy: HashMap<Arc<str>, u32>,
    /// When an object was dumped last, monotonic µs.
    last: HashMap<Arc<str>, u64>,
}

impl Triggers {
    pub(crate) fn new(rules: AutoDump, clock: Clock, wanted: Sender<Wanted>) -> Self {
        Self { rules, clock, wanted, busy: HashMap::new(), last: HashMap::new() }
    }

    /// Asks for a dump, unless there was one a moment ago.
    fn want(&mut self, object: &Arc<str>, why: String) -> Result<(), PluginError> {
        let now = self.clock.monotonic_us();
        let interval = self.rules.interval_s.map_or(DEFAULT_INTERVAL_S, u64::from) * 1_000_000;
        let is_recent = |last: &u64| now.saturating_sub(*last) < interval;
        if self.last.get(object).is_some_and(is_recent) {
            return Ok(());
        }
        if self.last.len() >= MAX_REMEMBERED {
            self.last.retain(|_, last| is_recent(last));
        }
        self.wanted.try_send(Wanted { object: Arc::clone(object), why }).map_err(|_| {
            PluginError::Reject(format!("{object} is not dumped: others wait for their dumps"))
        })?;
        self.last.insert(Arc::clone(object), now);
        Ok(())
    }

    /// Why a counter is a reason, if it is one.
    fn reason(&mut self, record: &CounterRecord) -> Option<String> {
        match &*record.name {
            ACTIVE => {
                let limit = self.rules.active_services?;
                (record.value >= f64::from(limit))
                    .then(|| format!("{} transactions at once, limit {limit}", record.value))
            }
            CPU => {
                let limit = self.rules.cpu_percent?;
                if record.value < f64::from(limit) {
                    self.busy.remove(&record.object);
                    return None;
                }
                let busy = self.busy.entry(Arc::clone(&record.object)).or_default();
                *busy += 1;
                let is_long = *busy >= BUSY_VALUES;
                if is_long {
                    self.busy.remove(&record.object);
                }
                is_long.then(|| format!("CPU at {:.0} %, limit {limit} %", record.value))
            }
            _ => None,
        }
    }
}

impl CollectorPlugin for Triggers {
    fn name(&self) -> &'static str {
        "auto-dump"
    }

    fn hooks(&self) -> Hooks {
        let counters = self.rules.active_services.is_some() || self.rules.cpu_percent.is_some();
        match (counters, self.rules.alerts.is_empty()) {
            (true, true) => Hooks::COUNTER,
            (true, false) => Hooks::COUNTER.with(Hooks::ALERT),
            (false, _) => Hooks::ALERT,
        }
    }

    fn counter(&mut self, batch: &[CounterRecord]) -> Result<(), PluginError> {
        let mut all = Ok(());
        for record in batch {
            if let Some(why) = self.reason(record) {
                all = all.and(self.want(&record.object, why));
            }
        }
        all
    }

    fn alert(&mut self, batch: &[StoredAlert]) -> Result<(), PluginError> {
        let mut all = Ok(());
        for StoredAlert { object, alert } in batch {
            let kind = names::alert_kind(alert.kind);
            if self.rules.alerts.iter().any(|wanted| wanted == kind) {
                let place = [alert.service.as_str(), &alert.place].join(" ");
                all = all.and(self.want(object, format!("alert {kind} {place}").trim().to_owned()));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scouter_wire::record::{Alert, AlertKind, AlertLevel};
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    fn with(rules: AutoDump, room: usize) -> (Triggers, Clock, Receiver<Wanted>) {
        let clock = Clock::manual(1_000_000_000);
        let (send, wanted) = channel(room);
        (Triggers::new(rules, clock.clone(), send), clock, wanted)
    }

    fn value(object: &str, name: &str, value: f64) -> CounterRecord {
        CounterRecord { object: object.into(), name: name.into(), unix_us: 1, value }
    }

    fn said(wanted: &mut Receiver<Wanted>) -> Vec<String> {
        let all = std::iter::from_fn(|| wanted.try_recv().ok());
        all.map(|one| format!("{}: {}", one.object, one.why)).collect()
    }

    #[test]
    fn many_transactions_at_once_are_a_reason_and_the_next_dump_waits_for_its_interval() {
        let rules = AutoDump { active_services: Some(100), ..AutoDump::default() };
        let (mut triggers, clock, mut wanted) = with(rules, 8);
        let batch = |n| [value("/a", ACTIVE, n), value("/b", ACTIVE, 3.0), value("/a", CPU, 900.0)];
        triggers.counter(&batch(99.0)).unwrap();
        assert!(said(&mut wanted).is_empty());
        triggers.counter(&batch(100.0)).unwrap();
        assert_eq!(said(&mut wanted), ["/a: 100 transactions at once, limit 100"]);
        clock.advance(Duration::from_secs(59));
        triggers.counter(&batch(500.0)).unwrap();
        assert!(said(&mut wanted).is_empty());
        clock.advance(Duration::from_secs(1));
        triggers.counter(&batch(500.0)).unwrap();
        assert_eq!(said(&mut wanted).len(), 1);
    }

    #[test]
    fn a_process_must_be_busy_for_ten_seconds_without_a_break() {
        let rules = AutoDump { cpu_percent: Some(90), ..AutoDump::default() };
        let (mut triggers, _, mut wanted) = with(rules, 8);
        let busy = [95.0, 95.0, 95.0, 95.0, 10.0, 95.0, 95.0, 95.0, 95.0];
        triggers.counter(&busy.map(|percent| value("/a", CPU, percent))).unwrap();
        assert!(said(&mut wanted).is_empty());
        triggers.counter(&[value("/a", CPU, 96.4)]).unwrap();
        assert_eq!(said(&mut wanted), ["/a: CPU at 96 %, limit 90 %"]);
    }

    #[test]
    fn alerts_of_the_kinds_that_were_named_are_a_reason() {
        let rules = AutoDump { alerts: vec!["stuck_await".into()], ..AutoDump::default() };
        let (mut triggers, _, mut wanted) = with(rules, 8);
        let alert = |kind| StoredAlert {
            object: "/a".into(),
            alert: Alert {
                unix_us: 1,
                kind,
                level: AlertLevel::Warn,
                message: String::new(),
                place: "src/a.rs:7".into(),
                service: "GET /orders".into(),
                tenant: String::new(),
                transaction: None,
                suppressed: 0,
                stack: Vec::new(),
            },
        };
        triggers.alert(&[alert(AlertKind::SlowCall), alert(AlertKind::StuckAwait)]).unwrap();
        assert_eq!(said(&mut wanted), ["/a: alert stuck_await GET /orders src/a.rs:7"]);
    }

    #[test]
    fn what_finds_no_room_is_refused_and_wanted_again() {
        let rules = AutoDump { active_services: Some(1), ..AutoDump::default() };
        let (mut triggers, _, mut wanted) = with(rules, 1);
        let batch = [value("/a", ACTIVE, 1.0), value("/b", ACTIVE, 1.0)];
        let refused = triggers.counter(&batch).unwrap_err();
        assert!(matches!(&refused, PluginError::Reject(why) if why.contains("/b")), "{refused}");
        assert_eq!(said(&mut wanted).len(), 1);
        triggers.counter(&batch).unwrap();
        assert_eq!(said(&mut wanted), ["/b: 1 transactions at once, limit 1"]);
    }
}
