//! How a transaction begins, and which texts it has.

use scouter_wire::record::XLogKind;

use crate::propagation::TraceContext;
use crate::text::TextId;

/// How a transaction begins.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Begin<'a> {
    /// What kind of work it is.
    pub kind: XLogKind,
    /// Its service; may be refined later.
    pub service: TextId,
    /// The trace it continues; without one it begins a new trace.
    pub context: Option<&'a TraceContext>,
}

impl<'a> Begin<'a> {
    /// A served request that begins a new trace.
    #[must_use]
    pub const fn new(service: TextId) -> Self {
        Self { kind: XLogKind::Web, service, context: None }
    }

    /// Says what kind of work it is.
    #[must_use]
    pub const fn kind(mut self, kind: XLogKind) -> Self {
        self.kind = kind;
        self
    }

    /// Continues the caller's trace.
    #[must_use]
    pub const fn context(mut self, context: Option<&'a TraceContext>) -> Self {
        self.context = context;
        self
    }
}

/// A text of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// Whose request it is.
    Tenant,
    /// Who is logged in.
    Login,
    /// Free description.
    Desc,
    /// Address of the client.
    Ip,
    /// User agent of the client.
    UserAgent,
}
