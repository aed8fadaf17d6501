//! Does nothing: Cargo demands a build script of a package with `links`.

fn main() {}
