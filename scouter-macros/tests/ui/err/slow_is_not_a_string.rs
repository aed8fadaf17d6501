#![allow(unused)]

use scouter_macros::scout;

#[scout(slow = 200)]
fn number() {}

#[scout(slow)]
fn alone() {}

#[scout(slow("200ms"))]
fn list() {}

fn main() {}
