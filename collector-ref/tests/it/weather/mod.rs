//! Weather: the real agent and real collectors while processes die, disks fill and networks go
//! silent. After each, `recorded == stored + dropped(by reason) + pending`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]
#![allow(clippy::disallowed_methods, reason = "a test gives up by the clock on the wall")]

mod crowd;
mod disk;
mod fail_over;
mod killed;
mod network;
mod overload;
mod power;
#[path = "../../../../scouter-exporter/tests/it/recorder.rs"]
mod recorder;
mod support;
mod wiped;
mod wire;
