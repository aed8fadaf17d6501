//! A named number of an object over time.

use crate::TextRef;

/// One value of one counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterPoint {
    /// Name, a text of kind [`TextKind::Counter`](crate::TextKind::Counter).
    pub name: TextRef,
    /// Value at the time the enclosing frame names.
    pub value: f64,
}
