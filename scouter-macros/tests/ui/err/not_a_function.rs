use scouter_macros::scout;

#[scout]
struct Order;

#[scout]
mod orders {}

#[scout]
trait Load {
    fn load(&self) {}
}

fn main() {
    let _ = Order;
}
