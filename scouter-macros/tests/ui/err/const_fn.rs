use scouter_macros::scout;

#[scout]
const fn answer() -> u64 {
    42
}

fn main() {
    const _: u64 = answer();
}
