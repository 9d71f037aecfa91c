//! SIP over WebSocket (RFC 7118): a message of the one in a message of the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::frames::{Carried, carried, config};
use super::places::Line;
use super::stream::{Patience, WRITE_TIME, part};
use super::streams::{End, Streams};

/// The subprotocol that both sides must name.
const PROTOCOL: &str = "sip";

/// A WebSocket whose bytes are counted as they come.
pub(super) type Socket<S> = WebSocketStream<Counted<S>>;

/// Takes the upgrade.
///
/// # Errors
/// When it is none, or not to SIP; the peer was told.
pub(super) async fn accept<S>(stream: S, origins: &[String]) -> Result<Socket<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    #[expect(
        clippy::result_large_err,
        reason = "the library's own type, once a connection"
    )]
    let check = |request: &Request, response: Response| upgrade(request, response, origins);
    let mut stream = Counted { stream, count: 0 };
    // Lent, so that who did not ask for an upgrade can be told: the library leaves without a
    // word. It has read nothing beyond the request.
    let lent = &mut stream;
    let shaken = tokio_tungstenite::accept_hdr_async_with_config(lent, check, Some(config()));
    if let Err(error) = shaken.await {
        if let Error::Protocol(fault) = &error {
            tell(&mut stream, answer_to(fault)).await;
        }
        return Err(error);
    }
    Ok(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await)
}

/// What is said of a request that is no upgrade to a WebSocket (RFC 6455 section 4.2): the
/// status line and the headers that it needs.
fn answer_to(fault: &ProtocolError) -> &'static str {
    let version = ProtocolError::MissingSecWebSocketVersionHeader;
    let upgrade = [
        ProtocolError::MissingConnectionUpgradeHeader,
        ProtocolError::MissingUpgradeWebSocketHeader,
    ];
    if *fault == ProtocolError::WrongHttpMethod {
        "405 Method Not Allowed\r\nAllow: GET"
    } else if *fault == ProtocolError::WrongHttpVersion {
        "505 HTTP Version Not Supported"
    } else if *fault == version {
        "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
    } else if upgrade.contains(fault) {
        "426 Upgrade Required\r\nUpgrade: websocket"
    } else {
        // A key that is none, what cannot be read, bytes behind the request.
        "400 Bad Request"
    }
}

/// Says it and hangs up; who does not listen is not waited for beyond the handshake's time.
async fn tell<S: AsyncWrite + Unpin>(stream: &mut S, what: &str) {
    let answer = format!("HTTP/1.1 {what}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the library's own type, once a connection"
)]
fn upgrade(
    request: &Request,
    mut response: Response,
    origins: &[String],
) -> Result<Response, ErrorResponse> {
    let refuse = |status, why: &str| {
        let mut refusal = ErrorResponse::new(Some(why.to_owned()));
        *refusal.status_mut() = status;
        refusal
    };
    let headers = request.headers();
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok());
    let is_sip = |word: &str| word.trim().eq_ignore_ascii_case(PROTOCOL);
    if !offered.any(|list| list.split(',').any(is_sip)) {
        let why = "Sec-WebSocket-Protocol must offer sip\n";
        return Err(refuse(StatusCode::BAD_REQUEST, why));
    }
    // Of two, a proxy may have looked at the other.
    if headers.get_all(ORIGIN).iter().count() > 1 {
        let why = "a request has one Origin at most\n";
        return Err(refuse(StatusCode::BAD_REQUEST, why));
    }
    // What is no browser sends none, and could send any.
    if let Some(origin) = headers.get(ORIGIN)
        && !origins.is_empty()
    {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        if !origins.contains(&origin) {
            let why = "this origin may not connect\n";
            return Err(refuse(StatusCode::FORBIDDEN, why));
        }
    }
    let protocol = HeaderValue::from_static(PROTOCOL);
    response
        .headers_mut()
        .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(response)
}

/// What happened on a socket.
enum Step {
    Came(Option<Result<Message, Error>>),
    /// Bytes came, and a message is not whole.
    Begun,
    Goes(Option<Bytes>),
    Late,
}

