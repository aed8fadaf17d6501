//! Starting: what is refused, and with which words.

use scouter_collector::{StartError, Tokens};

use super::collector::{builder, start, start_in};

async fn refused(
    change: impl FnOnce(scouter_collector::Builder) -> scouter_collector::Builder,
) -> StartError {
    let folder = tempfile::tempdir().unwrap();
    change(builder(folder.path())).start().await.expect_err("a refusal")
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_it_does_not_start_without_a_token() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    for error in [
        refused(|builder| builder.http(everywhere)).await,
        refused(|builder| builder.agents(everywhere)).await,
    ] {
        let text = error.to_string();
        assert!(matches!(error, StartError::TokenNeeded { .. }));
        assert!(text.contains("without a token: set --token"), "{text}");
    }
    let mut only_people = Tokens::default();
    only_people.viewer = Some("long-enough".into());
    let error = refused(|builder| builder.agents(everywhere).tokens(only_people)).await;
    assert!(matches!(error, StartError::TokenNeeded { what: "agents", .. }), "{error}");
    let error = refused(|builder| builder.tokens(Tokens::single("short"))).await;
    assert!(error.to_string().contains("shorter than 8 bytes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_it_listens_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let builder = builder(folder.path()).http(everywhere).agents(everywhere);
    let running = builder.tokens(Tokens::single("correct-horse")).start().await.unwrap();
    running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_what_to_do() {
    let first = start().await;
    let taken = first.running.http_addr();
    let error = refused(|builder| builder.http(taken)).await.to_string();
    assert!(error.contains(&format!("port {} for http is taken", taken.port())), "{error}");
    assert!(error.contains("choose another port with --http"), "{error}");
    let taken = first.running.agent_addr();
    let error = refused(|builder| builder.agents(taken)).await.to_string();
    assert!(error.contains("--agents"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_collector_on_one_folder_is_refused_and_the_first_goes_on() {
    let first = start().await;
    let error = builder(first.folder.path()).start().await.err().unwrap().to_string();
    assert!(error.contains("in use by another collector"), "{error}");
    first.agent("/test/orders").send(&[super::agent::tx(1)]);
    first.running.shutdown().await.unwrap();
    let again = start_in(first.folder, |builder| builder).await;
    assert_eq!(again.total("").await, 1, "after the first has gone the folder is free");
}

#[test]
fn an_embedded_collector_serves_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = scouter_collector::embed_with(builder(folder.path())).unwrap();
    let mut agent = super::agent::Agent::connect(embedded.agent_addr(), "/test/embedded");
    agent.send(&[super::agent::tx(1)]);
    let http = embedded.http_addr();
    assert!(std::net::TcpStream::connect(http).is_ok());
    drop(embedded);
    assert!(std::net::TcpStream::connect(http).is_err(), "the port is free again");
}
