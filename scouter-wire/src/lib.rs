//! Records and codec that the Scouter agent and the collector share.
//!
//! The records (always compiled) are what the recorder produces and the collector stores; they
//! borrow their texts, so that neither side allocates per transaction. The codec (feature `codec`)
//! turns them into frames and back. No threads, no globals, no I/O.
#![forbid(unsafe_code)]

#[cfg(feature = "codec")]
pub mod codec;
pub mod glob;
pub mod id;
pub mod record;
pub mod text;

pub use id::{Gxid, ObjectId, Txid};
pub use text::{TextKind, TextRef};
