//! What a panic leaves on the transaction it happens in: its message and its place.
//!
//! Only the panic hook ever sees where a panic came from; whoever catches it sees a payload. So
//! the recorder puts a hook in front of the one it finds, when recording is first turned on, and
//! always calls that one too. The message becomes the error of the transaction this thread works
//! on, unless it has one already (the first error wins), whatever becomes of the panic: it may end
//! the transaction, or a layer inside may turn it into a response with status 500.
//!
//! Every panic also raises an alert (option `panic_alert_enabled`), with or without a transaction:
//! one of a plain thread, or of a task whose handle was dropped, is seen by nobody else. See
//! [`places`] for how, and [`last_words`] for processes that a panic aborts.
//!
//! A hook that the application installs later without calling the one it replaces takes this away;
//! then a transaction that ends by a panic has the error `panicked`. Panics that the recorder
//! itself catches (a `Debug` of the application, a plugin) are no errors of the transaction.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::bounded::Bounded;
use crate::telemetry::PANICS;
use crate::transaction::{mark, set_error, set_mark};
use crate::{lane, last_words, options, switch};

#[path = "panics/places.rs"]
mod places;

pub use places::MAX_PANIC_PLACES;
pub(crate) use places::{Seen, tell};

/// Most bytes of a file's path that are shown, its end: the message needs the room too.
const MAX_PATH_BYTES: usize = 120;

static INSTALLED: Once = Once::new();

/// Puts our hook in front of the present one, once per process.
///
/// Not while this thread panics, when hooks cannot be changed: the next call does it.
pub(crate) fn install() {
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            note(panic);
            previous(panic);
        }));
    });
}

/// Runs code of the application whose panic is not one of the transaction.
pub(crate) fn caught<T>(code: impl FnOnce() -> T) -> std::thread::Result<T> {
    let was_muted = lane::mute_panics(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    lane::mute_panics(was_muted);
    result
}

/// A panic in here would abort the process, so nothing of the application is called: the message
/// is a plain text, and what else it could be is not looked at.
fn note(panic: &PanicHookInfo<'_>) {
    if switch::is_forked() || lane::is_panics_muted() {
        return;
    }
    let header = lane::current().map(|(header, _)| header);
    if header.is_none() && !switch::is_recording() {
        return;
    }
    let payload = panic.payload();
    let message = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)");
    PANICS.add(1);
    let seen = Seen::look(panic.location(), message);
    // First: what follows may be the last thing that this process does.
    last_words::write(&seen);
    if options::PANIC_ALERT_ENABLED.value() {
        places::add(&seen, panic.location());
    }
    if let Some(header) = header {
        set_mark(header, mark::PANICKED);
        let (file, line) = (seen.file.as_str(), seen.line);
        // The place first: the end of a long message is what may be cut.
        let error = Bounded::format(format_args!("panicked at {file}:{line}: {message}"));
        set_error(header, &error.as_str());
    }
}
