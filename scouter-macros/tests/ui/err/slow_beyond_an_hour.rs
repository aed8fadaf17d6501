#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = "3601s")]
fn f() {}

#[scout(slow = "99999999999999999999s")]
fn g() {}

fn main() {}
