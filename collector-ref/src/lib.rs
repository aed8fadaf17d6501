//! The reference collector of Scouter: ingest, store, query, live view and page.

pub mod store;
