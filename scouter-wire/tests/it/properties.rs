//! Whatever is recorded comes out as it went in; whatever comes in does not panic.

use proptest::prelude::*;

use crate::damage::decode;
use crate::sample::{gxid, origin, parse, txid};
use scouter_wire::codec::{
    BatchEncoder, BatchView, FrameType, SectionDecoder, TextName, TextTable, Totals, XLogColumns,
};
use scouter_wire::record::{
    Detail, EndReason, Outcome, ProfileFate, Step, StepKind, Tag, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{TextRef, Txid};

/// An XLog that owns its texts.
#[derive(Debug, Clone)]
struct Row {
    numbers: [u64; 12],
    small: [u32; 6],
    ids: (u64, u128, u64),
    class: (usize, usize, usize),
    texts: [String; 6],
    tags: Vec<(u32, String)>,
}

impl Row {
    fn with<T>(&self, visit: impl FnOnce(&XLog<'_>) -> T) -> T {
        let n = &self.numbers;
        let tags: Vec<_> =
            self.tags.iter().map(|(key, value)| Tag { key: TextRef(*key), value }).collect();
        let [tenant, login, desc, ip, user_agent, error] = &self.texts;
        visit(&XLog {
            end_unix_us: n[0].cast_signed(),
            elapsed_us: n[1],
            txid: txid(self.ids.0.max(1)),
            gxid: gxid(self.ids.1.max(1)),
            caller: Txid::new(self.ids.2),
            kind: XLogKind::ALL[self.class.0],
            end: EndReason::ALL[self.class.1],
            profile: ProfileFate::ALL[self.class.2],
            flags: XLogFlags(n[2] as u16),
            service: TextRef(self.small[0] % 1_000),
            status: n[3] as u16,
            error,
            busy_us: n[4],
            polls: self.small[1],
            ttfb_us: n[5],
            sql_count: self.small[2],
            sql_us: n[6],
            sql_rows: n[7],
            pool_wait_us: n[8],
            api_count: self.small[3],
            api_us: n[9],
            bytes_out: n[10],
            alloc_bytes: n[11],
            steps: self.small[4],
            steps_dropped: self.small[5],
            tenant,
            login,
            desc,
            ip,
            user_agent,
            tags: &tags,
        })
    }
}

/// Numbers of every magnitude, small ones more often.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
}

pub(crate) fn inline() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,3}", "\\PC{0,60}"]
}

fn row() -> impl Strategy<Value = Row> {
    (
        prop::array::uniform12(number()),
        prop::array::uniform6(any::<u32>()),
        (number(), any::<u128>(), number()),
        (0..XLogKind::ALL.len(), 0..EndReason::ALL.len(), 0..ProfileFate::ALL.len()),
        prop::array::uniform6(inline()),
        prop::collection::vec((0..50u32, inline()), 0..4),
    )
        .prop_map(|(numbers, small, ids, class, texts, tags)| Row {
            numbers,
            small,
            ids,
            class,
            texts,
            tags,
        })
}

/// A step that owns its texts.
#[derive(Debug, Clone)]
struct OwnStep {
    kind: usize,
    outcome: usize,
    parent: u32,
    numbers: [u64; 6],
    small: [u32; 4],
    detail: u8,
    texts: [String; 2],
    tags: Vec<(u32, String)>,
}

