#![allow(unused)]

use scouter_macros::scout;

#[scout(lean)]
async fn f() -> ! {
    loop {}
}

fn main() {}
