//! What the code written by `#[scout]` calls. Not public: it changes without notice.
//!
//! Everything that does not depend on the types of the instrumented function is in non-generic
//! functions here, so that the code repeated in every function stays small. Values are shown by
//! *autoref specialisation*: `(&&&Probe(&value)).scouter_capture(..)` finds the first of three
//! traits that fits the type, so a type without `Debug` shows its name instead of not compiling.
//! Source of the idea: the `anyhow!` macro of anyhow.

use std::any::type_name;
use std::fmt::{self, Debug, Display, Write};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use scouter_wire::TextKind;
use scouter_wire::record::EndReason;

use crate::begin::Begin;
use crate::bounded::Bounded;
use crate::callsite::Callsite;
use crate::header::Header;
use crate::in_step::StepFuture;
use crate::path::note_origin;
use crate::plugin::{self, CaptureView, Hooks};
use crate::records::{Note, site_word};
use crate::step::{push_attr, push_note};
use crate::telemetry::TEXTS_CUT;
use crate::text::intern;
use crate::transaction::{Entered, Transaction};
use crate::value::Value;
use crate::{captures, current, lane, panics, switch};

pub use linkme;
pub use scouter_wire::record::XLogKind;

pub use crate::bounded::bounded;
pub use crate::callsite;
pub use crate::callsite::CALLSITES;
pub use crate::in_step::in_step;
pub use crate::slow::{SlowGuard, mark_slow};
pub use crate::step::step;

/// Longest text of one captured value; the rest is cut off and `…` says so.
///
/// The text is built in a buffer of this size on the stack, so a captured megabyte costs no more
/// than a captured word: its `Debug` is stopped by an error of the writer.
pub const MAX_CAPTURE_BYTES: usize = 128;

// ---- captured values -----------------------------------------------------------------------

/// A value that may be shown.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Shows integers of at most 64 bits, floats and booleans as they are, also behind one reference.
pub trait CaptureWord {
    /// Writes the value on the open step of `site`.
    fn scouter_capture(&self, site: &'static Callsite, key: &'static str);
}

/// Shows what has `Debug`.
pub trait CaptureDebug {
    /// Writes the value on the open step of `site`.
    fn scouter_capture(&self, site: &'static Callsite, key: &'static str);
}

/// Shows the name of the type of everything else.
pub trait CaptureTypeName {
    /// Writes the name of the type on the open step of `site`.
    fn scouter_capture(&self, site: &'static Callsite, key: &'static str);
}

macro_rules! words {
    ($($ty:ty => $variant:ident),* $(,)?) => {$(
        impl CaptureWord for &&Probe<'_, $ty> {
            fn scouter_capture(&self, site: &'static Callsite, key: &'static str) {
                capture(site, key, Value::$variant(*self.0 as _));
            }
        }

        impl CaptureWord for &&Probe<'_, &$ty> {
            fn scouter_capture(&self, site: &'static Callsite, key: &'static str) {
                capture(site, key, Value::$variant(**self.0 as _));
            }
        }
    )*};
}

// Those of 128 bits do not fit in a word: they are written as text.
words! {
    u8 => U64, u16 => U64, u32 => U64, u64 => U64, usize => U64,
    i8 => I64, i16 => I64, i32 => I64, i64 => I64, isize => I64,
    f32 => F64, f64 => F64, bool => Bool,
}

impl<T: Debug + ?Sized> CaptureDebug for &Probe<'_, T> {
    fn scouter_capture(&self, site: &'static Callsite, key: &'static str) {
        capture_text(site, key, format_args!("{:?}", self.0));
    }
}

impl<T: ?Sized> CaptureTypeName for Probe<'_, T> {
    fn scouter_capture(&self, site: &'static Callsite, key: &'static str) {
        capture_text(site, key, format_args!("<{}>", type_name::<T>()));
    }
}

/// Shows only that the value was there.
#[cold]
pub fn capture_redacted(site: &'static Callsite, key: &'static str) {
    capture(site, key, Value::Static("<redacted>"));
}

