//! TLS on both ports, with the real agent and a real HTTP client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use scouter_collector::{TlsFiles, Tokens};
use scouter_core::record::EndReason;
use scouter_core::{Begin, TextKind, Transaction, callsite, intern, step};
use scouter_exporter::{Agent as RealAgent, Builder};

use super::collector::{ALL, PATIENCE, TestCollector, start_with, until};

/// The process has one recorder, so one test at a time runs the real agent.
pub(crate) static RECORDER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A certificate for `localhost` that signs itself.
struct Identity {
    files: TlsFiles,
    folder: tempfile::TempDir,
}

impl Identity {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles::new(folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        Self { files, folder }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Sends one request to the HTTP port of `collector` and answers it whole.
    async fn ask(&self, collector: &TestCollector, request: Request<String>) -> Response<String> {
        let mut trusted = RootCertStore::empty();
        let pem = CertificateDer::from_pem_file(self.certificate()).unwrap();
        trusted.add(pem).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let configuration = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let tcp = tokio::net::TcpStream::connect(collector.running.http_addr()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(configuration));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TokioIo::new(connector.connect(name, tcp).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Response::from_parts(head, String::from_utf8(body).unwrap())
    }
}

fn request(method: &str, path: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "localhost")
}

async fn start_secured(identity: &Identity) -> TestCollector {
    start_with(|builder| builder.tls(identity.files.clone())).await
}

fn agent(address: SocketAddr) -> Builder {
    RealAgent::builder("/test/tls")
        .without_environment()
        .collector(format!("tls://localhost:{}", address.port()))
}

fn record(count: usize) {
    let service = intern(TextKind::Service, "GET /secured");
    for number in 1..=count {
        let transaction = Transaction::begin(Begin::new(service));
        {
            let _entered = transaction.enter();
            let _step = step(callsite!(name: "load"));
        }
        transaction.end(EndReason::Complete);
        // The queue of profiles is bounded: give the worker time to drain it.
        if number % 100 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_records_arrives_by_tls_with_its_profiles() {
    let _turn = RECORDER.lock().await;
    let identity = Identity::make();
    let collector = start_with(|builder| {
        builder.tls(identity.files.clone()).tokens(Tokens::single("a-long-token"))
    })
    .await;
    let address = collector.running.agent_addr();
    let path = identity.certificate();
    let delivered = tokio::task::spawn_blocking(move || {
        let guard = agent(address).collector_ca(path).token("a-long-token").start().unwrap();
        record(3_000);
        assert!(guard.flush(PATIENCE), "{:?}", guard.telemetry());
        guard.shutdown()
    });
    let telemetry = delivered.await.unwrap();
    assert_eq!((telemetry.acked_xlogs, telemetry.pending_xlogs), (3_000, 0));
    let path = format!("/api/v1/xlogs?{ALL}&count_only=1&f=service:*secured");
    let question = request("GET", &path).header("authorization", "Bearer a-long-token");
    let answer = identity.ask(&collector, question.body(String::new()).unwrap()).await;
    let answer: serde_json::Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(answer["total"], 3_000, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_nothing_to_a_collector_whose_certificate_it_does_not_trust() {
    let _turn = RECORDER.lock().await;
    let (identity, stranger) = (Identity::make(), Identity::make());
    let collector = start_secured(&identity).await;
    let address = collector.running.agent_addr();
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    let path = stranger.certificate();
    let guard = agent(address)
        .collector_ca(path)
        .on_notice(move |notice| heard.lock().unwrap().push(notice.to_owned()))
        .flush_timeout(Duration::from_millis(10))
        .start()
        .unwrap();
    record(1);
    let is_told = || notices.lock().unwrap().iter().any(|notice| notice.contains("certificate"));
    until("the agent says what is wrong with the certificate", async || is_told()).await;
    let telemetry = tokio::task::spawn_blocking(|| guard.shutdown()).await.unwrap();
    assert_eq!(telemetry.acked_xlogs, 0);
    let metrics = async || {
        let question = request("GET", "/metrics").body(String::new()).unwrap();
        identity.ask(&collector, question).await.into_body()
    };
    until("the failed handshake is counted", async || {
        metrics().await.lines().any(|line| {
            line.strip_prefix("scouter_collector_tls_failed_total ").is_some_and(|n| n != "0")
        })
    })
    .await;
    assert!(metrics().await.contains("scouter_collector_frames_total 0\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_this_machine_may_do_without_tls() {
    let identity = Identity::make();
    let collector = start_secured(&identity).await;
    let agent = collector.agent("/test/plain");
    assert_eq!(agent.welcome.acked_seq, 0);
}

#[tokio::test]
async fn over_tls_the_session_cookie_is_never_sent_in_the_clear() {
    let identity = Identity::make();
    let collector = start_with(|builder| {
        builder.tls(identity.files.clone()).tokens(Tokens::single("a-long-token"))
    })
    .await;
    let question = request("POST", "/api/v1/session").header("content-type", "application/json");
    let question = question.body(r#"{"token":"a-long-token"}"#.to_owned()).unwrap();
    let login = identity.ask(&collector, question).await;
    assert_eq!(login.status(), 200);
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    assert!(collector.running.http_url().starts_with("https://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_comes_without_tls_is_told_where_to_go() {
    let identity = Identity::make();
    let collector = start_secured(&identity).await;
    let mut plain = TcpStream::connect(collector.running.http_addr()).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("https://"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_begins_tls_and_says_no_more_does_not_stay() {
    let identity = Identity::make();
    let collector = start_with(|builder| {
        let mut limits = scouter_collector::Limits::default();
        limits.handshake_timeout = Duration::from_millis(200);
        builder.tls(identity.files.clone()).limits(limits)
    })
    .await;
    let mut silent = TcpStream::connect(collector.running.agent_addr()).unwrap();
    silent.write_all(&[0x16, 3, 1]).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_asks_by_tls_whom_it_trusts_and_says_why_it_does_not() {
    let (identity, stranger) = (Identity::make(), Identity::make());
    let collector = start_secured(&identity).await;
    let port = collector.running.http_addr().port();
    let ask = async |url: String, trusted: &Identity| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scouter-collector"));
        command.env_remove("SCOUTER_COLLECTOR_TOKEN").args(["ask", "/test/nobody", "env"]);
        command.arg("--url").arg(url).arg("--ca").arg(trusted.certificate());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let answered = ask(format!("https://localhost:{port}"), &identity).await;
    assert!(answered.contains("the agent is not connected"), "{answered}");
    let distrusted = ask(format!("https://localhost:{port}/"), &stranger).await;
    assert!(distrusted.contains("certificate"), "{distrusted}");
    let plain = ask(format!("http://localhost:{port}"), &identity).await;
    assert!(plain.contains("open it by https://"), "{plain}");
    let neither = ask("ftp://localhost".to_owned(), &identity).await;
    assert!(neither.contains("neither http nor https"), "{neither}");
}
