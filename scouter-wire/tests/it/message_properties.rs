//! Messages and records outside of batches: whatever is written comes out as it went in.

use proptest::prelude::*;

use crate::properties::{inline as text, number};
use crate::sample::{gxid, origin, parse, txid};
use scouter_wire::codec::{
    Ack, Answer, CallsiteEntry, Command, DigestInterval, EncodedSeries, Encoding, HashSeed, Hello,
    InstanceId, NumberedText, OptionEntry, Refusal, RefusalCode, Reply, SeriesEncoder, SeriesView,
    StoreId, TextName, TextTable, Welcome, put_active, put_callsites, put_object, put_options,
    put_text_ids, put_texts, read_active, read_alerts, read_callsites, read_object_frame,
    read_options, read_text_ids, read_texts, write_alerts_frame,
};
use scouter_wire::record::{
    ActiveStep, ActiveTransaction, Alert, AlertKind, AlertLevel, CodeFrame, CounterPoint, Digest,
    DigestKey, Object, RunState, Sketch, StepKind, XLogKind,
};
use scouter_wire::{TextKind, TextRef};

fn text_ref() -> impl Strategy<Value = TextRef> {
    (0..300u32).prop_map(TextRef)
}

fn object() -> impl Strategy<Value = Object> {
    let tags = prop::collection::vec((text(), text()), 0..5);
    (text(), text(), text(), any::<u32>(), any::<i64>(), tags).prop_map(
        |(name, object_type, agent_version, pid, started_unix_us, tags)| Object {
            name,
            object_type,
            agent_version,
            pid,
            started_unix_us,
            tags,
        },
    )
}

fn code_frame() -> impl Strategy<Value = CodeFrame> {
    let module = prop_oneof![
        Just((String::new(), Vec::new())),
        ("/[a-z]{1,3}", prop::collection::vec(any::<u8>(), 0..3)),
    ];
    (module, any::<u64>()).prop_map(|((path, build_id), offset)| CodeFrame {
        path: path.into(),
        build_id: build_id.into(),
        offset,
    })
}

fn alert() -> impl Strategy<Value = Alert> {
    let kind =
        prop::sample::select(AlertKind::ALL).boxed().prop_union(Just(AlertKind::Other).boxed());
    let level = prop::sample::select(AlertLevel::ALL);
    let ids = prop::option::of((1u128.., 1u64..));
    let stack = prop::collection::vec(code_frame(), 0..4);
    (any::<i64>(), kind, level, prop::array::uniform4(text()), ids, any::<u32>(), stack).prop_map(
        |(unix_us, kind, level, [message, place, service, tenant], ids, suppressed, stack)| Alert {
            unix_us,
            kind,
            level,
            message,
            place,
            service,
            tenant,
            transaction: ids.map(|(trace, id)| (gxid(trace), txid(id))),
            suppressed,
            stack,
        },
    )
}

fn step_kind() -> impl Strategy<Value = StepKind> {
    prop::sample::select(StepKind::ALL)
}

fn key() -> impl Strategy<Value = DigestKey> {
    prop_oneof![
        text_ref().prop_map(DigestKey::Service),
        text_ref().prop_map(DigestKey::Sql),
        text_ref().prop_map(DigestKey::Api),
        text_ref().prop_map(DigestKey::Method),
        (text_ref(), text()).prop_map(|(service, message)| DigestKey::Error(service, message)),
        (text_ref(), step_kind(), text()).prop_map(|(service, kind, peer)| DigestKey::Edge {
            service,
            kind,
            peer
        }),
    ]
}

fn digest() -> impl Strategy<Value = Digest> {
    let values = prop::collection::vec((number(), number()), 0..20);
    (key(), prop::array::uniform4(number()), values).prop_map(|(key, figures, values)| {
        let mut sketch = Sketch::default();
        values.into_iter().for_each(|(value, count)| sketch.insert_many(value, count));
        let [count, errors, elapsed_us, unseen_profiles] = figures;
        Digest { key, count, errors, elapsed_us, sketch, unseen_profiles }
    })
}

