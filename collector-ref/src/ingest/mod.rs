//! Ingest: from an agent's socket to the store, and the acknowledgement back.
//!
//! Each connection has a thread that reads and one that writes. The reader decodes each frame
//! once, into columns that it uses again, and appends it; the writer waits until the store has it
//! on disk and acknowledges. Blocking threads are used because the work is mostly CPU and agents
//! are few: asynchronous tasks would compete with the API for the same threads.
//!
//! Whatever a peer sends that is not the protocol gets a refusal that says why, is counted by its
//! reason, and ends that connection and no other.

mod admit;
mod batch;
mod carrier;
mod end;
mod frames;
mod handshake;
mod input;
mod listener;
mod outbox;
mod preface;
mod session;

pub(crate) use handshake::Peer;
pub(crate) use listener::{Connections, accept_agents};
pub(crate) use outbox::{Outbox, Outgoing};
