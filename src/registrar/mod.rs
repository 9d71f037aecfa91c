//! Where operators' phones are (RFC 3261 section 10), the proxies before them (RFC 3327),
//! and the flows by which they are reached (RFC 5626).
//!
//! One [`Registrar`] is shared by all shards. A phone proves itself by
//! [`authenticate()`] before anything of it is kept, so what is kept is bounded by the
//! operators in the configuration and
//! [`CONTACTS_PER_OPERATOR`](crate::model::limits::CONTACTS_PER_OPERATOR).

mod ask;
mod authenticate;
mod binding;
mod carrier;
mod guesses;
mod kept;
mod phones;
mod registrar;

#[cfg(test)]
mod carrier_tests;
#[cfg(test)]
mod tests;

pub(crate) use authenticate::challenge;
pub use authenticate::{Door, Identity, Verdict, authenticate, identify};
pub use binding::{Binding, Change, Listed, Refusal, Registered, Rules};
pub use carrier::{Carrier, CarrierInput, CarrierOutput, Enrolment};
pub use guesses::{Claim, Guessed, Guesses, Role};
pub use kept::Kept;
pub use registrar::Registrar;
