//! What an alert is about: the same whether anything is recorded or not.

use scouter_wire::{Gxid, Txid};

/// What an alert is about, for whoever learned of it later or elsewhere.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "built field by field, with a default for the rest")]
pub struct About<'a> {
    /// Service, or empty.
    pub service: &'a str,
    /// Tenant, or empty.
    pub tenant: &'a str,
    /// Transaction it happened in.
    pub transaction: Option<(Gxid, Txid)>,
    /// Tells alerts of one kind and place apart for the rate limit; empty where the place does, or
    /// the service where there is no place.
    pub group: &'a str,
    /// How many of the same it stands for; 0 counts as one.
    pub count: u32,
    /// When it happened, unix µs; 0 stands for now.
    pub unix_us: i64,
}