/// Carries messages both ways until the connection ends.
pub(super) async fn carry<S>(
    streams: &Streams,
    line: &Line,
    mut socket: Box<Socket<S>>,
    mut messages: mpsc::Receiver<Bytes>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut patience = Patience::new();
    let mut seen = socket.get_ref().count;
    let mut begun = false;
    loop {
        let came = poll_fn(|cx| match socket.poll_next_unpin(cx) {
            Poll::Ready(item) => Poll::Ready(Step::Came(item)),
            Poll::Pending if !begun && socket.get_ref().count != seen => Poll::Ready(Step::Begun),
            Poll::Pending => Poll::Pending,
        });
        let step = tokio::select! {
            step = came => step,
            bytes = messages.recv() => Step::Goes(bytes),
            () = sleep_until(patience.until(line)) => Step::Late,
        };
        match step {
            Step::Came(Some(Ok(message))) => {
                let count = socket.get_ref().count;
                seen = match control(&message) {
                    Some(length) => seen.saturating_add(length).min(count),
                    None => count,
                };
                begun = seen != count;
                let (whole, answer) = received(streams, line, message);
                patience.read(whole, begun, line);
                if let Some(end) = send(&mut socket, answer).await {
                    return end;
                }
            }
            Step::Came(Some(Err(error))) => {
                say_why(&mut socket, &error).await;
                return end_of(error);
            }
            Step::Came(None) | Step::Goes(None) => return End::Closed,
            Step::Begun => {
                begun = true;
                patience.read(false, true, line);
            }
            Step::Goes(Some(bytes)) => {
                let length = bytes.len();
                if let Some(end) = send(&mut socket, Some(bytes)).await {
                    return end;
                }
                line.waiting.fetch_sub(length, Ordering::Relaxed);
            }
            Step::Late if Instant::now() < patience.until(line) => {}
            Step::Late => return patience.end(),
        }
    }
}

/// How long a frame was that may stand between the parts of a message (RFC 6455 section
/// 5.4): the message is no sooner whole for it, nor has it more time.
fn control(message: &Message) -> Option<u64> {
    match message {
        // Its head has two bytes, and four of the mask that each client has.
        Message::Ping(bytes) | Message::Pong(bytes) => u64::try_from(bytes.len() + 6).ok(),
        Message::Text(_) | Message::Binary(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

/// Deals with a message: whether it was one of SIP, and what is to be answered at once.
fn received(streams: &Streams, line: &Line, message: Message) -> (bool, Option<Bytes>) {
    match carried(message) {
        Carried::Nothing => (false, None),
        Carried::Ping => (false, Some(Bytes::from_static(b"\r\n"))),
        Carried::Message(bytes) => {
            streams.deliver(bytes, line);
            (true, None)
        }
    }
}

/// Sends a message, as text if it is (RFC 7118 section 4.2). The end, if it is one.
async fn send<S>(socket: &mut Socket<S>, bytes: Option<Bytes>) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bytes = bytes?;
    let message = match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    };
    match timeout(WRITE_TIME, socket.send(message)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(end_of(error)),
        Err(_) => Some(End::Slow),
    }
}

/// Tells the peer what it did wrong, if it did (RFC 6455 section 7.1.7).
async fn say_why<S>(socket: &mut Socket<S>, error: &Error)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(code) = code_of(error) else { return };
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    };
    let told = timeout(WRITE_TIME, socket.send(Message::Close(Some(frame)))).await;
    if told.is_ok() {
        part(socket.get_mut()).await;
    }
}

/// RFC 6455 section 7.4.1.
fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_)
        | Error::Tls(_) => None,
    }
}

fn end_of(error: Error) -> End {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => End::Closed,
        Error::Io(error) => End::Broken(error),
        Error::Capacity(_)
        | Error::Protocol(_)
        | Error::WriteBufferFull(_)
        | Error::Utf8(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_)
        | Error::Tls(_) => End::Malformed,
    }
}

/// A stream that tells how much was read of it.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    count: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        self.count = self.count.wrapping_add(u64::try_from(read).unwrap_or(1));
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
