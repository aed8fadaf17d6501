//! 300 small async functions, ten deep; see `build.rs`.
#![forbid(unsafe_code)]

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
