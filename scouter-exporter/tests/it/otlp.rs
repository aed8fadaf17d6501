//! The OTLP sink: received by a third-party collector, and in bad weather.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use scouter_exporter::{Guard, Otlp, OtlpSnapshot, OtlpTelemetry};

use crate::collector::{Collector, State};
use crate::recorder::{DEADLINE, Recorder, agent, flush, record, until};

/// Starts an agent whose only sink is OTLP.
fn start(endpoint: &str) -> (Guard, OtlpTelemetry) {
    let otlp = Otlp::builder("shop").endpoint(endpoint).header("x-key", "k1").build().unwrap();
    let telemetry = otlp.telemetry();
    (agent("").without_collector().sink(otlp).start().unwrap(), telemetry)
}

/// Figures are read one after the other, so they are compared until nothing moves.
fn assert_balance(telemetry: &OtlpTelemetry) -> OtlpSnapshot {
    let is_balanced = |figures: &OtlpSnapshot| {
        let known = figures.sent
            + figures.rejected
            + figures.dropped_queue
            + figures.dropped_refused
            + figures.dropped_unreachable
            + figures.dropped_ended;
        figures.made == known + figures.pending
    };
    until("the figures balance", || is_balanced(&telemetry.snapshot()));
    telemetry.snapshot()
}

/// Ends the process that it holds.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_third_party_collector_receives_spans_and_metrics() {
    let Some(rotel) = std::env::var_os("SCOUTER_ROTEL").filter(|path| !path.is_empty()) else {
        assert!(std::env::var("CI").is_err(), "SCOUTER_ROTEL is not set; see scripts/setup");
        return println!("skipped: SCOUTER_ROTEL is not set; see scripts/setup");
    };
    let _recorder = Recorder::take();
    let log = std::env::temp_dir().join(format!("scouter-rotel-{}.log", std::process::id()));
    let port = free_port();
    let file = fs::File::create(&log).unwrap();
    let _rotel = Running(
        Command::new(rotel)
            .args(["start", "--exporter", "blackhole", "--debug-log-verbosity", "detailed"])
            .args(["--debug-log", "traces", "--debug-log", "metrics"])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{}", free_port())])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until("rotel listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let (guard, telemetry) = start(&format!("http://127.0.0.1:{port}"));
    record(1);
    flush(&guard);
    until("counters are sent", || telemetry.snapshot().sent > 3);
    let figures = assert_balance(&telemetry);
    let lost = figures.rejected + figures.dropped_refused + figures.dropped_unreachable;
    assert_eq!((lost, figures.dropped_queue, figures.lost_profiles), (0, 0, 0), "{figures:?}");
    let said = || fs::read_to_string(&log).unwrap();
    let parts = [
        "GET /0",
        "load_order",
        "price",
        "http.route",
        "shop",
        "scouter.request_rate",
        "http.server.request.duration",
    ];
    let missing = || parts.iter().find(|part| !said().contains(**part));
    let start = std::time::Instant::now();
    while let Some(part) = missing() {
        assert!(start.elapsed() < DEADLINE, "{part} is not in what rotel says:\n{}", said());
        thread::yield_now();
    }
    assert!(!said().contains("tenant-0"), "captured values were not switched on");
    drop(guard);
    fs::remove_file(&log).unwrap();
}

/// Answers each request with the next of these answers, the last one for ever; an empty answer
/// closes the connection. Gathers the heads of the requests.
fn weather(answers: &'static [&'static [u8]]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    thread::Builder::new()
        .name("weather".into())
        .spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = read_request(&mut stream);
                // Counters come when they like: only traces walk through the answers.
                let is_trace = head.starts_with("POST /v1/traces ");
                let mut seen = seen.lock().unwrap();
                let answer = if is_trace {
                    answers.get(seen.len()).or(answers.last()).copied().unwrap()
                } else {
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                };
                if is_trace {
                    seen.push(head);
                }
                let _ = stream.write_all(answer);
            }
        })
        .unwrap();
    (endpoint, heads)
}

fn read_request(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        all.push(byte[0]);
    }
    let head = String::from_utf8(all).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let _ = stream.read_exact(&mut vec![0; length]);
    head
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[test]
fn closed_connections_and_busy_answers_are_tried_again_until_the_spans_are_taken() {
    const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let _recorder = Recorder::take();
    let (endpoint, heads) = weather(&[b"", BUSY, OK]);
    let (guard, telemetry) = start(&endpoint);
    record(1);
    flush(&guard);
    drop(guard);
    let figures = assert_balance(&telemetry);
    assert!(figures.sent >= 3 && figures.retries >= 2, "{figures:?}");
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 3);
    assert!(heads.iter().all(|head| head.contains("x-key: k1\r\n")));
}

