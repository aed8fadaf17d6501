//! The WebSocket of one page: JSON text in, binary frames out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::blocks;
use super::row::needs_texts;
use super::viewer::Viewer;
use crate::api::error::ApiError;
use crate::api::params;
use crate::app::App;
use crate::limits::MAX_POINTS;
use crate::query::filter;
use crate::store::{Filter, Measure, TimeRange};

/// Longest message of a page, in bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Longest window of a snapshot: one hour.
const MAX_WINDOW_US: i64 = 3_600_000_000;

/// Window of a snapshot when the page does not say: five minutes.
const DEFAULT_WINDOW_US: i64 = 300_000_000;

/// How long one frame may take to reach the page's system before the page is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What a page says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// Begin a topic.
    Subscribe {
        topic: Topic,
        #[serde(default)]
        cursor: String,
        window_us: Option<i64>,
        /// What heights are; empty: elapsed time.
        #[serde(default)]
        measure: String,
        #[serde(default)]
        f: String,
    },
    /// End a topic.
    Unsubscribe { topic: Topic },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Topic {
    Points,
    Pulse,
}

/// Opens the live view of a page.
pub(crate) async fn upgrade(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let (frames, queue) = mpsc::channel(app.limits.viewer_queue_frames);
    let viewer = Arc::new(Viewer::new(frames));
    if !app.hub.enter(&viewer, app.settings().max_pages) {
        app.telemetry.viewers_refused.one();
        let message = "too many live views are open: close some pages";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return ApiError::new(status, "too_many_viewers", message).into_response();
    }
    app.telemetry.viewers.one();
    let mut page = Page { app, viewer, is_watching: false };
    let upgrade = upgrade.max_message_size(MAX_REQUEST_BYTES).max_frame_size(MAX_REQUEST_BYTES);
    upgrade.on_upgrade(async move |socket| page.serve(socket, queue).await)
}

/// One open page; it leaves the hub when its connection ends, however it ends.
struct Page {
    app: Arc<App>,
    viewer: Arc<Viewer>,
    is_watching: bool,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.unwatch();
        self.app.hub.leave(&self.viewer);
    }
}

