//! What generated code calls. Not a public interface: it changes without notice.

use std::fmt::{self, Debug};

use scouter_wire::TextKind;
use scouter_wire::record::XLogKind;

use crate::bounded::Bounded;
use crate::plugin::{self, CaptureView};
use crate::step::{Value, attr};
use crate::text::intern;
use crate::transaction::{Begin, Transaction};
use crate::{current, switch};

pub use linkme;

pub use crate::callsite::CALLSITES;
pub use crate::in_step::in_step;
pub use crate::in_transaction::in_transaction;
pub use crate::step::{fail, step};

/// Begins a transaction when this thread works on none; else an inert one.
#[must_use]
pub fn service_transaction(service: &str, kind: XLogKind) -> Transaction {
    if !switch::is_recording() || current::is_active() {
        return Transaction::inert();
    }
    Transaction::begin(Begin::new(intern(TextKind::Service, service)).kind(kind))
}

/// Wraps a value to be captured: as its `Debug` text if its type has one, else as its type's name.
/// Which of the two is chosen by method resolution, see [`capture`](crate::__capture).
#[doc(hidden)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

impl<T: ?Sized> Debug for Probe<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

/// The better choice: the type has a `Debug` text.
#[doc(hidden)]
pub trait DebugProbe {
    /// Captures the value under this key, on the innermost open step.
    fn capture(&self, key: &'static str);
}

impl<T: Debug + ?Sized> DebugProbe for Probe<'_, T> {
    #[cold]
    fn capture(&self, key: &'static str) {
        capture_text(key, Bounded::format(format_args!("{:?}", self.0)).as_str());
    }
}

/// The other choice: any type.
#[doc(hidden)]
pub trait AnyProbe {
    /// Captures the name of the type under this key, on the innermost open step.
    fn capture(&self, key: &'static str);
}

impl<T: ?Sized> AnyProbe for &Probe<'_, T> {
    #[cold]
    fn capture(&self, key: &'static str) {
        capture_text(
            key,
            Bounded::format(format_args!("<{}>", std::any::type_name::<T>())).as_str(),
        );
    }
}

/// Captures a text under this key, on the innermost open step.
#[cold]
pub fn capture_text(key: &'static str, text: &str) {
    attr(key, Value::Str(text));
    plugin::capture(&CaptureView::new(key, text));
}

/// Captures an expression as an attribute of the innermost open step: `__capture!("id", id)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture {
    ($key:expr, $value:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{AnyProbe as _, DebugProbe as _};
        (&$crate::__private::Probe(&$value)).capture($key)
    }};
}
