//! What a watchdog sees of the running transactions, besides what the live view shows.

use scouter_wire::Txid;
use scouter_wire::record::{ActiveTransaction, StepKind, XLogKind};

use super::views::WatchedTransaction;
use super::{MAX_ACTIVE_STEPS, Names, Raw, blank, copy, read, resolve};
use crate::callsite::Callsite;
use crate::clock;
use crate::drain::kind_of;
use crate::header::{Header, Word};
use crate::path::outwards;
use crate::records::StepName;
use crate::transaction::mark;

/// Replaces the content of `out` with the running transactions that are at least so old, µs.
///
/// Entries that `out` holds are reused, as [`active`](super::active) does.
pub fn watched(out: &mut Vec<WatchedTransaction>, min_age_us: u64) {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    let (mut raw, mut bytes, mut names) = (Raw::default(), Vec::new(), Names::default());
    let now = clock::now_ticks();
    let mut shown = 0;
    for header in headers {
        let age = now.saturating_sub(header.word(Word::Start));
        if !header.is_alive() || clock::ticks_to_us(age) < min_age_us {
            continue;
        }
        if !read(header, |header, generation| copy(header, generation, &mut raw)) {
            continue;
        }
        if out.len() == shown {
            let Some(blank) = blank(&raw) else { continue };
            out.push(WatchedTransaction::blank(blank));
        }
        let place = &mut out[shown];
        if resolve(&raw, now, &mut bytes, &mut names, &mut place.active) {
            place.judge(&raw);
            shown += 1;
        }
    }
    out.truncate(shown);
}

/// The running transaction of this number, if it still runs.
#[must_use]
pub fn find(txid: Txid) -> Option<WatchedTransaction> {
    let mut headers = Vec::new();
    crate::pool::headers(&mut headers);
    let mut raw = Raw::default();
    let header = headers.into_iter().find(|header| header.word(Word::Txid) == txid.value())?;
    let copied = read(header, |header, generation| copy(header, generation, &mut raw));
    let mut found = WatchedTransaction::blank(blank(&raw).filter(|_| copied)?);
    let now = clock::now_ticks();
    let is_whole = resolve(&raw, now, &mut Vec::new(), &mut Names::default(), &mut found.active);
    found.judge(&raw);
    (is_whole && found.active.txid == txid).then_some(found)
}

impl WatchedTransaction {
    fn blank(active: ActiveTransaction) -> Self {
        Self {
            active,
            caller: None,
            kind: XLogKind::Other,
            polls: 0,
            is_streaming: false,
            is_expected_long: false,
            inner: None,
            function: None,
        }
    }

    fn judge(&mut self, raw: &Raw) {
        let [.., caller, _, ttfb] = raw.words;
        let [_, kind, polls, marks] = raw.halves;
        self.caller = Txid::new(caller);
        self.kind = kind_of(kind);
        self.polls = polls;
        self.is_streaming = ttfb != 0;
        self.is_expected_long = marks & mark::LONG != 0;
        let mut names = raw.stack.iter().filter_map(|(word0, _)| StepName::of(*word0));
        self.inner = names.clone().next().map(|name| (name.kind(), name.text()));
        self.function = names.find_map(function);
    }
}

fn function(name: StepName) -> Option<&'static Callsite> {
    match name {
        StepName::Site(site) if site.kind() == StepKind::Method => Some(site),
        _ => None,
    }
}

/// The innermost open function with `#[scout]` of the transaction this thread works on.
pub(crate) fn function_of(header: &'static Header) -> Option<&'static Callsite> {
    let steps = outwards(header, header.current()).take(MAX_ACTIVE_STEPS);
    steps.filter_map(StepName::of).find_map(function)
}
