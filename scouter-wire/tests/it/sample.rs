//! Records that use every field, and the frames they make.

use scouter_wire::codec::DropReason;
use scouter_wire::codec::{
    Ack, Auth, BatchEncoder, BatchView, CallsiteEntry, CapabilityEntry, ClockReading, Command,
    CommandKind, EncodedBatch, Encoding, EnvironmentEntry, Frame, FrameEntry, FrameType, HashSeed,
    HeapEntry, HeapProfile, Hello, InstanceId, ModuleEntry, NumberedText, OptionEntry, Origin,
    ProfileMode, Refusal, RefusalCode, Reply, SectionDecoder, SeriesEncoder, StackCount,
    StackProfile, StackQuality, StoreId, TextName, TextTable, ThreadDump, ThreadEntry, Totals,
    Welcome, XLogColumns, put_active, put_callsites, put_environment, put_heap, put_object,
    put_options, put_profile, put_text_ids, put_texts, put_threads, write_alerts_frame,
    write_frame,
};
use scouter_wire::record::{
    ActiveStep, ActiveTransaction, Alert, AlertKind, AlertLevel, CounterPoint, Detail, Digest,
    DigestKey, EndReason, Object, Outcome, ProfileFate, RunState, Sketch, Step, StepKind, Tag,
    XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextKind, TextRef, Txid};

pub(crate) const SEED: HashSeed = HashSeed(0x0123_4567_89ab_cdef_0011_2233_4455_6677);

pub(crate) fn txid(id: u64) -> Txid {
    Txid::new(id).unwrap()
}

pub(crate) fn gxid(id: u128) -> Gxid {
    Gxid::new(id).unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin { store: StoreId(7), instance: InstanceId(0xdead_beef), epoch: 3, object: 9 }
}

pub(crate) fn totals() -> Totals {
    let mut totals = Totals::default();
    totals.recorded = 12_345;
    totals.set_dropped(DropReason::SummaryRing, 17);
    totals.set_dropped(DropReason::WindowProfiles, 4);
    totals
}

