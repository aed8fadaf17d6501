//! A profile from the records of a finished header.
//!
//! Records lie in the order they were written: what belongs to a step (attributes, notes, details)
//! may come long after it. A first pass links each extra record to its owner; the second hands the
//! steps over, with parents as indexes of steps.

use scouter_wire::record::{Detail, Outcome, Step, StepKind, Tag as Attribute};
use scouter_wire::{TextKind, Txid};

use super::DrainVisitor;
use crate::alert::{self, About, AlertKind, AlertLevel};
use crate::callsite::Callsite;
use crate::clock::Scale;
use crate::header::{Header, Word, epoch_of};
use crate::records::{
    NO_RECORD, Note, StepName, Tag, busy_of, comparable, end_of, key_of, meta, more_of_word0,
    owner_of_word0, parent_of, polls_of, read_text,
};
use crate::text::{intern, text};
use crate::texts::Slot;
use crate::{current, options, transaction};

/// Fewer calls in a row are never looked at.
const MIN_CHATTY_CALLS: u64 = 100;

/// In a faster transaction a share of its time says nothing.
const MIN_CHATTY_US: u64 = 1_000_000;

/// Buffers that are reused from profile to profile.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    records: Vec<[u64; 4]>,
    /// By record: number of the step it is, or `NO_RECORD`.
    steps: Vec<u32>,
    /// By record: first extra record that belongs to it, or `NO_RECORD`.
    extras: Vec<u32>,
    /// By extra record: the next one of the same owner.
    next: Vec<u32>,
    /// By record: the last extra record that belongs to it so far.
    last: Vec<u32>,
    bytes: Vec<u8>,
}

/// What belongs to one step, gathered from its extra records.
#[derive(Debug, Default)]
struct Extras {
    fold: Option<[u64; 3]>,
    sql: Option<[u64; 3]>,
    affected: u64,
    binds: u32,
    api: Option<(u16, u64, u64)>,
    child: u64,
    error: String,
    address: String,
    bind_values: String,
    message: String,
    attributes: Vec<(&'static str, String)>,
}

/// Hands the profile of `header` over.
pub(super) fn decode(
    header: &'static Header,
    scratch: &mut Scratch,
    visitor: &mut dyn DrainVisitor,
) {
    let Some(txid) = Txid::new(header.word(Word::Txid)) else { return };
    scratch.load(header);
    let count = scratch.link();
    let life = Life {
        header,
        start: header.word(Word::Start),
        end: header.word(Word::End),
        clock: Scale::of(epoch_of(header.word(Word::ServiceEpoch))),
    };
    visitor.profile_begin(txid, life.clock.unix_us(life.end), count);
    for index in 0..scratch.records.len() {
        if scratch.steps[index] != NO_RECORD {
            scratch.hand_over(index, &life, visitor);
        }
    }
    visitor.profile_end();
}

/// Begin and end of the transaction, and the clock they are of.
struct Life {
    header: &'static Header,
    start: u64,
    end: u64,
    clock: Scale,
}

impl Life {
    /// Raises an alert if the calls of one folded run were a cost of their own.
    #[cold]
    fn tell_chatty(&self, site: &'static Callsite, calls: u64, total_us: u64) {
        let limit = options::ALERT_CHATTY_CALLS.value();
        let elapsed_us = self.clock.us(self.end.saturating_sub(self.start));
        let is_most = total_us >= elapsed_us / 2 && elapsed_us >= MIN_CHATTY_US;
        if limit == 0 || calls < if is_most { limit / 5 } else { limit } {
            return;
        }
        let service = text(alert::service_of(self.header));
        if options::ALERT_QUIET_SERVICE_PATTERNS.lists_service(service) {
            return;
        }
        let tenant = current::text_of(self.header, Slot::Tenant);
        let transaction = transaction::gxid_of(self.header).zip(transaction::txid_of(self.header));
        alert::raise_for(
            &About { service, tenant: &tenant, transaction, ..About::default() },
            AlertKind::ChattyCalls,
            AlertLevel::Warn,
            &site.place(),
            format_args!(
                "{} ran {calls} times in a row in one transaction, {} ms of its {} ms; do the work \
                 of many calls in one",
                site.name(),
                total_us / 1_000,
                elapsed_us / 1_000
            ),
        );
    }
}

impl Scratch {
    fn load(&mut self, header: &'static Header) {
        self.records.clear();
        let records = (0..header.len()).map_while(|index| header.record(index));
        self.records.extend(records.map(crate::records::Record::owned));
    }

    /// Numbers the steps and links what belongs to them; answers how many steps there are.
    fn link(&mut self) -> u32 {
        let len = self.records.len();
        for list in [&mut self.steps, &mut self.extras, &mut self.next, &mut self.last] {
            list.clear();
            list.resize(len, NO_RECORD);
        }
        let mut count = 0;
        for index in 0..len {
            let words = self.records[index];
            let owner = match Tag::of(words[0]) {
                Tag::Site | Tag::Named => {
                    self.steps[index] = count;
                    count += 1;
                    continue;
                }
                Tag::Fold => u32::try_from(index).unwrap_or(0).wrapping_sub(1),
                Tag::Word | Tag::Text | Tag::Note => meta(words[2]).0,
                Tag::Sql | Tag::SqlMore | Tag::Api | Tag::Spawn => owner_of_word0(words[0]),
                Tag::More | Tag::Blank => continue,
            };
            self.append(owner as usize, index);
        }
        count
    }

