//! Who waits, and what happens to them while they wait.

mod settings;

pub use settings::{Action, Announce, MissedOffer, ServiceLevel, Settings, Step, Strategy};