/// An XLog in which every field is set, and one in which hardly any is.
#[allow(clippy::too_many_lines, reason = "an XLog with every field has many lines")]
pub(crate) fn xlogs(visit: &mut dyn FnMut(&XLog<'_>)) {
    let end_unix_us = 1_760_000_000_123_456;
    let full = XLog {
        end_unix_us,
        elapsed_us: 1_234_567,
        txid: txid(1_759_999_998 << 32 | 0xffff_fff0),
        gxid: gxid(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        caller: Some(txid(0x1122_3344_5566_7788)),
        kind: XLogKind::Service,
        end: EndReason::AbortedInBody,
        profile: ProfileFate::Kept,
        flags: XLogFlags::SLOW.with(XLogFlags::CONTINUED),
        service: TextRef(3),
        status: 503,
        error: "connection refused: billing.local:8080",
        busy_us: 1_000,
        polls: 70_000,
        ttfb_us: 1_200_000,
        sql_count: 12,
        sql_us: 900_000,
        sql_rows: 10_001,
        pool_wait_us: 33,
        api_count: 2,
        api_us: 200_000,
        bytes_out: 1 << 40,
        alloc_bytes: 123_456_789,
        steps: 15,
        steps_dropped: 2,
        tenant: "acme",
        login: "kim@example.org",
        desc: "größer als erwartet",
        ip: "2001:db8::1",
        user_agent: "curl/8.5.0",
        tags: &[
            Tag { key: TextRef(50), value: "blue" },
            Tag { key: TextRef(51), value: "" },
            Tag { key: TextRef(50), value: "green" },
        ],
    };
    let bare = XLog {
        end_unix_us: end_unix_us - 5_000,
        elapsed_us: 0,
        txid: txid(1),
        gxid: gxid(u128::MAX),
        caller: None,
        kind: XLogKind::Web,
        end: EndReason::Complete,
        profile: ProfileFate::Empty,
        flags: XLogFlags::default(),
        service: TextRef::NONE,
        status: 0,
        error: "",
        busy_us: 0,
        polls: 0,
        ttfb_us: 0,
        sql_count: 0,
        sql_us: 0,
        sql_rows: 0,
        pool_wait_us: 0,
        api_count: 0,
        api_us: 0,
        bytes_out: 0,
        alloc_bytes: 0,
        steps: 0,
        steps_dropped: 0,
        tenant: "",
        login: "",
        desc: "",
        ip: "",
        user_agent: "",
        tags: &[],
    };
    visit(&full);
    visit(&bare);
    visit(&XLog {
        txid: txid(full.txid.value() + 1),
        caller: None,
        service: TextRef(4),
        tags: &[],
        ..full
    });
}

/// Steps of every kind and with every detail.
pub(crate) fn steps(visit: &mut dyn FnMut(&Step<'_>)) {
    let root = Step {
        kind: StepKind::Method,
        name: TextRef(10),
        elapsed_us: 1_000_000,
        busy_us: 70,
        polls: 4_095,
        count: 1,
        max_us: 1_000_000,
        ..Step::default()
    };
    let child = |kind, name, start_us, detail| Step {
        kind,
        parent: Some(0),
        name: TextRef(name),
        start_us,
        elapsed_us: 10,
        busy_us: 10,
        count: 1,
        max_us: 10,
        detail,
        ..Step::default()
    };
    visit(&root);
    let sql = Detail::Sql {
        pool_wait_us: 5,
        first_row_us: Some(0),
        rows: 10_000,
        affected: 0,
        binds: 2,
        bind_values: "17, 'ä'",
    };
    visit(&child(StepKind::Sql, 20, 100, sql));
    let silent = Detail::Sql {
        pool_wait_us: 0,
        first_row_us: None,
        rows: 0,
        affected: 3,
        binds: 0,
        bind_values: "",
    };
    visit(&Step { outcome: Outcome::Cancelled, ..child(StepKind::Sql, 21, 50, silent) });
    let api = Detail::Api {
        status: 503,
        callee: Some(txid(77)),
        address: "billing.local:8080",
        ttfb_us: 9,
    };
    let api = child(StepKind::Api, 30, 300, api);
    visit(&Step { outcome: Outcome::Error, error: "503 Service Unavailable", ..api });
    visit(&child(StepKind::Message, 0, 320, Detail::Text("half way")));
    visit(&child(StepKind::Error, 0, 321, Detail::Text("")));
    visit(&child(StepKind::PoolWait, 40, 330, Detail::None));
    let attributes = [
        Tag { key: TextRef(50), value: "17" },
        Tag { key: TextRef(52), value: "x".repeat(256).leak() },
    ];
    visit(&child(StepKind::Wait, 11, 331, Detail::Attributes(&attributes)));
    visit(&child(StepKind::Spawn, 12, 332, Detail::Spawn { child: Some(txid(78)) }));
    visit(&child(StepKind::SqlTransaction, 22, 333, Detail::None));
    visit(&Step {
        parent: Some(9),
        count: 10_000,
        max_us: 7,
        outcome: Outcome::Panic,
        ..child(StepKind::Method, 13, 334, Detail::Attributes(&[]))
    });
}

pub(crate) fn batch() -> EncodedBatch {
    let mut encoder = BatchEncoder::new().unwrap();
    xlogs(&mut |xlog| assert!(encoder.push_xlog(xlog)));
    let first = txid(1_759_999_998 << 32 | 0xffff_fff0);
    // One profile whose XLog is in the batch, one whose XLog travelled before, an empty one.
    for (id, has_steps) in [(first, true), (txid(4_711), true), (txid(first.value() + 1), false)] {
        assert!(encoder.begin_profile(id, 1_760_000_000_000_000));
        if has_steps {
            steps(&mut |step| assert!(encoder.push_step(step)));
        }
        encoder.end_profile();
    }
    encoder.finish(&totals()).unwrap()
}

pub(crate) fn text(kind: TextKind, number: TextRef) -> String {
    format!("{kind:?} {}", number.0)
}

/// Names a text as a store does that has numbered the even ones only.
pub(crate) fn name(kind: TextKind, number: TextRef) -> TextName {
    if number.0.is_multiple_of(2) {
        TextName::Id(number.0)
    } else {
        TextName::Hash(SEED.hash(kind, &text(kind, number)))
    }
}

/// What a collector would resolve a table to: here the numbers that the agent used.
pub(crate) fn resolve(table: &TextTable) -> Vec<TextRef> {
    let known = |kind: TextKind, hash| {
        (1..100).map(TextRef).find(|number| SEED.hash(kind, &text(kind, *number)) == hash)
    };
    table
        .entries()
        .iter()
        .map(|entry| match entry.name {
            TextName::Id(id) => TextRef(id),
            TextName::Hash(hash) => known(entry.kind().unwrap(), hash).unwrap(),
            _ => unreachable!(),
        })
        .collect()
}

/// Owned, printable forms, so that decoded records can be compared with what went in.
fn describe_batch(body: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut table = TextTable::default();
    let view = BatchView::parse(body, &mut table).unwrap();
    let texts = resolve(&table);
    let mut out = format!("{:?} {:?} {:?}\n", view.origin, view.counts, view.totals);
    let mut decoder = SectionDecoder::new().unwrap();
    let mut columns = XLogColumns::new();
    decoder.xlogs(&view, &texts, &mut columns).unwrap();
    columns.for_each(|xlog| writeln!(out, "{xlog:?}").unwrap());
    for (index, entry) in columns.profiles().iter().enumerate() {
        writeln!(out, "{entry:?}").unwrap();
        let profiles = decoder.profiles(view.profile_section, &texts).unwrap();
        profiles.steps(index, |step| writeln!(out, "{step:?}").unwrap()).unwrap();
    }
    out
}

/// Asserts that a body decodes to what [`batch`] was made of.
pub(crate) fn assert_is_sample(body: &[u8]) {
    let (found, expected) = (describe_batch(body), described_sample());
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// What [`describe_batch`] must say of [`batch`].
fn described_sample() -> String {
    use std::fmt::Write as _;
    let counts = "BatchCounts { xlogs: 3, profiles: 3, steps: 22, profiles_stripped: false }";
    let mut out = format!("{:?} {counts} {:?}\n", origin(), totals());
    xlogs(&mut |xlog| writeln!(out, "{xlog:?}").unwrap());
    let first = "ProfileEntry { txid: Txid(68e777fefffffff0), end_unix_us: 1760000000123456, row: Some(0) }";
    let second =
        "ProfileEntry { txid: Txid(0000000000001267), end_unix_us: 1760000000000000, row: None }";
    let third = "ProfileEntry { txid: Txid(68e777fefffffff1), end_unix_us: 1760000000123456, row: Some(2) }";
    for (entry, has_steps) in [(first, true), (second, true), (third, false)] {
        writeln!(out, "{entry}").unwrap();
        if has_steps {
            steps(&mut |step| writeln!(out, "{step:?}").unwrap());
        }
    }
    out
}

pub(crate) fn object() -> Object {
    Object {
        name: "/host-1/orders".into(),
        object_type: "rust".into(),
        agent_version: "0.1.0".into(),
        pid: 4242,
        started_unix_us: 1_759_000_000_000_000,
        tags: vec![("build".into(), "abc".into()), ("container".into(), String::new())],
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        instance: InstanceId(5),
        epoch: 1,
        sent_unix_us: 1_760_000_000_000_000,
        has_auth: true,
        object: object(),
    }
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        store: StoreId(7),
        hash_seed: SEED,
        object: 9,
        hello_sent_unix_us: 1_000,
        received_unix_us: 1_600,
        sent_unix_us: 1_700,
        acked_seq: 12,
        credit_bytes: 8 << 20,
    }
}

pub(crate) fn digests() -> Vec<Digest> {
    let mut sketch = Sketch::default();
    [1, 50, 50, 1_000_000].into_iter().for_each(|value| sketch.insert(value));
    let digest = |key| Digest {
        key,
        count: 4,
        errors: 1,
        elapsed_us: 1_000_101,
        sketch: sketch.clone(),
        unseen_profiles: 2,
    };
    vec![
        digest(DigestKey::Service(TextRef(3))),
        digest(DigestKey::Sql(TextRef(20))),
        digest(DigestKey::Api(TextRef(30))),
        digest(DigestKey::Error(TextRef(3), "connection refused".into())),
        digest(DigestKey::Edge {
            service: TextRef(4),
            kind: StepKind::Sql,
            peer: "orders-db".into(),
        }),
        digest(DigestKey::Method(TextRef(10))),
    ]
}

pub(crate) fn points() -> Vec<CounterPoint> {
    vec![
        CounterPoint { name: TextRef(60), value: 12.5 },
        CounterPoint { name: TextRef(61), value: -0.0 },
    ]
}

pub(crate) fn alert() -> Alert {
    Alert {
        unix_us: 1_760_000_000_000_000,
        kind: AlertKind::ConnectionLeak,
        level: AlertLevel::Error,
        message: "a connection outlived its transaction".into(),
        place: "src/orders.rs:12".into(),
        service: "GET /orders/{id}".into(),
        tenant: "acme".into(),
        transaction: Some((gxid(1), txid(2))),
        suppressed: 3,
        stack: Vec::new(),
    }
}

pub(crate) fn active() -> ActiveTransaction {
    ActiveTransaction {
        txid: txid(1),
        gxid: gxid(2),
        kind: XLogKind::Web,
        caller: None,
        service: "GET /orders/{id}".into(),
        tenant: "acme".into(),
        login: "kim".into(),
        ip: "2001:db8::1".into(),
        desc: "order 17".into(),
        age_us: 3_000_000,
        busy_us: 12,
        state: RunState::Running,
        tid: 4_243,
        steps: 3,
        stack: vec![ActiveStep { kind: StepKind::Sql, name: "SELECT 1".into(), age_us: 2_999_000 }],
    }
}

pub(crate) fn options() -> Vec<OptionEntry> {
    vec![OptionEntry {
        name: "profile_step_max_count".into(),
        value: "1024".into(),
        default: "1024".into(),
        unit: "steps".into(),
        help: "how many steps one transaction keeps".into(),
        is_live: true,
    }]
}

pub(crate) fn callsites() -> Vec<CallsiteEntry> {
    vec![CallsiteEntry {
        id: 3,
        name: "load_order".into(),
        place: "src/orders.rs:12".into(),
        arguments: vec!["id".into()],
        flags: 5,
    }]
}

pub(crate) fn modules() -> Vec<ModuleEntry> {
    vec![ModuleEntry { path: "/srv/orders".into(), build_id: vec![0xab, 0xcd] }]
}

pub(crate) fn threads() -> ThreadDump {
    ThreadDump {
        modules: modules(),
        capabilities: vec![CapabilityEntry {
            name: "cpu_samples".into(),
            unavailable: "signal 39 has a handler already".into(),
        }],
        total: 2,
        threads: vec![ThreadEntry {
            tid: 4_242,
            name: "tokio-runtime-w".into(),
            state: b'S',
            cpu_ms: 1_500,
            waits_in: "futex_wait_queue".into(),
            txid: Txid::new(7),
            service: "GET /orders/{id}".into(),
            poll_us: 300_000,
            quality: StackQuality::Guessed,
            missing: String::new(),
            pause_ns: 800,
            frames: vec![
                FrameEntry::Code { module: Some(0), offset: 0x1234 },
                FrameEntry::Code { module: None, offset: u64::MAX },
            ],
        }],
    }
}

pub(crate) fn profile() -> StackProfile {
    StackProfile {
        mode: ProfileMode::Cpu,
        is_running: true,
        covers_ms: 30_000,
        rate_mhz: 99_000,
        samples: 70,
        dropped: 1,
        modules: modules(),
        stacks: vec![StackCount {
            service: "GET /orders/{id}".into(),
            tenant: "acme".into(),
            is_running: true,
            count: 70,
            frames: vec![
                FrameEntry::Step("load_order @ src/orders.rs:12".into()),
                FrameEntry::Code { module: Some(0), offset: 16 },
            ],
        }],
    }
}

pub(crate) fn heap() -> HeapProfile {
    HeapProfile {
        unavailable: "the heap is not sampled".into(),
        sample_bytes: 524_288,
        resident_bytes: 1 << 30,
        left_out: 1,
        total: 2,
        sites: vec![HeapEntry {
            name: "load_order".into(),
            place: "src/orders.rs:12".into(),
            service: "GET /orders/{id}".into(),
            tenant: "acme".into(),
            transaction: Gxid::new(9).zip(Txid::new(7)),
            samples: 70,
            allocated_bytes: 1 << 40,
            allocated_blocks: 1 << 20,
            live_bytes: 1 << 30,
            live_blocks: 1 << 10,
        }],
    }
}

pub(crate) fn environment() -> Vec<EnvironmentEntry> {
    vec![EnvironmentEntry {
        section: "variables".into(),
        name: "DATABASE_URL".into(),
        value: String::new(),
        is_hidden: true,
    }]
}

pub(crate) fn clock() -> ClockReading {
    ClockReading { asked_unix_us: 1_000, received_unix_us: 1_600, answered_unix_us: 1_700 }
}

pub(crate) fn numbered() -> Vec<NumberedText> {
    vec![NumberedText { kind_number: 2, hash: u64::MAX, id: 1 << 20 }]
}

fn frame(frame_type: FrameType, seq: u64, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, frame_type, seq, write).unwrap();
    out
}

/// One frame of every type with its name.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let sql = "SELECT * FROM orders WHERE id = ?";
    let texts = [(TextKind::Sql, SEED.hash(TextKind::Sql, sql), sql)];
    let (mut batch_frame, mut counter, mut agg, mut alerts) = Default::default();
    batch().write_frame(&mut batch_frame, 41, &origin(), name).unwrap();
    let mut series = SeriesEncoder::new();
    series.counters(1_000_000, &points()).write_frame(&mut counter, 42, &origin(), name).unwrap();
    series.digests(0, 10, &digests()).write_frame(&mut agg, 43, &origin(), name).unwrap();
    write_alerts_frame(&mut alerts, 44, &origin(), &[alert()]).unwrap();
    let refusal =
        Refusal { code: RefusalCode::Unauthorized, sentence: "the token is not known".into() };
    let command = Command {
        id: 5,
        kind_number: CommandKind::Active as u16,
        deadline_ms: 2_000,
        encoding: Encoding::Text,
        payload: b"100",
    };
    let reply = |put: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = Vec::new();
        put(&mut payload);
        let reply = Reply::chunks(5, false, Encoding::Records, &payload).next().unwrap();
        frame(FrameType::Reply, 0, |out| reply.put(out))
    };
    vec![
        ("hello", frame(FrameType::Hello, 0, |out| hello().put(out))),
        ("auth", frame(FrameType::Auth, 0, |out| Auth::Token("s3cret".into()).put(out))),
        ("welcome", frame(FrameType::Welcome, 0, |out| welcome().put(out))),
        ("text", frame(FrameType::Text, 0, |out| put_texts(out, texts.into_iter()))),
        ("text_id", frame(FrameType::TextId, 0, |out| put_text_ids(out, &numbered()))),
        ("batch", batch_frame),
        ("counter", counter),
        ("agg", agg),
        ("alert", alerts),
        ("object", frame(FrameType::Object, 0, |out| put_object(out, &object()))),
        ("ack", frame(FrameType::Ack, 0, |out| Ack { seq: 44, credit_bytes: 1 << 20 }.put(out))),
        ("command", frame(FrameType::Command, 0, |out| command.put(out))),
        ("reply_active", reply(&|out| put_active(out, 10_000, &[active()]))),
        ("reply_options", reply(&|out| put_options(out, &options()))),
        ("reply_callsites", reply(&|out| put_callsites(out, &callsites()))),
        ("reply_threads", reply(&|out| put_threads(out, &threads()))),
        ("reply_profile", reply(&|out| put_profile(out, &profile()))),
        ("reply_environment", reply(&|out| put_environment(out, &environment()))),
        ("reply_heap", reply(&|out| put_heap(out, &heap()))),
        ("clock", frame(FrameType::Clock, 0, |out| clock().put(out))),
        ("error", frame(FrameType::Error, 0, |out| refusal.put(out))),
    ]
}

/// The only frame of a buffer.
pub(crate) fn parse(bytes: &[u8]) -> Frame<'_> {
    let (frame, length) = Frame::parse(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len());
    frame
}
