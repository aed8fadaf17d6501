//! The server: ingest, control, API, live view, plugins.
