//! Events to the numbers that the NOC watches.
//!
//! ```text
//! Stamped ──► Observer ──┐
//! sip counts ──► sip  ───┼──► metrics facade ──► Recorder (prometheus registry) ──► text
//! store, others ─────────┘                          ▲
//!                              Live, at scrape time ┘
//! ```
//!
//! [`table`] names every metric once, with its kind, labels, buckets and help; whatever
//! is not in the table cannot be counted. Labels hold configured names, words of the
//! contract and status codes: never a caller's number, so the number of series is bounded
//! by the configuration.
//!
//! # Why
//! - What can be read from the live views (who waits, who is ready) is set when it is
//!   scraped, because a gauge that is moved up and down by events drifts with the first
//!   event that is missed.
//! - Handles are resolved once and kept: counting is then one atomic addition.

mod asks;
mod observe;
mod recorder;
pub mod recording;
mod share;
pub mod sip;
pub mod table;

#[cfg(test)]
mod tests;

pub use asks::asked;
pub use observe::{Names, Observer};
pub use recorder::{InstallError, Recorder};
pub use share::Share;
pub use table::{Kind, Metric, TABLE};