    fn append(&mut self, owner: usize, index: usize) {
        let number = u32::try_from(index).unwrap_or(NO_RECORD);
        let Some(last) = self.last.get_mut(owner) else { return };
        match std::mem::replace(last, number) {
            NO_RECORD => self.extras[owner] = number,
            previous => self.next[previous as usize] = number,
        }
    }

    fn hand_over(&mut self, index: usize, life: &Life, visitor: &mut dyn DrainVisitor) {
        let clock = &life.clock;
        let [word0, start, end_word, link] = self.records[index];
        let Some(name) = StepName::of(word0) else { return };
        let extras = self.gather(index);
        let (end, mut outcome) =
            end_of(end_word).unwrap_or((comparable(life.end), Outcome::Unfinished));
        if outcome == Outcome::Ok && !extras.error.is_empty() {
            outcome = Outcome::Error;
        }
        let elapsed = end.saturating_sub(comparable(start));
        let [total, max, count] = extras.fold.unwrap_or([elapsed, elapsed, 1]);
        let polls = polls_of(link);
        let total_us = clock.us(total);
        if count >= MIN_CHATTY_CALLS
            && let StepName::Site(site) = name
        {
            life.tell_chatty(site, count, total_us);
        }
        let busy_us = if polls == 0 && !is_waited(name.kind()) {
            total_us
        } else {
            clock.us(busy_of(link)).min(total_us)
        };
        let attributes: Vec<Attribute<'_>> = extras
            .attributes
            .iter()
            .map(|(key, value)| Attribute { key: intern(TextKind::Key, key).into(), value })
            .collect();
        let parent = self.steps.get(parent_of(link) as usize).copied();
        visitor.step(&Step {
            kind: name.kind(),
            outcome,
            parent: parent.filter(|parent| *parent != NO_RECORD),
            name: name.text().into(),
            start_us: clock.us(start.saturating_sub(life.start)),
            elapsed_us: total_us,
            busy_us,
            polls,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            max_us: clock.us(max),
            error: &extras.error,
            detail: extras.detail(name.kind(), &attributes, clock),
        });
    }

    fn gather(&mut self, index: usize) -> Extras {
        let mut extras = Extras::default();
        let mut at = self.extras[index];
        while let Some(words) = self.records.get(at as usize).copied() {
            match Tag::of(words[0]) {
                Tag::Fold => extras.fold = Some([words[1], words[2], words[3]]),
                Tag::Sql => extras.sql = Some([words[1], words[2], words[3]]),
                Tag::SqlMore => {
                    extras.affected = words[1];
                    extras.binds = u32::try_from(words[2]).unwrap_or(u32::MAX);
                }
                Tag::Api => extras.api = Some((more_of_word0(words[0]), words[1], words[2])),
                Tag::Spawn => extras.child = words[1],
                Tag::Word => extras.attributes.push((key_of(words[0]), word_text(words))),
                Tag::Text => {
                    let value = self.text(at);
                    extras.attributes.push((key_of(words[0]), value));
                }
                Tag::Note => {
                    let text = self.text(at);
                    match Note::of(words[0]) {
                        // The first error of a step wins, as it does for a transaction.
                        Some(Note::Error) if extras.error.is_empty() => extras.error = text,
                        Some(Note::Address) => extras.address = text,
                        Some(Note::Binds) => extras.bind_values = text,
                        Some(Note::Message) => extras.message = text,
                        _ => {}
                    }
                }
                Tag::Blank | Tag::Site | Tag::Named | Tag::More => {}
            }
            at = self.next[at as usize];
        }
        extras
    }

    /// The text that begins in record `at`; what its limit cut off is missing.
    fn text(&mut self, at: u32) -> String {
        let first = at as usize;
        let mut left = meta(self.records[first][2]).2;
        self.bytes.clear();
        for (n, words) in self.records[first..].iter().enumerate() {
            if left == 0 || n > 0 && Tag::of(words[0]) != Tag::More {
                break;
            }
            left = read_text(*words, n == 0, left, &mut self.bytes);
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => String::from_utf8_lossy(&self.bytes[..error.valid_up_to()]).into_owned(),
        }
    }
}

/// Whether the time of such a step is waiting when it was never polled by us.
fn is_waited(kind: StepKind) -> bool {
    !matches!(kind, StepKind::Method | StepKind::Message | StepKind::Error)
}

fn word_text(words: [u64; 4]) -> String {
    match meta(words[2]).1 {
        1 => words[1].cast_signed().to_string(),
        2 => f64::from_bits(words[1]).to_string(),
        3 => (words[1] != 0).to_string(),
        _ => words[1].to_string(),
    }
}

impl Extras {
    fn detail<'a>(
        &'a self,
        kind: StepKind,
        attributes: &'a [Attribute<'a>],
        clock: &Scale,
    ) -> Detail<'a> {
        if let Some((status, callee, ttfb)) = self.api {
            return Detail::Api {
                status,
                callee: Txid::new(callee),
                address: &self.address,
                ttfb_us: clock.us(ttfb),
            };
        }
        if let Some([wait, first, rows]) = self.sql {
            return Detail::Sql {
                pool_wait_us: clock.us(wait),
                first_row_us: (first != 0).then(|| clock.us(first)),
                rows,
                affected: self.affected,
                binds: self.binds,
                bind_values: &self.bind_values,
            };
        }
        match kind {
            StepKind::Message | StepKind::Error => Detail::Text(&self.message),
            StepKind::Spawn => Detail::Spawn { child: Txid::new(self.child) },
            _ if !attributes.is_empty() => Detail::Attributes(attributes),
            _ => Detail::None,
        }
    }
}