/// Writes an attribute on the step of `site`, if that is the innermost one: when the step was
/// switched off or dropped by a limit, the value must not end up on the step around it.
#[cold]
fn capture(site: &'static Callsite, key: &'static str, value: Value<'_>) {
    if captures::admits(site) {
        write(site, key, value);
    }
}

fn write(site: &'static Callsite, key: &'static str, value: Value<'_>) {
    if let Some((header, index)) = innermost(site) {
        push_attr(header, index, key, value);
    }
    if plugin::has(Hooks::CAPTURE) {
        let mut text = Cut::new();
        // What does not fit is cut, as for the attribute.
        _ = match value {
            Value::U64(value) => write!(text, "{value}"),
            Value::I64(value) => write!(text, "{value}"),
            Value::F64(value) => write!(text, "{value}"),
            Value::Bool(value) => write!(text, "{value}"),
            Value::Static(value) | Value::Str(value) => write!(text, "{value}"),
        };
        plugin::capture(&CaptureView::new(key, text.text()));
    }
}

/// The innermost open step of this thread, if it is one of `site`.
pub(crate) fn innermost(site: &'static Callsite) -> Option<(&'static Header, u32)> {
    let (header, _) = lane::current()?;
    let index = header.current();
    let is_it = header.record(index).is_some_and(|record| record.word0() == site_word(site));
    is_it.then_some((header, index))
}

/// Formats into a buffer on the stack. A `Debug` of the user that panics is the user's mistake,
/// but not one that may break a request: the value then shows as `<panicked>`.
#[cold]
fn capture_text(site: &'static Callsite, key: &'static str, text: fmt::Arguments<'_>) {
    // Before the user's code runs for it.
    if !captures::admits(site) {
        return;
    }
    let mut buffer = Cut::new();
    match panics::caught(|| buffer.write_fmt(text)) {
        Ok(Ok(())) => {}
        Ok(Err(fmt::Error)) => TEXTS_CUT.add(1),
        Err(_) => return write(site, key, Value::Static("<panicked>")),
    }
    write(site, key, Value::Str(buffer.text()));
}

/// The first [`MAX_CAPTURE_BYTES`] of a text.
struct Cut {
    bytes: [u8; MAX_CAPTURE_BYTES],
    len: usize,
}

impl Cut {
    const ELLIPSIS: &'static str = "…";

    const fn new() -> Self {
        Self { bytes: [0; MAX_CAPTURE_BYTES], len: 0 }
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Cut {
    /// Fails once the text does not fit any more, which stops the formatting.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = MAX_CAPTURE_BYTES - self.len;
        if text.len() <= free {
            self.bytes[self.len..self.len + text.len()].copy_from_slice(text.as_bytes());
            self.len += text.len();
            return Ok(());
        }
        // Room for the ellipsis is made at a character boundary of what is there already.
        let room = MAX_CAPTURE_BYTES - Self::ELLIPSIS.len();
        if self.len > room {
            self.len = self.text().floor_char_boundary(room);
        }
        let fits = text.floor_char_boundary(room - self.len);
        let end = self.len + fits;
        self.bytes[self.len..end].copy_from_slice(&text.as_bytes()[..fits]);
        self.len = end + Self::ELLIPSIS.len();
        self.bytes[end..self.len].copy_from_slice(Self::ELLIPSIS.as_bytes());
        Err(fmt::Error)
    }
}

// ---- errors --------------------------------------------------------------------------------

/// What `err` can look at.
#[diagnostic::on_unimplemented(
    message = "`#[scout(err)]` needs a function that returns a `Result`",
    label = "returns `{Self}`, which is not a `Result`",
    note = "remove `err`, or return a `Result`"
)]
pub trait ReturnsResult {
    /// Type of the error.
    type Error;

    /// The error, if it is one.
    fn failure(&self) -> Failure<'_, Self::Error>;
}

/// Whether a call failed; an enum of our own, since the user may shadow `Some`.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "matched by generated code, not by people")]
pub enum Failure<'a, E> {
    /// It failed with this error.
    Is(&'a E),
    /// It did not fail.
    No,
}

