//! What comes in WebSocket frames: how much of it is read, and what of it is SIP.
//!
//! No socket is here, so that a fuzz target reads as the server does.

use bytes::Bytes;
use exchange::model::limits;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Room to read into that each connection keeps: an ordinary message.
const READ: usize = 2 * 1024;

/// How a client's frames are read, and how much waits to be sent.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * limits::STREAM_MESSAGE_BYTES)
        .max_message_size(Some(limits::STREAM_MESSAGE_BYTES))
        .max_frame_size(Some(limits::STREAM_MESSAGE_BYTES))
}

/// What a WebSocket message is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// Nothing, or what the library answers by itself.
    Nothing,
    /// A ping of RFC 5626 section 4.4.1, as on a stream.
    Ping,
    /// What may be a message of SIP.
    Message(Bytes),
}

/// What a WebSocket message carries.
pub(super) fn carried(message: Message) -> Carried {
    let mut bytes = match message {
        Message::Text(text) => Bytes::from(text),
        Message::Binary(bytes) => bytes,
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {
            return Carried::Nothing;
        }
    };
    if bytes.as_ref() == b"\r\n\r\n" {
        return Carried::Ping;
    }
    while bytes.starts_with(b"\r\n") {
        bytes = bytes.slice(2..);
    }
    if bytes.is_empty() {
        return Carried::Nothing;
    }
    // It may be a slice of more than itself, and what is kept of it would keep all.
    Carried::Message(Bytes::copy_from_slice(&bytes))
}
