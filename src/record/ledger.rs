//! Events in, call records out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::{
    CallId, Carried, Cause, ERASED, Event, Hangup, LineName, NodeName, OperatorName, Outcome,
    QueueName, Recorded, RecordingChange, Stamped, StreamQuality, Surveyed, Telephone,
};
use crate::record::{CallRecord, OfferRecord, RecordingRecord};

/// Calls followed at once: above any `limits.calls` that one process can carry.
const OPEN_CALLS: usize = 131_072;
/// Ended calls that still wait for their streams to close; 500 calls end in a second at
/// most.
const ENDED_CALLS: usize = 8_192;
/// A stream closes while its call lingers. What is kept for longer waits for nothing, and
/// looks like a leak until there are [`ENDED_CALLS`] of it.
const CLOSES_WITHIN: Duration = Duration::from_secs(60);
/// Nodes kept of a call's way; a flow that loops is told from its first turns.
pub(super) const PATH: usize = 256;
/// Offers kept of a call.
pub(super) const OFFERS: usize = 64;
/// Questions of surveys whose answers are kept of a call.
const ANSWERS: usize = 32;
/// Recordings and messages kept of a call.
const RECORDINGS: usize = 32;

/// Folds events to records.
///
/// A call that ends gives its record at once. A stream that closes after that gives the
/// record again, one revision higher.
#[derive(Debug)]
pub struct Ledger {
    open: BTreeMap<CallId, Open>,
    ended: BTreeMap<CallId, CallRecord>,
    /// In the order in which they ended, and when; the oldest first.
    ended_order: VecDeque<(SystemTime, CallId)>,
    /// In the order in which they began, the oldest first; may name calls that ended.
    open_order: VecDeque<CallId>,
    most: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Open {
    record: CallRecord,
    on_line_since: Option<SystemTime>,
    /// Whether the exchange dialled.
    called_back: bool,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::with_bound(OPEN_CALLS)
    }

    pub(super) fn with_bound(most: usize) -> Self {
        Self {
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            ended_order: VecDeque::new(),
            open_order: VecDeque::new(),
            most,
        }
    }

