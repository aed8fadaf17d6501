#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args(id + 1, name.len()))]
fn load(id: u64, name: &str) {}

fn main() {
    load(1, "");
}
