//! What follows an upgrade: a session, a transaction of its own.
//!
//! The request ends at its 101, since it may not stay in flight for hours. What runs afterwards
//! runs in a task that no layer sees, on a connection that no layer can wrap (hyper lets nobody
//! make its `OnUpgrade`), so the handler names it: one word around the function it hands over.

use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use scouter_core::record::XLogKind;
use scouter_core::{
    Begin, Field, TextKind, TraceContext, Transaction, current, in_transaction, intern_parts, text,
};

/// What a session knows of the request it came from.
const INHERITED: [Field; 4] = [Field::Tenant, Field::Login, Field::Ip, Field::UserAgent];

/// The tag that says how a session was closed.
const CLOSE_TAG: &str = "close";

/// Makes what runs after an upgrade a transaction, called by the request that asked for it.
///
/// Call it in the handler and give what it answers to axum's `on_upgrade`, or call that with the
/// upgraded connection. The session is `SESSION /chat/{room}` where the request is
/// `GET /chat/{room}`; it has its trace, tenant, login, client address and user agent. It begins
/// when the connection is there (a failed upgrade makes none) and ends when the function does:
///
/// | the function | the session |
/// |---|---|
/// | answers `()` | complete |
/// | answers [`Closed`] | complete, with code and reason in the tag `close` |
/// | answers an error | complete, with the error |
/// | panics | ends by the panic, with its message |
/// | is dropped, as at the end of the runtime | cancelled |
///
/// While it is open it is among the active services; a session that waits for its peer is no error,
/// but as slow as it is long. Where the handler's request is not recorded, neither is the session.
/// It costs one box a session.
///
/// # Examples
/// ```
/// use scouter_tower::{Closed, session};
/// # struct WebSocket; struct Frame { code: u16, reason: String }
/// # impl WebSocket { async fn recv(&mut self) -> Option<Frame> { None } }
/// # struct Upgrade;
/// # impl Upgrade {
/// #     fn on_upgrade<C, F>(self, callback: C) where
/// #         C: FnOnce(WebSocket) -> F + Send + 'static, F: Future<Output = ()> + Send + 'static {
/// #         drop(callback);
/// #     }
/// # }
/// async fn talk(mut socket: WebSocket) -> Closed {
///     // … until the peer closes, in axum with `Message::Close(Some(frame))`
///     match socket.recv().await {
///         Some(frame) => Closed::new(frame.code, frame.reason),
///         None => Closed::unsaid(),
///     }
/// }
///
/// async fn chat(upgrade: Upgrade) {
///     upgrade.on_upgrade(session(talk))
/// }
/// ```
pub fn session<S, F, R>(handler: F) -> impl FnOnce(S) -> SessionFuture + Send + 'static
where
    S: Send + 'static,
    F: FnOnce(S) -> R + Send + 'static,
    R: Future<Output: SessionEnd> + Send + 'static,
{
    let origin = Origin::of_current();
    move |connection| {
        let run = async move { handler(connection).await.note() };
        SessionFuture(match origin {
            Some(origin) => Box::pin(in_transaction(origin.begin(), run)),
            None => Box::pin(run),
        })
    }
}

/// The request a session comes from.
struct Origin {
    route: &'static str,
    context: Option<TraceContext>,
    texts: [String; INHERITED.len()],
}

impl Origin {
    fn of_current() -> Option<Self> {
        current::is_active().then(|| {
            let service = text(current::service());
            Self {
                route: service.split_once(' ').map_or(service, |(_, route)| route),
                context: current::context(),
                texts: INHERITED.map(current::field),
            }
        })
    }

    fn begin(self) -> Transaction {
        let name = intern_parts(TextKind::Service, &["SESSION ", self.route]);
        let begin = Begin::new(name).kind(XLogKind::Service).context(self.context.as_ref());
        let transaction = Transaction::begin(begin);
        // It waits for its peer most of the time.
        transaction.expect_long();
        for (field, text) in INHERITED.into_iter().zip(&self.texts) {
            if !text.is_empty() {
                transaction.set_text(field, text);
            }
        }
        transaction
    }
}

/// The future of a [`session`].
///
/// # Cancel safety
/// Dropped before its end, the session ends as cancelled, after what runs in it was dropped.
#[must_use = "futures do nothing unless polled"]
pub struct SessionFuture(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for SessionFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for SessionFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionFuture")
    }
}

/// How a session was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    code: Option<u16>,
    reason: String,
}

impl Closed {
    /// By a close frame with this code and reason.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code: Some(code), reason: reason.into() }
    }

    /// Without saying why.
    #[must_use]
    pub const fn unsaid() -> Self {
        Self { code: None, reason: String::new() }
    }
}

impl Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) if self.reason.is_empty() => write!(f, "{code}"),
            Some(code) => write!(f, "{code} {}", self.reason),
            None => f.write_str("unsaid"),
        }
    }
}

/// What the function of a [`session`] may answer: `()`, [`Closed`], or a `Result` of these.
pub trait SessionEnd {
    /// Notes it on the session, which is the current transaction.
    fn note(self);
}

impl SessionEnd for () {
    fn note(self) {}
}

impl SessionEnd for Closed {
    fn note(self) {
        current::tag(CLOSE_TAG, &self.to_string());
    }
}

impl<T: SessionEnd, E: Display> SessionEnd for Result<T, E> {
    fn note(self) {
        match self {
            Ok(end) => end.note(),
            Err(error) => current::error(&error),
        }
    }
}
