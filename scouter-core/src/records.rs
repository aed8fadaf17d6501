//! The 32-byte record: four words, all atomic, written by the one thread that polls the transaction.
//!
//! | word | step | what belongs to a step |
//! |---|---|---|
//! | 0 | tag 8, callsite address 48 (or kind 8, text 32) | tag 8, key length 8, key address 48 (or owner) |
//! | 1 | start ticks | value, or the first bytes of a text |
//! | 2 | end: [`OPEN`], header and generation, or outcome and ticks | owner 20, type 8, length 16 |
//! | 3 | parent 20, polls 12, busy 32 | value, or the next bytes of a text |
//!
//! Two rules keep foreign readers sound whatever happens. Word 0 is always written whole, and an
//! address in it always belongs to something static, so a word 0 of any age can be followed. And a
//! record is rewritten with its start word cleared first ([`Record::write`]), so a reader that saw
//! the same start before and after knows that the words between belong together.

#[path = "records/text.rs"]
mod text;

use scouter_wire::record::{Outcome, StepKind};

use crate::callsite::Callsite;
use crate::sync::{AtomicU64, Ordering, fence};
use crate::text::TextId;

pub(crate) use self::text::{Note, read_text, records_of_text, word_at, write_text};

/// Bit of an end word that says the record is open; the bits below are then the header's number and,
/// in the low half, its generation. Both, since blocks of records go from header to header, and a
/// late close from elsewhere must not hit a step of another one in the same generation.
pub(crate) const OPEN: u64 = 1 << 63;

/// No record: the parent of an outermost step. Also one more than the highest usable index.
pub(crate) const NO_RECORD: u32 = (1 << 20) - 1;

/// Most polls a record counts; more saturate.
pub(crate) const MAX_POLLS: u64 = (1 << 12) - 1;

/// Busy time is kept in units of this many ticks (as a shift), so that 32 bits last for a minute.
const BUSY_SHIFT: u32 = 6;

const OUTCOME_SHIFT: u32 = 60;
const TICKS: u64 = (1 << OUTCOME_SHIFT) - 1;
const TAG_SHIFT: u32 = 56;
const ADDRESS: u64 = (1 << 48) - 1;

/// What a record is: the highest byte of its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    /// Never written.
    Blank = 0,
    /// A step of a callsite.
    Site = 1,
    /// A step with a kind and an interned name.
    Named = 2,
    /// A number with a key.
    Word = 3,
    /// A text with a key.
    Text = 4,
    /// A text without a key; the byte below the tag says which.
    Note = 5,
    /// More bytes of the text before it.
    More = 6,
    /// Count, total and maximum of the folded step before it.
    Fold = 7,
    /// Waits and rows of a statement.
    Sql = 8,
    /// Rows affected and number of bound values of a statement.
    SqlMore = 9,
    /// Status, callee and time to first byte of an outbound call.
    Api = 10,
    /// The child of a spawn.
    Spawn = 11,
}

impl Tag {
    const ALL: [Self; 12] = [
        Self::Blank,
        Self::Site,
        Self::Named,
        Self::Word,
        Self::Text,
        Self::Note,
        Self::More,
        Self::Fold,
        Self::Sql,
        Self::SqlMore,
        Self::Api,
        Self::Spawn,
    ];

    /// The tag of a first word.
    pub(crate) fn of(word0: u64) -> Self {
        let number = usize::try_from(word0 >> TAG_SHIFT).unwrap_or(0);
        Self::ALL.get(number).copied().unwrap_or(Self::Blank)
    }

    pub(crate) const fn bits(self) -> u64 {
        (self as u64) << TAG_SHIFT
    }
}

/// Type of a number with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WordType {
    Unsigned = 0,
    Signed = 1,
    Float = 2,
    Bool = 3,
}

/// First word of a step of a callsite.
#[inline(always)]
pub(crate) fn site_word(site: &'static Callsite) -> u64 {
    let address = std::ptr::from_ref(site).expose_provenance() as u64;
    debug_assert_eq!(address & !ADDRESS, 0);
    Tag::Site.bits() | (address & ADDRESS)
}

