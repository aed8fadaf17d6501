//! Keeps records in memory, for tests of applications.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use scouter_wire::Txid;
use scouter_wire::record::{Alert, Step, XLog};

use super::Sink;
use crate::Texts;

/// Most XLogs, profiles and alerts that are kept, each. Past it the oldest goes and
/// [`MemoryContent::forgotten`] grows.
pub const MAX_MEMORY_RECORDS: usize = 10_000;

/// Keeps the newest records. Clones share their content: give one to the builder, look at another.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    content: Arc<Mutex<MemoryContent>>,
}

/// What a [`Memory`] has kept.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MemoryContent {
    /// Service, status and end of XLogs, oldest first: `GET /orders/{id} 200 Complete`.
    pub xlogs: VecDeque<String>,
    /// Profiles by transaction, oldest first: a line for each step, indented by its depth.
    pub profiles: VecDeque<(Txid, String)>,
    /// Alerts, oldest first.
    pub alerts: VecDeque<Alert>,
    /// How many records were dropped to make room.
    pub forgotten: u64,
    depths: Vec<usize>,
}

impl Memory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of what was kept so far.
    #[must_use]
    pub fn content(&self) -> MemoryContent {
        self.with(|content| content.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut MemoryContent) -> T) -> T {
        act(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn keep<T>(records: &mut VecDeque<T>, record: T, forgotten: &mut u64) {
    if records.len() >= MAX_MEMORY_RECORDS {
        records.pop_front();
        *forgotten += 1;
    }
    records.push_back(record);
}

impl Sink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts) {
        let line = format!("{} {} {:?}", texts.text(xlog.service), xlog.status, xlog.end);
        self.with(|content| keep(&mut content.xlogs, line, &mut content.forgotten));
    }

    fn profile_begin(&mut self, txid: Txid, _: i64) {
        self.with(|content| {
            keep(&mut content.profiles, (txid, String::new()), &mut content.forgotten);
            content.depths.clear();
        });
    }

    fn step(&mut self, step: &Step<'_>, texts: &Texts) {
        self.with(|content| {
            let depth = step
                .parent
                .and_then(|parent| content.depths.get(parent as usize))
                .map_or(0, |depth| depth + 1);
            content.depths.push(depth);
            let Some((_, tree)) = content.profiles.back_mut() else { return };
            tree.push_str(&"    ".repeat(depth));
            tree.push_str(&format!("{:?} {}", step.kind, texts.text(step.name)));
            if step.count > 1 {
                tree.push_str(&format!(" ×{}", step.count));
            }
            if step.outcome != scouter_wire::record::Outcome::Ok {
                tree.push_str(&format!(" !{:?} {}", step.outcome, step.error));
            }
            tree.push('\n');
        });
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        self.with(|content| {
            for alert in alerts {
                keep(&mut content.alerts, alert.clone(), &mut content.forgotten);
            }
        });
    }
}
