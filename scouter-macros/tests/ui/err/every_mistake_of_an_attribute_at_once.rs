#![allow(unused)]

use scouter_macros::scout;

#[scout(name = 1, arg(id), slow = "9", ret, service, background, lean, redact(pin))]
fn f(id: u64, pin: u64) {}

fn still_there() {
    f(1, 2);
}

fn main() {}