    /// How many calls it follows.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// What it holds, for the test that it stays bounded.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        [
            self.open.len(),
            self.open_order.len(),
            self.ended.len(),
            self.ended_order.len(),
        ]
    }

    /// Takes one event; a record comes out when its call ended, was refused, or had a
    /// stream close after its end.
    pub fn handle(&mut self, stamped: &Stamped) -> Option<CallRecord> {
        self.forget(stamped.at);
        match &stamped.event {
            Event::CallStarted { .. } => self.start(stamped),
            Event::CallRejected { .. } => rejected(stamped),
            Event::CallEnded {
                call,
                outcome,
                hangup,
                cause,
                ..
            } => self.end(call, stamped.at, *outcome, (Some(*hangup), *cause)),
            Event::StreamEnded {
                call,
                caller,
                quality,
            } => self.stream_ended(call, *caller, *quality),
            Event::Recording(recorded) => self.recorded(recorded, stamped.at),
            Event::CallAnswered { call, .. }
            | Event::FlowStep { call, .. }
            | Event::FlowFailed { call, .. }
            | Event::Notified { call, .. }
            | Event::Queued { call, .. }
            | Event::Dequeued { call, .. }
            | Event::Escalated { call, .. }
            | Event::Offered { call, .. }
            | Event::OfferEnded { call, .. }
            | Event::Talking { call, .. }
            | Event::CallbackPromised { call, .. }
            | Event::CallingBack { call, .. }
            | Event::OnLine { call, .. }
            | Event::Transferring { call, .. }
            | Event::Transferred { call, .. }
            | Event::Surveyed(Surveyed { call, .. })
            | Event::Carried(Carried { call, .. })
            | Event::Held { call, .. }
            | Event::Resumed { call, .. }
            | Event::TalkEnded { call, .. } => {
                if let Some(open) = self.open.get_mut(call) {
                    open.go_on(stamped);
                }
                None
            }
            Event::OperatorChanged { .. }
            | Event::Prioritized { .. }
            | Event::Uncoverable { .. }
            | Event::CameBack { .. }
            | Event::Estimated { .. }
            | Event::LineTried { .. }
            | Event::LineReach { .. }
            | Event::TrunkReach { .. }
            | Event::TrunkRegistered { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::Refused { .. }
            | Event::ShutOut { .. }
            | Event::HeardAgain { .. }
            | Event::WrongPasswords { .. }
            | Event::CallbackEnded { .. }
            | Event::Fault { .. } => None,
        }
    }

    /// Takes a number out of every call that it follows, and of those that ended and may
    /// have another record yet; those calls.
    pub fn erase(&mut self, number: &Telephone) -> Vec<CallId> {
        let mut calls = Vec::new();
        let open = self.open.values_mut().map(|open| &mut open.record);
        for record in open.chain(self.ended.values_mut()) {
            if number.is(&record.from) {
                record.from = ERASED.into();
                record.tags.clear();
                record.vars.clear();
                calls.push(record.id.clone());
            }
        }
        calls
    }

    /// Whether anything may come of a call yet.
    #[must_use]
    pub fn follows(&self, call: &CallId) -> bool {
        self.open.contains_key(call) || self.ended.contains_key(call)
    }

    /// Begins a call. At the bound the oldest one is closed as failed, so that it has a
    /// record all the same.
    fn start(&mut self, stamped: &Stamped) -> Option<CallRecord> {
        let record = begun(stamped)?;
        let id = record.id.clone();
        let evicted = if self.open.len() >= self.most {
            self.oldest()
                .and_then(|oldest| self.end(&oldest, stamped.at, Outcome::Failed, (None, None)))
        } else {
            None
        };
        let open = Open {
            record,
            on_line_since: None,
            called_back: false,
        };
        self.open.insert(id.clone(), open);
        self.open_order.push_back(id);
        // Names of calls that ended stay until they reach the front or outnumber the rest.
        if self.open_order.len() > self.open.len().saturating_mul(2).saturating_add(16) {
            let open = &self.open;
            self.open_order.retain(|id| open.contains_key(id));
        }
        evicted
    }

    fn oldest(&mut self) -> Option<CallId> {
        while let Some(id) = self.open_order.pop_front() {
            if self.open.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    fn end(
        &mut self,
        call: &CallId,
        at: SystemTime,
        outcome: Outcome,
        (hangup, cause): (Option<Hangup>, Option<Cause>),
    ) -> Option<CallRecord> {
        let Open {
            mut record,
            on_line_since,
            ..
        } = self.open.remove(call)?;
        if let Some(since) = on_line_since {
            record.talked += at.duration_since(since).unwrap_or_default();
        }
        record.ended = at;
        record.outcome = outcome;
        record.hangup = hangup;
        record.cause = cause;
        self.remember(record.clone());
        Some(record)
    }

    fn remember(&mut self, record: CallRecord) {
        if self.ended_order.len() >= ENDED_CALLS
            && let Some((_, oldest)) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.ended_order
            .push_back((record.ended, record.id.clone()));
        self.ended.insert(record.id.clone(), record);
    }

    /// A file is closed a moment after its call, if the call ended it.
    fn recorded(&mut self, recorded: &Recorded, at: SystemTime) -> Option<CallRecord> {
        if let Some(open) = self.open.get_mut(&recorded.call) {
            note_recording(&mut open.record, recorded, at);
            return None;
        }
        let record = self.ended.get_mut(&recorded.call)?;
        if !note_recording(record, recorded, at) {
            return None;
        }
        record.revision = record.revision.saturating_add(1);
        Some(record.clone())
    }

    /// Forgets calls whose streams have closed.
    fn forget(&mut self, now: SystemTime) {
        let old = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age > CLOSES_WITHIN);
        while let Some((_, oldest)) = self.ended_order.pop_front_if(|(at, _)| old(*at)) {
            self.ended.remove(&oldest);
        }
    }

    fn stream_ended(
        &mut self,
        call: &CallId,
        caller: bool,
        quality: StreamQuality,
    ) -> Option<CallRecord> {
        if let Some(open) = self.open.get_mut(call) {
            note_quality(&mut open.record, caller, quality);
            return None;
        }
        let record = self.ended.get_mut(call)?;
        if !note_quality(record, caller, quality) {
            return None;
        }
        record.revision = record.revision.saturating_add(1);
        Some(record.clone())
    }
}

/// Whether it says anything that the record did not.
fn note_recording(record: &mut CallRecord, recorded: &Recorded, at: SystemTime) -> bool {
    let Recorded {
        recording, mailbox, ..
    } = recorded;
    match recorded.change {
        RecordingChange::Paused | RecordingChange::Resumed => false,
        RecordingChange::Started => {
            let room = record.recordings.len() < RECORDINGS;
            if room {
                record.recordings.push(RecordingRecord {
                    id: recording.clone(),
                    mailbox: mailbox.clone(),
                    started: at,
                    duration: Duration::ZERO,
                    result: None,
                });
            }
            room
        }
        RecordingChange::Ended { result, length } => {
            let mut recordings = record.recordings.iter_mut();
            let known = recordings.find(|known| known.id == *recording);
            let found = known.is_some();
            if let Some(known) = known {
                known.duration = length;
                known.result = Some(result);
            }
            found
        }
    }
}

/// Whether it says anything that the record did not.
fn note_quality(record: &mut CallRecord, caller: bool, quality: StreamQuality) -> bool {
    // An operator's phone that rang and did not answer has a stream without a packet; it
    // must not replace the stream of the one who talked.
    let silent = quality.received == 0 && quality.sent == 0;
    let place = if caller {
        &mut record.caller_quality
    } else {
        &mut record.operator_quality
    };
    if silent && (place.is_some() || !caller) {
        return false;
    }
    *place = Some(quality.into());
    true
}

fn begun(stamped: &Stamped) -> Option<CallRecord> {
    let Event::CallStarted {
        call,
        from,
        to,
        number,
        flow,
        project,
        trunk,
    } = &stamped.event
    else {
        return None;
    };
    Some(CallRecord {
        from: from.clone(),
        to: to.clone(),
        flow: Some(flow.clone()),
        project: project.clone(),
        trunk: Some(trunk.clone()),
        ..blank(call.clone(), number.clone(), stamped.at)
    })
}

fn rejected(stamped: &Stamped) -> Option<CallRecord> {
    let Event::CallRejected {
        call,
        from,
        to,
        number,
        code,
    } = &stamped.event
    else {
        return None;
    };
    Some(CallRecord {
        from: from.clone(),
        to: to.clone(),
        outcome: Outcome::Rejected,
        code: Some(*code),
        ..blank(call.clone(), number.clone(), stamped.at)
    })
}

pub(super) fn blank(id: CallId, number: crate::model::Number, at: SystemTime) -> CallRecord {
    CallRecord {
        id,
        revision: 0,
        from: number.clone(),
        to: number.clone(),
        number,
        flow: None,
        project: None,
        trunk: None,
        started: at,
        answered: None,
        ended: at,
        outcome: Outcome::Failed,
        hangup: None,
        cause: None,
        code: None,
        waited: Duration::ZERO,
        talked: Duration::ZERO,
        queue: None,
        operator: None,
        line: None,
        callback: None,
        path: Vec::new(),
        offers: Vec::new(),
        tags: Vec::new(),
        vars: BTreeMap::new(),
        survey: BTreeMap::new(),
        recordings: Vec::new(),
        caller_quality: None,
        operator_quality: None,
    }
}

impl Open {
    /// What happens between the beginning and the end.
    fn go_on(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::CallAnswered { .. } => self.record.answered = Some(stamped.at),
            Event::FlowStep { node, .. } => self.step(node),
            Event::Queued { queue, .. } => self.record.queue = Some(queue.clone()),
            Event::Dequeued { waited, .. } => self.record.waited += *waited,
            Event::OfferEnded {
                queue,
                operator,
                result,
                rang,
                ..
            } => self.offer(OfferRecord {
                operator: operator.clone(),
                queue: queue.clone(),
                result: *result,
                rang: *rang,
            }),
            Event::Talking {
                queue, operator, ..
            } => self.talk((queue, operator), stamped.at),
            Event::CallbackPromised { callback, .. } => {
                self.record.callback = Some(callback.clone());
            }
            Event::CallingBack { .. } => self.call_back(&stamped.event),
            Event::OnLine { line, .. } => self.on_line(line, stamped.at),
            Event::TalkEnded { talked, .. } => self.record.talked += *talked,
            Event::Escalated { line, .. } => {
                if let Some(line) = line {
                    self.record.line = Some(line.clone());
                }
            }
            Event::Surveyed(surveyed) => self.survey(surveyed),
            Event::Carried(carried) => {
                self.record.tags.clone_from(&carried.tags);
                self.record.vars.clone_from(&carried.vars);
            }
            Event::Recording(_)
            | Event::CallStarted { .. }
            | Event::CallRejected { .. }
            | Event::FlowFailed { .. }
            | Event::Notified { .. }
            | Event::Offered { .. }
            | Event::Transferring { .. }
            | Event::Transferred { .. }
            | Event::Held { .. }
            | Event::Resumed { .. }
            | Event::StreamEnded { .. }
            | Event::CallEnded { .. }
            | Event::OperatorChanged { .. }
            | Event::Prioritized { .. }
            | Event::Uncoverable { .. }
            | Event::CameBack { .. }
            | Event::Estimated { .. }
            | Event::LineTried { .. }
            | Event::LineReach { .. }
            | Event::TrunkReach { .. }
            | Event::TrunkRegistered { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::Refused { .. }
            | Event::ShutOut { .. }
            | Event::HeardAgain { .. }
            | Event::WrongPasswords { .. }
            | Event::CallbackEnded { .. }
            | Event::Fault { .. } => {}
        }
    }

    fn step(&mut self, node: &NodeName) {
        if self.record.path.len() < PATH {
            self.record.path.push(node.clone());
        }
    }

    fn offer(&mut self, offer: OfferRecord) {
        if self.record.offers.len() < OFFERS {
            self.record.offers.push(offer);
        }
    }

    /// The customer waited without a line, and is dialled.
    fn call_back(&mut self, event: &Event) {
        if let Event::CallingBack {
            callback,
            queue,
            operator,
            line,
            waited,
            ..
        } = event
        {
            self.record.callback = Some(callback.clone());
            self.record.queue = Some(queue.clone());
            self.record.operator = Some(operator.clone());
            self.record.line = Some(line.clone());
            self.record.waited = *waited;
            self.called_back = true;
        }
    }

    fn survey(&mut self, surveyed: &Surveyed) {
        let Surveyed {
            question, answer, ..
        } = surveyed;
        let answers = &mut self.record.survey;
        if answers.len() < ANSWERS || answers.contains_key(question) {
            answers.insert(Arc::clone(question), answer.clone());
        }
    }

    fn talk(&mut self, (queue, operator): (&QueueName, &OperatorName), at: SystemTime) {
        if self.called_back {
            self.record.answered.get_or_insert(at);
        }
        self.record.queue = Some(queue.clone());
        self.record.operator = Some(operator.clone());
    }

    fn on_line(&mut self, line: &LineName, at: SystemTime) {
        self.record.line = Some(line.clone());
        self.on_line_since.get_or_insert(at);
    }
}
