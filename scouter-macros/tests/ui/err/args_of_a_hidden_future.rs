use scouter_macros::scout;
use std::future::{Future, ready};

#[scout(args(id))]
fn load(id: u64) -> impl Future<Output = u64> {
    ready(id)
}

fn main() {
    drop(load(1));
}
