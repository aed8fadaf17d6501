//! A gRPC service and its client, written by hand as generated code would be, with text for
//! messages.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use scouter_core::current;
use scouter_tower::client::{ClientLayer, ClientService};
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use tower::{Layer, service_fn};

use crate::support::Server;

/// Messages are texts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Utf8;

impl Codec for Utf8 {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Utf8 {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Utf8 {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Status::internal("no text"))
    }
}

/// `shop.Orders`: `Place` (unary), `Watch` (server streaming), `Pack` (client streaming), `Chat`
/// (both), and `Hang`, which never answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shop {
    /// Told when `Hang` runs.
    pub(crate) entered: Arc<Notify>,
}

impl NamedService for Shop {
    const NAME: &'static str = "shop.Orders";
}

type Answer<T> = Result<Response<T>, Status>;

async fn place(request: Request<String>) -> Answer<String> {
    match request.into_inner().as_str() {
        "nothing" => Err(Status::not_found("no such order")),
        "fire" => Err(Status::internal("the 50% shelf is on fire")),
        order => Ok(Response::new(format!("{order} by {}", current::tenant_string()))),
    }
}

async fn watch(request: Request<String>) -> Answer<BoxStream<'static, Result<String, Status>>> {
    Ok(Response::new(match request.into_inner().as_str() {
        "for ever" => stream::repeat_with(|| Ok("still here".repeat(400))).boxed(),
        "until it fails" => {
            stream::iter([Ok("one".to_owned()), Err(Status::unavailable("moving house"))]).boxed()
        }
        _ => stream::iter(["one", "two", "three"].map(|text| Ok(text.to_owned()))).boxed(),
    }))
}

async fn pack(request: Request<Streaming<String>>) -> Answer<String> {
    let items: Vec<_> = request.into_inner().collect().await;
    Ok(Response::new(format!("{} items", items.len())))
}

async fn chat(
    request: Request<Streaming<String>>,
) -> Answer<BoxStream<'static, Result<String, Status>>> {
    let echo = request.into_inner().map(|said| said.map(|text| format!("{text}!")));
    Ok(Response::new(echo.boxed()))
}

impl tower::Service<http::Request<Body>> for Shop {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send + 'static>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let entered = Arc::clone(&self.entered);
        Box::pin(async move {
            let mut grpc = Grpc::new(Utf8);
            Ok(match request.uri().path() {
                "/shop.Orders/Place" => grpc.unary(service_fn(place), request).await,
                "/shop.Orders/Watch" => grpc.server_streaming(service_fn(watch), request).await,
                "/shop.Orders/Pack" => grpc.client_streaming(service_fn(pack), request).await,
                "/shop.Orders/Chat" => grpc.streaming(service_fn(chat), request).await,
                "/shop.Orders/Hang" => {
                    entered.notify_one();
                    std::future::pending().await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

/// What generated client code wraps.
pub(crate) type Client = tonic::client::Grpc<ClientService<Channel>>;

/// A client around a channel with our layer; it calls whatever address `server` has.
pub(crate) async fn client(server: &Server) -> Client {
    let channel = Channel::from_shared(server.url("")).unwrap().connect().await.unwrap();
    let layer = ClientLayer::new().peer("shop", server.addr.port());
    let mut client = tonic::client::Grpc::new(layer.layer(channel));
    client.ready().await.unwrap();
    client
}

/// The path of a method.
pub(crate) fn path(method: &str) -> http::uri::PathAndQuery {
    format!("/shop.Orders/{method}").parse().unwrap()
}

/// One unary call.
pub(crate) async fn call(client: &mut Client, method: &str, text: &str) -> Result<String, Status> {
    client.ready().await.unwrap();
    let request = Request::new(text.to_owned());
    client.unary(request, path(method), Utf8).await.map(Response::into_inner)
}

/// One call that is answered by a stream.
pub(crate) async fn watch_call(
    client: &mut Client,
    text: &str,
) -> Result<Streaming<String>, Status> {
    client.ready().await.unwrap();
    let request = Request::new(text.to_owned());
    client.server_streaming(request, path("Watch"), Utf8).await.map(Response::into_inner)
}
