//! What happened, told once. Records, metrics, live views and the log read these.
//!
//! An event carries no time: whoever takes it from a shard stamps it with a sequence
//! number and the wall clock, so that a simulated day stamps simulated time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    CallId, CallbackResult, Carried, Cause, DequeueReason, FlowFault, FlowName, LineName,
    LineResult, NodeName, Number, OfferResult, OperatorName, OperatorState, Outcome, Overtake,
    PauseReason, Project, QueueName, Recorded, RejectReason, Said, Shut, Surveyed, TransferKind,
    TrunkName,
};

/// Position in the stream of events of one process, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// An event with its place and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// Its place among all events.
    pub sequence: Sequence,
    /// When it happened.
    pub at: SystemTime,
    /// What happened.
    pub event: Event,
}

/// Who or what ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hangup {
    /// The caller hung up or cancelled.
    Caller,
    /// The operator, or the line, hung up.
    Operator,
    /// The flow came to its end.
    Flow,
    /// No sound and no answer from a phone for too long.
    Vanished,
    /// The server is stopping.
    Shutdown,
    /// A fault of the exchange.
    Fault,
}

/// How one stream did, as heard by us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamQuality {
    /// RTP packets received.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter at the end (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// Estimated mean opinion score, 1.0 to 4.5 (G.107); `None` without packets.
    pub mos: Option<f32>,
}

