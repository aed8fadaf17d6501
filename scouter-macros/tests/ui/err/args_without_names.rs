#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args)]
fn bare(id: u64) {}

#[scout(args())]
fn empty(id: u64) {}

fn main() {
    bare(1);
    empty(1);
}
