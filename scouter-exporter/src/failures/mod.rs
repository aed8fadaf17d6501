//! What goes wrong across transactions: error bursts, retry storms, and services that others take
//! down with them.
//!
//! Looked for in the exporter, which sees every finished row and the profiles that were kept; so a
//! request pays nothing for it. Each detector counts in windows and gives what it finds to the
//! worker, which raises the alerts. All tables are bounded, see their constants.

mod bursts;
mod calls;
mod fingerprint;
mod hops;

use scouter_core::alert::{self, About};
use scouter_wire::record::{AlertKind, AlertLevel, Step, XLog};
use scouter_wire::{Gxid, Txid};

use self::bursts::Bursts;
use self::calls::Profile;
use self::hops::Hops;
use crate::Texts;
use crate::clock::Moment;
use crate::telemetry::Telemetry;

pub use self::bursts::{ERROR_WINDOW, MAX_FINGERPRINTS};
pub use self::hops::{HOP_WINDOW, MAX_HOPS};

/// Something to be raised.
#[derive(Debug)]
struct Finding {
    kind: AlertKind,
    level: AlertLevel,
    place: String,
    service: &'static str,
    tenant: String,
    transaction: Option<(Gxid, Txid)>,
    /// See [`About::group`].
    group: String,
    message: String,
}

impl Finding {
    fn raise(&self) {
        let about = About {
            service: self.service,
            tenant: &self.tenant,
            transaction: self.transaction,
            group: &self.group,
            ..About::default()
        };
        let message = format_args!("{}", self.message);
        alert::raise_for(&about, self.kind, self.level, &self.place, message);
    }
}

/// All detectors of this kind.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    bursts: Bursts,
    hops: Hops,
    profile: Profile,
    found: Vec<Finding>,
    /// When the windows began; `None` before the first look.
    windows: Option<[Moment; 2]>,
}

impl Failures {
    pub(crate) fn xlog(&mut self, xlog: &XLog<'_>, texts: &Texts) {
        self.bursts.xlog(xlog, texts, &mut self.found);
        self.hops.xlog(xlog);
    }

    pub(crate) fn profile_begin(&mut self, txid: Txid) {
        self.profile.begin(txid);
    }

    pub(crate) fn step(&mut self, step: &Step<'_>, texts: &Texts) {
        self.profile.step(step, texts);
    }

    pub(crate) fn profile_end(&mut self) {
        self.hops.profile(&self.profile);
    }

    /// Ends the windows that are over and raises what was found.
    pub(crate) fn look(&mut self, now: Moment, texts: &Texts, telemetry: &Telemetry) {
        let [errors, hops] = self.windows.get_or_insert([now, now]);
        if errors.is_due(now, ERROR_WINDOW) {
            self.bursts.roll();
        }
        if hops.is_due(now, HOP_WINDOW) {
            self.hops.roll(texts, &mut self.found);
        }
        telemetry.error_fingerprints_left_out.add(std::mem::take(&mut self.bursts.left_out));
        telemetry.hops_left_out.add(std::mem::take(&mut self.hops.left_out));
        for finding in self.found.drain(..) {
            finding.raise();
        }
    }
}

/// A mean in which the newest value has this weight.
fn mean(usual: f64, newest: f64, weight: f64) -> f64 {
    (1.0 - weight) * usual + weight * newest
}
