#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(arg(id))]
fn near(id: u64) {}

#[scout(level = "debug")]
fn far() {}

fn main() {
    near(1);
    far();
}
