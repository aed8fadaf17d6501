use scouter_macros::scout;

#[scout(err)]
async fn nothing() {}

fn main() {
    drop(nothing());
}
