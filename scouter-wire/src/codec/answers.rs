//! Records that only answers to commands carry: active services, options, callsites.

use super::bytes::{Reader, insert_varint, put_record, put_text, put_varint};
use super::{DecodeError, MAX_ACTIVE_STACK, MAX_LIST_ITEMS, MAX_REPLY_BYTES, MAX_SENTENCE_BYTES};
use crate::record::{ActiveStep, ActiveTransaction, RunState, StepKind, XLogKind};
use crate::text::{MAX_INLINE_BYTES, MAX_TEXT_BYTES};
use crate::{Gxid, Txid};

/// Number of the field that says what a running transaction is, and whose.
const ORIGIN: u64 = 1;

/// Bytes of an answer that its records may take: what stands around them (numbers of 10 bytes at
/// most) must fit too.
const MAX_RECORDS_BYTES: usize = MAX_REPLY_BYTES - 32;

/// Appends the number of records and the records: as many as fit into a reply.
fn put_list<T>(out: &mut Vec<u8>, items: &[T], put: impl FnMut(&mut Vec<u8>, &T)) {
    put_list_within(out, MAX_RECORDS_BYTES, items, put);
}

/// The same, as many as fit into `limit` bytes.
pub(super) fn put_list_within<T>(
    out: &mut Vec<u8>,
    limit: usize,
    items: &[T],
    mut put: impl FnMut(&mut Vec<u8>, &T),
) {
    let start = out.len();
    let mut count = 0;
    for item in items.iter().take(MAX_LIST_ITEMS) {
        let end = out.len();
        put_record(out, |out| put(out, item));
        if out.len() - start > limit {
            out.truncate(end);
            break;
        }
        count += 1;
    }
    insert_varint(out, start, count);
}

/// Appends the answer to `Active`: how many are in flight, and those that are listed.
///
/// Past [`MAX_LIST_ITEMS`] of them, or past [`MAX_REPLY_BYTES`], the rest is not listed; `total`
/// still counts them, so that a list that was cut off says so.
pub fn put_active(out: &mut Vec<u8>, total: usize, listed: &[ActiveTransaction]) {
    put_varint(out, total as u64);
    put_list(out, listed, put_transaction);
}

fn put_transaction(out: &mut Vec<u8>, transaction: &ActiveTransaction) {
    out.extend_from_slice(&transaction.txid.value().to_le_bytes());
    out.extend_from_slice(&transaction.gxid.value().to_le_bytes());
    put_text(out, &transaction.service, MAX_TEXT_BYTES);
    for text in [&transaction.tenant, &transaction.login, &transaction.ip, &transaction.desc] {
        put_text(out, text, MAX_INLINE_BYTES);
    }
    put_varint(out, transaction.age_us);
    put_varint(out, transaction.busy_us);
    out.push(transaction.state as u8);
    put_varint(out, u64::from(transaction.tid));
    put_varint(out, u64::from(transaction.steps));
    // The innermost steps say what it awaits, so the outermost are left out past the limit.
    let stack = &transaction.stack[transaction.stack.len().saturating_sub(MAX_ACTIVE_STACK)..];
    put_varint(out, stack.len() as u64);
    for step in stack {
        put_record(out, |out| {
            out.push(step.kind as u8);
            put_text(out, &step.name, MAX_TEXT_BYTES);
            put_varint(out, step.age_us);
        });
    }
    if (transaction.kind, transaction.caller) != (XLogKind::Web, None) {
        put_varint(out, ORIGIN);
        put_record(out, |out| {
            out.push(transaction.kind as u8);
            let caller = transaction.caller.map_or(0, Txid::value);
            out.extend_from_slice(&caller.to_le_bytes());
        });
    }
}

/// Reads the answer to `Active`: how many are in flight, and those that are listed. What a newer
/// agent appends to a record or to the answer is skipped.
///
/// # Errors
/// Any damage.
pub fn read_active(payload: &[u8]) -> Result<(u64, Vec<ActiveTransaction>), DecodeError> {
    let mut reader = Reader::new(payload);
    let total = reader.varint("active services")?;
    let mut listed = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "active services")? {
        listed.push(read_transaction(reader.record("active service")?)?);
    }
    Ok((total, listed))
}