impl<T, E> ReturnsResult for Result<T, E> {
    type Error = E;

    fn failure(&self) -> Failure<'_, E> {
        match self {
            Ok(_) => Failure::No,
            Err(error) => Failure::Is(error),
        }
    }
}

/// The error in `result`.
pub fn failure<R: ReturnsResult>(result: &R) -> Failure<'_, R::Error> {
    result.failure()
}

/// Shows an error by `Display`.
pub trait FailDisplay {
    /// Marks the open step of `site`, and the transaction if there is one, as failed.
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>);
}

/// Shows an error by `Debug`.
pub trait FailDebug {
    /// Marks the open step of `site`, and the transaction if there is one, as failed.
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>);
}

/// Shows an error by the name of its type.
pub trait FailTypeName {
    /// Marks the open step of `site`, and the transaction if there is one, as failed.
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>);
}

impl<T: Display + ?Sized> FailDisplay for &&Probe<'_, T> {
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>) {
        fail(site, service, format_args!("{}", self.0));
    }
}

impl<T: Debug + ?Sized> FailDebug for &Probe<'_, T> {
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>) {
        fail(site, service, format_args!("{:?}", self.0));
    }
}

impl<T: ?Sized> FailTypeName for Probe<'_, T> {
    fn scouter_fail(&self, site: &'static Callsite, service: Service<'_>) {
        fail(site, service, format_args!("{}", type_name::<T>()));
    }
}

#[cold]
fn fail(site: &'static Callsite, service: Service<'_>, message: fmt::Arguments<'_>) {
    let message = Bounded::format(message);
    if let Some((header, index)) = innermost(site) {
        push_note(header, index, Note::Error, message.as_str());
    }
    if let Some((header, _)) = lane::current() {
        note_origin(header, Some(site), message.as_str());
    }
    if let Some(transaction) = service.0 {
        transaction.set_error(&message.as_str());
    }
}

// ---- futures -------------------------------------------------------------------------------

/// Calls the body of a function. The bound tells the compiler that the closure is called once, so it
/// may hand out what it captured.
#[inline(always)]
pub fn call_once<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// `Box::pin`, whatever `Box` means where the code is generated.
pub fn boxed<F>(future: F) -> Pin<Box<F>> {
    Box::pin(future)
}

/// Lets `look` see what the future yields, inside of its last poll.
pub fn inspect<F: Future, L: FnMut(&F::Output)>(future: F, look: L) -> Inspect<F, L> {
    Inspect { future, look }
}

pin_project_lite::pin_project! {
    /// Made by [`inspect`].
    #[derive(Debug)]
    pub struct Inspect<F, L> {
        #[pin]
        future: F,
        look: L,
    }
}

impl<F: Future, L: FnMut(&F::Output)> Future for Inspect<F, L> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(cx);
        if let Poll::Ready(value) = &polled {
            (this.look)(value);
        }
        polled
    }
}

// ---- service -------------------------------------------------------------------------------

/// The transaction that a function with `service` opened, if it did.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a>(Option<&'a Transaction>);

impl Service<'_> {
    /// The function has no `service`.
    pub const NONE: Self = Self(None);
}

/// Ends the transaction that a synchronous function with `service` opened.
#[derive(Debug)]
pub struct ServiceGuard(Option<Transaction>);

/// Opens a transaction named after the callsite, unless one is active on this thread.
pub fn service(site: &'static Callsite, kind: XLogKind) -> ServiceGuard {
    ServiceGuard(opens_transaction().then(|| begin(site, kind)))
}

impl ServiceGuard {
    /// Makes it the current transaction of this thread.
    pub fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(Transaction::enter)
    }

    /// The transaction, to mark an error on.
    pub fn opened(&self) -> Service<'_> {
        Service(self.0.as_ref())
    }
}

impl Drop for ServiceGuard {
    fn drop(&mut self) {
        // While panicking the transaction's own drop says so.
        if let Some(transaction) = self.0.take()
            && !std::thread::panicking()
        {
            transaction.end(EndReason::Complete);
        }
    }
}

