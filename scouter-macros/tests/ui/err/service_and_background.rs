#![allow(unused)]

use scouter_macros::scout;

#[scout(service, background)]
fn f() {}

fn main() {}
