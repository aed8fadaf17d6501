//! The server: ingest, control, API, live view, plugins.

mod accounts;
mod agent;
mod api;
mod bad_frames;
mod binary;
mod collector;
mod control;
mod digests;
mod export;
mod ingest;
mod live;
mod newer_agent;
mod openapi;
mod page;
mod plugin;
mod quantiser;
mod ready;
mod start;
mod summaries;
mod tls;