impl OwnStep {
    fn with<T>(&self, index: u32, visit: impl FnOnce(&Step<'_>) -> T) -> T {
        let n = &self.numbers;
        let tags: Vec<_> =
            self.tags.iter().map(|(key, value)| Tag { key: TextRef(*key), value }).collect();
        let [error, text] = &self.texts;
        let detail = match self.detail {
            0 => Detail::None,
            1 => Detail::Text(text),
            2 => Detail::Sql {
                pool_wait_us: n[4],
                first_row_us: Some(n[5] >> 1).filter(|us| us.is_multiple_of(2)),
                rows: n[5],
                affected: n[4],
                binds: self.small[3],
                bind_values: text,
            },
            3 => Detail::Api {
                status: n[5] as u16,
                callee: Txid::new(n[4]),
                address: text,
                ttfb_us: n[5],
            },
            4 => Detail::Attributes(&tags),
            _ => Detail::Spawn { child: Txid::new(n[4]) },
        };
        visit(&Step {
            kind: StepKind::ALL[self.kind],
            outcome: Outcome::ALL[self.outcome],
            parent: (index > 0 && !self.parent.is_multiple_of(4)).then(|| self.parent % index),
            name: TextRef(self.small[0] % 300),
            start_us: n[0],
            elapsed_us: n[1],
            busy_us: n[2],
            polls: self.small[1] as u16,
            count: self.small[2],
            max_us: n[3],
            error,
            detail,
        })
    }
}

fn step() -> impl Strategy<Value = OwnStep> {
    (
        (0..StepKind::ALL.len(), 0..Outcome::ALL.len(), any::<u32>(), 0..6u8),
        prop::array::uniform6(number()),
        prop::array::uniform4(any::<u32>()),
        prop::array::uniform2(inline()),
        prop::collection::vec((0..50u32, inline()), 0..3),
    )
        .prop_map(|((kind, outcome, parent, detail), numbers, small, texts, tags)| OwnStep {
            kind,
            outcome,
            parent,
            numbers,
            small,
            detail,
            texts,
            tags,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_batch_round_trips(
        rows in prop::collection::vec(row(), 0..20),
        profiles in prop::collection::vec((number(), prop::collection::vec(step(), 0..12)), 0..6),
    ) {
        let mut encoder = BatchEncoder::new().unwrap();
        for row in &rows {
            prop_assert!(row.with(|xlog| encoder.push_xlog(xlog)));
        }
        for (at, (end, steps)) in profiles.iter().enumerate() {
            let id = rows.get(at * 3).map_or(at as u64 + 1, |row| row.ids.0.max(1));
            prop_assert!(encoder.begin_profile(txid(id), end.cast_signed()));
            for (index, step) in (0..).zip(steps) {
                prop_assert!(step.with(index, |step| encoder.push_step(step)));
            }
            encoder.end_profile();
        }
        let mut bytes = Vec::new();
        let batch = encoder.finish(&Totals::default()).unwrap();
        batch.write_frame(&mut bytes, 1, &origin(), |_, text| TextName::Id(text.0)).unwrap();

        let mut table = TextTable::default();
        let view = BatchView::parse(parse(&bytes).body, &mut table).unwrap();
        let texts: Vec<_> = table.entries().iter().map(|entry| match entry.name {
            TextName::Id(id) => TextRef(id),
            _ => TextRef::NONE,
        }).collect();
        let mut decoder = SectionDecoder::new().unwrap();
        let mut columns = XLogColumns::new();
        decoder.xlogs(&view, &texts, &mut columns).unwrap();
        let mut expected = rows.iter();
        columns.for_each(|found| {
            expected.next().unwrap().with(|xlog| assert_eq!(xlog, found));
        });
        prop_assert!(expected.next().is_none());
        prop_assert_eq!(columns.profiles().len(), profiles.len());
        for (at, (_, steps)) in profiles.iter().enumerate() {
            let found = decoder.profiles(view.profile_section, &texts).unwrap();
            let mut expected = (0..).zip(steps);
            found.steps(at, |found| {
                let (index, step) = expected.next().unwrap();
                step.with(index, |step| assert_eq!(step, found));
            }).unwrap();
            prop_assert!(expected.next().is_none());
        }
    }

    #[test]
    fn any_bytes_decode_to_something_or_an_error(
        frame_type in 0..FrameType::ALL.len(),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut decoder = SectionDecoder::new().unwrap();
        let _ = decode(FrameType::ALL[frame_type], &body, &mut decoder);
    }
}
