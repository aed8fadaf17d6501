#![allow(unused)]

use scouter_macros::scout;

#[scout(lean)]
fn f() {}

#[scout(lean)]
fn g() -> impl Future<Output = ()> {
    async {}
}

fn main() {}
