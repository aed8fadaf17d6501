//! WebSocket sessions with a real client: the request ends at its 101, the session when it closes.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use scouter_core::record::XLogKind;
use scouter_core::{in_step, live};
use scouter_tower::{Closed, Current, ScouterLayer, session};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{Server, record};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn echo(mut socket: WebSocket) -> Result<Closed, axum::Error> {
    while let Some(message) = socket.recv().await {
        match message? {
            Message::Close(Some(frame)) => {
                return Ok(Closed::new(frame.code, frame.reason.as_str()));
            }
            Message::Close(None) => return Ok(Closed::unsaid()),
            Message::Text(text) if text == "panic" => panic!("no such word"),
            text => {
                let answer = socket.send(text);
                in_step(scouter_core::callsite!(name: "answer"), answer).await?;
            }
        }
    }
    Ok(Closed::unsaid())
}

async fn chat(upgrade: WebSocketUpgrade, scouter: Current) -> Response {
    scouter.set_login("mia");
    upgrade.on_upgrade(session(echo))
}

async fn server() -> Server {
    let app = Router::new().route("/chat/{room}", get(chat));
    Server::start_with_connect_info(scouter_tower::wrap(app)).await
}

async fn connect(server: &Server) -> Client {
    connect_async(format!("ws://{}/chat/7", server.addr)).await.unwrap().0
}

async fn say(client: &mut Client, text: &str) -> Option<Result<tungstenite::Message, Error>> {
    client.send(tungstenite::Message::text(text)).await.unwrap();
    client.next().await
}

#[tokio::test]
async fn a_session_is_a_transaction_of_its_own_called_by_its_request() {
    let server = server().await;
    let (open, rows) = record(2, async {
        let mut client = connect(&server).await;
        for text in ["one", "two"] {
            assert_eq!(say(&mut client, text).await.unwrap().unwrap().to_text().unwrap(), text);
        }
        // The request has ended, the session runs.
        let mut open = Vec::new();
        live::active(&mut open, 10);
        let frame = CloseFrame { code: 1001.into(), reason: "going home".into() };
        client.close(Some(frame)).await.unwrap();
        while client.next().await.is_some() {}
        open.len()
    })
    .await;
    assert_eq!(open, 1);
    assert_eq!(
        rows.summaries(),
        ["GET /chat/{room} 101 Upgraded", "SESSION /chat/{room} 0 Complete"]
    );
    let (request, session) =
        (rows.service("GET /chat/{room}"), rows.service("SESSION /chat/{room}"));
    assert_eq!((session.gxid, session.caller), (request.gxid, Some(request.txid)));
    assert_eq!(session.kind, XLogKind::Service);
    assert_eq!(session.tag("close"), Some("1001 going home"));
    assert_eq!((session.login.as_str(), session.ip.as_str()), ("mia", "127.0.0.1"));
    let steps = session.steps.iter().map(|step| (step.name.as_str(), step.count));
    assert_eq!(steps.collect::<Vec<_>>(), [("answer", 2)]);
}

#[tokio::test]
async fn every_way_a_session_ends_is_told() {
    let server = server().await;
    for (act, end) in [
        (Act::Close, "SESSION /chat/{room} 0 Complete"),
        (Act::Vanish, "SESSION /chat/{room} 0 Complete !"),
        (
            Act::Panic,
            "SESSION /chat/{room} 0 Panic !panicked at scouter-tower/tests/it/sessions.rs",
        ),
    ] {
        let ((), rows) = record(2, async {
            let mut client = connect(&server).await;
            say(&mut client, "one").await.unwrap().unwrap();
            match act {
                Act::Close => client.close(None).await.unwrap(),
                Act::Vanish => drop(client),
                Act::Panic => drop(say(&mut client, "panic").await),
            }
        })
        .await;
        let summaries = rows.summaries();
        assert!(summaries[1].starts_with(end), "{act:?} {summaries:?}");
        let row = rows.service("SESSION /chat/{room}");
        assert_eq!(row.tag("close").is_some(), act == Act::Close, "{act:?}");
        assert_eq!(row.error.is_empty(), act == Act::Close, "{act:?}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Close,
    Vanish,
    Panic,
}

#[tokio::test]
async fn a_session_that_is_dropped_is_cancelled() {
    let entered = Arc::new(Notify::new());
    let is_entered = Arc::clone(&entered);
    let ((), rows) = record(2, async {
        let run = crate::support::in_transaction("GET /x", async move {
            session(async move |(): ()| {
                is_entered.notify_one();
                std::future::pending::<()>().await;
            })
        });
        let mut run = Box::pin(run.await(()));
        tokio::select! {
            () = &mut run => panic!("ended"),
            () = entered.notified() => {}
        }
        drop(run);
    })
    .await;
    assert_eq!(rows.summaries(), ["GET /x 0 Complete", "SESSION /x 0 CancelledBeforeResponse"]);
}

#[tokio::test]
async fn without_an_upgrade_or_a_recorded_request_there_is_no_session() {
    let app = || Router::new().route("/chat/{room}", get(chat));
    let ((), rows) = record(1, async {
        let server = Server::start(scouter_tower::wrap(app())).await;
        let plain = server.client().get(server.url("/chat/7")).send().await.unwrap();
        assert!(plain.status().is_client_error());
        let layer = ScouterLayer::new().ignore(["/chat/{room}"]);
        let ignoring = Server::start(app().layer(layer)).await;
        let mut client = connect(&ignoring).await;
        assert_eq!(say(&mut client, "one").await.unwrap().unwrap().to_text().unwrap(), "one");
        client.close(None).await.unwrap();
        while client.next().await.is_some() {}
    })
    .await;
    assert_eq!(rows.len(), 1, "{:?}", rows.summaries());
    assert!(rows[0].service.starts_with("GET /chat"), "{:?}", rows.summaries());
}
