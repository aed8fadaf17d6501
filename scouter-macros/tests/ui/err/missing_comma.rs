use scouter_macros::scout;

#[scout(ret err)]
fn load() -> Result<u64, String> {
    Ok(1)
}

fn main() {
    load().unwrap();
}
