//! Writing protobuf, without a library in the application's process.
//!
//! Only what OTLP needs of it. Fields may stand in any order and repeated ones apart from each
//! other, so a message is complete at any time and more may be appended to it.

/// Bytes of one message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// An integer, enumeration or truth.
    pub(super) fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    /// An integer of type `sint32`.
    pub(super) fn zigzag(&mut self, field: u64, value: i64) -> &mut Self {
        self.number(field, (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned())
    }

    pub(super) fn fixed64(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn float(&mut self, field: u64, value: f64) -> &mut Self {
        self.fixed64(field, value.to_bits())
    }

    pub(super) fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn text(&mut self, field: u64, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(&mut self, field: u64, value: &Self) -> &mut Self {
        self.bytes(field, &value.0)
    }

    /// Whole numbers of a repeated field, packed.
    pub(super) fn packed(&mut self, field: u64, values: impl Iterator<Item = u64>) -> &mut Self {
        let mut inner = Self::default();
        values.for_each(|value| inner.varint(value));
        self.message(field, &inner)
    }

    /// Values of 64 bits of a repeated field, packed.
    pub(super) fn packed64(&mut self, field: u64, values: impl Iterator<Item = u64>) -> &mut Self {
        let inner: Vec<u8> = values.flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &inner)
    }

    /// An attribute that is true.
    pub(super) fn truth(&mut self, field: u64, key: &str) -> &mut Self {
        let mut any = Self::default();
        any.number(2, 1);
        self.key_value(field, key, &any)
    }

    /// An attribute (`KeyValue`) with a text; left out when it is empty.
    pub(super) fn attribute(&mut self, field: u64, key: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            return self;
        }
        let mut any = Self::default();
        any.text(1, value);
        self.key_value(field, key, &any)
    }

    /// An attribute with a whole number.
    pub(super) fn count(&mut self, field: u64, key: &str, value: u64) -> &mut Self {
        let mut any = Self::default();
        any.number(3, value.min(i64::MAX.cast_unsigned()));
        self.key_value(field, key, &any)
    }

    fn key_value(&mut self, field: u64, key: &str, any: &Self) -> &mut Self {
        let mut pair = Self::default();
        pair.text(1, key).message(2, any);
        self.message(field, &pair)
    }
}

/// How many items the receiver says it did not take: `partial_success.rejected_…`, 0 when the body
/// says nothing or cannot be read.
pub(super) fn rejected(body: &[u8]) -> u64 {
    let Some(Value::Bytes(partial)) = find(body, 1) else { return 0 };
    match find(partial, 1) {
        Some(Value::Number(rejected)) => rejected,
        _ => 0,
    }
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn find(mut body: &[u8], wanted: u64) -> Option<Value<'_>> {
    while !body.is_empty() {
        let key = take_varint(&mut body)?;
        let value = match key & 7 {
            0 => Value::Number(take_varint(&mut body)?),
            2 => {
                let len = usize::try_from(take_varint(&mut body)?).ok()?;
                let (bytes, rest) = body.split_at_checked(len)?;
                body = rest;
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        if key >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

fn take_varint(body: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = body.split_first()?;
        *body = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_protobuf_encoding_says() {
        let mut message = Message::default();
        message.number(1, 150).text(2, "testing").zigzag(3, -2).fixed64(4, 1);
        message.packed(5, [3, 270].into_iter());
        assert_eq!(
            message.0,
            [
                0x08, 0x96, 0x01, 0x12, 7, b't', b'e', b's', b't', b'i', b'n', b'g', 0x18, 3, 0x21,
                1, 0, 0, 0, 0, 0, 0, 0, 0x2a, 3, 3, 0x8e, 0x02
            ]
        );
    }

    #[test]
    fn a_partial_success_is_read_and_nonsense_rejects_nothing() {
        assert_eq!(rejected(&[0x0a, 3, 0x08, 0x96, 0x01]), 150);
        for nonsense in [&[][..], &[0x0a, 0], &[0x0a, 200, 1], &[0xff; 20], &[0x0b, 1]] {
            assert_eq!(rejected(nonsense), 0, "{nonsense:?}");
        }
    }
}
