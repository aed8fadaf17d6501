//! C's varargs cannot be handed on to a closure.

use scouter_macros::scout;

#[scout]
unsafe extern "C" fn sum(count: u32, _: ...) -> u32 {
    count
}

fn main() {}