/// First word of a step with a kind and an interned name.
#[inline]
pub(crate) fn named_word(kind: StepKind, name: TextId) -> u64 {
    Tag::Named.bits() | (kind as u64) << 32 | u64::from(name.number())
}

/// First word of a record with a key. A key is cut at 255 bytes.
#[inline(always)]
pub(crate) fn key_word(tag: Tag, key: &'static str) -> u64 {
    let mut len = key.len();
    if len > 255 {
        len = key.floor_char_boundary(255);
    }
    let address = key.as_ptr().expose_provenance() as u64;
    debug_assert_eq!(address & !ADDRESS, 0);
    tag.bits() | (len as u64) << 48 | (address & ADDRESS)
}

/// First word of what belongs to the record `owner`, with 16 more bits.
#[inline]
pub(crate) fn owned_word(tag: Tag, owner: u32, more: u16) -> u64 {
    tag.bits() | u64::from(more) << 32 | u64::from(owner)
}

/// Owner of a first word made by [`owned_word`].
pub(crate) fn owner_of_word0(word0: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half")]
    let owner = word0 as u32;
    owner & NO_RECORD
}

/// The 16 more bits of a first word made by [`owned_word`].
pub(crate) fn more_of_word0(word0: u64) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "16 bits from 32 on")]
    let more = (word0 >> 32) as u16;
    more
}

/// Third word of what has a key or is a text.
#[inline(always)]
pub(crate) fn meta_word(owner: u32, kind: u8, len: usize) -> u64 {
    u64::from(owner) | u64::from(kind) << 20 | (len as u64 & 0xffff) << 28
}

/// Owner, type and length of a third word made by [`meta_word`].
pub(crate) fn meta(word2: u64) -> (u32, u8, usize) {
    #[expect(clippy::cast_possible_truncation, reason = "bit fields")]
    let parts = (word2 as u32 & NO_RECORD, (word2 >> 20) as u8, (word2 >> 28) as usize & 0xffff);
    parts
}

/// What a step's first word names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepName {
    Site(&'static Callsite),
    Named(StepKind, TextId),
}

impl StepName {
    /// What a first word names, if it is a step's.
    pub(crate) fn of(word0: u64) -> Option<Self> {
        match Tag::of(word0) {
            Tag::Site => {
                let address = usize::try_from(word0 & ADDRESS).ok()?;
                let pointer = std::ptr::with_exposed_provenance::<Callsite>(address);
                // SAFETY: words with this tag are made by `site_word` alone, from a reference to a
                // static, and words are written whole; statics are never freed.
                unsafe { pointer.as_ref() }.map(Self::Site)
            }
            Tag::Named => {
                #[expect(clippy::cast_possible_truncation, reason = "the low half")]
                let name = TextId::from_number(word0 as u32);
                Some(Self::Named(step_kind((word0 >> 32) & 0xff), name))
            }
            _ => None,
        }
    }

    pub(crate) fn kind(self) -> StepKind {
        match self {
            Self::Site(site) => site.kind(),
            Self::Named(kind, _) => kind,
        }
    }

    pub(crate) fn text(self) -> TextId {
        match self {
            Self::Site(site) => site.text(),
            Self::Named(_, name) => name,
        }
    }
}

fn step_kind(number: u64) -> StepKind {
    const KINDS: [StepKind; 9] = [
        StepKind::Method,
        StepKind::Sql,
        StepKind::Api,
        StepKind::Message,
        StepKind::Error,
        StepKind::PoolWait,
        StepKind::Wait,
        StepKind::Spawn,
        StepKind::SqlTransaction,
    ];
    usize::try_from(number).ok().and_then(|n| KINDS.get(n).copied()).unwrap_or_default()
}

/// The key in a first word made by [`key_word`].
pub(crate) fn key_of(word0: u64) -> &'static str {
    if !matches!(Tag::of(word0), Tag::Word | Tag::Text) {
        return "";
    }
    let len = usize::try_from((word0 >> 48) & 0xff).unwrap_or(0);
    let address = usize::try_from(word0 & ADDRESS).unwrap_or(0);
    let pointer = std::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: words with these tags are made by `key_word` alone, from a `&'static str` cut at a
    // character boundary; address and length stand in one word, which is written whole.
    unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(pointer, len)) }
}

