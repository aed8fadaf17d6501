//! The macro that describes a callsite, for both builds.

/// Describes the place where it stands and evaluates to a `&'static Callsite`.
///
/// `callsite!(name: "load")`, then optionally `kind: Method` (a
/// [`StepKind`](crate::record::StepKind)) and `args: ["id", "limit"]`. File and line are those of
/// the caller. Usable in function bodies, generics and trait impls.
#[macro_export]
macro_rules! callsite {
    (name: $name:expr $(, kind: $kind:ident)? $(, args: [$($arg:expr),* $(,)?])? $(,)?) => {{
        static SITE: $crate::Callsite = $crate::Callsite::new(
            $name,
            ::core::file!(),
            ::core::line!(),
            $crate::__callsite_kind!($($kind)?),
            &[$($($arg),*)?],
        );
        $crate::__register_callsite!(SITE);
        &SITE
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __callsite_kind {
    () => {
        $crate::record::StepKind::Method
    };
    ($kind:ident) => {
        $crate::record::StepKind::$kind
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(feature = "enable")]
macro_rules! __register_callsite {
    ($site:ident) => {
        #[$crate::__private::linkme::distributed_slice($crate::__private::CALLSITES)]
        #[linkme(crate = $crate::__private::linkme)]
        static ENTRY: &$crate::Callsite = &$site;
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "enable"))]
macro_rules! __register_callsite {
    ($site:ident) => {};
}
