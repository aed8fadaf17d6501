use scouter_macros::scout;

#[scout(crate = "scouter_core")]
fn load() {}

fn main() {
    load();
}
