//! The transaction this thread is working on. Every function is a no-op without one.

use std::fmt;

use scouter_wire::record::StepKind;
use scouter_wire::{Gxid, Txid};

use crate::begin::Field;
use crate::bounded::Bounded;
use crate::header::Header;
use crate::path::{note_origin, site_around};
use crate::propagation::TraceContext;
use crate::records::{Note, closed};
use crate::text::TextId;
use crate::texts::Slot;
use crate::transaction::{self, mark};
use crate::{clock, lane, step};

fn header() -> Option<&'static Header> {
    lane::current().map(|(header, _)| header)
}

/// Whether this thread works on a transaction.
#[inline]
#[must_use]
pub fn is_active() -> bool {
    lane::current().is_some()
}

/// Its identity.
#[must_use]
pub fn txid() -> Option<Txid> {
    header().and_then(transaction::txid_of)
}

/// Its trace.
#[must_use]
pub fn gxid() -> Option<Gxid> {
    header().and_then(transaction::gxid_of)
}

/// What to send to callees: its trace, itself as the caller, tracestate and baggage.
#[must_use]
pub fn context() -> Option<TraceContext> {
    header().and_then(transaction::context_of)
}

/// A txid that no other transaction has, to be asked of a callee that lets its caller choose.
#[must_use]
pub fn txid_for_callee() -> Option<Txid> {
    header().and_then(|_| transaction::new_txid())
}

/// Calls `f` with its tenant, or with an empty text.
pub fn tenant<T>(f: impl FnOnce(&str) -> T) -> T {
    f(&tenant_string())
}

/// Its tenant, or an empty text. Allocates if there is one.
#[must_use]
pub fn tenant_string() -> String {
    header().map_or_else(String::new, |header| text_of(header, Slot::Tenant))
}

pub(crate) fn text_of(header: &'static Header, wanted: Slot) -> String {
    let (mut words, mut found) = (Vec::new(), String::new());
    header.texts.copy_to(|word| words.push(word));
    crate::texts::walk(&words, &mut Vec::new(), |slot, _, text| {
        if slot == wanted as u8 {
            found = text.to_owned();
        }
    });
    found
}

/// Its service as far as it is known, or no text.
#[must_use]
pub fn service() -> TextId {
    header().map_or(TextId::NONE, crate::alert::service_of)
}

/// One of its texts, or an empty one. Allocates if there is one.
#[must_use]
pub fn field(field: Field) -> String {
    header().map_or_else(String::new, |header| text_of(header, field.slot()))
}

/// Says whose request it is; cut at 256 bytes.
pub fn set_tenant(tenant: &str) {
    set(Slot::Tenant, tenant);
}

/// Says who is logged in; cut at 256 bytes.
pub fn set_login(login: &str) {
    set(Slot::Login, login);
}

/// Describes it freely; cut at 256 bytes.
pub fn set_desc(desc: &str) {
    set(Slot::Desc, desc);
}

fn set(slot: Slot, text: &str) {
    if let Some(header) = header() {
        transaction::set_text(header, slot, 0, text);
    }
}

/// Says that it takes long: no alert tells that it is slow or does not move.
pub fn expect_long() {
    if let Some(header) = header() {
        transaction::set_mark(header, mark::LONG);
    }
}

/// Names its service anew.
pub fn set_service(service: TextId) {
    if let Some(header) = header() {
        transaction::set_service(header, service);
    }
}

/// Writes a tag; the last value of a key wins. The value is cut at 256 bytes.
pub fn tag(key: &'static str, value: &str) {
    if let Some(header) = header() {
        transaction::tag(header, key, value);
    }
}

/// Says that it failed (the first error wins) and notes the error as a step.
pub fn error(error: &dyn fmt::Display) {
    if let Some(header) = header() {
        let error = Bounded::of(error);
        let around = site_around(header, header.current());
        note_origin(header, around, error.as_str());
        transaction::set_error(header, &error.as_str());
        push(header, StepKind::Error, error.as_str());
    }
}

/// Notes a text as a step; cut at 256 bytes.
pub fn message(text: &str) {
    if let Some(header) = header() {
        push(header, StepKind::Message, text);
    }
}

/// Like [`message`], formatted here: only what is kept, and a panic of the formatting stays here.
pub fn note(text: &dyn fmt::Display) {
    if let Some(header) = header() {
        push(header, StepKind::Message, Bounded::of(text).as_str());
    }
}

fn push(header: &'static Header, kind: StepKind, text: &str) {
    let now = clock::now_ticks();
    let word0 = crate::records::named_word(kind, TextId::NONE);
    let end = closed(now, scouter_wire::record::Outcome::Ok);
    if let Some((_, index)) = header.push([word0, now, end, header.current().into()]) {
        step::push_note(header, index, Note::Message, text);
    }
}

/// Asks to keep its profile whatever the sampling says.
pub fn keep_profile() {
    if let Some(header) = header() {
        transaction::set_mark(header, mark::KEEP);
    }
}

/// Marks it as slow, however long it takes: its profile is kept and it is drawn as slow.
pub fn mark_slow() {
    if let Some(header) = header() {
        transaction::set_mark(header, mark::SLOW);
    }
}
