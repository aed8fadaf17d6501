use scouter_macros::scout;

#[scout(ret, name = "a", ret, name = "b")]
fn load() -> u64 {
    1
}

fn main() {
    load();
}
