#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = "ms")]
fn f() {}

fn main() {}
