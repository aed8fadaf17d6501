#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = "2m")]
fn minutes() {}

#[scout(slow = "1.5s")]
fn fraction() {}

fn main() {}
