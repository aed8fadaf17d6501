//! The calls of one profile, by where they go.

use scouter_wire::record::{Detail, Outcome, Step, StepKind};
use scouter_wire::{TextRef, Txid};

use crate::Texts;

/// Most destinations of one profile that are told apart; calls of further ones are not looked at.
const MAX_DESTINATIONS: usize = 64;

/// Most steps whose place is remembered for what is inside of them.
const MAX_STEPS: usize = 4_096;

/// What one transaction called at one destination.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    pub(super) kind: StepKind,
    /// Address of an outbound call, or the name of the call or statement.
    pub(super) to: String,
    /// The instrumented function around the first of them.
    pub(super) site: TextRef,
    pub(super) count: u64,
    pub(super) failed: u64,
    /// Calls made after one that had failed.
    pub(super) retries: u64,
    pub(super) elapsed_us: u64,
    pub(super) error: String,
    has_just_failed: bool,
}

/// The profile that is being read.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) txid: Option<Txid>,
    pub(super) calls: Vec<Calls>,
    /// By step: the instrumented function it is, or is inside of.
    sites: Vec<TextRef>,
}

impl Profile {
    pub(super) fn begin(&mut self, txid: Txid) {
        self.txid = Some(txid);
        self.calls.clear();
        self.sites.clear();
    }

    pub(super) fn step(&mut self, step: &Step<'_>, texts: &Texts) {
        let around = step.parent.and_then(|parent| self.sites.get(parent as usize));
        let around = around.copied().unwrap_or_default();
        if self.sites.len() < MAX_STEPS {
            let is_function = step.kind == StepKind::Method;
            self.sites.push(if is_function { step.name } else { around });
        }
        let to = match (step.kind, &step.detail) {
            (StepKind::Api, Detail::Api { address, .. }) if !address.is_empty() => *address,
            (StepKind::Api | StepKind::Sql, _) => texts.text(step.name),
            _ => return,
        };
        let found = self.calls.iter().position(|calls| calls.kind == step.kind && calls.to == to);
        let index = found.unwrap_or(self.calls.len());
        if index >= MAX_DESTINATIONS {
            return;
        }
        if found.is_none() {
            self.calls.push(Calls::to(step.kind, to, around));
        }
        self.calls[index].add(step);
    }
}

impl Calls {
    fn to(kind: StepKind, to: &str, site: TextRef) -> Self {
        Self {
            kind,
            to: to.to_owned(),
            site,
            count: 0,
            failed: 0,
            retries: 0,
            elapsed_us: 0,
            error: String::new(),
            has_just_failed: false,
        }
    }

    fn add(&mut self, step: &Step<'_>) {
        let count = u64::from(step.count);
        self.count += count;
        self.elapsed_us = self.elapsed_us.saturating_add(step.elapsed_us);
        if self.has_just_failed {
            self.retries += count;
        }
        self.has_just_failed = has_failed(step);
        if self.has_just_failed {
            self.failed += count;
            if self.error.is_empty() {
                match (step.error, &step.detail) {
                    ("", Detail::Api { status, .. }) => self.error = format!("status {status}"),
                    (error, _) => error.clone_into(&mut self.error),
                }
            }
        }
    }
}

/// Whether the other side is to blame: it could not be reached, or says itself that it cannot.
/// Whoever stops waiting blames it too.
fn has_failed(step: &Step<'_>) -> bool {
    let is_refused = matches!(step.detail, Detail::Api { status, .. } if (500..1_000).contains(&status) || status == 429);
    is_refused || matches!(step.outcome, Outcome::Error | Outcome::Cancelled)
}
