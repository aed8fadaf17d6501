//! Records that only answers to commands carry: active services, options, callsites.

use super::bytes::{Reader, put_text, put_varint};
use super::{DecodeError, MAX_ACTIVE_STACK, MAX_LIST_ITEMS, MAX_SENTENCE_BYTES};
use crate::record::{ActiveStep, ActiveTransaction, RunState, StepKind};
use crate::text::{MAX_INLINE_BYTES, MAX_TEXT_BYTES};
use crate::{Gxid, Txid};

/// Appends the answer to `Active`: how many are in flight, and those that are listed.
pub fn put_active(out: &mut Vec<u8>, total: usize, listed: &[ActiveTransaction]) {
    put_varint(out, total as u64);
    let listed = &listed[..listed.len().min(MAX_LIST_ITEMS)];
    put_varint(out, listed.len() as u64);
    for transaction in listed {
        out.extend_from_slice(&transaction.txid.value().to_le_bytes());
        out.extend_from_slice(&transaction.gxid.value().to_le_bytes());
        put_text(out, &transaction.service, MAX_TEXT_BYTES);
        put_text(out, &transaction.tenant, MAX_INLINE_BYTES);
        put_text(out, &transaction.login, MAX_INLINE_BYTES);
        put_varint(out, transaction.age_us);
        put_varint(out, transaction.busy_us);
        out.push(transaction.state as u8);
        put_varint(out, u64::from(transaction.tid));
        put_varint(out, u64::from(transaction.steps));
        // The innermost steps say what it awaits, so the outermost are left out past the limit.
        let stack = &transaction.stack[transaction.stack.len().saturating_sub(MAX_ACTIVE_STACK)..];
        put_varint(out, stack.len() as u64);
        for step in stack {
            out.push(step.kind as u8);
            put_text(out, &step.name, MAX_TEXT_BYTES);
            put_varint(out, step.age_us);
        }
    }
}

/// Reads the answer to `Active`: how many are in flight, and those that are listed.
///
/// # Errors
/// Any damage.
pub fn read_active(payload: &[u8]) -> Result<(u64, Vec<ActiveTransaction>), DecodeError> {
    let mut reader = Reader::new(payload);
    let total = reader.varint("active services")?;
    let mut listed = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "active services")? {
        listed.push(read_transaction(&mut reader)?);
    }
    reader.end("active services")?;
    Ok((total, listed))
}

fn read_transaction(reader: &mut Reader<'_>) -> Result<ActiveTransaction, DecodeError> {
    let mut transaction = ActiveTransaction {
        txid: Txid::new(reader.u64("txid")?).ok_or(DecodeError::OutOfRange("txid"))?,
        gxid: Gxid::new(reader.u128("gxid")?).ok_or(DecodeError::OutOfRange("gxid"))?,
        service: reader.text(MAX_TEXT_BYTES, "service")?.to_owned(),
        tenant: reader.text(MAX_INLINE_BYTES, "tenant")?.to_owned(),
        login: reader.text(MAX_INLINE_BYTES, "login")?.to_owned(),
        age_us: reader.varint("age")?,
        busy_us: reader.varint("busy time")?,
        state: {
            let number = reader.u8("run state")?;
            let unknown =
                DecodeError::UnknownVariant { what: "run state", number: u64::from(number) };
            RunState::from_wire(number).ok_or(unknown)?
        },
        tid: reader.varint_u32("tid")?,
        steps: reader.varint_u32("steps")?,
        stack: Vec::new(),
    };
    for _ in 0..reader.length(MAX_ACTIVE_STACK, "open steps")? {
        let number = reader.u8("step kind")?;
        let unknown = DecodeError::UnknownVariant { what: "step kind", number: u64::from(number) };
        transaction.stack.push(ActiveStep {
            kind: StepKind::from_wire(number).ok_or(unknown)?,
            name: reader.text(MAX_TEXT_BYTES, "open step")?.to_owned(),
            age_us: reader.varint("age")?,
        });
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

/// Appends the answer to `Options`, `OptionValue` and `SetOption`.
pub fn put_options(out: &mut Vec<u8>, options: &[OptionEntry]) {
    let options = &options[..options.len().min(MAX_LIST_ITEMS)];
    put_varint(out, options.len() as u64);
    for option in options {
        for text in [&option.name, &option.value, &option.default, &option.unit, &option.help] {
            put_text(out, text, MAX_SENTENCE_BYTES);
        }
        out.push(u8::from(option.is_live));
    }
}

/// Reads the answer to `Options`, `OptionValue` and `SetOption`.
///
/// # Errors
/// Any damage.
pub fn read_options(payload: &[u8]) -> Result<Vec<OptionEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut options = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "options")? {
        let mut text = || reader.text(MAX_SENTENCE_BYTES, "option").map(str::to_owned);
        options.push(OptionEntry {
            name: text()?,
            value: text()?,
            default: text()?,
            unit: text()?,
            help: text()?,
            is_live: reader.u8("option")? & 1 != 0,
        });
    }
    reader.end("options")?;
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

/// Appends the answer to `Callsites` and `SetCallsites`.
pub fn put_callsites(out: &mut Vec<u8>, callsites: &[CallsiteEntry]) {
    let callsites = &callsites[..callsites.len().min(MAX_LIST_ITEMS)];
    put_varint(out, callsites.len() as u64);
    for callsite in callsites {
        put_varint(out, callsite.id);
        put_text(out, &callsite.name, MAX_SENTENCE_BYTES);
        put_text(out, &callsite.place, MAX_SENTENCE_BYTES);
        put_varint(out, u64::from(callsite.flags));
        let arguments = &callsite.arguments[..callsite.arguments.len().min(MAX_ARGUMENTS)];
        put_varint(out, arguments.len() as u64);
        for argument in arguments {
            put_text(out, argument, MAX_INLINE_BYTES);
        }
    }
}

/// Reads the answer to `Callsites` and `SetCallsites`.
///
/// # Errors
/// Any damage.
pub fn read_callsites(payload: &[u8]) -> Result<Vec<CallsiteEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut callsites = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "callsites")? {
        let mut callsite = CallsiteEntry {
            id: reader.varint("callsite")?,
            name: reader.text(MAX_SENTENCE_BYTES, "callsite")?.to_owned(),
            place: reader.text(MAX_SENTENCE_BYTES, "callsite")?.to_owned(),
            flags: reader.varint_u32("callsite")?,
            arguments: Vec::new(),
        };
        for _ in 0..reader.length(MAX_ARGUMENTS, "arguments")? {
            callsite.arguments.push(reader.text(MAX_INLINE_BYTES, "argument")?.to_owned());
        }
        callsites.push(callsite);
    }
    reader.end("callsites")?;
    Ok(callsites)
}
