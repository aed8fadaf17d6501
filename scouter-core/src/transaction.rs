//! The handle of what runs: [`Transaction`], which owns one life of a header.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use scouter_wire::record::{EndReason, XLogFlags};
use scouter_wire::{Gxid, TextKind, Txid};

use crate::begin::{Begin, Field};
use crate::bounded::{Bounded, field};
use crate::edge::Edge;
use crate::header::{Half, Header, Word, stamp};
use crate::lane::{self, Position};
use crate::propagation::TraceContext;
use crate::sync::Ordering;
use crate::telemetry::{DROPPED_HEADER_LIMIT, DROPPED_NO_THREAD, TRANSACTION_TEXTS_DROPPED};
use crate::text::{TextId, intern};
use crate::texts::Slot;
use crate::{clock, finish, options, plugin, switch};

#[path = "transaction/mark.rs"]
pub(crate) mod mark;

impl Field {
    pub(crate) const fn slot(self) -> Slot {
        match self {
            Self::Tenant => Slot::Tenant,
            Self::Login => Slot::Login,
            Self::Desc => Slot::Desc,
            Self::Ip => Slot::Ip,
            Self::UserAgent => Slot::UserAgent,
        }
    }
}

/// One served request, message or job, from its begin to its one end.
///
/// Whoever has it entered (sync) or polls inside it (async) records steps into it through the lane
/// of the thread; the handle itself writes what belongs to the finished row. It ends exactly once:
/// by [`Transaction::end`], or when it is dropped. A begin while recording is off, or beyond the
/// limit, gives an inert handle: all methods do nothing.
///
/// It may be sent to another thread, but not shared with one: a recording has one writer.
///
/// ```compile_fail,E0277
/// fn is_shared<T: Sync>() {}
/// is_shared::<scouter_core::Transaction>();
/// ```
pub struct Transaction {
    header: Option<&'static Header>,
    generation: u32,
    _one_writer: PhantomData<Cell<()>>,
}

impl Transaction {
    /// Begins a transaction; inert when recording is off or [`MAX_TRANSACTIONS`] are in flight
    /// (counter `dropped_header_limit`).
    ///
    /// No allocation in steady state.
    ///
    /// [`MAX_TRANSACTIONS`]: crate::limits::MAX_TRANSACTIONS
    #[must_use]
    pub fn begin(begin: Begin<'_>) -> Self {
        if !switch::is_recording() {
            return Self::inert();
        }
        if lane::thread().is_none() {
            finish::count_without_thread();
            DROPPED_NO_THREAD.add(1);
            return Self::inert();
        }
        let Some(header) = lane::with(lane::take_header) else {
            DROPPED_HEADER_LIMIT.add(1);
            return Self::inert();
        };
        let generation = start(header, &begin);
        let transaction = Self { header: Some(header), generation, _one_writer: PhantomData };
        if plugin::has(plugin::Hooks::START) {
            plugin::start(&transaction, &begin);
        }
        transaction
    }

    /// A handle that records nothing.
    #[must_use]
    pub const fn inert() -> Self {
        Self { header: None, generation: 0, _one_writer: PhantomData }
    }

