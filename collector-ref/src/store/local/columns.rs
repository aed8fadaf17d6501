//! The columns of a stored transaction: one list for the rows in memory, both segment encoders and
//! the reader.
//!
//! In a segment the columns stand in this order: `end_time`, [`Wide`], [`Narrow`], [`Text`],
//! `txid`, `gxid`, `caller`. None has NULLs: an absent number is 0 and an absent text is empty.

/// Defines a fieldless enum whose variants index a list of columns with the given names.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident, $count:ident: $($variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($variant,)* }

        impl $name {
            pub(crate) const ALL: [Self; $count] = [$(Self::$variant,)*];
            pub(crate) const NAMES: [&'static str; $count] = [$($text,)*];

            pub(crate) const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }

        pub(crate) const $count: usize = [$($text,)*].len();
    };
}

columns! {
    /// Numbers of 64 bits: durations and amounts.
    Wide, WIDE_COUNT:
    Elapsed = "elapsed_us",
    Busy = "busy_us",
    Ttfb = "ttfb_us",
    SqlTime = "sql_us",
    SqlRows = "sql_rows",
    PoolWait = "pool_wait_us",
    ApiTime = "api_us",
    BytesOut = "bytes_out",
    AllocBytes = "alloc_bytes",
}

columns! {
    /// Numbers of 32 bits.
    Narrow, NARROW_COUNT:
    // From END to the arrival of the frame; a skewed clock makes it negative (two's complement).
    ArrivalDelay = "arrival_delay_ms",
    Status = "status",
    Kind = "kind",
    End = "end_reason",
    Profile = "profile",
    // XLogFlags, with HAS_ERROR and HAS_PROFILE beside them.
    Flags = "flags",
    Polls = "polls",
    SqlCount = "sql_count",
    ApiCount = "api_count",
    Steps = "steps",
    StepsDropped = "steps_dropped",
    // Where the profile lies: pack (0: nowhere), frame in the pack, position in the frame.
    Pack = "pack",
    PackFrame = "pack_frame",
    PackIndex = "pack_index",
}

columns! {
    /// Texts, dictionary-encoded.
    Text, TEXT_COUNT:
    Object = "object",
    Service = "service",
    Error = "error",
    Tenant = "tenant",
    Login = "login",
    Desc = "desc",
    Ip = "ip",
    UserAgent = "user_agent",
    // A JSON object, or empty.
    Tags = "tags",
}

pub(crate) const END_TIME: &str = "end_time";
pub(crate) const TXID: &str = "txid";
pub(crate) const GXID: &str = "gxid";
pub(crate) const CALLER: &str = "caller";

/// Number of columns of a segment.
pub(crate) const COLUMN_COUNT: usize = 1 + WIDE_COUNT + NARROW_COUNT + TEXT_COUNT + 3;

/// Bit of the flags column: the transaction has an error. Beside the recorder's own flags, so that
/// the picture does not need the error texts.
pub(crate) const HAS_ERROR: u32 = 1 << 16;

/// Bit of the flags column: the agent kept the profile.
pub(crate) const HAS_PROFILE: u32 = 1 << 17;

/// One column of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    EndTime,
    Wide(Wide),
    Narrow(Narrow),
    Text(Text),
    Txid,
    Gxid,
    Caller,
}

impl Column {
    /// All columns in the order of a segment.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::EndTime)
            .chain(Wide::ALL.into_iter().map(Self::Wide))
            .chain(Narrow::ALL.into_iter().map(Self::Narrow))
            .chain(Text::ALL.into_iter().map(Self::Text))
            .chain([Self::Txid, Self::Gxid, Self::Caller])
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EndTime => END_TIME,
            Self::Wide(wide) => wide.name(),
            Self::Narrow(narrow) => narrow.name(),
            Self::Text(text) => text.name(),
            Self::Txid => TXID,
            Self::Gxid => GXID,
            Self::Caller => CALLER,
        }
    }

    /// Its place in a segment.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::EndTime => 0,
            Self::Wide(wide) => 1 + wide as usize,
            Self::Narrow(narrow) => 1 + WIDE_COUNT + narrow as usize,
            Self::Text(text) => 1 + WIDE_COUNT + NARROW_COUNT + text as usize,
            Self::Txid => COLUMN_COUNT - 3,
            Self::Gxid => COLUMN_COUNT - 2,
            Self::Caller => COLUMN_COUNT - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_at_its_index() {
        for (index, column) in Column::all().enumerate() {
            assert_eq!(column.index(), index, "{}", column.name());
        }
        assert_eq!(Column::all().count(), COLUMN_COUNT);
    }
}
