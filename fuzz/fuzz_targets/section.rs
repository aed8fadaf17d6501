//! Any bytes as a decompressed section, which zstd's own checks would hide from the frame target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scouter_wire::TextRef;
use scouter_wire::codec::{BatchCounts, BatchView, Origin, SectionDecoder, Totals, XLogColumns};

fuzz_target!(|data: &[u8]| {
    let [xlogs, profiles, raw @ ..] = data else { return };
    let Ok(section) = zstd::bulk::compress(raw, 1) else { return };
    let Ok(mut decoder) = SectionDecoder::new() else { return };
    let texts = [TextRef(1); 64];
    let view = BatchView {
        origin: Origin::default(),
        counts: BatchCounts {
            xlogs: usize::from(*xlogs),
            profiles: usize::from(*profiles),
            ..BatchCounts::default()
        },
        totals: Totals::default(),
        xlog_section: &section,
        profile_section: &section,
    };
    let mut columns = XLogColumns::new();
    let _ = decoder.xlogs(&view, &texts, &mut columns);
    columns.for_each(|_| {});
    if let Ok(profiles) = decoder.profiles(&section, &texts) {
        for index in 0..profiles.len() {
            let _ = profiles.steps(index, |_| {});
        }
    }
});