    /// Whether anything is recorded through this handle.
    #[inline]
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        self.header.is_some()
    }

    /// Identity of the transaction.
    #[must_use]
    pub fn txid(&self) -> Option<Txid> {
        self.header.and_then(txid_of)
    }

    /// Trace it belongs to.
    #[must_use]
    pub fn gxid(&self) -> Option<Gxid> {
        self.header.and_then(gxid_of)
    }

    /// What to send to callees: its trace, itself as the caller, tracestate and baggage.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        self.header.and_then(context_of)
    }

    /// Works on it in this thread until the guard is dropped (also by a panic), which puts back
    /// whatever the thread worked on before. Not counted as a poll.
    ///
    /// A guard that is forgotten leaves it entered; then it must not be entered on another thread,
    /// or texts of the two may come out mixed.
    #[inline]
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self.header, self.generation)
    }

    /// Like [`Transaction::enter`], counted as a poll and measured as busy time. Use it around each
    /// poll of a future or body.
    ///
    /// If a poll unwinds and somebody else catches the panic, a later drop of the handle reads as
    /// cancelled: whoever polls by hand ends it with [`EndReason::Panic`] then, as
    /// [`in_transaction`](crate::in_transaction) does.
    #[inline]
    pub fn enter_poll(&self) -> PollScope<'_> {
        PollScope::new(self.header, self.generation)
    }

    /// Names the service anew: a router knows the route only after it began.
    pub fn set_service(&self, service: TextId) {
        if let Some(header) = self.header {
            set_service(header, service);
        }
    }

    /// Sets the HTTP status, or 1000 + the gRPC code.
    pub fn set_status(&self, status: u16) {
        if let Some(header) = self.header {
            header.set_half(Half::Status, status.into());
        }
    }

    /// Says that the response headers leave now.
    pub fn set_ttfb_now(&self) {
        if let Some(header) = self.header {
            let ticks = clock::now_ticks().saturating_sub(header.word(Word::Start));
            header.set(Word::Ttfb, ticks.max(1));
        }
    }

    /// Adds response body bytes.
    pub fn add_bytes_out(&self, bytes: u64) {
        if let Some(header) = self.header {
            header.add(Word::BytesOut, bytes);
        }
    }

    /// Sets a flag of the finished row.
    pub fn set_flag(&self, flag: XLogFlags) {
        if let Some(header) = self.header {
            header.set_half(Half::Flags, header.half(Half::Flags) | u32::from(flag.0));
        }
    }

    /// Copies a text; the last write wins. Cut at 256 bytes.
    pub fn set_text(&self, field: Field, text: &str) {
        if let Some(header) = self.header {
            set_text(header, field.slot(), 0, text);
        }
    }

    /// Says that it failed. The first error wins.
    pub fn set_error(&self, error: &dyn fmt::Display) {
        if let Some(header) = self.header {
            set_error(header, error);
        }
    }

    /// Writes a tag; the last value of a key wins. The value is cut at 256 bytes.
    pub fn tag(&self, key: &'static str, value: &str) {
        if let Some(header) = self.header {
            tag(header, key, value);
        }
    }

    /// Takes a `baggage` header along to callees, verbatim, that came without a trace; ignored when
    /// malformed or oversized. With a trace it is part of the
    /// [`TraceContext`](crate::propagation::TraceContext).
    pub fn set_baggage(&self, baggage: &[u8]) {
        let Some(header) = self.header else { return };
        let context = context_of(header).map(|context| context.with_baggage(baggage));
        if let Some(carried) = context.as_ref().and_then(TraceContext::carried) {
            header.carried().set(Some(carried.clone()));
            set_mark(header, mark::CARRIED);
        }
    }

    /// Asks to keep its profile whatever the sampling says.
    pub fn keep_profile(&self) {
        if let Some(header) = self.header {
            set_mark(header, mark::KEEP);
        }
    }

    /// Says that it takes long, as a session does: no alert tells that it is slow or does not move.
    pub fn expect_long(&self) {
        if let Some(header) = self.header {
            set_mark(header, mark::LONG);
        }
    }

    /// Whether a panic happened while a thread worked on it, even one that was caught inside.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.header.is_some_and(|header| header.half(Half::Marks) & mark::PANICKED != 0)
    }

    /// Says that a poll of it unwound: dropped from now on, it ended by a panic.
    #[cold]
    pub(crate) fn mark_unwound(&self) {
        if let Some(header) = self.header {
            set_mark(header, mark::UNWOUND);
        }
    }

    /// Ends it.
    #[inline]
    pub fn end(mut self, reason: EndReason) {
        if let Some(header) = self.header.take() {
            finish::finish(header, reason);
        }
    }

    /// Ends it together with a poll whose end was just measured.
    #[inline]
    pub(crate) fn end_at(mut self, reason: EndReason, ticks: Option<u64>) {
        if let Some(header) = self.header.take() {
            finish::finish_at(header, reason, ticks.unwrap_or_else(clock::now_ticks));
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(header) = self.header.take() {
            // Whoever catches a panic of a poll, as a runtime does, drops what is left later.
            let is_unwound = header.half(Half::Marks) & mark::UNWOUND != 0;
            let reason = if is_unwound || std::thread::panicking() {
                EndReason::Panic
            } else {
                EndReason::CancelledBeforeResponse
            };
            finish::finish(header, reason);
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("txid", &self.txid()).finish()
    }
}

fn start(header: &'static Header, begin: &Begin<'_>) -> u32 {
    let now = clock::now_ticks();
    header.prepare(options::PROFILE_STEP_MAX_COUNT.small());
    header.set(Word::Start, now);
    header.set(
        Word::ServiceEpoch,
        u64::from(begin.service.number()) | u64::from(clock::epoch()) << 32,
    );
    header.set_half(Half::Kind, begin.kind as u32);
    lane::with(|lane| {
        let asked_for = begin.context.and_then(|context| context.callee);
        header.set(Word::Txid, asked_for.map_or_else(|| lane.next_txid(now), Txid::value));
        match begin.context {
            None => {
                let (high, low) = lane.next_gxid();
                header.set(Word::GxidHigh, high);
                header.set(Word::GxidLow, low);
            }
            Some(context) => continue_trace(header, context),
        }
    });
    header.publish()
}

fn continue_trace(header: &'static Header, context: &TraceContext) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a gxid")]
    let (high, low) = ((context.gxid.value() >> 64) as u64, context.gxid.value() as u64);
    header.set(Word::GxidHigh, high);
    header.set(Word::GxidLow, low);
    header.set(Word::Caller, context.caller.map_or(0, Txid::value));
    header.set_half(Half::Flags, XLogFlags::CONTINUED.0.into());
    if !context.sampled {
        set_mark(header, mark::UNSAMPLED);
    }
    if context.forced {
        set_mark(header, mark::KEEP);
    }
    if let Some(carried) = context.carried() {
        header.carried().set(Some(carried.clone()));
        set_mark(header, mark::CARRIED);
    }
}

/// A txid that no other transaction has, for a callee.
pub(crate) fn new_txid() -> Option<Txid> {
    let now = clock::now_ticks();
    Txid::new(lane::with(|lane| lane.next_txid(now)))
}

// ---- what handle and `current` share ------------------------------------------------------------

pub(crate) fn txid_of(header: &'static Header) -> Option<Txid> {
    Txid::new(header.word(Word::Txid))
}

pub(crate) fn gxid_of(header: &'static Header) -> Option<Gxid> {
    Gxid::new(
        u128::from(header.word(Word::GxidHigh)) << 64 | u128::from(header.word(Word::GxidLow)),
    )
}

pub(crate) fn context_of(header: &'static Header) -> Option<TraceContext> {
    let marks = header.half(Half::Marks);
    let is_sampled = marks & mark::UNSAMPLED == 0;
    let context = TraceContext::new(gxid_of(header)?, txid_of(header), is_sampled)
        .with_forced(marks & mark::KEEP != 0);
    if marks & mark::CARRIED == 0 || switch::is_forked() {
        return Some(context);
    }
    Some(context.with_carried(header.carried().value()))
}

pub(crate) fn set_service(header: &'static Header, service: TextId) {
    let epoch = header.word(Word::ServiceEpoch) >> 32 << 32;
    header.set(Word::ServiceEpoch, epoch | u64::from(service.number()));
}

pub(crate) fn set_mark(header: &'static Header, mark: u32) {
    header.set_half(Half::Marks, header.half(Half::Marks) | mark);
}

pub(crate) fn set_text(header: &'static Header, slot: Slot, key: u32, text: &str) {
    if !header.texts.set(slot, key, field(text)) {
        TRANSACTION_TEXTS_DROPPED.add(1);
    }
}

pub(crate) fn tag(header: &'static Header, key: &'static str, value: &str) {
    set_text(header, Slot::Tag, intern(TextKind::Key, key).number(), value);
}

#[cold]
pub(crate) fn set_error(header: &'static Header, error: &dyn fmt::Display) {
    if header.texts.has(Slot::Error) {
        return;
    }
    let message = Bounded::of(error);
    // An empty message would read as "no error".
    let message = if message.as_str().is_empty() { "error" } else { message.as_str() };
    set_text(header, Slot::Error, 0, message);
}

// ---- guards -------------------------------------------------------------------------------------

/// This thread works on a transaction while it exists. See [`Transaction::enter`].
#[derive(Debug)]
#[must_use = "the transaction is left when this is dropped"]
pub struct Entered<'a> {
    header: Option<&'static Header>,
    previous: Position,
    previous_step: u32,
    previous_tid: u32,
    edge: Edge,
    _life: PhantomData<&'a Transaction>,
    _not_send: PhantomData<*const ()>,
}

