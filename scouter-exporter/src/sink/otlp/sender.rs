//! The thread that posts what the sink has encoded, so that no slow receiver holds the worker up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use super::Target;
use super::post::{Answer, post};
use crate::backoff::Backoff;
use crate::clock::Moment;

/// How often a request is tried; then its items count as `dropped_unreachable`.
pub const OTLP_MAX_ATTEMPTS: u32 = 5;

/// Longest wait that a receiver may ask for with `Retry-After`.
pub const OTLP_MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// What the OTLP sink counts, in items: spans and metrics together. Figures are read one
/// after the other; at rest `made == sent + rejected + dropped_queue + dropped_refused + dropped_unreachable +
/// dropped_ended + pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OtlpSnapshot {
    /// Encoded.
    pub made: u64,
    /// Taken by the receiver.
    pub sent: u64,
    /// Not taken by the receiver, which said so in a partial success.
    pub rejected: u64,
    /// Dropped because the queue was full.
    pub dropped_queue: u64,
    /// Dropped because the receiver refused them for good.
    pub dropped_refused: u64,
    /// Dropped after [`OTLP_MAX_ATTEMPTS`] without an answer.
    pub dropped_unreachable: u64,
    /// Dropped because the agent ended.
    pub dropped_ended: u64,
    /// Waiting to be sent.
    pub pending: u64,
    /// Attempts that failed and were followed by a wait.
    pub retries: u64,
    /// Profiles whose transaction was not known any more; their steps were not sent.
    pub lost_profiles: u64,
}

/// Live figures.
#[derive(Debug, Default)]
pub(super) struct Figures {
    made: AtomicU64,
    pending: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) dropped_queue: AtomicU64,
    pub(super) dropped_refused: AtomicU64,
    pub(super) dropped_unreachable: AtomicU64,
    pub(super) dropped_ended: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) lost_profiles: AtomicU64,
    pub(super) is_ended: AtomicBool,
}

impl Figures {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::AcqRel);
    }

    /// Items were made and wait from now on.
    pub(super) fn make(&self, items: u64) {
        Self::add(&self.made, items);
        Self::add(&self.pending, items);
    }

    /// Items that waited came to this end.
    pub(super) fn settle(&self, end: &AtomicU64, items: u64) {
        Self::add(end, items);
        self.pending.fetch_sub(items, Ordering::AcqRel);
    }

    pub(super) fn snapshot(&self) -> OtlpSnapshot {
        let value = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        OtlpSnapshot {
            made: value(&self.made),
            sent: value(&self.sent),
            rejected: value(&self.rejected),
            dropped_queue: value(&self.dropped_queue),
            dropped_refused: value(&self.dropped_refused),
            dropped_unreachable: value(&self.dropped_unreachable),
            dropped_ended: value(&self.dropped_ended),
            pending: value(&self.pending),
            retries: value(&self.retries),
            lost_profiles: value(&self.lost_profiles),
        }
    }
}

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) items: u64,
}

pub(super) fn run(requests: &Receiver<Request>, target: &Target, figures: &Arc<Figures>) {
    while let Ok(request) = requests.recv() {
        deliver(&request, target, figures);
    }
}

fn deliver(request: &Request, target: &Target, figures: &Figures) {
    let mut backoff = Backoff::default();
    for _ in 0..OTLP_MAX_ATTEMPTS {
        if figures.is_ended.load(Ordering::Acquire) {
            return figures.settle(&figures.dropped_ended, request.items);
        }
        let wait = match post(target, request.path, &request.body) {
            Ok(Answer::Taken { rejected }) => {
                let rejected = rejected.min(request.items);
                figures.settle(&figures.rejected, rejected);
                return figures.settle(&figures.sent, request.items - rejected);
            }
            Ok(Answer::Refused(_)) => {
                return figures.settle(&figures.dropped_refused, request.items);
            }
            Ok(Answer::Later(wait)) => wait.map(|wait| wait.min(OTLP_MAX_RETRY_AFTER)),
            Err(_) => None,
        };
        Figures::add(&figures.retries, 1);
        pause(wait.unwrap_or_else(|| backoff.wait()), figures);
    }
    figures.settle(&figures.dropped_unreachable, request.items);
}

/// Waits, unless the agent ends; the sink wakes this thread then.
fn pause(wait: Duration, figures: &Figures) {
    let until = Moment::now().after(wait);
    loop {
        let left = until.since(Moment::now());
        if left.is_zero() || figures.is_ended.load(Ordering::Acquire) {
            return;
        }
        thread::park_timeout(left);
    }
}
