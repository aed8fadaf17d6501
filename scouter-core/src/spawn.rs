//! Work handed to another task stays linked to the request that started it.
//!
//! A task may outlive its parent, so it never borrows the parent's recording: it gets a transaction
//! of its own (kind `Spawned`, same trace, the parent as its caller), and the parent a `Spawn` step
//! that names it. Without a transaction around, the future just runs.

use std::future::Future;

use scouter_wire::TextKind;
use scouter_wire::record::{Outcome, StepKind, XLogKind};

use crate::begin::{Begin, Field};
use crate::in_transaction::{InTransaction, in_transaction};
use crate::records::{NO_RECORD, Tag, closed, named_word, owned_word};
use crate::step::push_extra;
use crate::text::{TextId, intern, intern_parts, text};
use crate::texts::Slot;
use crate::transaction::{self, Transaction};
use crate::{clock, current, header, lane};

/// Longest name of a child lane that is made of the parent's service.
const PREFIX: &str = "spawn ";

/// Runs futures in a child lane of the transaction that is current when they are made.
pub trait InCurrent: Future + Sized {
    /// Gives the future a transaction of its own that is linked to the current one.
    ///
    /// Its service is `spawn` and the parent's service; it inherits tenant and login.
    fn in_current(self) -> InTransaction<Self> {
        in_transaction(child(None), self)
    }

    /// Like [`InCurrent::in_current`], with a service name of its own.
    fn in_current_named(self, service: &'static str) -> InTransaction<Self> {
        in_transaction(child(Some(service)), self)
    }
}

impl<F: Future> InCurrent for F {}

/// Spawns a future on the current tokio runtime, in a child lane of the current transaction.
///
/// # Panics
/// Outside of a tokio runtime, as `tokio::spawn` does.
#[cfg(feature = "tokio")]
#[track_caller]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.in_current())
}

/// Begins a child lane and notes it in the parent.
fn child(service: Option<&'static str>) -> Transaction {
    let Some((parent, _)) = lane::current() else { return Transaction::inert() };
    let Some(context) = transaction::context_of(parent) else { return Transaction::inert() };
    let service = match service {
        Some(service) => intern(TextKind::Service, service),
        None => {
            #[expect(clippy::cast_possible_truncation, reason = "the low half is the service")]
            let id = TextId::from_number(parent.word(header::Word::ServiceEpoch) as u32);
            let name = text(id);
            intern_parts(TextKind::Service, &[PREFIX, name.strip_prefix(PREFIX).unwrap_or(name)])
        }
    };
    let child =
        Transaction::begin(Begin::new(service).kind(XLogKind::Spawned).context(Some(&context)));
    for (field, slot) in [(Field::Tenant, Slot::Tenant), (Field::Login, Slot::Login)] {
        if parent.texts.has(slot) {
            child.set_text(field, &current::text_of(parent, slot));
        }
    }
    note_in_parent(parent, service, &child);
    child
}

fn note_in_parent(parent: &'static header::Header, service: TextId, child: &Transaction) {
    let Some(txid) = child.txid() else { return };
    let name = intern(TextKind::Method, text(service));
    let now = clock::now_ticks();
    let words =
        [named_word(StepKind::Spawn, name), now, closed(now, Outcome::Ok), parent.current().into()];
    if let Some((_, index)) = parent.push(words) {
        debug_assert!(index < NO_RECORD);
        push_extra(parent, [owned_word(Tag::Spawn, index, 0), txid.value(), 0, 0]);
    }
}
