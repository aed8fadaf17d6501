//! The store on real files: crashes, full disks, damage, and what other readers make of its files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod basics;
mod check;
pub(crate) mod crash;
mod damage;
mod digests;
mod filled;
pub(crate) mod full_disk;
mod moved;
mod open_data;
mod pressure;
mod rollups;
mod summaries;
pub(crate) mod support;
mod upgrade;
