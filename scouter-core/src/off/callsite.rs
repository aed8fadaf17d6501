//! Without feature `enable`: callsites exist as values without content.

use scouter_wire::record::StepKind;

/// What a callsite records: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallsiteFlags;

impl CallsiteFlags {
    /// Nothing.
    pub const NONE: Self = Self;
    /// Nothing.
    pub const STEP: Self = Self;
    /// Nothing.
    pub const ARGS: Self = Self;
    /// Nothing.
    pub const RET: Self = Self;
    /// Nothing.
    pub const ERR: Self = Self;
    /// Nothing.
    pub const DEFAULT: Self = Self;

    /// Nothing.
    #[must_use]
    pub const fn with(self, _: Self) -> Self {
        Self
    }

    /// Nothing.
    #[must_use]
    pub const fn without(self, _: Self) -> Self {
        Self
    }

    /// Never.
    #[must_use]
    pub const fn contains(self, _: Self) -> bool {
        false
    }
}

/// One instrumented place, without content.
#[derive(Debug)]
pub struct Callsite;

macro_rules! never {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub const fn $name(&self) -> bool {
            false
        })*
    };
}

impl Callsite {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        _: &'static str,
        _: &'static str,
        _: u32,
        _: StepKind,
        _: &'static [&'static str],
    ) -> Self {
        Self
    }

    /// Empty.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        ""
    }

    /// Empty.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        ""
    }

    /// 0.
    #[must_use]
    pub const fn line(&self) -> u32 {
        0
    }

    /// Empty.
    #[must_use]
    pub const fn place(&self) -> String {
        String::new()
    }

    /// A method.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        StepKind::Method
    }

    /// None.
    #[must_use]
    pub const fn arg_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Nothing.
    #[must_use]
    pub const fn flags(&self) -> CallsiteFlags {
        CallsiteFlags
    }

    /// Does nothing.
    pub const fn set_flags(&self, _: CallsiteFlags) {}

    never! {
        /// Never.
        is_step_on
        /// Never.
        is_args_on
        /// Never.
        is_ret_on
        /// Never.
        is_err_on
    }
}

/// There are none.
pub fn callsites() -> impl Iterator<Item = &'static Callsite> {
    std::iter::empty()
}
