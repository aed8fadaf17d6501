//! Integration tests of the collector: real sockets, real clients, real files.

mod server;
mod store;
