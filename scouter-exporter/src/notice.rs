//! The few lines the agent says on its own.
//!
//! They go to standard error unless the application takes them (`Builder::on_notice`): an agent
//! must be heard before any logger is set up and must not choose one for the application. Each kind
//! is said once in the life of the agent, an answer to a changed file each time; everything else is a counter.

use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Unreachable,
    Refused,
    SetAside,
    Spool,
    LastWords,
    SinkPanic,
    BadOption,
}

/// Takes a line without line break.
pub(crate) type NoticeFn = Box<dyn Fn(&str) + Send + Sync>;

/// Says each kind of notice once.
pub(crate) struct Notices {
    said: AtomicU32,
    say: NoticeFn,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("said", &self.said).finish_non_exhaustive()
    }
}

impl Notices {
    pub(crate) fn new(say: Option<NoticeFn>) -> Self {
        let say = say.unwrap_or_else(|| Box::new(to_standard_error));
        Self { said: AtomicU32::new(0), say }
    }

    /// Says it each time: somebody has just changed something and waits for an answer.
    pub(crate) fn say(&self, line: &str) {
        (self.say)(&format!("scouter: {line}"));
    }

    /// Says it unless something of its kind was said before.
    pub(crate) fn once(&self, notice: Notice, line: impl FnOnce() -> String) {
        let bit = 1 << notice as u32;
        if self.said.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            (self.say)(&format!("scouter: {}", line()));
        }
    }
}

fn to_standard_error(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
