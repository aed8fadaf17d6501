#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args(id, name, id))]
fn load(id: u64, name: &str) {}

fn main() {
    load(1, "");
}