#[test]
fn what_a_receiver_refuses_or_rejects_is_counted_by_reason() {
    const REFUSED: &[u8] = b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n";
    const PARTIAL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\x0a\x02\x08\x02";
    let _recorder = Recorder::take();
    let (endpoint, _) = weather(&[REFUSED, PARTIAL, OK]);
    let (guard, telemetry) = start(&endpoint);
    record(1);
    flush(&guard);
    assert_eq!(telemetry.snapshot().dropped_refused, 3);
    record(1);
    flush(&guard);
    assert_eq!(telemetry.snapshot().rejected, 2);
    drop(guard);
    assert_balance(&telemetry);
}

#[test]
fn what_is_left_when_the_agent_ends_is_counted_and_the_exit_does_not_wait() {
    const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
    let _recorder = Recorder::take();
    let (endpoint, heads) = weather(&[BUSY]);
    let otlp = Otlp::builder("shop").endpoint(endpoint).build().unwrap();
    let telemetry = otlp.telemetry();
    let guard = agent("")
        .without_collector()
        .flush_timeout(std::time::Duration::from_millis(50))
        .sink(otlp)
        .start()
        .unwrap();
    record(1);
    until("it was asked to wait", || !heads.lock().unwrap().is_empty());
    drop(guard);
    until("all is counted", || telemetry.snapshot().pending == 0);
    let figures = assert_balance(&telemetry);
    assert!(figures.dropped_ended >= 3, "{figures:?}");
}

#[test]
fn beside_a_dead_receiver_the_collector_gets_all_and_beside_a_dead_collector_the_receiver() {
    let recorder = Recorder::take();
    let nowhere = || format!("127.0.0.1:{}", free_port());
    let otlp = |endpoint: &str| Otlp::builder("shop").endpoint(endpoint).build().unwrap();

    let collector = Collector::start(State::default());
    let guard = agent(&collector.address)
        .sink(otlp(&format!("http://{}", nowhere())))
        .flush_timeout(std::time::Duration::from_millis(50))
        .start()
        .unwrap();
    record(300);
    until("the collector has all", || guard.telemetry().acked_xlogs == 300);
    recorder.assert_balance(&guard.shutdown());
    assert_eq!(collector.state().stored, 300);

    let (endpoint, _) = weather(&[OK]);
    let sink = otlp(&endpoint);
    let telemetry = sink.telemetry();
    let guard = agent(&nowhere())
        .sink(sink)
        .flush_timeout(std::time::Duration::from_millis(50))
        .start()
        .unwrap();
    record(300);
    until("the receiver has all", || telemetry.snapshot().sent >= 3 * 300);
    drop(guard);
    let figures = assert_balance(&telemetry);
    assert_eq!(figures.dropped_unreachable + figures.dropped_queue, 0, "{figures:?}");
}

/// A receiver that speaks TLS under a certificate for `localhost`, and the folder with that.
fn secured() -> (String, tempfile::TempDir, Arc<Mutex<usize>>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()];
    let key = made.signing_key.serialize_pem();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let configuration = Arc::new(configuration);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let taken = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&taken);
    thread::Builder::new()
        .name("secured".into())
        .spawn(move || {
            for socket in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&configuration)).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, socket.unwrap());
                // A peer that does not trust the certificate sends no request.
                let mut byte = [0];
                if stream.read(&mut byte).is_ok() {
                    read_request(&mut stream);
                    let _ = stream.write_all(OK);
                    *counted.lock().unwrap() += 1;
                }
            }
        })
        .unwrap();
    (endpoint, folder, taken)
}

#[test]
fn over_tls_a_receiver_gets_all_if_its_certificate_is_trusted_and_nothing_if_not() {
    let _recorder = Recorder::take();
    let (endpoint, folder, taken) = secured();
    let (_, stranger, _) = secured();
    let start = |folder: &tempfile::TempDir| {
        let certificate = folder.path().join("cert.pem");
        let otlp = Otlp::builder("shop").endpoint(&endpoint).certificate(certificate);
        let otlp = otlp.build().unwrap();
        let telemetry = otlp.telemetry();
        (agent("").without_collector().sink(otlp).start().unwrap(), telemetry)
    };
    let (guard, telemetry) = start(&stranger);
    record(1);
    until("it is tried again", || telemetry.snapshot().retries >= 2);
    drop(guard);
    assert_eq!((telemetry.snapshot().sent, *taken.lock().unwrap()), (0, 0));
    let (guard, telemetry) = start(&folder);
    record(1);
    flush(&guard);
    drop(guard);
    assert!(assert_balance(&telemetry).sent >= 3);
}
