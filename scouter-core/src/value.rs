//! Values of step attributes.

/// An attribute's value. Texts are copied and cut at 256 bytes; nothing is formatted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A number.
    U64(u64),
    /// A signed number.
    I64(i64),
    /// A fraction.
    F64(f64),
    /// Yes or no.
    Bool(bool),
    /// A text known at compile time.
    Static(&'static str),
    /// Any other text.
    Str(&'a str),
}

macro_rules! value_from {
    ($($type:ty => $variant:ident,)*) => {
        $(impl From<$type> for Value<'_> {
            #[inline(always)]
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

value_from! {
    u8 => U64, u16 => U64, u32 => U64, u64 => U64,
    i8 => I64, i16 => I64, i32 => I64, i64 => I64,
    f32 => F64, f64 => F64, bool => Bool,
}

impl From<usize> for Value<'_> {
    #[inline(always)]
    fn from(value: usize) -> Self {
        Self::U64(value as u64)
    }
}

impl From<isize> for Value<'_> {
    #[inline(always)]
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a String) -> Self {
        Self::Str(value)
    }
}
