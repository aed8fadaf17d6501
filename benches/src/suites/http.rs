//! axum with `scouter::wrap`, as in the README: method, route, status and ids are stored, and the
//! handler has one step.
//!
//! In process: a router called directly, without a socket. Figures are net of the same router with
//! tower's `Identity` in the place of the layer, because axum boxes the service at each layer
//! whatever the layer does. Loopback: a server thread and a client on a keep-alive connection with
//! TCP_NODELAY, 16 requests pipelined; on few cores this resolves no less than about 3 µs a
//! request, and the plain server measured a second time shows how much that is today.

use std::future::Future;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use axum::serve::ListenerExt;
use http::Request;
use http_body_util::BodyExt;
use tower::Service;
use tower::layer::util::Identity;

use crate::clock::measure;
use crate::harness::{Cell, FLOOR, NONE, OURS, Row, Shows};
#[cfg(feature = "peers")]
use crate::peers::SpanPeer;
use crate::peers::{self, FASTRACE, OTEL_TOWER, TRACE_LAYER, TRACE_LAYER_REGISTRY};

const ROUTER: &str = "the same router with tower's Identity";

const ALL: &[&str] = &[NONE, OURS, TRACE_LAYER, TRACE_LAYER_REGISTRY, FASTRACE, OTEL_TOWER];
/// The plain server is measured once more.
const WITH_FLOOR: &[&str] =
    &[NONE, FLOOR, OURS, TRACE_LAYER, TRACE_LAYER_REGISTRY, FASTRACE, OTEL_TOWER];

pub(crate) const ROWS: &[Row] = &[
    Row::new("axum_layer_in_process_ns", "ns", ROUTER, ALL).shows(Shows::Net),
    Row::new("allocations_per_request", "count", ROUTER, ALL).shows(Shows::Net).counting(),
    Row::new("loopback_throughput_loss_pct", "%", "that server once more: the noise", WITH_FLOOR)
        .shows(Shows::LossPercent),
];

/// Measures one cell.
pub(crate) fn run(cell: &Cell<'_>) -> Result<f64, String> {
    let router = router(cell.peer)?;
    match cell.row {
        "axum_layer_in_process_ns" => {
            let mut service = router.into_service::<Body>();
            let nanos = measure(cell.budget, || one_request(&mut service));
            if cell.peer == OURS {
                super::hotpath::note_losses(cell.row);
            }
            Ok(nanos)
        }
        "allocations_per_request" => allocations(router),
        "loopback_throughput_loss_pct" => loopback(cell, router),
        other => Err(format!("no row `{other}`")),
    }
}

fn router(peer: &str) -> Result<Router, String> {
    let router = match peer {
        NONE | FLOOR => route(async || {
            black_box(());
            "hello"
        })
        .layer(Identity::new()),
        OURS => {
            peers::ours::start_recording();
            scouter_tower::wrap(route(async || {
                ours_leaf();
                "hello"
            }))
        }
        #[cfg(feature = "peers")]
        TRACE_LAYER => traced(),
        #[cfg(feature = "peers")]
        TRACE_LAYER_REGISTRY => {
            let registry = tracing_subscriber::registry();
            let installed = tracing::subscriber::set_global_default(registry);
            installed.map_err(|error| error.to_string())?;
            traced()
        }
        #[cfg(feature = "peers")]
        FASTRACE => {
            let _reporter = peers::fastrace::Fastrace::start();
            route(async || {
                let _leaf = fastrace::local::LocalSpan::enter_with_local_parent("leaf");
                "hello"
            })
            .layer(fastrace_axum::FastraceLayer::default())
        }
        #[cfg(feature = "peers")]
        OTEL_TOWER => {
            opentelemetry::global::set_tracer_provider(peers::opentelemetry::provider());
            route(async || {
                use opentelemetry::trace::Tracer;
                let tracer = opentelemetry::global::tracer("bench");
                tracer.in_span("leaf", |_| black_box(()));
                "hello"
            })
            .layer(opentelemetry_instrumentation_tower::http::server::Layer::new())
        }
        other => return Err(format!("no peer `{other}` in this build")),
    };
    Ok(router)
}

#[cfg(feature = "peers")]
fn traced() -> Router {
    route(async || {
        let _leaf = tracing::info_span!("leaf").entered();
        "hello"
    })
    .layer(tower_http::trace::TraceLayer::new_for_http())
}

fn route<H, T>(handler: H) -> Router
where
    H: axum::handler::Handler<T, ()>,
    T: 'static,
{
    Router::new().route("/orders/{id}", get(handler))
}

#[scouter_macros::scout(crate = scouter_core, name = "leaf")]
fn ours_leaf() {
    black_box(());
}

/// Calls the router and reads the body to its end, as hyper does.
fn one_request<S>(service: &mut S)
where
    S: Service<
            Request<Body>,
            Response = axum::response::Response,
            Error = std::convert::Infallible,
        >,
{
    let request = Request::get("/orders/4711").body(Body::empty());
    let Ok(request) = request else { return };
    let answered = block_on(async {
        match service.call(request).await {
            Ok(response) => response.into_body().collect().await.is_ok(),
            Err(never) => match never {},
        }
    });
    assert!(answered, "the body has an end");
}

/// Polls a future that never waits for anything outside of it.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
    }
}

#[cfg(feature = "count")]
fn allocations(router: Router) -> Result<f64, String> {
    const REQUESTS: u64 = 2_000;
    let mut service = router.into_service::<Body>();
    // With pauses, so that whoever drains keeps up and what it gives back is used again.
    let mut run = || {
        for _ in 0..REQUESTS {
            one_request(&mut service);
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
    };
    run();
    let counted = allocation_counter::measure(run);
    Ok(counted.count_total as f64 / REQUESTS as f64)
}

#[cfg(not(feature = "count"))]
fn allocations(_: Router) -> Result<f64, String> {
    Err("this program does not count allocations".into())
}

/// Nanoseconds for one request over a socket.
fn loopback(cell: &Cell<'_>, router: Router) -> Result<f64, String> {
    const PIPELINED: usize = 16;
    let address = serve(router)?;
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let request = b"GET /orders/4711 HTTP/1.1\r\nhost: shop\r\n\r\n";
    let mut buffer = vec![0; 64 << 10];
    stream.write_all(request).map_err(text)?;
    let response_bytes = stream.read(&mut buffer).map_err(text)?;
    if !buffer.starts_with(b"HTTP/1.1 200") {
        return Err("the server did not answer 200".into());
    }
    let requests = request.repeat(PIPELINED);
    let mut failure = None;
    let nanos = measure(cell.budget, || {
        let mut exchange = || -> std::io::Result<()> {
            stream.write_all(&requests)?;
            let mut missing = response_bytes * PIPELINED;
            while missing > 0 {
                let read = stream.read(&mut buffer)?;
                if read == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                missing = missing.saturating_sub(read);
            }
            Ok(())
        };
        if failure.is_none() {
            failure = exchange().err();
        }
    });
    failure.map_or(Ok(nanos / PIPELINED as f64), |error| Err(error.to_string()))
}

fn serve(router: Router) -> Result<SocketAddr, String> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let server = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await else {
                return;
            };
            if let Ok(address) = listener.local_addr() {
                _ = sender.send(address);
            }
            let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
            _ = axum::serve(listener, router).await;
        });
    };
    let thread = std::thread::Builder::new().name("server".into()).spawn(server);
    thread.map_err(|error| error.to_string())?;
    receiver.recv().map_err(|_| "the server did not start".into())
}
