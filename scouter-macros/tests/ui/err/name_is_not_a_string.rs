use scouter_macros::scout;

#[scout(name = load)]
fn not_quoted() {}

#[scout(name("load"))]
fn not_assigned() {}

#[scout(name = " ")]
fn blank() {}

fn main() {
    not_quoted();
    not_assigned();
    blank();
}
