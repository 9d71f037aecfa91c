//! Events to call records, live views and the stored form of an event.
//!
//! ```text
//! Stamped ──► Ledger ──► CallRecord ──► store, reports
//!        ├──► Live   ──► QueueView, OperatorView, CallView ──► API, wallboard, gauges
//!        └──► StoredEvent ──► store
//! ```
//!
//! Knows events and settings, and nothing of who tells them or where records are kept.
//! Every map has a bound: a stream of events that never ends its calls costs details,
//! never memory.
//!
//! # Why
//! - A record is told at `CallEnded`, because a report must not wait for media. Streams
//!   close after that, so a record whose streams end later is told again with a higher
//!   revision; whoever keeps records keeps the highest revision of an id.
//! - The live views read the same events as the records, so the wallboard and the
//!   reports of the same minute cannot disagree.

mod call_record;
mod ledger;
mod level;
mod live;
mod look;
mod lost;
mod stored_event;
mod view;

#[cfg(test)]
mod recording_tests;
#[cfg(test)]
mod tests;

pub use call_record::{CallRecord, OfferRecord, QualityRecord, RecordingRecord};
pub use ledger::Ledger;
pub use level::ServiceWindow;
pub use live::{Floor, Live};
pub use lost::{Lost, lost};
pub use stored_event::StoredEvent;
pub use view::{CallView, OperatorView, QueueSettingsView, QueueView, ServiceLevelView};
