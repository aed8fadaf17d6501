use scouter_macros::scout;

struct Orders;

#[scout]
impl Orders {
    #[scout(args(idd))]
    fn load(&self, id: u64) -> u64 {
        id
    }

    #[scout(ret)]
    fn store(&self) {}

    #[scout]
    const fn limit() -> u64 {
        1
    }
}

fn main() {
    Orders.load(Orders::limit());
    Orders.store();
}
