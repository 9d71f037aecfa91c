//! RFC 3261 and friends: messages on the wire. Does not know what a queue is.
//!
//! A datagram is cut into slices of itself: parsing copies nothing but folded lines,
//! and values are read as types only when somebody asks. What a peer must see again
//! (Via, Route, From, To) is echoed byte for byte.
//!
//! # Why
//! Peers send what the grammar forbids and forbid what it allows. A reader here is
//! strict where a guess would change the meaning (start line, framing, numbers) and
//! lenient where RFC 4475 asks for it (spaces, unknown schemes, any bytes in names).

mod account;
pub mod digest;
mod dialog;
pub mod endpoint;
mod fields;
mod header;
mod headers;
mod hop;
mod message;
mod method;
mod multipart;
mod name;
pub mod nonce;
mod origin;
mod owner;
mod parse;
mod random;
mod route;
pub mod session_timer;
pub mod sniff;
mod stream;
pub(crate) mod stun;
mod text;
mod transaction;
mod transport;
mod uri;

#[cfg(test)]
mod dialog_tests;

pub use account::{Account, Answered};
pub use dialog::{Dialog, DialogError, DialogId};
pub use endpoint::{ClientTx, Endpoint, ServerTx};
pub(crate) use header::split_outside;
pub use header::{
    CSeq, Contacts, EventPackage, NameAddr, Params, RAck, Replaces, SubscriptionState, Substate,
    Via,
};
pub use headers::{Header, HeaderError, Headers};
pub use hop::Hop;
pub use message::{Message, Request, Response, reason_phrase};
pub use method::Method;
pub(crate) use name::Known;
pub use name::Name;
pub use owner::{owner, tag_owner};
pub use parse::{ParseError, Refusal};
pub use route::{Service, Way, by_weight, way};
pub use session_timer::SessionTimer;
pub use stream::{Frame, FrameError, StreamFramer};
pub use text::Text;
pub use transport::{Advertise, ConnectionId, Peer, Transport};
pub(crate) use uri::digits;
pub use uri::{Host, Scheme, Uri, UriError};
