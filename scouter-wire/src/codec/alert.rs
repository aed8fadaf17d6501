//! ALERT: things a person should know. They own their texts, so they need no table.
//!
//! Behind what every alert has stand fields with a number and a length each; a reader steps over
//! those it does not know.

use super::bytes::{Reader, put_record, put_text, put_varint};
use super::code::{code_entries, code_frames, put_frames, put_modules, read_frames, read_modules};
use super::frame::{FrameType, write_frame};
use super::origin::Origin;
use super::{DecodeError, EncodeError, MAX_LIST_ITEMS, MAX_NAME_BYTES, MAX_SENTENCE_BYTES};
use crate::record::{Alert, AlertKind, AlertLevel, MAX_ALERT_FRAMES};
use crate::{Gxid, Txid};

/// Number of the field with the native stack.
const STACK: u64 = 1;

/// Appends an ALERT frame. Alerts past [`MAX_LIST_ITEMS`] are left out: split them first.
///
/// # Errors
/// [`EncodeError::FrameTooLong`]; `out` is then as it was.
pub fn write_alerts_frame(
    out: &mut Vec<u8>,
    seq: u64,
    origin: &Origin,
    alerts: &[Alert],
) -> Result<(), EncodeError> {
    write_frame(out, FrameType::Alert, seq, |out| {
        origin.put(out);
        let alerts = &alerts[..alerts.len().min(MAX_LIST_ITEMS)];
        put_varint(out, alerts.len() as u64);
        for alert in alerts {
            put_record(out, |out| put(out, alert));
        }
    })
}

/// Reads the body of an ALERT frame. What a newer agent appends to an alert or to the frame is
/// skipped; a kind it has added reads as [`AlertKind::Other`].
///
/// # Errors
/// Any damage; alerts before it have been given to `visit`.
pub fn read_alerts(body: &[u8], mut visit: impl FnMut(Alert)) -> Result<Origin, DecodeError> {
    let mut reader = Reader::new(body);
    let origin = Origin::read(&mut reader)?;
    for _ in 0..reader.length(MAX_LIST_ITEMS, "alerts")? {
        visit(read(reader.record("alert")?)?);
    }
    Ok(origin)
}

fn put(out: &mut Vec<u8>, alert: &Alert) {
    out.extend_from_slice(&alert.unix_us.to_le_bytes());
    out.push(alert.kind as u8);
    out.push(alert.level as u8);
    put_text(out, &alert.message, MAX_SENTENCE_BYTES);
    put_text(out, &alert.place, MAX_NAME_BYTES);
    put_text(out, &alert.service, MAX_NAME_BYTES);
    put_text(out, &alert.tenant, MAX_NAME_BYTES);
    let (gxid, txid) = alert.transaction.map_or((0, 0), |(g, t)| (g.value(), t.value()));
    out.extend_from_slice(&gxid.to_le_bytes());
    out.extend_from_slice(&txid.to_le_bytes());
    put_varint(out, u64::from(alert.suppressed));
    if !alert.stack.is_empty() {
        put_varint(out, STACK);
        put_record(out, |out| {
            let (modules, frames) =
                code_entries(&alert.stack[..alert.stack.len().min(MAX_ALERT_FRAMES)]);
            put_modules(out, &modules);
            put_frames(out, &frames);
        });
    }
}

fn read(mut reader: Reader<'_>) -> Result<Alert, DecodeError> {
    let mut alert = Alert {
        unix_us: reader.i64("alert time")?,
        kind: AlertKind::from_wire_lossy(reader.u8("alert kind")?),
        level: AlertLevel::from_wire_lossy(reader.u8("alert level")?),
        message: reader.text(MAX_SENTENCE_BYTES, "alert")?.to_owned(),
        place: reader.text(MAX_NAME_BYTES, "alert")?.to_owned(),
        service: reader.text(MAX_NAME_BYTES, "alert")?.to_owned(),
        tenant: reader.text(MAX_NAME_BYTES, "alert")?.to_owned(),
        transaction: Gxid::new(reader.u128("alert gxid")?)
            .zip(Txid::new(reader.u64("alert txid")?)),
        suppressed: reader.varint_u32("suppressed alerts")?,
        stack: Vec::new(),
    };
    // What is no field was written by a version that can only be read so far.
    while let (Ok(number), Ok(mut field)) = (reader.varint("alert"), reader.record("alert")) {
        if number == STACK {
            let modules = read_modules(&mut field)?;
            alert.stack = code_frames(&modules, &read_frames(&mut field)?);
            alert.stack.truncate(MAX_ALERT_FRAMES);
        }
    }
    Ok(alert)
}