impl Entered<'_> {
    #[inline]
    pub(crate) fn new(header: Option<&'static Header>, generation: u32) -> Self {
        let mut entered = Self {
            header,
            previous: Position::NOTHING,
            previous_step: 0,
            previous_tid: 0,
            edge: Edge::here(0),
            _life: PhantomData,
            _not_send: PhantomData,
        };
        if let Some(header) = header {
            entered.edge = Edge::here(generation);
            entered.previous = lane::replace(Position::of(header, generation));
            entered.previous_step = header.current();
            entered.previous_tid = header.half(Half::Tid);
            header.set_half(Half::Tid, lane::tid());
        }
        entered
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(header) = self.header {
            // A step guard that was forgotten inside must not become everybody's parent.
            header.set_current(self.previous_step);
            header.set_half(Half::Tid, self.previous_tid);
            self.edge.close(header);
            lane::replace(self.previous);
        }
    }
}

/// One poll of a transaction. See [`Transaction::enter_poll`].
#[derive(Debug)]
#[must_use = "the poll ends when this is dropped"]
pub struct PollScope<'a> {
    /// Start of the poll; `None` when an outer scope of the same transaction measures.
    start: Option<u64>,
    previous_slot: (u64, u64),
    entered: Entered<'a>,
}

impl PollScope<'_> {
    #[inline]
    pub(crate) fn new(header: Option<&'static Header>, generation: u32) -> Self {
        let mut scope = Self { start: None, previous_slot: (0, 0), entered: Entered::new(None, 0) };
        let Some(header) = header else { return scope };
        let is_nested = header.word(Word::PollStart) != 0 && lane::is_current(header, generation);
        if !is_nested {
            let now = clock::now_ticks();
            header.set(Word::PollStart, now);
            header.set_stamp(now, stamp::ENTERED);
            scope.start = Some(now);
            if let Some(thread) = lane::thread() {
                let slot = &thread.slot;
                scope.previous_slot =
                    (slot.poll_start.load(Ordering::Relaxed), slot.txid.load(Ordering::Relaxed));
                slot.txid.store(header.word(Word::Txid), Ordering::Relaxed);
                slot.poll_start.store(now, Ordering::Release);
            }
        }
        scope.entered = Entered::new(Some(header), generation);
        scope
    }
}

impl PollScope<'_> {
    /// Ends the poll; answers its end, unless an outer scope measures.
    #[inline]
    pub(crate) fn finish(mut self) -> Option<u64> {
        self.leave()
    }

    #[inline]
    fn leave(&mut self) -> Option<u64> {
        let (header, start) = (self.entered.header?, self.start.take()?);
        let (stamp, state) = header.stamp();
        let now = if state == stamp::LEFT { stamp } else { clock::now_ticks() };
        header.spoil_stamp();
        header.add(Word::Busy, now.saturating_sub(start));
        header.add_half(Half::Polls, 1);
        header.set(Word::PollStart, 0);
        if let Some(thread) = lane::thread() {
            thread.slot.poll_start.store(self.previous_slot.0, Ordering::Release);
            thread.slot.txid.store(self.previous_slot.1, Ordering::Relaxed);
        }
        Some(now)
    }
}

impl Drop for PollScope<'_> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}
