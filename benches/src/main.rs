//! See the library.
#![deny(unsafe_code)]

fn main() -> std::process::ExitCode {
    scouter_bench::run()
}
