//! What services wait for and fail with: retry storms and cascades.
//!
//! In windows of [`HOP_WINDOW`] the calls of each service are added up by destination.
//!
//! *Retry storm*: at least `retry_storm_count` calls were made right after a failed one to the same
//! destination in the same transaction, they are at least a third of all calls there, and at least
//! half of all calls failed. Or a service that all in all has its usual rate of calls calls three
//! times as often while at least half fail: then somebody in front of it repeats them.
//!
//! *Cascade*: of at least `cascade_count` transactions a fifth failed, and in four of five of those
//! a call of one destination did; or they took `cascade_slow_time_ms` on average and three times as
//! long as usual, and calls of one destination are 70 % of that time. That a gateway always spends
//! its time in the service behind it is no reason to tell.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::options;
use scouter_wire::record::{AlertKind, AlertLevel, ProfileFate, StepKind, XLog};
use scouter_wire::text::split_method_text;
use scouter_wire::{Gxid, TextRef, Txid};

use super::calls::{Calls, Profile};
use super::{Finding, mean};
use crate::Texts;
use crate::counters::approximate;

/// How long calls are added up before they are looked at.
pub const HOP_WINDOW: Duration = Duration::from_secs(5);

/// Most pairs of service and destination of one window; calls of further ones count as
/// `hops_left_out`.
pub const MAX_HOPS: usize = 2_000;

/// Most transactions that are remembered until their profile comes; past it all are forgotten,
/// since then profiles are lost on their way.
const MAX_WAITING: usize = 20_000;

/// Weight of the newest window in what is usual.
const NEWEST: f64 = 0.2;

/// Weight of a window in which a service was slow.
const NEWEST_SLOW: f64 = 0.02;

/// How many times as much as usual is told.
const UNUSUAL: f64 = 3.0;

/// What is known of a transaction whose profile is still to come.
#[derive(Debug)]
struct Waiting {
    service: TextRef,
    elapsed_us: u64,
    has_failed: bool,
    gxid: Gxid,
    tenant: Box<str>,
}

#[derive(Debug, Default)]
struct Service {
    count: u64,
    errors: u64,
    elapsed_us: u64,
    /// Of those whose profile came.
    seen_errors: u64,
    seen_elapsed_us: u64,
    hops: HashMap<(StepKind, String), Hop>,
    usual_us: Option<f64>,
}

#[derive(Debug, Default)]
struct Hop {
    calls: u64,
    failed: u64,
    retries: u64,
    elapsed_us: u64,
    /// Transactions that failed, and a call in them did.
    errors: u64,
    /// Calls a window while they work.
    usual_calls: Option<f64>,
    worst: Worst,
}

/// The transaction that shows it best, and what it shows.
#[derive(Debug, Default)]
struct Worst {
    transaction: Option<(Gxid, Txid)>,
    tenant: Box<str>,
    weight: (u64, u64),
    site: TextRef,
    error: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Hops {
    waiting: HashMap<Txid, Waiting>,
    services: HashMap<TextRef, Service>,
    known: usize,
    pub(super) left_out: u64,
}

impl Hops {
    pub(super) fn xlog(&mut self, xlog: &XLog<'_>) {
        // The recorder bounds the number of services.
        let service = self.services.entry(xlog.service).or_default();
        service.count += 1;
        service.errors += u64::from(!xlog.error.is_empty());
        service.elapsed_us = service.elapsed_us.saturating_add(xlog.elapsed_us);
        if xlog.profile == ProfileFate::Kept {
            if self.waiting.len() >= MAX_WAITING {
                self.waiting.clear();
            }
            let waiting = Waiting {
                service: xlog.service,
                elapsed_us: xlog.elapsed_us,
                has_failed: !xlog.error.is_empty(),
                gxid: xlog.gxid,
                tenant: xlog.tenant.into(),
            };
            self.waiting.insert(xlog.txid, waiting);
        } else if xlog.profile == ProfileFate::Empty {
            service.seen_elapsed_us = service.seen_elapsed_us.saturating_add(xlog.elapsed_us);
            service.seen_errors += u64::from(!xlog.error.is_empty());
        }
    }

