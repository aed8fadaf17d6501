//! Stack frequencies as pprof reads them: a gzipped `perftools.profiles.Profile`
//! (<https://github.com/google/pprof/blob/main/proto/profile.proto>), each sample labelled with its
//! service, tenant and state.

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use scouter_core::native::build_id_hex;
use scouter_wire::codec::{FrameEntry, ProfileMode, StackCount, StackProfile};

use crate::symbols::Named;

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    /// The leaf first.
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    text: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "5")]
    filename: i64,
    #[prost(int64, tag = "6")]
    build_id: i64,
    #[prost(bool, tag = "7")]
    has_functions: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping_id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
    /// What was inlined first, and last what it was inlined into.
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// Encodes a profile; `name` gives the functions of a frame, the innermost first.
pub(super) fn encode(profile: &StackProfile, name: impl Fn(&FrameEntry) -> Vec<Named>) -> Vec<u8> {
    let mut tables = Tables::new();
    let count = tables.value_type("samples", "count");
    let time = match profile.mode {
        ProfileMode::Cpu => tables.value_type("cpu", "nanoseconds"),
        _ => tables.value_type("time", "nanoseconds"),
    };
    let period_ns = match profile.rate_mhz {
        0 => 0,
        rate_mhz => signed(1_000_000_000_000 / rate_mhz),
    };
    let mapping = profile.modules.iter().zip(1..).map(|(module, id)| Mapping {
        id,
        filename: tables.text(&module.path),
        build_id: tables.text(&build_id_hex(&module.build_id)),
        has_functions: true,
    });
    let mapping = mapping.collect();
    let sample = profile.stacks.iter().map(|stack| Sample {
        location_id: locations(stack, &mut tables, &name),
        value: vec![signed(stack.count), signed(stack.count).saturating_mul(period_ns)],
        label: labels(stack, profile.mode, &mut tables),
    });
    let sample = sample.collect();
    let encoded = Profile {
        sample_type: vec![count, time],
        sample,
        mapping,
        location: tables.location,
        function: tables.function,
        string_table: tables.texts,
        duration_nanos: signed(profile.covers_ms).saturating_mul(1_000_000),
        period_type: Some(time),
        period: period_ns,
    };
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let _ = out.write_all(&encoded.encode_to_vec());
    out.finish().unwrap_or_default()
}

fn locations(
    stack: &StackCount,
    tables: &mut Tables,
    name: &impl Fn(&FrameEntry) -> Vec<Named>,
) -> Vec<u64> {
    let ids = stack.frames.iter().map(|frame| tables.location(frame, name));
    let mut ids: Vec<u64> = ids.collect();
    // Steps stand root first.
    if stack.frames.iter().all(|frame| matches!(frame, FrameEntry::Step(_))) {
        ids.reverse();
    }
    ids
}

fn labels(stack: &StackCount, mode: ProfileMode, tables: &mut Tables) -> Vec<Label> {
    let state = match (mode, stack.is_running) {
        (ProfileMode::Logical, true) => "running",
        (ProfileMode::Logical, false) => "waiting",
        _ => "",
    };
    let labels = [("service", &*stack.service), ("tenant", &*stack.tenant), ("state", state)];
    let labels = labels.into_iter().filter(|(_, text)| !text.is_empty());
    labels.map(|(key, text)| Label { key: tables.text(key), text: tables.text(text) }).collect()
}

/// What samples refer to by numbers.
struct Tables {
    texts: Vec<String>,
    known_texts: HashMap<String, i64>,
    location: Vec<Location>,
    known_frames: HashMap<FrameEntry, u64>,
    function: Vec<Function>,
    known_functions: HashMap<(i64, i64), u64>,
}

