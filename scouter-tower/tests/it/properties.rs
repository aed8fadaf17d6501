//! Whatever a service does and whenever it is dropped: one begin, one end.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use proptest::prelude::*;
use scouter_tower::ScouterLayer;
use tower::{Layer, Service};

use crate::support::{poll_once, record};

/// What a future or a body does at one poll.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Wait,
    Yield,
    Fail,
    Panic,
    Trailers,
}

#[derive(Debug, Clone)]
struct Scenario {
    method: Method,
    status: u16,
    future: Vec<Act>,
    body: Vec<Act>,
    declares_length: bool,
    /// Polls until the caller drops what it holds.
    patience: usize,
}

struct ScriptedBody {
    acts: std::vec::IntoIter<Act>,
    declared: Option<u64>,
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(match self.acts.next() {
            None => None,
            Some(Act::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Act::Yield) => Some(Ok(Frame::data(Bytes::from_static(b"x")))),
            Some(Act::Fail) => Some(Err("failed")),
            Some(Act::Panic) => panic!("scripted"),
            Some(Act::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.declared.is_some() && self.acts.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

async fn scripted(scenario: Scenario) -> Result<Response<ScriptedBody>, &'static str> {
    for act in &scenario.future {
        match act {
            Act::Wait => tokio::task::yield_now().await,
            Act::Fail => return Err("failed"),
            Act::Panic => panic!("scripted"),
            Act::Yield | Act::Trailers => {}
        }
    }
    let yields = scenario.body.iter().filter(|act| **act == Act::Yield).count() as u64;
    let declared = scenario.declares_length.then_some(yields);
    let body = ScriptedBody { acts: scenario.body.into_iter(), declared };
    Ok(Response::builder().status(scenario.status).body(body).unwrap())
}

/// Plays one scenario as a server would, giving up when the patience is over.
async fn play(scenario: Scenario) {
    let mut service = ScouterLayer::new()
        .layer(tower::service_fn(|request: Request<Scenario>| scripted(request.into_body())));
    let mut patience = scenario.patience;
    let request = Request::builder().method(scenario.method.clone()).body(scenario).unwrap();
    let mut future = Box::pin(service.call(request));
    let mut is_patient = move || {
        patience = patience.saturating_sub(1);
        patience > 0
    };
    let response = loop {
        if !is_patient() {
            return;
        }
        if let Poll::Ready(answer) = poll_once(|cx| future.as_mut().poll(cx)).await {
            break answer;
        }
    };
    let Ok(response) = response else { return };
    let mut body = Box::pin(response.into_body());
    while is_patient() && !body.is_end_stream() {
        let polled = poll_once(|cx| body.as_mut().poll_frame(cx)).await;
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            return;
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Wait),
        6 => Just(Act::Yield),
        1 => Just(Act::Fail),
        1 => Just(Act::Panic),
        1 => Just(Act::Trailers),
    ]
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let methods = prop_oneof![Just(Method::GET), Just(Method::HEAD), Just(Method::CONNECT)];
    let statuses = prop_oneof![Just(200_u16), Just(204), Just(304), Just(101), Just(500)];
    let acts = || proptest::collection::vec(act(), 0..6);
    (methods, statuses, acts(), acts(), any::<bool>(), 0..20_usize).prop_map(
        |(method, status, future, body, declares_length, patience)| Scenario {
            method,
            status,
            future,
            body,
            declares_length,
            patience,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_begin_has_exactly_one_end(scenarios in proptest::collection::vec(scenario(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let count = scenarios.len();
        let ((), rows) = runtime.block_on(record(count, async {
            for scenario in scenarios {
                // The panic is part of the scenario; the Infallible says nothing else can fail.
                let played: Result<(), _> = AssertUnwindSafe(play(scenario)).catch_unwind().await;
                drop(played.map(Ok::<(), Infallible>));
            }
        }));
        prop_assert_eq!(rows.len(), count);
        let mut ids: Vec<_> = rows.iter().map(|row| row.txid).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), count, "a transaction ended twice");
    }
}
