//! Typed headers, one a file.

mod address;
mod cseq;
mod event;
mod rack;
mod refer_to;
mod replaces;
mod via;

pub(crate) use address::split_outside;
pub use address::{Contacts, NameAddr, Params};
pub use cseq::CSeq;
pub use event::{EventPackage, SubscriptionState, Substate};
pub use rack::RAck;
pub use replaces::Replaces;
pub use via::Via;
