//! The reference collector of Scouter: ingest, store, query, live view and page.

#[cfg(feature = "generate")]
pub mod generate;
pub mod store;
