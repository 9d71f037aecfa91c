//! Typed headers, one a file.

mod address;
mod cseq;
mod event;
mod rack;
mod reason;
mod refer_to;
mod replaces;
mod via;

pub use address::{Contacts, NameAddr, Params};
pub(crate) use address::{RawNameAddr, RawParams, is_closed, parts, split_outside};
pub use cseq::CSeq;
pub use event::{EventPackage, SubscriptionState, Substate};
pub use rack::RAck;
pub use replaces::Replaces;
pub(crate) use via::RawVia;
pub use via::Via;