/// End word of a closed step.
#[inline(always)]
pub(crate) fn closed(ticks: u64, outcome: Outcome) -> u64 {
    (outcome as u64) << OUTCOME_SHIFT | (ticks & TICKS)
}

/// End ticks and outcome of an end word; `None` while it is open.
pub(crate) fn end_of(word: u64) -> Option<(u64, Outcome)> {
    if word & OPEN != 0 {
        return None;
    }
    let outcome = match word >> OUTCOME_SHIFT {
        0 => Outcome::Ok,
        1 => Outcome::Error,
        2 => Outcome::Cancelled,
        3 => Outcome::Panic,
        _ => Outcome::Unfinished,
    };
    Some((word & TICKS, outcome))
}

/// Ticks as they compare with the ticks of an end word.
pub(crate) fn comparable(ticks: u64) -> u64 {
    ticks & TICKS
}

/// Parent of a link word.
#[inline(always)]
pub(crate) fn parent_of(link: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low 20 bits")]
    let parent = link as u32;
    parent & NO_RECORD
}

/// Polls of a link word.
pub(crate) fn polls_of(link: u64) -> u16 {
    ((link >> 20) & MAX_POLLS) as u16
}

/// Busy ticks of a link word.
pub(crate) fn busy_of(link: u64) -> u64 {
    (link >> 32) << BUSY_SHIFT
}

/// A link word with one more poll of `ticks`. Rounds to the nearest unit, so that many short polls
/// do not vanish; both fields saturate.
#[inline(always)]
pub(crate) fn add_poll(link: u64, ticks: u64) -> u64 {
    add_polls(link, 1, (ticks + (1 << (BUSY_SHIFT - 1))) >> BUSY_SHIFT)
}

/// A link word with the polls and busy time of another one, which folds into it.
pub(crate) fn add_link(link: u64, folded: u64) -> u64 {
    add_polls(link, u64::from(polls_of(folded)), folded >> 32)
}

#[inline(always)]
fn add_polls(link: u64, polls: u64, busy_units: u64) -> u64 {
    let polls = (((link >> 20) & MAX_POLLS) + polls).min(MAX_POLLS);
    let busy = ((link >> 32) + busy_units).min(u64::from(u32::MAX));
    busy << 32 | polls << 20 | (link & u64::from(NO_RECORD))
}

/// One record.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Record {
    word0: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    link: AtomicU64,
}

impl Record {
    pub(crate) fn blank() -> Self {
        Self {
            word0: AtomicU64::new(0),
            start: AtomicU64::new(0),
            end: AtomicU64::new(0),
            link: AtomicU64::new(0),
        }
    }

    /// Writes all words. A concurrent [`Record::read`] answers the old or the new ones, or `None`.
    #[inline(always)]
    pub(crate) fn write(&self, words: [u64; 4]) {
        self.start.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        self.word0.store(words[0], Ordering::Relaxed);
        self.end.store(words[2], Ordering::Relaxed);
        self.link.store(words[3], Ordering::Relaxed);
        self.start.store(words[1], Ordering::Release);
    }

    /// All words as they belong together, or `None` if the record was rewritten meanwhile or never
    /// written. No step starts at 0: that start says that a rewrite is under way.
    pub(crate) fn read(&self) -> Option<[u64; 4]> {
        let start = self.start.load(Ordering::Acquire);
        if start == 0 {
            return None;
        }
        let words = [
            self.word0.load(Ordering::Relaxed),
            start,
            self.end.load(Ordering::Relaxed),
            self.link.load(Ordering::Relaxed),
        ];
        fence(Ordering::Acquire);
        (self.start.load(Ordering::Relaxed) == start).then_some(words)
    }

