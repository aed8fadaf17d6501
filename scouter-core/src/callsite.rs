//! The static description of one instrumented place, and the list of all of them.
//!
//! A callsite is a `static` beside the code it describes; its address is its identity, so a step
//! needs no registration and no lookup. The linker collects all of them (linkme), so that places
//! that never ran can be listed and switched too. Where the linker does not see them (a plugin
//! loaded at run time) the first use of a callsite adds it to a list. A library with instrumented
//! code must never be unloaded.
//!
//! Each callsite has one word of flags, read relaxed at each use: switching one off is not
//! measurable, and nothing can be captured that the source did not list.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use scouter_wire::TextKind;
use scouter_wire::record::StepKind;

use crate::sync::StaticRef;
use crate::text::{TextId, intern};

/// What a callsite records. The default is steps and errors, without arguments and results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallsiteFlags(u32);

impl CallsiteFlags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A step for each call.
    pub const STEP: Self = Self(1);
    /// The arguments its source lists.
    pub const ARGS: Self = Self(1 << 1);
    /// The result, when its source says `ret`.
    pub const RET: Self = Self(1 << 2);
    /// The error, when its source says `err`.
    pub const ERR: Self = Self(1 << 3);
    /// What a callsite starts with.
    pub const DEFAULT: Self = Self(Self::STEP.0 | Self::ERR.0);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Flag of our own: the callsite is in one of the two lists.
const LISTED: u32 = 1 << 31;
/// Flag of our own: arguments and results are on for a while only, see [`captures`](crate::captures).
const BOUND: u32 = 1 << 30;
const CAPTURES: u32 = CallsiteFlags::ARGS.0 | CallsiteFlags::RET.0;
const PUBLIC: u32 =
    CallsiteFlags::STEP.0 | CallsiteFlags::ARGS.0 | CallsiteFlags::RET.0 | CallsiteFlags::ERR.0;

/// One instrumented place. Made by [`callsite!`](crate::callsite) only.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Callsite {
    flags: AtomicU32,
    text: AtomicU32,
    line: u32,
    kind: StepKind,
    name: &'static str,
    file: &'static str,
    arg_names: &'static [&'static str],
    next: StaticRef<Callsite>,
}

