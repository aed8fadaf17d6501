//! A naked function has no place for a guard.

use scouter_macros::scout;

#[scout]
#[unsafe(naked)]
extern "C" fn nothing() {
    core::arch::naked_asm!("ret")
}

fn main() {}
