//! Integration tests of the collector: real sockets, real clients, real files.

#[cfg(test)]
mod server;
#[cfg(test)]
mod store;
#[cfg(test)]
mod weather;