impl Page {
    async fn serve(&mut self, mut socket: WebSocket, mut queue: mpsc::Receiver<Bytes>) {
        let hello = self.hello(self.app.store.cursor(), None);
        if send(&mut socket, Message::Binary(hello.into())).await.is_err() {
            return;
        }
        let mut end = self.app.end_of_pages.subscribe();
        loop {
            tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if self.answer(&mut socket, text.as_str()).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_))) => {
                        let error = ApiError::bad("bad_request", "send JSON as text, not binary");
                        let text = Message::Text(error.json().to_string().into());
                        if send(&mut socket, text).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                Some(frame) = queue.recv() => {
                    if send(&mut socket, Message::Binary(frame)).await.is_err() {
                        return;
                    }
                }
                _ = end.changed() => {
                    // The page sees the end either way and reconnects.
                    let _ = send(&mut socket, Message::Close(None)).await;
                    return;
                }
            }
        }
    }

    /// Handles one request of the page; errors are answered and the socket stays open.
    async fn answer(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), Gone> {
        let result = match serde_json::from_str(text) {
            Ok(request) => self.handle(socket, request).await?,
            Err(error) => Err(ApiError::bad("bad_request", format!("not a request: {error}"))),
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) => send(socket, Message::Text(error.json().to_string().into())).await,
        }
    }

    async fn handle(
        &mut self,
        socket: &mut WebSocket,
        request: Request,
    ) -> Result<Result<(), ApiError>, Gone> {
        match request {
            Request::Subscribe { topic: Topic::Pulse, .. } => {
                self.watch(false);
                self.viewer.set_pulse(true);
            }
            Request::Unsubscribe { topic: Topic::Pulse } => self.viewer.set_pulse(false),
            Request::Unsubscribe { topic: Topic::Points } => self.viewer.unsubscribe_points(),
            Request::Subscribe { topic: Topic::Points, cursor, window_us, measure, f } => {
                let wish = match Wish::new(&cursor, window_us, &measure, &f) {
                    Ok(wish) => wish,
                    Err(error) => return Ok(Err(error)),
                };
                return self.subscribe(socket, wish).await;
            }
        }
        Ok(Ok(()))
    }

    async fn subscribe(
        &mut self,
        socket: &mut WebSocket,
        wish: Wish,
    ) -> Result<Result<(), ApiError>, Gone> {
        self.viewer.unsubscribe_points();
        let with_texts = needs_texts(&wish.filter);
        self.watch(with_texts);
        let (cursor, frames) = match wish.resume {
            Some(resume) if !with_texts && self.app.hub.covers(&*self.app.store, resume) => {
                (resume, Vec::new())
            }
            Some(resume) => {
                let cursor = self.app.store.cursor();
                (cursor, blocks::gap(resume.min(cursor), cursor))
            }
            None => match self.snapshot(&wish).await {
                Ok(snapshot) => snapshot,
                Err(error) => return Ok(Err(error)),
            },
        };
        if !frames.is_empty() {
            send(socket, Message::Binary(frames.into())).await?;
        }
        send(socket, Message::Binary(self.hello(cursor, Some("points")).into())).await?;
        self.viewer.subscribe_points(wish.measure, wish.filter, cursor);
        Ok(Ok(()))
    }

    /// Blocks of what the store has of the window, and the cursor up to which that is everything.
    async fn snapshot(&self, wish: &Wish) -> Result<(u64, Vec<u8>), ApiError> {
        let (app, filter) = (Arc::clone(&self.app), wish.filter.clone());
        let measure = wish.measure;
        let from_unix_us = app.clock.unix_us().saturating_sub(wish.window_us);
        let range = TimeRange { from_unix_us, to_unix_us: i64::MAX };
        let question = move || -> Result<(u64, Vec<u8>), ApiError> {
            let points = app.store.points(range, measure, &filter, MAX_POINTS)?;
            let mut out = Vec::new();
            blocks::put_blocks(&mut out, &points.points, points.cursor);
            Ok((points.cursor, out))
        };
        tokio::task::spawn_blocking(question).await.unwrap_or_else(|_| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Err(ApiError::new(status, "internal", "the snapshot broke the collector's code"))
        })
    }

    fn hello(&self, cursor: u64, topic: Option<&str>) -> Vec<u8> {
        let value = json!({
            "cursor": cursor.to_string(),
            "now_unix_us": self.app.clock.unix_us(),
            "version": env!("CARGO_PKG_VERSION"),
            "topic": topic,
        });
        blocks::json(blocks::HELLO, cursor, &value)
    }

    /// Watches from now on, with texts if asked for once. The hub keeps rows with texts until the
    /// last page has gone.
    fn watch(&mut self, with_texts: bool) {
        self.app.hub.watch(&*self.app.store, with_texts);
        if self.is_watching {
            self.app.hub.unwatch();
        }
        self.is_watching = true;
    }

    fn unwatch(&mut self) {
        if std::mem::take(&mut self.is_watching) {
            self.app.hub.unwatch();
        }
    }
}

/// A checked subscription of points.
struct Wish {
    measure: Measure,
    filter: Filter,
    window_us: i64,
    /// The cursor with which the page comes back.
    resume: Option<u64>,
}

impl Wish {
    fn new(cursor: &str, window_us: Option<i64>, measure: &str, f: &str) -> Result<Self, ApiError> {
        let measure = params::measure(measure)?;
        let filter = filter::parse(f)?;
        let resume = match cursor {
            "" | "0" => None,
            text => Some(text.parse().map_err(|_| {
                let message = format!("\"{text}\" is not a cursor: send the last one you got");
                ApiError::bad("bad_cursor", message)
            })?),
        };
        let window_us = window_us.unwrap_or(DEFAULT_WINDOW_US);
        if !(0..=MAX_WINDOW_US).contains(&window_us) {
            let message = format!("window_us is {window_us}, at most {MAX_WINDOW_US}");
            return Err(ApiError::bad("bad_range", message));
        }
        Ok(Self { measure, filter, window_us, resume })
    }
}

/// The page has gone.
struct Gone;

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