fn read_transaction(mut reader: Reader<'_>) -> Result<ActiveTransaction, DecodeError> {
    let mut transaction = ActiveTransaction {
        txid: Txid::new(reader.u64("txid")?).ok_or(DecodeError::OutOfRange("txid"))?,
        gxid: Gxid::new(reader.u128("gxid")?).ok_or(DecodeError::OutOfRange("gxid"))?,
        kind: XLogKind::Web,
        caller: None,
        service: reader.text(MAX_TEXT_BYTES, "service")?.to_owned(),
        tenant: reader.text(MAX_INLINE_BYTES, "tenant")?.to_owned(),
        login: reader.text(MAX_INLINE_BYTES, "login")?.to_owned(),
        ip: reader.text(MAX_INLINE_BYTES, "address")?.to_owned(),
        desc: reader.text(MAX_INLINE_BYTES, "description")?.to_owned(),
        age_us: reader.varint("age")?,
        busy_us: reader.varint("busy time")?,
        state: RunState::from_wire_lossy(reader.u8("run state")?),
        tid: reader.varint_u32("tid")?,
        steps: reader.varint_u32("steps")?,
        stack: Vec::new(),
    };
    for _ in 0..reader.length(MAX_ACTIVE_STACK, "open steps")? {
        let mut step = reader.record("open step")?;
        transaction.stack.push(ActiveStep {
            kind: StepKind::from_wire_lossy(step.u8("step kind")?),
            name: step.text(MAX_TEXT_BYTES, "open step")?.to_owned(),
            age_us: step.varint("age")?,
        });
    }
    // What is no field was written by a version that can only be read so far.
    while let (Ok(number), Ok(mut field)) = (reader.varint("field"), reader.record("field")) {
        if number == ORIGIN {
            transaction.kind = XLogKind::from_wire_lossy(field.u8("kind")?);
            transaction.caller = Txid::new(field.u64("caller")?);
        }
    }
    Ok(transaction)
}

/// One option of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionEntry {
    /// Its name.
    pub name: String,
    /// Its value as text.
    pub value: String,
    /// Its default as text.
    pub default: String,
    /// Its unit, or empty.
    pub unit: String,
    /// What it does, with its limits.
    pub help: String,
    /// Whether it can be changed while the process runs.
    pub is_live: bool,
}

/// Appends the answer to `Options`, `OptionValue` and `SetOption`. Those past [`MAX_LIST_ITEMS`] or
/// [`MAX_REPLY_BYTES`] are left out.
pub fn put_options(out: &mut Vec<u8>, options: &[OptionEntry]) {
    put_list(out, options, |out, option| {
        for text in [&option.name, &option.value, &option.default, &option.unit, &option.help] {
            put_text(out, text, MAX_SENTENCE_BYTES);
        }
        out.push(u8::from(option.is_live));
    });
}

/// Reads the answer to `Options`, `OptionValue` and `SetOption`. What a newer agent appends to a
/// record or to the answer is skipped.
///
/// # Errors
/// Any damage.
pub fn read_options(payload: &[u8]) -> Result<Vec<OptionEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut options = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "options")? {
        let mut option = reader.record("option")?;
        let mut text = || option.text(MAX_SENTENCE_BYTES, "option").map(str::to_owned);
        options.push(OptionEntry {
            name: text()?,
            value: text()?,
            default: text()?,
            unit: text()?,
            help: text()?,
            is_live: option.u8("option")? & 1 != 0,
        });
    }
    Ok(options)
}

/// One instrumented place of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallsiteEntry {
    /// Names it in `SetCallsites`, as long as the process runs.
    pub id: u64,
    /// Name of the function or step.
    pub name: String,
    /// `src/orders.rs:12`.
    pub place: String,
    /// Names of the arguments that its author allows to be captured.
    pub arguments: Vec<String>,
    /// What is switched on: 1 step, 2 arguments, 4 result, 8 error.
    pub flags: u32,
}

/// Most argument names of one callsite.
const MAX_ARGUMENTS: usize = 64;

/// Appends the answer to `Callsites` and `SetCallsites`. Those past [`MAX_LIST_ITEMS`] or
/// [`MAX_REPLY_BYTES`] are left out.
pub fn put_callsites(out: &mut Vec<u8>, callsites: &[CallsiteEntry]) {
    put_list(out, callsites, |out, callsite| {
        put_varint(out, callsite.id);
        put_text(out, &callsite.name, MAX_SENTENCE_BYTES);
        put_text(out, &callsite.place, MAX_SENTENCE_BYTES);
        put_varint(out, u64::from(callsite.flags));
        let arguments = &callsite.arguments[..callsite.arguments.len().min(MAX_ARGUMENTS)];
        put_varint(out, arguments.len() as u64);
        for argument in arguments {
            put_text(out, argument, MAX_INLINE_BYTES);
        }
    });
}

/// Reads the answer to `Callsites` and `SetCallsites`. What a newer agent appends to a record or to
/// the answer is skipped.
///
/// # Errors
/// Any damage.
pub fn read_callsites(payload: &[u8]) -> Result<Vec<CallsiteEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut callsites = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "callsites")? {
        let mut record = reader.record("callsite")?;
        let mut callsite = CallsiteEntry {
            id: record.varint("callsite")?,
            name: record.text(MAX_SENTENCE_BYTES, "callsite")?.to_owned(),
            place: record.text(MAX_SENTENCE_BYTES, "callsite")?.to_owned(),
            flags: record.varint_u32("callsite")?,
            arguments: Vec::new(),
        };
        for _ in 0..record.length(MAX_ARGUMENTS, "arguments")? {
            callsite.arguments.push(record.text(MAX_INLINE_BYTES, "argument")?.to_owned());
        }
        callsites.push(callsite);
    }
    Ok(callsites)
}