    /// Takes the calls of a profile whose row came before it.
    pub(super) fn profile(&mut self, profile: &Profile) {
        let Some(txid) = profile.txid else { return };
        let Some(of) = self.waiting.remove(&txid) else { return };
        let service = self.services.entry(of.service).or_default();
        service.seen_elapsed_us = service.seen_elapsed_us.saturating_add(of.elapsed_us);
        service.seen_errors += u64::from(of.has_failed);
        for calls in &profile.calls {
            let key = (calls.kind, calls.to.clone());
            if !service.hops.contains_key(&key) {
                if self.known >= MAX_HOPS {
                    self.left_out += calls.count;
                    continue;
                }
                self.known += 1;
            }
            service.hops.entry(key).or_default().add(calls, &of, txid);
        }
    }

    /// Ends the window.
    pub(super) fn roll(&mut self, texts: &Texts, found: &mut Vec<Finding>) {
        for (name, service) in &mut self.services {
            service.look(texts.text(*name), texts, found);
        }
        self.services.retain(|_, service| service.end_window());
        self.known = self.services.values().map(|service| service.hops.len()).sum();
    }
}

impl Hop {
    fn add(&mut self, calls: &Calls, of: &Waiting, txid: Txid) {
        self.calls += calls.count;
        self.failed += calls.failed;
        self.retries += calls.retries;
        // Calls at the same time take no longer than their transaction.
        let elapsed_us = calls.elapsed_us.min(of.elapsed_us);
        self.elapsed_us = self.elapsed_us.saturating_add(elapsed_us);
        self.errors += u64::from(of.has_failed && calls.failed > 0);
        let weight = (calls.failed, elapsed_us);
        if self.worst.transaction.is_none() || weight > self.worst.weight {
            self.worst = Worst {
                transaction: Some((of.gxid, txid)),
                tenant: of.tenant.clone(),
                weight,
                site: calls.site,
                error: calls.error.clone(),
            };
        }
    }

    fn is_failing(&self) -> bool {
        self.failed * 2 >= self.calls && self.failed > 0
    }

    fn is_retry_storm(&self) -> bool {
        let least = options::RETRY_STORM_COUNT.value();
        if least == 0 || !self.is_failing() {
            return false;
        }
        let is_repeated = self.retries >= least && self.retries * 3 >= self.calls;
        let is_more_than_ever = self.calls >= least
            && self.usual_calls.is_some_and(|usual| approximate(self.calls) >= UNUSUAL * usual);
        is_repeated || is_more_than_ever
    }

    fn end_window(&mut self) -> bool {
        if self.calls > 0 && !self.is_failing() {
            self.usual_calls = learnt(self.usual_calls, approximate(self.calls), NEWEST);
        }
        let was_used = self.calls > 0;
        *self = Self { usual_calls: self.usual_calls, ..Self::default() };
        was_used || self.decay()
    }