impl Tables {
    fn new() -> Self {
        let mut tables = Self {
            texts: Vec::new(),
            known_texts: HashMap::new(),
            location: Vec::new(),
            known_frames: HashMap::new(),
            function: Vec::new(),
            known_functions: HashMap::new(),
        };
        // Number 0 must be the empty text.
        tables.text("");
        tables
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(known) = self.known_texts.get(text) {
            return *known;
        }
        let number = signed(self.texts.len() as u64);
        self.texts.push(text.to_owned());
        self.known_texts.insert(text.to_owned(), number);
        number
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> ValueType {
        ValueType { kind: self.text(kind), unit: self.text(unit) }
    }

    fn location(&mut self, frame: &FrameEntry, name: &impl Fn(&FrameEntry) -> Vec<Named>) -> u64 {
        if let Some(known) = self.known_frames.get(frame) {
            return *known;
        }
        let names = name(frame);
        let line = names.iter().map(|named| {
            let (file, line) = named.place.rsplit_once(':').unwrap_or((&named.place, ""));
            Line { function_id: self.function(&named.name, file), line: line.parse().unwrap_or(0) }
        });
        let line = line.collect();
        let id = self.location.len() as u64 + 1;
        let (mapping_id, address) = match frame {
            FrameEntry::Step(_) => (0, 0),
            FrameEntry::Code { module, offset } => {
                (module.map_or(0, |at| u64::from(at) + 1), *offset)
            }
        };
        self.location.push(Location { id, mapping_id, address, line });
        self.known_frames.insert(frame.clone(), id);
        id
    }

    fn function(&mut self, name: &str, file: &str) -> u64 {
        let key = (self.text(name), self.text(file));
        let next = self.function.len() as u64 + 1;
        let id = *self.known_functions.entry(key).or_insert(next);
        if id == next {
            self.function.push(Function { id, name: key.0, filename: key.1 });
        }
        id
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use scouter_wire::codec::ModuleEntry;

    use super::*;

    fn named(frame: &FrameEntry) -> Vec<Named> {
        let one = |name: &str, place: &str| Named {
            name: name.into(),
            place: place.into(),
            is_inlined: false,
            missing: String::new(),
        };
        match frame {
            FrameEntry::Step(name) => vec![one(name, "")],
            FrameEntry::Code { offset: 1, .. } => {
                vec![one("inner", "src/a.rs:3"), one("outer", "src/a.rs:9")]
            }
            FrameEntry::Code { .. } => vec![one("main", "src/main.rs:1")],
        }
    }

    fn decoded(profile: &StackProfile) -> Profile {
        let mut bytes = Vec::new();
        GzDecoder::new(&*encode(profile, named)).read_to_end(&mut bytes).unwrap();
        Profile::decode(&*bytes).unwrap()
    }

    fn profile(mode: ProfileMode, frames: Vec<FrameEntry>) -> StackProfile {
        let stack = StackCount {
            service: "GET /a".into(),
            tenant: "acme".into(),
            is_running: true,
            count: 3,
            frames,
        };
        StackProfile {
            mode,
            is_running: false,
            covers_ms: 2_000,
            rate_mhz: 100_000,
            samples: 6,
            dropped: 0,
            modules: vec![ModuleEntry { path: "/bin/shop".into(), build_id: vec![0xab, 1] }],
            stacks: vec![stack.clone(), stack],
        }
    }

    #[test]
    fn samples_of_cpu_time_have_lines_labels_and_nanoseconds() {
        let code = |offset| FrameEntry::Code { module: Some(0), offset };
        let read = decoded(&profile(ProfileMode::Cpu, vec![code(1), code(2)]));
        let text = |number: i64| read.string_table[usize::try_from(number).unwrap()].as_str();
        assert_eq!(text(0), "");
        assert_eq!(read.sample[0].value, [3, 30_000_000]);
        assert_eq!((read.period, read.duration_nanos), (10_000_000, 2_000_000_000));
        assert_eq!(read.sample[0].location_id, read.sample[1].location_id, "known by number");
        let labels = read.sample[0].label.iter().map(|label| (text(label.key), text(label.text)));
        assert_eq!(labels.collect::<Vec<_>>(), [("service", "GET /a"), ("tenant", "acme")]);
        let leaf = &read.location[0];
        assert_eq!((leaf.id, leaf.mapping_id, leaf.address), (1, 1, 1));
        let lines = leaf.line.iter().map(|line| {
            let function = &read.function[usize::try_from(line.function_id - 1).unwrap()];
            (text(function.name), text(function.filename), line.line)
        });
        assert_eq!(lines.collect::<Vec<_>>(), [("inner", "src/a.rs", 3), ("outer", "src/a.rs", 9)]);
        assert_eq!(text(read.mapping[0].build_id), "ab01");
    }

    #[test]
    fn steps_are_turned_so_that_the_leaf_comes_first_and_say_whether_a_thread_worked() {
        let steps = ["load_order", "SELECT 1"].map(|name| FrameEntry::Step(name.into()));
        let read = decoded(&profile(ProfileMode::Logical, steps.to_vec()));
        let text = |number: i64| read.string_table[usize::try_from(number).unwrap()].as_str();
        let names = read.sample[0].location_id.iter().map(|id| {
            let location = &read.location[usize::try_from(id - 1).unwrap()];
            let function = location.line[0].function_id;
            text(read.function[usize::try_from(function - 1).unwrap()].name)
        });
        assert_eq!(names.collect::<Vec<_>>(), ["SELECT 1", "load_order"]);
        let state = read.sample[0].label.last().unwrap();
        assert_eq!((text(state.key), text(state.text)), ("state", "running"));
    }
}
