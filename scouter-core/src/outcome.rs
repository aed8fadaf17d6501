//! How statements and outbound calls end.

use scouter_wire::Txid;
use scouter_wire::record::Outcome;

/// How a statement ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlOutcome<'a> {
    /// Rows fetched.
    pub rows: u64,
    /// Rows affected.
    pub affected: u64,
    /// Number of bound values.
    pub binds: u32,
    /// Bound values as text, empty unless author and switch allow them; cut at 256 bytes.
    pub bind_values: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// Error message, or empty; cut at 256 bytes.
    pub error: &'a str,
}

/// How an outbound call ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApiOutcome<'a> {
    /// Status of the response, 0 when none came.
    pub status: u16,
    /// The transaction that served it, if the peer said so.
    pub callee: Option<Txid>,
    /// Address that was called, `host:port`; cut at 256 bytes.
    pub address: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// Error message, or empty; cut at 256 bytes.
    pub error: &'a str,
}