    /// What is not called any more is forgotten after a while.
    fn decay(&mut self) -> bool {
        self.usual_calls = self.usual_calls.map(|usual| mean(usual, 0.0, NEWEST));
        self.usual_calls.is_some_and(|usual| usual >= 0.1)
    }
}

/// As [`mean`]; the first value is the mean.
fn learnt(usual: Option<f64>, newest: f64, weight: f64) -> Option<f64> {
    Some(usual.map_or(newest, |usual| mean(usual, newest, weight)))
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

impl Service {
    fn mean_us(&self) -> f64 {
        approximate(self.elapsed_us) / approximate(self.count.max(1))
    }

    fn is_slow(&self) -> bool {
        let slow_us = options::CASCADE_SLOW_TIME_MS.value().saturating_mul(1_000);
        let mean = self.mean_us();
        mean >= approximate(slow_us) && self.usual_us.is_none_or(|usual| mean >= UNUSUAL * usual)
    }

    fn look(&self, name: &'static str, texts: &Texts, found: &mut Vec<Finding>) {
        for ((_, to), hop) in self.hops.iter().filter(|(_, hop)| hop.is_retry_storm()) {
            let message = format!(
                "{name} called {to} {} times within {} s, {} of them again right after a failure \
                 in the same transaction, and {} failed{}; usual are {:.0} calls",
                hop.calls,
                HOP_WINDOW.as_secs(),
                hop.retries,
                hop.failed,
                quoted(&hop.worst.error),
                hop.usual_calls.unwrap_or(0.0),
            );
            found.push(hop.finding(AlertKind::RetryStorm, name, to, message, texts));
        }
        let least = options::CASCADE_COUNT.value();
        if least == 0 || self.count < least {
            return;
        }
        let calls = || self.hops.iter().filter(|((kind, _), _)| *kind == StepKind::Api);
        let (errors, slow) = (
            calls().max_by_key(|(_, hop)| hop.errors),
            calls().max_by_key(|(_, hop)| hop.elapsed_us),
        );
        let does_fail = self.errors >= least && percent(self.errors, self.count) >= 20;
        if let Some(((_, to), hop)) = errors
            && does_fail
            && percent(hop.errors, self.seen_errors) >= 80
        {
            let message = format!(
                "{name} fails because of {to}: {} of its {} requests within {} s failed, and in {} \
                 of them calls of {to} did{}",
                self.errors,
                self.count,
                HOP_WINDOW.as_secs(),
                hop.errors,
                quoted(&hop.worst.error),
            );
            found.push(hop.finding(AlertKind::Cascade, name, to, message, texts));
        } else if let Some(((_, to), hop)) = slow
            && self.is_slow()
            && percent(hop.elapsed_us, self.seen_elapsed_us) >= 70
        {
            let message = format!(
                "{name} is slow because of {to}: its {} requests within {} s took {:.0} ms on \
                 average (usually {}), and {} % of that were calls of {to}, of which {} of {} failed",
                self.count,
                HOP_WINDOW.as_secs(),
                self.mean_us() / 1e3,
                self.usual_us.map_or("unknown".to_owned(), |us| format!("{:.0} ms", us / 1e3)),
                percent(hop.elapsed_us, self.seen_elapsed_us),
                hop.failed,
                hop.calls,
            );
            found.push(hop.finding(AlertKind::Cascade, name, to, message, texts));
        }
    }

    /// Learns what is usual and begins anew; whether there is anything to remember.
    fn end_window(&mut self) -> bool {
        if self.count > 0 {
            // A service that stays slow is so by its nature after a few minutes.
            let weight = if self.is_slow() { NEWEST_SLOW } else { NEWEST };
            self.usual_us = learnt(self.usual_us, self.mean_us(), weight);
        }
        self.hops.retain(|_, hop| hop.end_window());
        *self = Self {
            hops: std::mem::take(&mut self.hops),
            usual_us: self.usual_us,
            ..Self::default()
        };
        // A few words for each service that ever was, whose number the recorder bounds.
        true
    }
}

fn quoted(error: &str) -> String {
    if error.is_empty() { String::new() } else { format!(" ({error})") }
}

impl Hop {
    fn finding(
        &self,
        kind: AlertKind,
        service: &'static str,
        to: &str,
        message: String,
        texts: &Texts,
    ) -> Finding {
        let (_, place) = split_method_text(texts.text(self.worst.site));
        Finding {
            kind,
            level: AlertLevel::Error,
            place: place.to_owned(),
            service,
            tenant: self.worst.tenant.to_string(),
            transaction: self.worst.transaction,
            group: format!("{service} {to}"),
            message,
        }
    }
}

#[cfg(test)]
#[path = "hops_tests.rs"]
mod tests;
