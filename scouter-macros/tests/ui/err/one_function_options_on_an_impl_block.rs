use scouter_macros::scout;

struct Orders;

#[scout(args(all), skip(id), redact(id), service)]
impl Orders {
    fn load(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Orders.load(1);
}
