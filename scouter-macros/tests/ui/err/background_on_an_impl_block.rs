#![allow(unused)]

use scouter_macros::scout;

struct S;

#[scout(background)]
impl S {
    fn f(&self) {}
}

fn main() {}
