//! Typed headers, one a file.

mod address;
mod cseq;
mod via;

pub(crate) use address::split_outside;
pub use address::{Contacts, NameAddr, Params};
pub use cseq::CSeq;
pub use via::Via;
