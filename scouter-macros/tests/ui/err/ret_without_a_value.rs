use scouter_macros::scout;

#[scout(ret)]
fn nothing() {}

#[scout(ret)]
fn never() -> ! {
    std::process::exit(0)
}

fn main() {
    nothing();
    never();
}