fn active() -> impl Strategy<Value = ActiveTransaction> {
    let step = (step_kind(), text(), number()).prop_map(|(kind, name, age_us)| ActiveStep {
        kind,
        name,
        age_us,
    });
    let ids = (1u64.., 1u128.., any::<u32>(), any::<u32>());
    let state = (prop::sample::select(RunState::ALL), prop::sample::select(XLogKind::ALL), 0u64..3);
    let stack = prop::collection::vec(step, 0..6);
    (ids, prop::array::uniform5(text()), number(), number(), state, stack).prop_map(
        |((id, trace, tid, steps), texts, age_us, busy_us, (state, kind, caller), stack)| {
            let [service, tenant, login, ip, desc] = texts;
            let (txid, gxid) = (txid(id), gxid(trace));
            ActiveTransaction {
                txid,
                gxid,
                kind,
                caller: scouter_wire::Txid::new(caller),
                service,
                tenant,
                login,
                ip,
                desc,
                age_us,
                busy_us,
                state,
                tid,
                steps,
                stack,
            }
        },
    )
}

fn option() -> impl Strategy<Value = OptionEntry> {
    (prop::array::uniform5(text()), any::<bool>()).prop_map(|(texts, is_live)| {
        let [name, value, default, unit, help] = texts;
        OptionEntry { name, value, default, unit, help, is_live }
    })
}

fn callsite() -> impl Strategy<Value = CallsiteEntry> {
    (number(), text(), text(), prop::collection::vec(text(), 0..5), any::<u32>()).prop_map(
        |(id, name, place, arguments, flags)| CallsiteEntry { id, name, place, arguments, flags },
    )
}

/// The body of a series as a store reads it that numbers texts as the agent does.
fn sent(series: &EncodedSeries) -> (Vec<u8>, Vec<TextRef>) {
    let mut bytes = Vec::new();
    series.write_frame(&mut bytes, 1, &origin(), |_, text| TextName::Id(text.0)).unwrap();
    let body = parse(&bytes).body.to_vec();
    let mut table = TextTable::default();
    SeriesView::parse(&body, &mut table).unwrap();
    let numbers = table.entries().iter().map(|entry| match entry.name {
        TextName::Id(id) => TextRef(id),
        other => panic!("{other:?}"),
    });
    (body, numbers.collect())
}

fn written(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out);
    out
}

fn list<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(item, 0..12)
}

