//! Alerts as JSON: how they lie in the WAL and in the state database.

use scouter_wire::codec::{FrameEntry, ModuleEntry, code_entries, code_frames};
use scouter_wire::record::{Alert, AlertKind, AlertLevel, CodeFrame};
use scouter_wire::{Gxid, Txid};
use serde::{Deserialize, Serialize};

/// An alert with its fields as JSON can hold them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AlertRow {
    unix_us: i64,
    kind: u8,
    level: u8,
    message: String,
    place: String,
    service: String,
    tenant: String,
    gxid: String,
    txid: String,
    suppressed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<StackRow>,
}

/// A native stack: files as path and build-id in hexadecimal digits, and frames as place in their
/// list and address.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StackRow {
    modules: Vec<(String, String)>,
    frames: Vec<(Option<u32>, u64)>,
}

impl StackRow {
    fn of(stack: &[CodeFrame]) -> Self {
        let (modules, frames) = code_entries(stack);
        let modules = modules.into_iter().map(|one| (one.path, hex(&one.build_id))).collect();
        let frames = frames.into_iter().filter_map(|frame| match frame {
            FrameEntry::Step(_) => None,
            FrameEntry::Code { module, offset } => Some((module, offset)),
        });
        Self { modules, frames: frames.collect() }
    }

    fn stack(self) -> Vec<CodeFrame> {
        let module =
            |(path, build_id): (String, String)| ModuleEntry { path, build_id: bytes(&build_id) };
        let frame = |(module, offset)| FrameEntry::Code { module, offset };
        let modules: Vec<_> = self.modules.into_iter().map(module).collect();
        let frames: Vec<_> = self.frames.into_iter().map(frame).collect();
        code_frames(&modules, &frames)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits; of others none.
fn bytes(hex: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hex.as_bytes().chunks(2).map(pair).collect::<Option<_>>().unwrap_or_default()
}

impl From<&Alert> for AlertRow {
    fn from(alert: &Alert) -> Self {
        let ids = alert.transaction;
        Self {
            unix_us: alert.unix_us,
            kind: alert.kind as u8,
            level: alert.level as u8,
            message: alert.message.clone(),
            place: alert.place.clone(),
            service: alert.service.clone(),
            tenant: alert.tenant.clone(),
            gxid: ids.map(|(gxid, _)| gxid.to_string()).unwrap_or_default(),
            txid: ids.map(|(_, txid)| txid.to_string()).unwrap_or_default(),
            suppressed: alert.suppressed,
            stack: (!alert.stack.is_empty()).then(|| StackRow::of(&alert.stack)),
        }
    }
}

impl AlertRow {
    /// The alert; `None` when a newer version wrote a kind this one does not know.
    fn alert(self) -> Option<Alert> {
        let transaction = match (self.gxid.parse::<Gxid>(), self.txid.parse::<Txid>()) {
            (Ok(gxid), Ok(txid)) => Some((gxid, txid)),
            _ => None,
        };
        Some(Alert {
            unix_us: self.unix_us,
            kind: AlertKind::from_wire(self.kind)?,
            level: AlertLevel::from_wire(self.level)?,
            message: self.message,
            place: self.place,
            service: self.service,
            tenant: self.tenant,
            transaction,
            suppressed: self.suppressed,
            stack: self.stack.map(StackRow::stack).unwrap_or_default(),
        })
    }

    /// Reads one alert.
    pub(crate) fn parse(json: &str) -> Option<Alert> {
        serde_json::from_str::<Self>(json).ok()?.alert()
    }

    /// Reads the alerts of one frame.
    pub(crate) fn parse_all(json: &[u8]) -> Vec<Alert> {
        let rows: Vec<Self> = serde_json::from_slice(json).unwrap_or_default();
        rows.into_iter().filter_map(Self::alert).collect()
    }
}

/// One alert.
pub(crate) fn alert_json(alert: &Alert) -> String {
    // Strings and numbers only, which cannot fail to be written.
    serde_json::to_string(&AlertRow::from(alert)).unwrap_or_default()
}

/// The alerts of one frame.
pub(crate) fn alerts_json(alerts: &[Alert]) -> Vec<u8> {
    let rows: Vec<_> = alerts.iter().map(AlertRow::from).collect();
    serde_json::to_vec(&rows).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_survive_json() {
        let alert = Alert {
            unix_us: 5,
            kind: AlertKind::PoolExhausted,
            level: AlertLevel::Error,
            message: "no \"connection\" left".into(),
            place: "src/a.rs:1".into(),
            service: "GET /".into(),
            tenant: "acme".into(),
            transaction: Gxid::new(7).zip(Txid::new(9)),
            suppressed: 3,
            stack: vec![
                CodeFrame { path: "/lib/libc.so.6".into(), build_id: [7, 255].into(), offset: 9 },
                CodeFrame { path: "".into(), build_id: [].into(), offset: u64::MAX },
            ],
        };
        assert_eq!(AlertRow::parse(&alert_json(&alert)).as_ref(), Some(&alert));
        let two = [alert.clone(), Alert { transaction: None, stack: Vec::new(), ..alert }];
        assert_eq!(AlertRow::parse_all(&alerts_json(&two)), two);
        assert_eq!(AlertRow::parse(r#"{"kind":200}"#), None);
        assert_eq!(AlertRow::parse_all(b"nonsense"), []);
    }
}
