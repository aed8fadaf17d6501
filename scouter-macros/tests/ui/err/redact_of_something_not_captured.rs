#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(args(user), redact(card))]
fn pay(user: &str, card: &str) {}

fn main() {
    pay("", "");
}
