//! Where operators' phones are (RFC 3261 section 10).
//!
//! One [`Registrar`] is shared by all shards. A phone proves itself by
//! [`authenticate()`] before anything of it is kept, so what is kept is bounded by the
//! operators in the configuration and
//! [`CONTACTS_PER_OPERATOR`](crate::model::limits::CONTACTS_PER_OPERATOR).

mod authenticate;
mod binding;
mod carrier;
mod registrar;
mod replays;

#[cfg(test)]
mod carrier_tests;
#[cfg(test)]
mod tests;

pub(crate) use authenticate::challenge;
pub use authenticate::{Door, Identity, Verdict, authenticate, identify};
pub use binding::{Binding, Change, Refusal, Registered, Rules};
pub use carrier::{Carrier, CarrierInput, CarrierOutput, Enrolment};
pub use registrar::Registrar;
pub use replays::Replays;