/// What happened. Every event about a call carries its id.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A caller's INVITE was let in.
    CallStarted {
        /// The call.
        call: CallId,
        /// Who dials.
        from: Number,
        /// What was dialled.
        to: Number,
        /// The entry of `numbers` that it matched: bounded, so fit for a label.
        number: Number,
        /// The number's flow.
        flow: FlowName,
        /// The number's project.
        project: Option<Project>,
        /// The trunk it came by.
        trunk: TrunkName,
    },
    /// A caller's INVITE was refused after it matched a number; it leaves a record too.
    CallRejected {
        /// The call.
        call: CallId,
        /// Who dials.
        from: Number,
        /// What was dialled.
        to: Number,
        /// The entry of `numbers` that it matched.
        number: Number,
        /// The status code of the answer.
        code: u16,
    },
    /// The 200 went out to the caller.
    CallAnswered {
        /// The call.
        call: CallId,
        /// From the INVITE to the 200.
        setup: Duration,
    },
    /// The flow came to a node.
    FlowStep {
        /// The call.
        call: CallId,
        /// The flow.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// The node's type.
        verb: &'static str,
    },
    /// A flow could not do what it says, and went on by an exit.
    FlowFailed {
        /// The call.
        call: CallId,
        /// The flow.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// Why.
        fault: FlowFault,
    },
    /// A flow tells the world something.
    Notified {
        /// The call.
        call: CallId,
        /// The flow.
        flow: FlowName,
        /// The node.
        node: NodeName,
        /// What the flow calls it.
        name: Arc<str>,
        /// What it says, as JSON.
        data: Value,
    },
    /// The call waits in a queue.
    Queued {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// Its priority, the queue's added.
        priority: i16,
    },
    /// The call left a queue, one way or another.
    Dequeued {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// How long it waited there.
        waited: Duration,
        /// Why.
        exit: DequeueReason,
    },
    /// An escalation step was taken.
    Escalated {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// Which step of the queue's list, from 1.
        step: usize,
        /// Where to, when the step is a line.
        line: Option<LineName>,
    },
    /// An operator's phone was asked to ring.
    Offered {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// The operator.
        operator: OperatorName,
        /// From the match becoming possible to the offer decided.
        decided_in: Duration,
        /// Why a caller who had waited for longer was not served first, if one was there.
        overtook: Option<Overtake>,
    },
    /// A waiting call has another priority.
    Prioritized {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// Its priority from now on, the queue's added.
        priority: i16,
    },
    /// No operator who is logged in could ever take the call: it was escalated at once, or
    /// left the queue.
    Uncoverable {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
    },
    /// A caller whom an earlier process lost waits again, in the old place.
    CameBack {
        /// The new call.
        call: CallId,
        /// The queue.
        queue: QueueName,
    },
    /// A caller whose wait had been estimated was answered.
    Estimated {
        /// The queue.
        queue: QueueName,
        /// How far the estimate was from the wait, either way.
        error: Duration,
    },
    /// An offer ended.
    OfferEnded {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueName,
        /// The operator.
        operator: OperatorName,
        /// How.
        result: OfferResult,
        /// How long it rang.
        rang: Duration,
    },
    /// Caller and operator hear each other.
    Talking {
        /// The call.
        call: CallId,
        /// The queue it came from.
        queue: QueueName,
        /// The operator.
        operator: OperatorName,
        /// Time in queues until now.
        waited: Duration,
    },
    /// Caller and a line outside hear each other.
    OnLine {
        /// The call.
        call: CallId,
        /// The line.
        line: LineName,
    },
    /// A line rings to which an operator wants to hand the caller on.
    Transferring {
        /// The call.
        call: CallId,
        /// The line.
        line: LineName,
    },
    /// One try to reach a line outside ended.
    LineTried {
        /// The call.
        call: CallId,
        /// The line.
        line: LineName,
        /// What it came to.
        result: LineResult,
    },
    /// A line outside can be reached, or cannot any more, as its probes say.
    LineReach {
        /// The line.
        line: LineName,
        /// Whether one of its addresses answers.
        up: bool,
    },
    /// A trunk's server answers, or does not any more, as its probes say.
    TrunkReach {
        /// The trunk.
        trunk: TrunkName,
        /// Whether it answers.
        up: bool,
    },
    /// Our registration with a carrier holds, or does not any more.
    TrunkRegistered {
        /// The trunk.
        trunk: TrunkName,
        /// Whether it holds.
        registered: bool,
        /// Why not: a status code; `None` without an answer, and when we left.
        code: Option<u16>,
    },
    /// An operator, or a supervisor, handed the caller on, or tried to.
    Transferred {
        /// The call.
        call: CallId,
        /// The operator whom the caller talked with.
        by: OperatorName,
        /// Where to.
        kind: TransferKind,
        /// The name of the queue, line, operator or number; nothing when it is unknown.
        to: Option<Arc<str>>,
        /// Whether the operator had spoken with the other side before.
        attended: bool,
        /// 200, or the status code of the refusal.
        code: u16,
    },
    /// What the call carries for whoever takes it.
    Carried(Carried),
    /// The caller answered a question of a survey.
    Surveyed(Surveyed),
    /// A recording, or a message, began, ended, or is silent for a while.
    Recording(Recorded),
    /// One side put the other on hold.
    Held {
        /// The call.
        call: CallId,
        /// Whether the caller did it; else the operator.
        by_caller: bool,
    },
    /// The hold ended.
    Resumed {
        /// The call.
        call: CallId,
        /// Whether the caller did it; else the operator.
        by_caller: bool,
    },
    /// The talk with an operator ended.
    TalkEnded {
        /// The call.
        call: CallId,
        /// The queue it came from.
        queue: QueueName,
        /// The operator.
        operator: OperatorName,
        /// How long they talked.
        talked: Duration,
    },
    /// A stream closed.
    StreamEnded {
        /// The call.
        call: CallId,
        /// Whether it was the caller's; else the operator's or the line's.
        caller: bool,
        /// How it did.
        quality: StreamQuality,
    },
    /// The call is over; nothing more is told of it but streams that close.
    CallEnded {
        /// The call.
        call: CallId,
        /// How, in the words of the contract.
        outcome: Outcome,
        /// Who ended it.
        hangup: Hangup,
        /// What its flow says was the cause.
        cause: Option<Cause>,
        /// What the caller says, who gave up or hung up.
        said: Said,
        /// From the INVITE to the end.
        lasted: Duration,
    },
    /// An operator does something else than before.
    OperatorChanged {
        /// The operator.
        operator: OperatorName,
        /// What.
        state: OperatorState,
        /// Why, when paused.
        reason: Option<PauseReason>,
        /// The call, when offered or talking or wrapping up.
        call: Option<CallId>,
    },
    /// A phone registered, or refreshed.
    Registered {
        /// The operator.
        operator: OperatorName,
        /// The phone's contact address.
        contact: Arc<str>,
        /// Where it is reached.
        remote: SocketAddr,
        /// Whether it was there before.
        refresh: bool,
    },
    /// A phone is gone.
    Unregistered {
        /// The operator.
        operator: OperatorName,
        /// The phone's contact address.
        contact: Arc<str>,
        /// Whether it went without saying so: expired, or silent.
        vanished: bool,
    },
    /// A message was refused before it became a call or a registration.
    Refused {
        /// Why.
        reason: RejectReason,
        /// Who sent it.
        source: SocketAddr,
    },
    /// A stranger failed once too often: it is not heard for a while.
    ShutOut {
        /// The IPv4 address, or the IPv6 network of 64 bits.
        source: IpAddr,
        /// For how long.
        lasts: Duration,
        /// How far.
        shut: Shut,
    },
    /// Who was shut out is heard again.
    HeardAgain {
        /// As in [`Event::ShutOut`].
        source: IpAddr,
    },
    /// Wrong passwords came for an account that exists.
    WrongPasswords {
        /// `operator alice`, `trunk pbx`.
        account: Arc<str>,
        /// Where the last came from.
        source: IpAddr,
        /// How many, in a minute.
        count: u32,
    },
    /// A caller was promised to be called back.
    CallbackPromised {
        /// The caller's call.
        call: CallId,
        /// The promise.
        callback: CallId,
        /// The queue in which it keeps the caller's place.
        queue: QueueName,
        /// The number that will be dialled.
        number: Number,
    },
    /// An operator picked up for a callback: the customer is dialled.
    CallingBack {
        /// The call that begins so.
        call: CallId,
        /// The promise.
        callback: CallId,
        /// The queue.
        queue: QueueName,
        /// The operator.
        operator: OperatorName,
        /// By which line.
        line: LineName,
        /// Which attempt it is, from 1.
        attempt: u32,
        /// Since the customer was first queued.
        waited: Duration,
    },
    /// A callback is over: the customer was reached, or is called no more.
    CallbackEnded {
        /// The promise.
        callback: CallId,
        /// The queue.
        queue: QueueName,
        /// How.
        result: CallbackResult,
        /// How often the customer was dialled.
        attempts: u32,
    },
    /// Something that must not happen did, and was contained.
    Fault {
        /// The call, if one.
        call: Option<CallId>,
        /// What.
        what: &'static str,
    },
}
