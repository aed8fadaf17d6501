#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args(all, id))]
fn load(id: u64) {}

fn main() {
    load(1);
}
