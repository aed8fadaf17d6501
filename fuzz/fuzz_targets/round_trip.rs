//! Steps made of any bytes come out as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scouter_wire::codec::{
    BatchEncoder, BatchView, FRAME_HEADER_BYTES, Origin, SectionDecoder, TextName, TextTable,
    Totals,
};
use scouter_wire::record::{Detail, Outcome, Step, StepKind};
use scouter_wire::{TextRef, Txid};

/// A step made of 16 bytes.
fn step(bytes: &[u8; 16], index: u32) -> Step<'_> {
    let word = |at: usize| u64::from(bytes[at]) << (bytes[at + 1] % 57);
    let text = std::str::from_utf8(&bytes[8..]).unwrap_or("");
    Step {
        kind: StepKind::ALL[usize::from(bytes[0]) % StepKind::ALL.len()],
        outcome: Outcome::ALL[usize::from(bytes[1]) % Outcome::ALL.len()],
        parent: u32::from(bytes[2]).checked_rem(index),
        name: TextRef(u32::from(bytes[3])),
        start_us: word(4),
        elapsed_us: word(5),
        busy_us: word(6),
        polls: u16::from(bytes[7]),
        count: u32::from(bytes[8]),
        max_us: word(9),
        error: if bytes[10] % 2 == 0 { text } else { "" },
        detail: match bytes[11] % 4 {
            0 => Detail::None,
            1 => Detail::Text(text),
            2 => Detail::Sql {
                pool_wait_us: word(12),
                first_row_us: (bytes[13] % 2 == 0).then(|| word(13)),
                rows: word(14),
                affected: u64::from(bytes[15]),
                binds: u32::from(bytes[15]),
                bind_values: text,
            },
            _ => Detail::Api {
                status: u16::from(bytes[12]),
                callee: Txid::new(word(13)),
                address: text,
                ttfb_us: word(14),
            },
        },
    }
}

fuzz_target!(|data: &[u8]| {
    let (steps, _) = data.as_chunks::<16>();
    let (Ok(mut encoder), Ok(mut decoder)) = (BatchEncoder::new(), SectionDecoder::new()) else {
        return;
    };
    let txid = Txid::new(7).expect("7 is not 0");
    assert!(encoder.begin_profile(txid, 0));
    for (index, bytes) in (0..).zip(steps) {
        assert!(encoder.push_step(&step(bytes, index)));
    }
    let batch = encoder.finish(&Totals::default()).expect("it is small");
    let mut frame = Vec::new();
    batch
        .write_frame(&mut frame, 1, &Origin::default(), |_, text| TextName::Id(text.0))
        .expect("it is small");
    let mut table = TextTable::default();
    let view = BatchView::parse(&frame[FRAME_HEADER_BYTES..], &mut table).expect("our own");
    let texts: Vec<TextRef> = table
        .entries()
        .iter()
        .map(|entry| match entry.name {
            TextName::Id(id) => TextRef(id),
            _ => TextRef::NONE,
        })
        .collect();
    let profiles = decoder.profiles(view.profile_section, &texts).expect("our own");
    let mut expected = (0..).zip(steps);
    profiles
        .steps(0, |found| {
            let (index, bytes) = expected.next().expect("as many as went in");
            assert_eq!(*found, step(bytes, index));
        })
        .expect("our own");
    assert!(expected.next().is_none());
});
