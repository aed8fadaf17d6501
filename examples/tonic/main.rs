//! tonic on both sides: a layer around the server, a layer around the channel.
//!
//! ```text
//! cargo run -p scouter-examples --example tonic
//! ```

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use scouter::exporter::{Agent, Memory};
use scouter::tower::{ScouterLayer, client::ClientLayer};
use scouter::{Begin, TextKind, Transaction, in_transaction, intern, scout};
use tokio_stream::StreamExt;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, body::Body};
use tonic_prost::ProstCodec;
use tower::{Layer, service_fn};

#[derive(Clone, PartialEq, prost::Message)]
struct Order {
    #[prost(uint64, tag = "1")]
    id: u64,
}

#[scout(args(id), err)]
async fn place(id: u64) -> Result<Order, Status> {
    match id {
        0 => Err(Status::not_found("no such order")),
        13 => Err(Status::internal("no luck")),
        id => Ok(Order { id }),
    }
}

fn list(last: u64) -> impl tokio_stream::Stream<Item = Result<Order, Status>> {
    tokio_stream::iter(1..=last).map(|id| Ok(Order { id }))
}

/// What tonic makes of a `.proto` file; written by hand, so that the example needs no `protoc`.
#[derive(Clone)]
struct Orders;

impl tonic::server::NamedService for Orders {
    const NAME: &'static str = "shop.Orders";
}

impl tower::Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = tonic::server::Grpc::new(ProstCodec::<Order, Order>::default());
        let one = async |order: Request<Order>| place(order.get_ref().id).await.map(Response::new);
        let many = async |order: Request<Order>| Ok(Response::new(list(order.get_ref().id)));
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/shop.Orders/Place" => grpc.unary(service_fn(one), request).await,
                "/shop.Orders/List" => grpc.server_streaming(service_fn(many), request).await,
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `scouter::init("orders")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("orders").without_collector().sink(records.clone()).start()?;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let addr = incoming.local_addr()?;
    let mut server = Server::builder().layer(ScouterLayer::new()); // the server
    tokio::spawn(server.add_service(Orders).serve_with_incoming(incoming));
    let channel = Channel::from_shared(format!("http://{addr}"))?.connect().await?;
    let channel = ClientLayer::new().peer("orders", addr.port()).layer(channel); // the client
    let mut client = tonic::client::Grpc::new(channel); // `OrdersClient::new(channel)`
    let job = Begin::new(intern(TextKind::Service, "buy"));
    in_transaction(Transaction::begin(job), async {
        for (path, id) in [("Place", 7), ("Place", 0), ("Place", 13), ("List", 3)] {
            client.ready().await?;
            let (path, codec) = (format!("/shop.Orders/{path}").parse()?, ProstCodec::default());
            let answer = client.server_streaming(Request::new(Order { id }), path, codec).await;
            let Ok(orders) = answer else { continue };
            let _all: Vec<Result<Order, _>> = orders.into_inner().collect().await;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })
    .await?;
    scouter.flush(std::time::Duration::from_secs(5));
    let (records, mut out) = (records.content(), std::io::stdout().lock());
    records.xlogs.iter().try_for_each(|row| writeln!(out, "{row}"))?;
    records.profiles.iter().try_for_each(|(txid, tree)| write!(out, "\n{txid}\n{tree}"))?;
    Ok(())
}
