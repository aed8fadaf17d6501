//! The page: files of `ui/`, embedded in release builds and read from disk in debug builds; scripts
//! and styles are sent in [packs](pack) under `/assets/pack/`.
//!
//! Nothing is fetched from anywhere else, no script is inline, and the only Trusted Types policy
//! is the one that names our workers. Every address of the page serves the same shell; which view
//! it shows is decided by the address in the browser.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path as FilePath;
use std::sync::LazyLock;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;

use crate::api::error::ApiError;

mod pack;

#[derive(rust_embed::RustEmbed)]
#[folder = "ui/"]
#[exclude = "test/*"]
#[exclude = "node_modules/*"]
#[exclude = "*.md"]
#[exclude = "package*.json"]
#[exclude = "tsconfig.json"]
#[exclude = "*.ts"]
struct Files;

/// What the page may do: load its own files and talk to its own collector, nothing else.
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; connect-src 'self'; img-src 'self' data:; worker-src 'self'; \
    font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types scouter-worker";

/// Serves the shell for every address of the page.
pub(crate) async fn shell(headers: HeaderMap) -> Response {
    file("index.html", &headers)
}

/// Serves a file under `/assets/`.
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// Whether a path that no resource claims is an address of the page rather than a missing file.
pub(crate) fn is_page_route(path: &str) -> bool {
    !path.starts_with("/api/")
        && !path.starts_with("/assets/")
        // A page may end with the name of a host, or of a gRPC method.
        && (path.starts_with("/config/")
            || path.starts_with("/services/")
            || !path.rsplit('/').next().unwrap_or("").contains('.'))
}

fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(File { data, tag }) = read(path) else {
        return ApiError::not_found(format!("there is no file {path} in the page")).into_response();
    };
    let mut headers = HeaderMap::new();
    let etag = HeaderValue::from_str(&format!("\"{tag}\""));
    headers.insert(ETAG, etag.unwrap_or(HeaderValue::from_static("\"0\"")));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    secure(&mut headers);
    if request.get_all(IF_NONE_MATCH).iter().any(|known| names_tag(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let (content_type, is_text) = content_type(path);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if is_text
        && accepts_gzip(request)
        && let Some(small) = compressed(path, &tag, || gzip(&data))
    {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, small).into_response();
    }
    (headers, data).into_response()
}

/// A file, and what tells it from another version of itself.
#[derive(Clone)]
struct File {
    data: Bytes,
    tag: String,
}

fn read(path: &str) -> Option<File> {
    if let Some(name) = path.strip_prefix("pack/") {
        return packed(name);
    }
    let file = Files::get(path)?;
    let hash = file.metadata.sha256_hash();
    let tag = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let data = match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    };
    Some(File { data, tag })
}

/// The packs by name, and when the files were written that they were made of.
#[derive(Default)]
struct Packs {
    written: Option<SystemTime>,
    files: HashMap<&'static str, File>,
}

static PACKS: LazyLock<Mutex<Packs>> = LazyLock::new(Mutex::default);

/// A pack, made when the first one is asked for and, in debug builds, when a file has changed.
fn packed(name: &str) -> Option<File> {
    let mut packs = PACKS.lock();
    let written = last_written();
    if packs.files.is_empty() || packs.written != written {
        let text = |path: &str| String::from_utf8(Files::get(path)?.data.into_owned()).ok();
        let files = pack::styles(text).into_iter().chain(pack::scripts(text));
        let files = files.map(|(name, text)| {
            let tag = format!("{:08x}{:x}", crc32c::crc32c(text.as_bytes()), text.len());
            (name, File { data: Bytes::from(text), tag })
        });
        *packs = Packs { written, files: files.collect() };
    }
    packs.files.get(name).cloned()
}

/// When the newest file of the packs was written; `None` where they are embedded. Looks into their
/// folders only: beside them may be a thousand files of tools.
fn last_written() -> Option<SystemTime> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let ui = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    newest(&ui.join("src")).max(newest(&ui.join("style")))
}

/// When the newest file below a folder was written.
fn newest(folder: &FilePath) -> Option<SystemTime> {
    let times = folder.read_dir().ok()?.flatten().filter_map(|entry| {
        let about = entry.metadata().ok()?;
        if about.is_dir() { newest(&entry.path()) } else { about.modified().ok() }
    });
    times.max()
}

/// Files as they are sent compressed, by path, each with the tag of what it was made of. There are
/// at most as many as the page has files, some 200 kB in all.
static COMPRESSED: LazyLock<Mutex<HashMap<String, (String, Bytes)>>> =
    LazyLock::new(Mutex::default);

/// A file compressed, from memory if it has not changed since: making it anew would be most of what
/// a first load costs.
fn compressed(path: &str, tag: &str, make: impl FnOnce() -> Option<Vec<u8>>) -> Option<Bytes> {
    if let Some((_, known)) = COMPRESSED.lock().get(path).filter(|(made_of, _)| made_of == tag) {
        return Some(known.clone());
    }
    // Not under the lock: two that ask at once may both make it, and get the same.
    let made = Bytes::from(make()?);
    COMPRESSED.lock().insert(path.to_owned(), (tag.to_owned(), made.clone()));
    Some(made)
}

/// The headers that every answer with content for a browser carries.
pub(crate) fn secure(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

fn names_tag(header: &HeaderValue, tag: &str) -> bool {
    header.to_str().is_ok_and(|tags| tags.split(',').any(|one| one.trim().contains(tag)))
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|one| one.trim().split(';').next() == Some("gzip")))
}

/// Compresses a file at a middle level.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(6));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn content_type(path: &str) -> (&'static str, bool) {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => ("text/html; charset=utf-8", true),
        Some("js" | "mjs") => ("text/javascript; charset=utf-8", true),
        Some("css") => ("text/css; charset=utf-8", true),
        Some("json" | "map") => ("application/json", true),
        Some("svg") => ("image/svg+xml", true),
        Some("txt") => ("text/plain; charset=utf-8", true),
        Some("png") => ("image/png", false),
        Some("ico") => ("image/x-icon", false),
        Some("woff2") => ("font/woff2", false),
        _ => ("application/octet-stream", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_page_are_told_from_missing_files() {
        for (path, is_page) in [
            ("/", true),
            ("/xlog", true),
            ("/tx/0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7", true),
            ("/config/%2Fshop.example.com%2Forders", true),
            ("/services/shop.v1.Orders%2FGet", true),
            ("/api/v1/nothing", false),
            ("/assets/missing", false),
            ("/favicon.ico", false),
            ("/app.js", false),
        ] {
            assert_eq!(is_page_route(path), is_page, "{path}");
        }
    }

    #[test]
    fn a_file_is_compressed_once_and_anew_when_it_has_changed() {
        let make = |text: &'static [u8]| move || gzip(text);
        let first = compressed("a test's own", "1", make(b"one")).unwrap();
        let again = compressed("a test's own", "1", || panic!("it is known")).unwrap();
        assert_eq!(first, again);
        let changed = compressed("a test's own", "2", make(b"two")).unwrap();
        assert_ne!(first, changed);
        assert_eq!(compressed("a test's own", "3", || None), None);
    }

    #[test]
    fn tests_and_tools_of_the_page_are_not_served() {
        for name in Files::iter() {
            let is_hidden = name.starts_with("test/") || name.contains("node_modules");
            assert!(!is_hidden, "{name} must not be served");
        }
        assert!(Files::get("test/golden/quantiser.json").is_none());
    }
}
