//! `/api/v1/symbols`: debug files that give names to the code in stacks, for programs that are
//! stripped, or run on other machines. The body of a POST is the file, whose build-id says which
//! program it is of; a GET lists what is here.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use scouter_core::native::{MAX_DEBUG_FILE_BYTES, build_id_hex, build_id_of};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::agent::note;
use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::limits::MAX_SYMBOL_FOLDER_BYTES;

/// Parts of a body that may wait for the disk; then the sender waits too.
const QUEUED_PARTS: usize = 4;

/// The file while it comes. There is one upload at a time.
const UNFINISHED: &str = "upload.unfinished";

/// What the writer gets. A body that breaks off has no end.
enum Part {
    Bytes(Bytes),
    End,
}

pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&[])?;
    ask(&app, |app| {
        let files = debug_files(app.symbols.folder());
        let files = files.map(|(build_id, bytes)| json!({ "build_id": build_id, "bytes": bytes }));
        let mut files: Vec<Value> = files.collect();
        files.sort_by_key(|file| file["build_id"].to_string());
        Ok(json_response(&json!({ "files": files })))
    })
    .await
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    params: Params,
    request: Request,
) -> Answer {
    params.only(&[])?;
    if caller.role < Role::Operator {
        let message = "a debug file needs the role operator: log in as somebody who has it";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let Ok(turn) = Arc::clone(&app.uploads).try_acquire_owned() else {
        let message = "another debug file is just coming: try again when it is there";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message));
    };
    note(&app, caller, "upload symbols", ("", None), "").await?;
    let (parts, received) = mpsc::channel(QUEUED_PARTS);
    let of_thread = Arc::clone(&app);
    let writing = tokio::task::spawn_blocking(move || {
        // The next one must not come before this one has its name.
        let _turn = turn;
        keep(of_thread.symbols.folder(), received)
    });
    let mut body = request.into_body().into_data_stream();
    loop {
        let (part, is_last) = match body.next().await {
            Some(Ok(bytes)) => (Part::Bytes(bytes), false),
            None => (Part::End, true),
            Some(Err(_)) => break,
        };
        // A writer that has given up says why.
        if parts.send(part).await.is_err() || is_last {
            break;
        }
    }
    drop(parts);
    let kept = writing.await.map_err(|_| {
        let message = "reading the file broke the collector's code; its log says where";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    })??;
    Ok(json_response(&kept))
}

/// Writes a debug file, and names it by its build-id.
fn keep(folder: &Path, mut parts: mpsc::Receiver<Part>) -> Result<Value, ApiError> {
    let unfinished = folder.join(UNFINISHED);
    let kept = write(folder, &unfinished, &mut parts).and_then(|bytes| {
        let build_id = build_id_of(&unfinished).map_err(|missing| {
            let message = format!("this is no debug file of a program: {missing}");
            ApiError::bad("bad_debug_file", message)
        })?;
        let build_id = build_id_hex(&build_id);
        fs::rename(&unfinished, folder.join(format!("{build_id}.debug"))).map_err(unwritable)?;
        Ok(json!({ "build_id": build_id, "bytes": bytes }))
    });
    if kept.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&unfinished);
    }
    kept
}

fn write(folder: &Path, to: &Path, parts: &mut mpsc::Receiver<Part>) -> Result<u64, ApiError> {
    fs::create_dir_all(folder).map_err(unwritable)?;
    let others: u64 = debug_files(folder).map(|(_, bytes)| bytes).sum();
    let room = MAX_SYMBOL_FOLDER_BYTES.saturating_sub(others).min(MAX_DEBUG_FILE_BYTES);
    let mut file = File::create(to).map_err(unwritable)?;
    let mut written = 0;
    loop {
        match parts.blocking_recv() {
            Some(Part::Bytes(bytes)) => {
                written += bytes.len() as u64;
                if written > room {
                    let message = format!(
                        "a debug file may have {MAX_DEBUG_FILE_BYTES} bytes, and all together \
                         {MAX_SYMBOL_FOLDER_BYTES}: delete old ones in {}",
                        folder.display()
                    );
                    return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "no_room", message));
                }
                file.write_all(&bytes).map_err(unwritable)?;
            }
            Some(Part::End) => break,
            None => return Err(ApiError::bad("bad_body", "the file broke off: send it again")),
        }
    }
    file.sync_all().map_err(unwritable)?;
    Ok(written)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritable(error: io::Error) -> ApiError {
    let message = format!("the debug file cannot be written: {error}");
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "unwritable", message)
}

/// Build-ids and lengths of the files in the folder.
fn debug_files(folder: &Path) -> impl Iterator<Item = (String, u64)> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        let build_id = name.strip_suffix(".debug")?.to_owned();
        Some((build_id, file.metadata().ok()?.len()))
    })
}
