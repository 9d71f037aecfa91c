//! Recordings of calls, and messages of callers: lists, sound, and what becomes of them.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::{Body as Answer, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use exchange::model::{CallId, Mailbox, Number, RecordingId};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Name, Parameters, limit, name, nothing, pairs, unknown};
use super::body::{Body, Readable};
use super::problem::Problem;
use super::{AppState, aside, seconds};
use crate::server::archive::{Archive, ArchiveError};
use crate::server::store::{RecordingQuery, RecordingRow};

/// Recordings of one call that are deleted at once: more than a call can have.
const OF_A_CALL: usize = 1_000;
/// What is read of a file at once.
const PIECE: usize = 64 * 1024;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/messages", get(messages))
        .route("/messages/{id}", get(message).delete(delete_message))
        .route("/messages/{id}/audio", get(message_audio))
        .route("/messages/{id}/heard", post(heard))
        .route("/recordings", get(recordings).delete(delete_of_call))
        .route("/recordings/{id}", get(recording).delete(delete_recording))
        .route("/recordings/{id}/audio", get(recording_audio))
}

/// Which of the two a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Recording,
}

impl Kind {
    fn missing(self) -> Problem {
        Problem::not_found(match self {
            Self::Message => "there is no such message",
            Self::Recording => "there is no such recording",
        })
    }
}

#[derive(Serialize)]
struct Shown {
    id: RecordingId,
    call: CallId,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<Mailbox>,
    from: Number,
    at: String,
    duration_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<bool>,
}

impl From<RecordingRow> for Shown {
    fn from(row: RecordingRow) -> Self {
        Self {
            at: moment(row.began()),
            duration_s: seconds(row.length()),
            heard: row.mailbox.is_some().then_some(row.heard),
            id: row.id,
            call: row.call,
            mailbox: row.mailbox,
            from: row.from,
        }
    }
}

fn moment(at: SystemTime) -> String {
    let stamp = jiff::Timestamp::try_from(at).unwrap_or_default();
    format!("{stamp:.3}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heard {
    heard: bool,
}

impl Readable for Heard {
    const EXAMPLE: &'static str = r#"{"heard": true}"#;
}

/// Asks on a thread that may block, a few questions at a time.
async fn ask<T: Send + 'static>(
    state: &AppState,
    question: impl FnOnce(&Archive) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, Problem> {
    let unavailable = |detail: &str| Problem::unavailable(detail);
    let Some(archive) = state.archive.clone() else {
        return Err(unavailable("nothing is recorded here"));
    };
    let answer = aside(&state.questions, move || question(&archive)).await;
    match answer {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error @ ArchiveError::Store(_))) => {
            tracing::warn!(%error, "a question to the store failed");
            Err(unavailable("the store cannot answer at present"))
        }
        Some(Err(error @ ArchiveError::File { .. })) => {
            tracing::error!(%error, "a recording stays");
            Err(unavailable("the file cannot be deleted at present"))
        }
        None => Err(unavailable("the store cannot answer at present")),
    }
}

/// One of a kind.
async fn find(state: &AppState, kind: Kind, id: String) -> Result<RecordingRow, Problem> {
    let query = RecordingQuery {
        messages: Some(kind == Kind::Message),
        id: Some(id),
        limit: 1,
        ..RecordingQuery::default()
    };
    let rows = ask(state, move |archive| archive.find(&query)).await?;
    rows.into_iter().next().ok_or_else(|| kind.missing())
}

fn read(
    kind: Kind,
    pairs: Vec<(String, String)>,
) -> Result<(RecordingQuery, Option<String>), Problem> {
    let mut query = RecordingQuery {
        messages: Some(kind == Kind::Message),
        limit: limit(None)?,
        ..RecordingQuery::default()
    };
    let mut before = None;
    for (name, value) in pairs {
        match (name.as_str(), kind) {
            ("limit", _) => query.limit = limit(Some(&value))?,
            ("before", _) => before = Some(value),
            ("call", _) => query.call = Some(value),
            ("from", _) => query.from = Some(value),
            ("mailbox", Kind::Message) => query.mailbox = Some(value),
            ("heard", Kind::Message) => {
                let heard = value.parse();
                query.heard = Some(heard.map_err(|_| Problem::bad("`heard` is true or false"))?);
            }
            (_, Kind::Message) => {
                let known = "`limit`, `before`, `call`, `from`, `mailbox` and `heard`";
                return Err(unknown(&name, known));
            }
            (_, Kind::Recording) => {
                return Err(unknown(&name, "`limit`, `before`, `call` and `from`"));
            }
        }
    }
    Ok((query, before))
}

