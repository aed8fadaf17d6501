#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args(oder, custmer.id))]
fn near(order: u64, customer: (u64,)) {}

#[scout(args(tenant))]
fn far(order: u64, (left, right): (u64, u64)) {}

#[scout(args(self.id))]
fn none() {}

fn main() {
    near(1, (1,));
    far(1, (1, 1));
    none();
}