fn opens_transaction() -> bool {
    switch::is_recording() && !current::is_active()
}

fn begin(site: &'static Callsite, kind: XLogKind) -> Transaction {
    let service = intern(TextKind::Service, site.name());
    Transaction::begin(Begin::new(service).kind(kind))
}

/// A step like [`in_step`], in a transaction of its own unless one is active at the first poll.
///
/// `look` sees the transaction, if one was opened, and what the future yields.
pub fn in_service<F, L>(
    site: &'static Callsite,
    kind: XLogKind,
    future: F,
    look: L,
) -> ServiceFuture<F, L>
where
    F: Future,
    L: FnMut(Service<'_>, &F::Output),
{
    let step = Some(in_step(site, future));
    ServiceFuture { step, site, kind, opened: Opened::Undecided, is_polled: false, look }
}

#[derive(Debug)]
enum Opened {
    Undecided,
    Joined,
    Own(Transaction),
}

pin_project_lite::pin_project! {
    /// Made by [`in_service`]. Dropped before its end, the step is dropped inside the transaction,
    /// so that what it holds closes with all it knows.
    #[derive(Debug)]
    pub struct ServiceFuture<F, L> {
        #[pin]
        step: Option<StepFuture<F>>,
        site: &'static Callsite,
        kind: XLogKind,
        opened: Opened,
        // Stays set when a poll unwinds: whoever catches the panic may drop us much later.
        is_polled: bool,
        look: L,
    }

    impl<F, L> PinnedDrop for ServiceFuture<F, L> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Opened::Own(transaction) = &*this.opened {
                if *this.is_polled {
                    transaction.mark_unwound();
                }
                let _inside = transaction.enter();
                this.step.set(None);
            }
        }
    }
}

impl<F: Future, L: FnMut(Service<'_>, &F::Output)> Future for ServiceFuture<F, L> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if matches!(this.opened, Opened::Undecided) {
            let opens = opens_transaction();
            *this.opened =
                if opens { Opened::Own(begin(this.site, *this.kind)) } else { Opened::Joined };
        }
        let Some(step) = this.step.as_mut().as_pin_mut() else {
            // Only polled again after its end, which the contract of futures forbids.
            return Poll::Pending;
        };
        let Opened::Own(transaction) = &*this.opened else { return step.poll(cx) };
        let scope = transaction.enter_poll();
        *this.is_polled = true;
        let polled = step.poll(cx);
        *this.is_polled = false;
        if let Poll::Ready(value) = &polled {
            // What the future still holds belongs to the transaction too.
            this.step.set(None);
            let end = scope.finish();
            (this.look)(Service(Some(transaction)), value);
            if let Opened::Own(transaction) = std::mem::replace(this.opened, Opened::Joined) {
                transaction.end_at(EndReason::Complete, end);
            }
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::{Cut, MAX_CAPTURE_BYTES};
    use std::fmt::Write;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        let rows = [
            ("short".to_owned(), "short".to_owned()),
            ("x".repeat(MAX_CAPTURE_BYTES), "x".repeat(MAX_CAPTURE_BYTES)),
            ("x".repeat(MAX_CAPTURE_BYTES + 1), "x".repeat(MAX_CAPTURE_BYTES - 3) + "…"),
            ("ä".repeat(70), "ä".repeat(62) + "…"),
        ];
        for (text, expected) in rows {
            let mut cut = Cut::new();
            let _ = cut.write_str(&text);
            assert_eq!(cut.text(), expected);
        }
    }

    #[test]
    fn writing_stops_with_an_error_when_the_text_is_full() {
        let mut cut = Cut::new();
        assert!((0..1_000).any(|_| write!(cut, "ab ").is_err()));
        assert!(cut.text().ends_with('…') && cut.text().len() <= MAX_CAPTURE_BYTES);
        assert!(write!(cut, "more than ever").is_err());
        assert!(cut.text().ends_with('…') && cut.text().len() <= MAX_CAPTURE_BYTES);
    }
}
