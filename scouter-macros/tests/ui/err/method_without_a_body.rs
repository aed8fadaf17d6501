use scouter_macros::scout;

trait Load {
    #[scout]
    fn load(&self);
}

fn main() {}
