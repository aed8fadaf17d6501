//! The collector as a program.

fn main() {}