/// The callsites the linker knows.
#[doc(hidden)]
#[linkme::distributed_slice]
pub static CALLSITES: [&'static Callsite];

static LATE: StaticRef<Callsite> = StaticRef::empty();
static SWEEP: Once = Once::new();

impl Callsite {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        name: &'static str,
        file: &'static str,
        line: u32,
        kind: StepKind,
        arg_names: &'static [&'static str],
    ) -> Self {
        Self {
            flags: AtomicU32::new(CallsiteFlags::DEFAULT.0),
            text: AtomicU32::new(0),
            line,
            kind,
            name,
            file,
            arg_names,
            next: StaticRef::empty(),
        }
    }

    /// Name of the function or place.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Source file, as the compiler names it.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// Line in the source file.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// File and line as people write them: `src/orders.rs:12`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// What kind of step it records.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        self.kind
    }

    /// Names of the arguments its source allows to capture.
    #[must_use]
    pub const fn arg_names(&self) -> &'static [&'static str] {
        self.arg_names
    }

    /// What it records now.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> CallsiteFlags {
        CallsiteFlags(self.flags.load(Ordering::Relaxed) & PUBLIC)
    }

    /// Says what it records from now on.
    pub fn set_flags(&self, flags: CallsiteFlags) {
        // The first use may list it at the same time.
        let set = |known| Some(flags.0 | (known & LISTED));
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, set);
    }

    /// Switches arguments and results on for a while, unless somebody has switched either on for
    /// good; whether it did.
    pub(crate) fn bind(&self) -> bool {
        let bind = |known| (known & (CAPTURES | BOUND) == 0).then_some(known | CAPTURES | BOUND);
        self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, bind).is_ok()
    }

    /// Ends [`Callsite::bind`], unless somebody has set the flags since.
    pub(crate) fn unbind(&self) {
        let unbind = |known| (known & BOUND != 0).then_some(known & !(CAPTURES | BOUND));
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, unbind);
    }

    /// Whether arguments and results are on for a while only.
    pub(crate) fn is_bound(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & BOUND != 0
    }

    /// Whether a call makes a step.
    #[inline]
    #[must_use]
    pub fn is_step_on(&self) -> bool {
        self.flags().contains(CallsiteFlags::STEP)
    }

    /// Whether listed arguments are captured.
    #[inline]
    #[must_use]
    pub fn is_args_on(&self) -> bool {
        self.flags().contains(CallsiteFlags::ARGS)
    }

    /// Whether the result is captured.
    #[inline]
    #[must_use]
    pub fn is_ret_on(&self) -> bool {
        self.flags().contains(CallsiteFlags::RET)
    }

    /// Whether an error marks the step as failed.
    #[inline]
    #[must_use]
    pub fn is_err_on(&self) -> bool {
        self.flags().contains(CallsiteFlags::ERR)
    }

    /// Like [`Callsite::is_step_on`], and lists the callsite at its first use.
    #[inline(always)]
    pub(crate) fn records_step(&'static self) -> bool {
        let flags = self.flags.load(Ordering::Relaxed);
        if flags & (LISTED | CallsiteFlags::STEP.0) == LISTED | CallsiteFlags::STEP.0 {
            return true;
        }
        if flags & LISTED == 0 {
            self.list();
        }
        flags & CallsiteFlags::STEP.0 != 0
    }

    #[cold]
    #[inline(never)]
    fn list(&'static self) {
        sweep_linked();
        if self.flags.fetch_or(LISTED, Ordering::Relaxed) & LISTED != 0 {
            return;
        }
        loop {
            let head = LATE.load();
            self.next.store(head);
            if LATE.compare_exchange(head, Some(self)) {
                return;
            }
        }
    }

    /// Its method text, `name @ file:line`, interned at the first use.
    pub(crate) fn text(&self) -> TextId {
        let known = self.text.load(Ordering::Relaxed);
        if known != 0 {
            return TextId::from_number(known);
        }
        let text = scouter_wire::text::method_text(self.name, self.file, self.line);
        let id = intern(TextKind::Method, &text);
        self.text.store(id.number(), Ordering::Relaxed);
        id
    }
}

/// Marks what the linker collected, so that only the others go to the second list.
fn sweep_linked() {
    SWEEP.call_once(|| {
        for site in CALLSITES {
            site.flags.fetch_or(LISTED, Ordering::Relaxed);
        }
    });
}

/// All callsites of the process: those the linker knows, then those that were used since.
pub fn callsites() -> impl Iterator<Item = &'static Callsite> {
    sweep_linked();
    CALLSITES.iter().copied().chain(std::iter::successors(LATE.load(), |site| site.next.load()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never_called() -> &'static Callsite {
        crate::callsite!(name: "never_called", args: ["id", "limit"])
    }

    #[test]
    fn callsite_of_a_function_that_never_ran_is_listed() {
        let site = callsites().find(|site| site.name() == "never_called").expect("listed");
        assert_eq!(site.file(), file!());
        assert_eq!(site.arg_names(), ["id", "limit"]);
        assert_eq!(site.kind(), StepKind::Method);
        let _ = never_called;
    }

    #[test]
    fn callsite_the_linker_does_not_know_is_listed_once_at_its_first_use() {
        static LATE_SITE: Callsite = Callsite::new("late", "plugin.rs", 7, StepKind::Method, &[]);
        assert!(!callsites().any(|site| site.name() == "late"));
        assert!(LATE_SITE.records_step());
        assert!(LATE_SITE.records_step());
        assert_eq!(callsites().filter(|site| site.name() == "late").count(), 1);
    }

    #[test]
    fn flags_switch_each_capture_alone_and_keep_the_listing() {
        let site = crate::callsite!(name: "flagged");
        assert!(site.is_step_on() && site.is_err_on());
        assert!(!site.is_args_on() && !site.is_ret_on());
        site.set_flags(CallsiteFlags::ARGS.with(CallsiteFlags::RET));
        assert!(!site.records_step() && site.is_args_on() && site.is_ret_on());
        site.set_flags(site.flags().with(CallsiteFlags::STEP).without(CallsiteFlags::RET));
        assert!(site.records_step() && !site.is_ret_on());
        assert_eq!(callsites().filter(|site| site.name() == "flagged").count(), 1);
    }
}
