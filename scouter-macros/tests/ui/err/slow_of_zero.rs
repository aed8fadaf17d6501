#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = "0ms")]
fn f() {}

fn main() {}
