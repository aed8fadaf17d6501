//! Errors that come far more often than they used to.
//!
//! Errors are counted by service and [fingerprint](super::fingerprint) in windows of
//! [`ERROR_WINDOW`]. What is usual is a mean over the last windows, in which the newest weighs a
//! fifth. An error is told as soon as it came `error_burst_count` times in a window and
//! `error_burst_factor` times as often as usual; from then on that many are usual, so that an error
//! that stays is told once and not in each window.

use std::collections::HashMap;
use std::time::Duration;

use scouter_core::options;
use scouter_wire::record::{AlertKind, AlertLevel, XLog};
use scouter_wire::{Gxid, TextRef, Txid};

use super::fingerprint::{fingerprint, place_in};
use super::{Finding, mean};
use crate::Texts;
use crate::counters::approximate;

/// How long errors are counted before what came is compared with what is usual.
pub const ERROR_WINDOW: Duration = Duration::from_secs(10);

/// Most pairs of service and fingerprint that are counted; the errors of further ones are only
/// counted as `error_fingerprints_left_out`.
pub const MAX_FINGERPRINTS: usize = 2_000;

/// Weight of the newest window in what is usual.
const NEWEST: f64 = 0.2;

/// What came less often than this a window is forgotten.
const FORGOTTEN: f64 = 0.01;

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    usual: f64,
    is_told: bool,
    /// The first one of the window.
    first: Option<First>,
}

#[derive(Debug)]
struct First {
    error: String,
    tenant: String,
    transaction: (Gxid, Txid),
}

/// The errors of the present window.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    services: HashMap<TextRef, HashMap<String, Counted>>,
    known: usize,
    fingerprint: String,
    pub(super) left_out: u64,
}

impl Bursts {
    pub(super) fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts, found: &mut Vec<Finding>) {
        let least = options::ERROR_BURST_COUNT.value();
        if xlog.error.is_empty() || least == 0 {
            return;
        }
        fingerprint(xlog.error, &mut self.fingerprint);
        let errors = self.services.entry(xlog.service).or_default();
        if !errors.contains_key(self.fingerprint.as_str()) {
            if self.known >= MAX_FINGERPRINTS {
                self.left_out += 1;
                return;
            }
            self.known += 1;
            errors.insert(self.fingerprint.clone(), Counted::default());
        }
        let Some(counted) = errors.get_mut(self.fingerprint.as_str()) else { return };
        counted.count += 1;
        if counted.first.is_none() {
            counted.first = Some(First {
                error: xlog.error.to_owned(),
                tenant: xlog.tenant.to_owned(),
                transaction: (xlog.gxid, xlog.txid),
            });
        }
        let factor = approximate(options::ERROR_BURST_FACTOR.value());
        let is_burst =
            counted.count >= least && approximate(counted.count) >= factor * counted.usual;
        if is_burst && !counted.is_told {
            counted.is_told = true;
            found.extend(counted.finding(texts.text(xlog.service), &self.fingerprint));
        }
    }

    /// Ends the window.
    pub(super) fn roll(&mut self) {
        for errors in self.services.values_mut() {
            errors.retain(|_, counted| {
                let came = approximate(counted.count);
                counted.usual = mean(counted.usual, came, NEWEST);
                if counted.is_told {
                    counted.usual = counted.usual.max(came);
                }
                (counted.count, counted.is_told, counted.first) = (0, false, None);
                counted.usual >= FORGOTTEN
            });
        }
        self.services.retain(|_, errors| !errors.is_empty());
        self.known = self.services.values().map(HashMap::len).sum();
    }
}

impl Counted {
    fn finding(&self, service: &'static str, fingerprint: &str) -> Option<Finding> {
        let first = self.first.as_ref()?;
        Some(Finding {
            kind: AlertKind::ErrorBurst,
            level: AlertLevel::Error,
            place: place_in(&first.error).to_owned(),
            service,
            tenant: first.tenant.clone(),
            transaction: Some(first.transaction),
            group: format!("{service} {fingerprint}"),
            message: format!(
                "{} errors like this in {service} within {} s, where {:.1} are usual: {}",
                self.count,
                ERROR_WINDOW.as_secs(),
                self.usual,
                first.error
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{texts, xlog};

    /// So many errors of service 1 in one window; what was found in it.
    fn window(bursts: &mut Bursts, count: u64, error: impl Fn(u64) -> String) -> Vec<Finding> {
        let (texts, mut found) = (texts(), Vec::new());
        for id in 1..=count {
            let error = error(id);
            bursts.xlog(&XLog { error: &error, ..xlog(id, "acme") }, &texts, &mut found);
        }
        bursts.roll();
        found
    }

    fn down(id: u64) -> String {
        format!("order {id}: db down at src/orders.rs:12")
    }

    #[test]
    fn a_burst_is_told_once_with_its_number_its_first_transaction_and_its_place() {
        let mut bursts = Bursts::default();
        let found = window(&mut bursts, 200, down);
        assert_eq!(found.len(), 1);
        let burst = &found[0];
        assert_eq!((burst.kind, burst.place.as_str()), (AlertKind::ErrorBurst, "src/orders.rs:12"));
        assert_eq!((burst.service, burst.tenant.as_str()), ("text 1", "acme"));
        assert_eq!(burst.transaction.map(|(_, txid)| txid.value()), Some(1));
        assert!(burst.message.starts_with("20 errors like this in text 1 within 10 s, where 0.0"));
        for _ in 0..50 {
            assert!(window(&mut bursts, 200, down).is_empty(), "it is usual by now");
        }
    }

    #[test]
    fn errors_at_their_usual_rate_are_no_burst_and_five_times_as_many_are() {
        let mut bursts = Bursts::default();
        for _ in 0..20 {
            assert!(window(&mut bursts, 19, down).is_empty());
        }
        assert!(window(&mut bursts, 60, down).is_empty(), "three times as many");
        for _ in 0..20 {
            assert!(window(&mut bursts, 19, down).is_empty());
        }
        assert_eq!(window(&mut bursts, 120, down).len(), 1);
    }

    #[test]
    fn different_errors_are_not_added_up_and_no_error_is_none() {
        let mut bursts = Bursts::default();
        let kind = |id: u64| match id % 3 {
            0 => "lamp broke".to_owned(),
            1 => "door broke".to_owned(),
            _ => "wall broke".to_owned(),
        };
        assert!(window(&mut bursts, 57, kind).is_empty());
        assert!(window(&mut bursts, 1_000, |_| String::new()).is_empty());
        assert_eq!(window(&mut bursts, 60, |_| "lamp broke".into()).len(), 1);
    }

    #[test]
    fn fingerprints_past_the_limit_are_counted_and_old_ones_make_room() {
        let mut bursts = Bursts::default();
        let name = |id: u64| -> String {
            // Letters only: a number would be taken for a value.
            format!("{id:05}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
        };
        let count = MAX_FINGERPRINTS as u64 + 7;
        assert!(window(&mut bursts, count, name).is_empty());
        assert_eq!(bursts.left_out, 7);
        for _ in 0..20 {
            window(&mut bursts, 0, name);
        }
        assert_eq!(bursts.known, 0);
        assert_eq!(window(&mut bursts, 20, down).len(), 1);
    }
}