const ENCODINGS: [Encoding; 4] =
    [Encoding::Text, Encoding::Json, Encoding::Records, Encoding::Other];

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_greeting_round_trips(
        object in object(),
        ids in (any::<u128>(), any::<u128>(), any::<u64>(), any::<u32>()),
        times in prop::array::uniform3(any::<i64>()),
        numbers in (number(), number()),
        has_auth in any::<bool>(),
        code in 0..5u16,
        sentence in text(),
    ) {
        let body = written(|out| put_object(out, &object));
        prop_assert_eq!(&read_object_frame(&body).unwrap(), &object);
        let hello = Hello {
            instance: InstanceId(ids.0),
            epoch: ids.2,
            sent_unix_us: times[0],
            has_auth,
            object,
        };
        prop_assert_eq!(Hello::read(&written(|out| hello.put(out))).unwrap(), hello);
        let welcome = Welcome {
            store: StoreId(ids.0),
            hash_seed: HashSeed(ids.1),
            object: ids.3,
            hello_sent_unix_us: times[0],
            received_unix_us: times[1],
            sent_unix_us: times[2],
            acked_seq: numbers.0,
            credit_bytes: numbers.1,
        };
        prop_assert_eq!(Welcome::read(&written(|out| welcome.put(out))).unwrap(), welcome);
        let ack = Ack { seq: numbers.0, credit_bytes: numbers.1 };
        prop_assert_eq!(Ack::read(&written(|out| ack.put(out))).unwrap(), ack);
        let refusal = Refusal { code: RefusalCode::from_wire(code), sentence };
        prop_assert_eq!(Refusal::read(&written(|out| refusal.put(out))).unwrap(), refusal);
    }

    #[test]
    fn any_texts_and_their_numbers_round_trip(
        texts in list((0..TextKind::ALL.len(), any::<u64>(), text())),
        numbered in list((any::<u8>(), any::<u64>(), 1..=u32::MAX)),
    ) {
        let put = texts
            .iter()
            .map(|(kind, hash, text)| (TextKind::ALL[*kind], *hash, text.as_str()));
        let body = written(|out| put_texts(out, put.clone()));
        let mut found = Vec::new();
        read_texts(&body, |new| found.push((new.kind.unwrap(), new.hash, new.text))).unwrap();
        prop_assert_eq!(found, put.collect::<Vec<_>>());
        let numbered: Vec<_> = numbered
            .into_iter()
            .map(|(kind_number, hash, id)| NumberedText { kind_number, hash, id })
            .collect();
        let mut found = Vec::new();
        read_text_ids(&written(|out| put_text_ids(out, &numbered)), |id| found.push(id)).unwrap();
        prop_assert_eq!(found, numbered);
    }

    #[test]
    fn any_counters_round_trip(
        unix_us in any::<i64>(),
        points in list((text_ref(), any::<u64>())),
    ) {
        let points: Vec<_> = points
            .into_iter()
            .map(|(name, bits)| CounterPoint { name, value: f64::from_bits(bits) })
            .collect();
        let (body, texts) = sent(&SeriesEncoder::new().counters(unix_us, &points));
        let mut found = Vec::new();
        let view = SeriesView::parse(&body, &mut TextTable::default()).unwrap();
        view.counters(&texts, |time, point| found.push((time, point.name, point.value.to_bits())))
            .unwrap();
        let expected = points.iter().map(|point| (unix_us, point.name, point.value.to_bits()));
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn any_digests_round_trip(
        from_unix_us in any::<i64>(),
        to_unix_us in any::<i64>(),
        digests in list(digest()),
    ) {
        let series = SeriesEncoder::new().digests(from_unix_us, to_unix_us, &digests);
        let (body, texts) = sent(&series);
        let mut found = Vec::new();
        let view = SeriesView::parse(&body, &mut TextTable::default()).unwrap();
        let interval = view.digests(&texts, |digest| found.push(digest)).unwrap();
        prop_assert_eq!(interval, DigestInterval { from_unix_us, to_unix_us, skipped: 0 });
        prop_assert_eq!(found, digests);
    }

    #[test]
    fn any_alerts_round_trip(alerts in list(alert())) {
        let mut frame = Vec::new();
        write_alerts_frame(&mut frame, 1, &origin(), &alerts).unwrap();
        let mut found = Vec::new();
        prop_assert_eq!(read_alerts(parse(&frame).body, |alert| found.push(alert)), Ok(origin()));
        prop_assert_eq!(found, alerts);
    }

    #[test]
    fn any_answer_round_trips(
        total in any::<usize>(),
        listed in list(active()),
        options in list(option()),
        callsites in list(callsite()),
    ) {
        let payload = written(|out| put_active(out, total, &listed));
        prop_assert_eq!(read_active(&payload).unwrap(), (total as u64, listed));
        prop_assert_eq!(read_options(&written(|out| put_options(out, &options))).unwrap(), options);
        let payload = written(|out| put_callsites(out, &callsites));
        prop_assert_eq!(read_callsites(&payload).unwrap(), callsites);
    }

    #[test]
    fn any_command_and_its_reply_round_trip(
        id in any::<u64>(),
        kind_number in any::<u16>(),
        deadline_ms in any::<u32>(),
        encoding in prop::sample::select(&ENCODINGS[..]),
        is_error in any::<bool>(),
        payload in prop::collection::vec(any::<u8>(), 0..2_000),
        times in 1..100usize,
    ) {
        let command = Command { id, kind_number, deadline_ms, encoding, payload: &payload };
        let body = written(|out| command.put(out));
        prop_assert_eq!(Command::read(&body).unwrap(), command);
        let payload = payload.repeat(times);
        let mut answer = Answer::default();
        let mut is_whole = false;
        for reply in Reply::chunks(id, is_error, encoding, &payload) {
            prop_assert!(!is_whole, "nothing follows the last chunk");
            let body = written(|out| reply.put(out));
            let read = Reply::read(&body).unwrap();
            prop_assert_eq!(read, reply);
            is_whole = answer.push(&read).unwrap();
        }
        prop_assert!(is_whole);
        prop_assert_eq!((answer.is_error, answer.encoding), (is_error, encoding));
        prop_assert_eq!(answer.payload, payload);
    }
}
