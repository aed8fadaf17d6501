#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = "200")]
fn f() {}

fn main() {}
