//! `x-scouter-id: {gxid}-{txid}`: a response names the transaction that served it.

use http::{HeaderMap, HeaderName, HeaderValue};
use scouter_core::propagation::{MAX_ID_HEADER_BYTES, note_ignored_header};
use scouter_core::{Gxid, Transaction, Txid};

use crate::text::StackText;

/// Response header with the identity of the transaction that served the request.
pub(crate) const ID_HEADER: HeaderName = HeaderName::from_static("x-scouter-id");

/// 32 hex digits, a dash, 16 hex digits.
const ID_BYTES: usize = 49;

/// Writes the header of this transaction. One that the service set itself (a proxy handing its
/// upstream's on) is replaced: the id names who served *this* hop.
pub(crate) fn write(headers: &mut HeaderMap, transaction: &Transaction) {
    let (Some(gxid), Some(txid)) = (transaction.gxid(), transaction.txid()) else { return };
    let id = StackText::<ID_BYTES>::of(&format_args!("{gxid}-{txid}"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(ID_HEADER, value);
    }
}

/// The transaction that served a call, if the response says so rightly; what it says wrongly is
/// counted.
pub(crate) fn read(headers: &HeaderMap) -> Option<Txid> {
    let id = headers.get(ID_HEADER)?.as_bytes();
    let callee = parse(id);
    if callee.is_none() {
        note_ignored_header(id.len() > MAX_ID_HEADER_BYTES);
    }
    callee
}

fn parse(id: &[u8]) -> Option<Txid> {
    if id.len() != ID_BYTES {
        return None;
    }
    let (gxid, txid) = str::from_utf8(id).ok()?.split_once('-')?;
    gxid.parse::<Gxid>().ok()?;
    txid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callee_is_read_from_a_well_formed_header_only() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ID_HEADER, HeaderValue::from_str(value).unwrap());
            read(&headers)
        };
        let gxid = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(read(&format!("{gxid}-00000000000000ff")), Txid::new(255));
        assert_eq!(read(&format!("{gxid}-0000000000000000")), None);
        assert_eq!(read(&format!("{gxid}_00000000000000ff")), None);
        assert_eq!(read(&format!("{gxid}-00000000000000fg")), None);
        assert_eq!(read(&format!("{gxid}-00000000000000ff0")), None);
        assert_eq!(read(&format!("{}-00000000000000ff", "z".repeat(32))), None);
        assert_eq!(read(""), None);
        assert_eq!(read(&"0".repeat(10_000)), None);
    }
}
