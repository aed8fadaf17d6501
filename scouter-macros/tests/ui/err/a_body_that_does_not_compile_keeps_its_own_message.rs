use scouter_macros::scout;

#[scout(args(idd))]
fn load(id: u64) -> u64 {
    let text: &str = id;
    id
}

fn main() {
    load(1);
}
