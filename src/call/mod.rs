//! One call: the only place that knows all of it.
//!
//! ```text
//!            ┌────── what the flow says ───────┐
//!  INVITE ─► Flow ──queue──► Queued ──answers──► Talking ──hangs up──► Flow ─► …
//!             │ ──line────► Dialing ──answers─────►│                    │
//!             └───────────── every way out ────────┴─► Ending ─► gone ◄─┘
//! ```
//! A call is a machine like the others: an input, the time, what it wants done. It sends
//! its SIP requests itself through its shard's endpoint, which the [`Floor`] lends it for
//! the length of one input.
//!
//! Invariants: a call ends in `farewell` and nowhere else, from every state; what it
//! holds is given back by then (ticket, seat, claim, permits) or on the way back (ports,
//! INVITEs that were cancelled), and it stays in `Ending` until they are; an operator who
//! was given to it is given back exactly once.
//!
//! # Why
//! - **A phone that rings is opened ports first.** The description in the INVITE must name
//!   a port that is ours, so an offer begins with the media worker's answer.
//! - **An INVITE of ours is never forgotten before its final answer.** CANCEL and 200 may
//!   meet on the way; then the phone thinks that it talks, and is told otherwise by BYE.
//! - **A phone that rings delays no step.** A step that leads to another place takes the
//!   call there, and whoever rings rings on: who picks up first has the caller. Only a
//!   wait that is over ends after the ringing, which is a matter of seconds.
//! - **Everything that rings for a call is in one list**, so that one operator, all of a
//!   queue, and one of the queue before are the same to what follows.

mod addresses;
mod back;
mod call;
mod callbacks;
mod comebacks;
mod destination;
mod carry;
mod dial;
mod early;
mod diverted;
mod escalate;
mod farewell;
mod floor;
mod give;
mod in_dialog;
mod in_flow;
mod in_offer;
mod in_queue;
mod in_talk;
mod invite;
mod keys;
mod leg;
mod line_answer;
mod made;
mod named;
mod offer_over;
mod pass;
mod pauses;
mod prioritize;
mod progress;
mod promise;
mod reach;
mod recording;
mod refer;
mod refresh;
mod replace;
mod shared;
mod speaking;
mod stopping;
mod talks;
mod transfer;
mod treatment;
mod waiting;
mod wrap_ups;

pub use back::Customer;
pub use call::{Call, Caller, Input};
pub use callbacks::{Callback, CallbackKey, Callbacks, Doing, Keep, Pending, Promised, TooMany};
pub use comebacks::{Comeback, Comebacks};
pub use destination::Destination;
pub use floor::{Floor, Output, call_of, leg_id};
pub use give::{Given, Marks};
pub use leg::{ACCEPT, ALLOW, tell_abilities};
pub use pass::Pass;
pub use pauses::Pauses;
pub use promise::wall_ms;
pub use reach::Reach;
pub use refer::Refer;
pub use replace::Replacement;
pub use shared::{CALLS, Gates, Permit, Shared, Snapshot};
pub use stopping::Stopping;
pub use talks::Talks;
pub use waiting::{Place, Waiter, Waiting};
pub use wrap_ups::WrapUps;
