//! What a panic leaves on the transaction it happens in: its message and its place.
//!
//! Only the panic hook ever sees where a panic came from; whoever catches it sees a payload. So
//! the recorder puts a hook in front of the one it finds, when recording is first turned on, and
//! always calls that one too. The message becomes the error of the transaction this thread works
//! on, unless it has one already (the first error wins), whatever becomes of the panic: it may end
//! the transaction, or a layer inside may turn it into a response with status 500.
//!
//! A hook that the application installs later without calling the one it replaces takes this away;
//! then a transaction that ends by a panic has the error `panicked`. Panics that the recorder
//! itself catches (a `Debug` of the application, a plugin) are no errors of the transaction.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::bounded::Bounded;
use crate::transaction::{mark, set_error, set_mark};
use crate::{lane, switch};

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
    let Some((header, _)) = lane::current() else { return };
    set_mark(header, mark::PANICKED);
    let payload = panic.payload();
    let message = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)");
    let (file, line) =
        panic.location().map_or(("?", 0), |place| (end_of(place.file()), place.line()));
    // The place first: the end of a long message is what may be cut.
    let error = Bounded::format(format_args!("panicked at {file}:{line}: {message}"));
    set_error(header, &error.as_str());
}

fn end_of(path: &str) -> &str {
    let from = path.len().saturating_sub(MAX_PATH_BYTES);
    path.get(path.ceil_char_boundary(from)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_path_is_cut_at_its_front_and_at_a_character() {
        assert_eq!(end_of("src/main.rs"), "src/main.rs");
        let long = format!("{}/main.rs", "é".repeat(100));
        let shown = end_of(&long);
        assert!(shown.ends_with("éé/main.rs") && shown.len() <= MAX_PATH_BYTES);
        assert!(shown.len() >= MAX_PATH_BYTES - 1);
    }
}
