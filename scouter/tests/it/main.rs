//! `#[scout]` through the facade, as a user's crate sees it.
#![deny(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod capture;
mod captures;
mod futures;
mod hygiene;
mod jobs;
mod lean;
mod service;
mod shapes;
mod size;
mod slow;
mod support;
mod switches;
