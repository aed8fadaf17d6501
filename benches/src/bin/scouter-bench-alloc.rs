//! The same program with an allocator that counts; the timed one is built without it.
#![deny(unsafe_code)]

fn main() -> std::process::ExitCode {
    scouter_bench::run()
}
