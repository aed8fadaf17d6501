//! See the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    scouter_bench::run()
}
