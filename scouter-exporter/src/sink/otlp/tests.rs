use scouter_wire::record::{Detail, DigestKey, Outcome, Sketch, StepKind};
use scouter_wire::{TextKind, TextRef};

use super::*;
use crate::source::Source;
use crate::testing::{Synthetic, xlog};

fn texts_of(list: &[&str]) -> Texts {
    let mut source = Synthetic::new();
    for text in list {
        source.intern(TextKind::Service, text);
    }
    Texts::new(source.text_source())
}

fn contains(message: &Message, part: &str) -> bool {
    message.0.windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn captured_values_leave_only_when_they_are_switched_on() {
    let texts = texts_of(&["GET /orders/{id}", "SELECT 1"]);
    let private = XLog {
        tenant: "private tenant",
        login: "private login",
        ip: "private ip",
        user_agent: "private agent",
        desc: "private desc",
        ..xlog(7, "")
    };
    let step = Step {
        kind: StepKind::Sql,
        name: TextRef(2),
        count: 1,
        detail: Detail::Sql {
            pool_wait_us: 0,
            first_row_us: None,
            rows: 1,
            affected: 0,
            binds: 1,
            bind_values: "private bind",
        },
        ..Step::default()
    };
    for is_on in [false, true] {
        let mut tree = Tree::new(&private, &texts, is_on);
        tree.step(&step, &texts, is_on);
        for (span, count) in tree.spans.iter().zip([5, 1]) {
            let found = span.0.windows(8).filter(|window| window == b"private ").count();
            assert_eq!(found, if is_on { count } else { 0 });
        }
        assert!(contains(&tree.spans[1], "SELECT 1"));
    }
}

#[test]
fn a_transaction_is_these_bytes_for_ever() {
    let texts = texts_of(&["GET /a"]);
    let tree = Tree::new(&XLog { status: 0, ..xlog(7, "") }, &texts, false);
    let mut golden = vec![0x0a, 16];
    golden.extend([0; 15]);
    golden.extend([7, 0x12, 8, 0, 0, 0, 0, 0, 0, 0, 7]);
    golden.extend([0x2a, 6]);
    golden.extend(b"GET /a");
    golden.extend([0x30, 2, 0x39]);
    golden.extend(1_759_999_999_999_000_000u64.to_le_bytes());
    golden.push(0x41);
    golden.extend(1_760_000_000_000_000_000u64.to_le_bytes());
    golden.extend([0x4a, 28, 0x0a, 19]);
    golden.extend(b"http.request.method");
    golden.extend([0x12, 5, 0x0a, 3]);
    golden.extend(b"GET");
    golden.extend([0x4a, 18, 0x0a, 10]);
    golden.extend(b"http.route");
    golden.extend([0x12, 4, 0x0a, 2]);
    golden.extend(b"/a");
    assert_eq!(tree.spans[0].0, golden);
}

#[test]
fn steps_are_children_and_notes_are_events_of_the_span_they_stand_in() {
    let texts = texts_of(&["GET /a", "load @ src/a.rs:12"]);
    let mut tree = Tree::new(&xlog(7, ""), &texts, false);
    let method = Step { name: TextRef(2), count: 1, ..Step::default() };
    tree.step(&method, &texts, false);
    let note =
        Step { kind: StepKind::Message, parent: Some(0), detail: Detail::Text("a note"), ..method };
    tree.step(&note, &texts, false);
    let failed = Step { parent: Some(0), outcome: Outcome::Error, error: "refused", ..method };
    tree.step(&failed, &texts, false);
    assert_eq!(tree.spans.len(), 3);
    assert!(contains(&tree.spans[1], "a note") && !contains(&tree.spans[0], "a note"));
    assert!(contains(&tree.spans[1], "code.file.path"));
    let id = &tree.spans[1].0[20..28];
    let parent = [&[0x22, 8][..], id].concat();
    assert!(tree.spans[2].0.windows(10).any(|window| window == parent));
    assert!(contains(&tree.spans[2], "refused") && contains(&tree.spans[2], "exception.message"));
}

#[test]
fn the_buckets_of_a_digest_are_those_of_a_histogram_of_scale_three() {
    let texts = texts_of(&["GET /a"]);
    let mut sketch = Sketch::default();
    sketch.insert_many(1, 2);
    sketch.insert(2);
    let mut digest = Digest {
        key: DigestKey::Service(TextRef(1)),
        count: 3,
        errors: 0,
        elapsed_us: 4,
        sketch,
        unseen_profiles: 0,
    };
    let metric = metrics::histogram(0, 1, &digest, &texts).unwrap();
    // scale 3; positive { offset 0, counts 2 0 0 0 0 0 0 0 1 }
    let golden = [0x30, 6, 0x42, 13, 0x08, 0, 0x12, 9, 2, 0, 0, 0, 0, 0, 0, 0, 1];
    assert!(metric.0.windows(golden.len()).any(|window| window == golden), "{metric:x?}");
    digest.key = DigestKey::Sql(TextRef(1));
    assert_eq!(metrics::histogram(0, 1, &digest, &texts), None);
}

#[test]
fn endpoints_and_headers_are_read_or_refused_without_showing_a_secret() {
    let target = |endpoint: &str| Otlp::builder("shop").endpoint(endpoint).target();
    let found = target("http://otel.local:9/base/").unwrap();
    assert_eq!((&*found.host, found.port, &*found.prefix), ("otel.local", 9, "/base"));
    assert_eq!(target("http://otel.local").unwrap().port, 4_318);
    for wrong in ["https://", "a:4318", "http://", "http://a:b", "http://u@a", "http://a/b c"] {
        assert!(matches!(target(wrong), Err(OtlpError::Endpoint(_))), "{wrong}");
    }
    let secret = Otlp::builder("shop").header("key", "secret\r\nx: y").target();
    let error = secret.err().unwrap().to_string();
    assert!(error.contains("key") && !error.contains("secret"), "{error}");
}

#[test]
fn our_own_environment_comes_before_the_common_one() {
    let value = |name: &str| match name {
        "SCOUTER_OTLP_ENDPOINT" => Some("http://own".to_owned()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://common".to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("a=1, b = x=2".to_owned()),
        _ => None,
    };
    let target = Otlp::builder("shop").lookup(value).target().unwrap();
    assert_eq!(target.host, "own");
    assert_eq!(target.headers, [("a".into(), "1".into()), ("b".into(), "x=2".into())]);
}
