//! Without feature `enable`: there is never anything to drain.

#[path = "../drain/visitor.rs"]
mod visitor;

pub use crate::alert::drain_alerts;
pub use crate::text::new_texts;
pub use visitor::{DrainVisitor, Drained, Totals};

/// Hands nothing over.
pub fn drain(_: &mut dyn DrainVisitor, _: usize) -> Drained {
    Drained::default()
}

/// All zero.
#[must_use]
pub fn totals() -> Totals {
    Totals::default()
}
