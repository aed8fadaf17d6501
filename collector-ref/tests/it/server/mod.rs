//! The server: ingest, control, API, live view, plugins.

mod accounts;
pub(crate) mod agent;
mod api;
mod ask;
mod bad_frames;
mod binary;
pub(crate) mod collector;
mod control;
mod demo;
mod digests;
mod dumps;
mod export;
mod ingest;
pub(crate) mod live;
mod newer_agent;
mod openapi;
mod page;
mod plugin;
pub(crate) mod process;
mod quantiser;
mod ready;
mod reload;
mod start;
mod summaries;
mod symbols;
pub(crate) mod tls;
