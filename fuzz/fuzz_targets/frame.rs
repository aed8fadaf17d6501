//! Any bytes as a frame body of any type: an answer or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scouter_wire::TextRef;
use scouter_wire::codec::{
    Ack, Auth, BatchView, ClockReading, Command, Frame, Hello, Refusal, Reply, SectionDecoder, SeriesView,
    TextTable, Welcome, XLogColumns, check_preface, read_active, read_alerts, read_callsites,
    read_environment, read_heap, read_object_frame, read_options, read_profile, read_text_ids, read_texts,
    read_threads,
};

fuzz_target!(|data: &[u8]| {
    let _ = check_preface(data);
    let _ = Frame::parse(data);
    let Some((kind, body)) = data.split_first() else { return };
    let mut table = TextTable::default();
    match kind % 20 {
        0 => drop(Hello::read(body)),
        1 => drop(Auth::read(body)),
        2 => drop(Welcome::read(body)),
        3 => drop(read_texts(body, |_| {})),
        4 => drop(read_text_ids(body, |_| {})),
        5 => {
            let Ok(view) = BatchView::parse(body, &mut table) else { return };
            let texts = vec![TextRef(1); table.entries().len()];
            let Ok(mut decoder) = SectionDecoder::new() else { return };
            let mut columns = XLogColumns::new();
            let _ = decoder.xlogs(&view, &texts, &mut columns);
            columns.for_each(|_| {});
            if let Ok(profiles) = decoder.profiles(view.profile_section, &texts) {
                for index in 0..profiles.len() {
                    let _ = profiles.steps(index, |_| {});
                }
            }
        }
        6 => {
            let Ok(view) = SeriesView::parse(body, &mut table) else { return };
            let texts = vec![TextRef(1); table.entries().len()];
            let _ = view.counters(&texts, |_, _| {});
            let _ = view.digests(&texts, |_| {});
        }
        7 => drop(read_alerts(body, |_| {})),
        8 => drop(read_object_frame(body)),
        9 => drop(Ack::read(body)),
        10 => drop(Command::read(body)),
        11 => drop(Reply::read(body)),
        12 => drop(Refusal::read(body)),
        13 => drop(read_active(body)),
        14 => drop(read_options(body)),
        15 => drop(ClockReading::read(body)),
        16 => drop(read_threads(body)),
        17 => drop(read_profile(body)),
        18 => drop(read_environment(body)),
        19 => drop(read_heap(body)),
        _ => drop(read_callsites(body)),
    }
});