    /// All words, for whoever owns the record (its writer, or the drain).
    pub(crate) fn owned(&self) -> [u64; 4] {
        [
            self.word0.load(Ordering::Relaxed),
            self.start.load(Ordering::Relaxed),
            self.end.load(Ordering::Relaxed),
            self.link.load(Ordering::Relaxed),
        ]
    }

    #[inline(always)]
    pub(crate) fn word0(&self) -> u64 {
        self.word0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn start(&self) -> u64 {
        self.start.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn link(&self) -> u64 {
        self.link.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_link(&self, link: u64) {
        self.link.store(link, Ordering::Relaxed);
    }

    /// Sets the end word; only the thread that polls the transaction.
    #[inline(always)]
    pub(crate) fn set_end(&self, word: u64) {
        self.end.store(word, Ordering::Relaxed);
    }

    /// Whether it is open in the life that has this open word.
    pub(crate) fn is_open(&self, open: u64) -> bool {
        self.end.load(Ordering::Relaxed) == open
    }

    /// Closes it from a thread that does not own it: only if it is still open in exactly the life
    /// of the header that has this open word. Whether it was.
    pub(crate) fn close_from_elsewhere(&self, open: u64, word: u64) -> bool {
        self.end.compare_exchange(open, word, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// End word of an open record of the header with this number, in this generation.
pub(crate) const fn open_word(number: u32, generation: u32) -> u64 {
    OPEN | (number as u64) << 32 | generation as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn link_word_keeps_its_parent_while_polls_and_busy_saturate() {
        let mut link = u64::from(77_u32);
        for _ in 0..5_000 {
            link = add_poll(link, 1 << 36);
        }
        assert_eq!(parent_of(link), 77);
        assert_eq!(polls_of(link), 4_095);
        assert_eq!(busy_of(link), u64::from(u32::MAX) << BUSY_SHIFT);
    }

    #[test]
    fn many_short_polls_do_not_vanish() {
        let mut link = 0;
        for _ in 0..1_000 {
            link = add_poll(link, 40);
        }
        assert!(busy_of(link) > 0);
    }

    #[test]
    fn end_word_carries_outcome_and_ticks_and_an_open_one_neither() {
        assert_eq!(end_of(closed(12_345, Outcome::Panic)), Some((12_345, Outcome::Panic)));
        assert_eq!(end_of(open_word(5, 3)), None);
    }

    #[test]
    fn keys_and_names_survive_their_word() {
        let long: &'static str = Box::leak("é".repeat(300).into_boxed_str());
        assert_eq!(key_of(key_word(Tag::Word, "user")), "user");
        assert_eq!(key_of(key_word(Tag::Text, "")), "");
        assert_eq!(key_of(key_word(Tag::Text, long)).len(), 254);
        let site = crate::callsite!(name: "record.rs");
        assert!(
            matches!(StepName::of(site_word(site)), Some(StepName::Site(s)) if s.line() == site.line())
        );
        let name = TextId::from_number(9);
        assert!(matches!(
            StepName::of(named_word(StepKind::SqlTransaction, name)),
            Some(StepName::Named(StepKind::SqlTransaction, n)) if n == name
        ));
    }

    #[test]
    fn record_in_the_middle_of_a_rewrite_reads_as_nothing() {
        let record = Record::blank();
        assert_eq!(record.read(), None);
        record.write([1, 2, 3, 4]);
        assert_eq!(record.read(), Some([1, 2, 3, 4]));
        record.start.store(0, Ordering::Relaxed);
        assert_eq!(record.read(), None);
    }

    #[test]
    fn foreign_thread_closes_only_the_life_it_opened() {
        let record = Record::blank();
        let open = open_word(3, 7);
        record.write([0, 1, open, 0]);
        for other in [open_word(3, 5), open_word(2, 7)] {
            assert!(!record.close_from_elsewhere(other, closed(9, Outcome::Cancelled)));
        }
        assert!(record.is_open(open));
        assert!(record.close_from_elsewhere(open, closed(9, Outcome::Cancelled)));
        assert!(!record.close_from_elsewhere(open, closed(10, Outcome::Cancelled)));
    }
}