async fn list(state: &AppState, kind: Kind, parameters: Parameters) -> Result<Response, Problem> {
    let (mut query, before) = read(kind, pairs(parameters)?)?;
    if let Some(before) = before {
        let row = find(state, kind, before).await;
        let row = row.map_err(|_| Problem::bad("`before` names nothing that is there"))?;
        query.before = Some((row.at, row.id));
    }
    let most = query.limit;
    // One more than wanted tells whether there is a next page.
    query.limit += 1;
    let mut rows = ask(state, move |archive| archive.find(&query)).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|last| last.id.clone());
    let rows: Vec<Shown> = rows.into_iter().map(Shown::from).collect();
    Ok(match kind {
        Kind::Message => Json(json!({ "messages": rows, "next": next })),
        Kind::Recording => Json(json!({ "recordings": rows, "next": next })),
    }
    .into_response())
}

async fn show(
    state: &AppState,
    kind: Kind,
    (path, parameters): (Name, Parameters),
) -> Result<Response, Problem> {
    nothing(parameters)?;
    let row = find(state, kind, name(path)?).await?;
    Ok(Json(Shown::from(row)).into_response())
}

async fn audio(state: &AppState, kind: Kind, path: Name) -> Result<Response, Problem> {
    let row = find(state, kind, name(path)?).await?;
    let id = row.id.clone();
    let opened = ask(state, move |archive| Ok(open(archive, &id))).await?;
    let Ok((file, size)) = opened else {
        return Err(Problem::not_found("the file of the sound is not there"));
    };
    let headers = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("inline; filename=\"{}.wav\"", row.id),
        ),
    ];
    Ok((headers, Answer::from_stream(pieces(file))).into_response())
}

fn open(archive: &Archive, id: &RecordingId) -> io::Result<(std::fs::File, u64)> {
    let file = archive.open(id)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// A file in pieces, each read on a thread that may block, when the one before is on its
/// way.
fn pieces(file: std::fs::File) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let file = Arc::new(file);
    stream::try_unfold(file, |file| async move {
        let reading = Arc::clone(&file);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = io::Read::read(&mut reading.as_ref(), &mut piece)?;
            piece.truncate(length);
            Ok::<_, io::Error>(piece)
        });
        let piece = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

async fn delete(state: &AppState, kind: Kind, path: Name) -> Result<Response, Problem> {
    let row = find(state, kind, name(path)?).await?;
    ask(state, move |archive| archive.delete(&[row])).await?;
    Ok(Json(json!({ "deleted": 1 })).into_response())
}

async fn messages(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    list(&state, Kind::Message, parameters).await
}

async fn message(
    State(state): State<AppState>,
    path: Name,
    parameters: Parameters,
) -> Result<Response, Problem> {
    show(&state, Kind::Message, (path, parameters)).await
}

async fn message_audio(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    audio(&state, Kind::Message, path).await
}

async fn delete_message(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    delete(&state, Kind::Message, path).await
}

async fn heard(
    State(state): State<AppState>,
    path: Name,
    Body(body): Body<Heard>,
) -> Result<Response, Problem> {
    let mut row = find(&state, Kind::Message, name(path)?).await?;
    row.heard = body.heard;
    let id = row.id.clone();
    ask(&state, move |archive| {
        archive.mark(&id, body.heard);
        Ok(())
    })
    .await?;
    Ok(Json(Shown::from(row)).into_response())
}

async fn recordings(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    list(&state, Kind::Recording, parameters).await
}

async fn recording(
    State(state): State<AppState>,
    path: Name,
    parameters: Parameters,
) -> Result<Response, Problem> {
    show(&state, Kind::Recording, (path, parameters)).await
}

async fn recording_audio(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    audio(&state, Kind::Recording, path).await
}

async fn delete_recording(State(state): State<AppState>, path: Name) -> Result<Response, Problem> {
    delete(&state, Kind::Recording, path).await
}

/// All recordings of one call, which must be named: nobody deletes everything by a slip.
async fn delete_of_call(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let pairs = pairs(parameters)?;
    let [(name, call)] = pairs.as_slice() else {
        return Err(Problem::bad(
            "write `?call=ID`: the recordings of that call go",
        ));
    };
    if name != "call" {
        return Err(unknown(name, "`call`"));
    }
    let query = RecordingQuery {
        messages: Some(false),
        call: Some(call.clone()),
        limit: OF_A_CALL,
        ..RecordingQuery::default()
    };
    let deleted = ask(&state, move |archive| {
        let rows = archive.find(&query)?;
        archive.delete(&rows)
    })
    .await?;
    Ok(Json(json!({ "deleted": deleted })).into_response())
}
