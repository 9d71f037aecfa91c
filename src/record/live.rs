//! Events to the present: which calls there are, who waits, what operators do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::{
    CallId, CallState, DequeueReason, ERASED, Event, FlowName, Number, OfferResult, OperatorName,
    OperatorState, PauseReason, QueueName, Recorded, RecordingChange, RecordingId, Stamped,
    Telephone, TransferKind, limits,
};
use crate::record::ServiceWindow;
use crate::{operator, queue};

/// Calls shown at once: above any `limits.calls` that one process can carry.
const CALLS: usize = 131_072;

/// The queues and operators of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Floor {
    /// Every queue; who may serve it follows from the operators' skills.
    pub queues: Vec<Arc<queue::Settings>>,
    /// Every operator.
    pub operators: Vec<Arc<operator::Settings>>,
}

/// The present, as told by events.
#[derive(Debug)]
pub struct Live {
    pub(super) queues: BTreeMap<QueueName, Queue>,
    pub(super) operators: BTreeMap<OperatorName, Operator>,
    pub(super) calls: BTreeMap<CallId, Call>,
    pub(super) registrations: usize,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) settings: Arc<queue::Settings>,
    pub(super) serving: Vec<OperatorName>,
    pub(super) waiting: BTreeSet<(SystemTime, CallId)>,
    pub(super) level: ServiceWindow,
}

#[derive(Debug)]
pub(super) struct Operator {
    pub(super) settings: Arc<operator::Settings>,
    pub(super) state: OperatorState,
    pub(super) reason: Option<PauseReason>,
    pub(super) since: SystemTime,
    pub(super) queue: Option<QueueName>,
    pub(super) call: Option<CallId>,
    pub(super) contacts: BTreeSet<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) state: CallState,
    pub(super) from: Number,
    pub(super) to: Number,
    pub(super) flow: FlowName,
    pub(super) queue: Option<QueueName>,
    pub(super) operator: Option<OperatorName>,
    pub(super) queued_at: Option<SystemTime>,
    pub(super) waited: Duration,
    pub(super) priority: i16,
    pub(super) started: SystemTime,
    pub(super) tags: Vec<Arc<str>>,
    pub(super) vars: BTreeMap<Arc<str>, Arc<str>>,
    /// What is recorded at present, and whether that is paused.
    pub(super) recordings: BTreeMap<RecordingId, bool>,
}

impl Live {
    /// Nobody logged in, nobody calling.
    #[must_use]
    pub fn new(floor: &Floor, now: SystemTime) -> Self {
        let mut live = Self {
            queues: BTreeMap::new(),
            operators: BTreeMap::new(),
            calls: BTreeMap::new(),
            registrations: 0,
        };
        live.reconfigure(floor, now);
        live
    }

    /// Takes another configuration; what goes on goes on. Queues and operators that are
    /// no longer configured disappear.
    pub fn reconfigure(&mut self, floor: &Floor, now: SystemTime) {
        let mut operators = BTreeMap::new();
        for settings in &floor.operators {
            let name = settings.name.clone();
            let settings = Arc::clone(settings);
            let operator = match self.operators.remove(&name) {
                Some(known) => Operator { settings, ..known },
                None => Operator::logged_out(settings, now),
            };
            operators.insert(name, operator);
        }
        self.operators = operators;
        self.registrations = self.operators.values().map(|o| o.contacts.len()).sum();
        let mut queues = BTreeMap::new();
        for settings in &floor.queues {
            let name = settings.name.clone();
            let (waiting, level) = self
                .queues
                .remove(&name)
                .map_or_else(Default::default, |known| (known.waiting, known.level));
            let serving = self
                .operators
                .values()
                .filter(|operator| settings.requires.is_met_by(&operator.settings.skills))
                .map(|operator| operator.settings.name.clone())
                .collect();
            queues.insert(
                name,
                Queue {
                    settings: Arc::clone(settings),
                    serving,
                    waiting,
                    level,
                },
            );
        }
        self.queues = queues;
    }

    /// Takes one event.
    #[expect(clippy::too_many_lines, reason = "one short arm for each event")]
    pub fn handle(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.event {
            Event::CallStarted { .. } => self.start(stamped),
            Event::Queued {
                call,
                queue,
                priority,
            } => self.queued(call, queue, *priority, at),
            Event::Dequeued {
                call,
                queue,
                waited,
                exit,
            } => self.dequeued(call, queue, (*waited, *exit), at),
            Event::Offered {
                call,
                queue,
                operator,
                ..
            } => self.with_operator(call, CallState::Offered, queue, operator),
            Event::OfferEnded { call, result, .. } => self.offer_ended(call, *result),
            Event::Talking {
                call,
                queue,
                operator,
                ..
            } => self.with_operator(call, CallState::Talking, queue, operator),
            Event::CallingBack {
                call,
                queue,
                operator,
                ..
            } => self.with_operator(call, CallState::Transferring, queue, operator),
            Event::OnLine { call, .. } => self.enter(call, CallState::Talking),
            Event::Transferring { call, .. } => self.enter(call, CallState::Transferring),
            Event::Transferred {
                call, kind, code, ..
            } => self.transferred(call, *kind, *code),
            Event::TalkEnded { call, .. } => {
                self.enter(call, CallState::Flow);
                self.without_operator(call);
            }
            Event::CallEnded { call, .. } => self.end(call),
            Event::OperatorChanged { .. } => self.operator_changed(stamped),
            Event::Registered {
                operator, contact, ..
            } => self.registered(operator, contact),
            Event::Unregistered {
                operator, contact, ..
            } => self.unregistered(operator, contact),
            Event::Prioritized { call, priority, .. } => {
                if let Some(call) = self.calls.get_mut(call) {
                    call.priority = *priority;
                }
            }
            Event::Recording(recorded) => self.recorded(recorded),
            Event::Carried(carried) => {
                if let Some(call) = self.calls.get_mut(&carried.call) {
                    call.tags.clone_from(&carried.tags);
                    call.vars.clone_from(&carried.vars);
                }
            }
            Event::Uncoverable { .. }
            | Event::CameBack { .. }
            | Event::Estimated { .. }
            | Event::CallRejected { .. }
            | Event::CallAnswered { .. }
            | Event::FlowStep { .. }
            | Event::FlowFailed { .. }
            | Event::Notified { .. }
            | Event::Escalated { .. }
            | Event::LineTried { .. }
            | Event::LineReach { .. }
            | Event::TrunkReach { .. }
            | Event::TrunkRegistered { .. }
            | Event::Surveyed(_)
            | Event::Held { .. }
            | Event::Resumed { .. }
            | Event::StreamEnded { .. }
            | Event::Refused { .. }
            | Event::ShutOut { .. }
            | Event::HeardAgain { .. }
            | Event::WrongPasswords { .. }
            | Event::CallbackPromised { .. }
            | Event::CallbackEnded { .. }
            | Event::Fault { .. } => {}
        }
    }

    /// Takes a number out of every call that is shown.
    pub fn erase(&mut self, number: &Telephone) {
        for call in self.calls.values_mut() {
            if number.is(&call.from) {
                call.from = ERASED.into();
                call.tags.clear();
                call.vars.clear();
            }
        }
    }

    fn start(&mut self, stamped: &Stamped) {
        let Event::CallStarted {
            call,
            from,
            to,
            flow,
            ..
        } = &stamped.event
        else {
            return;
        };
        if self.calls.len() >= CALLS {
            return;
        }
        let begun = Call {
            state: CallState::Flow,
            from: from.clone(),
            to: to.clone(),
            flow: flow.clone(),
            queue: None,
            operator: None,
            queued_at: None,
            waited: Duration::ZERO,
            priority: 0,
            started: stamped.at,
            tags: Vec::new(),
            vars: BTreeMap::new(),
            recordings: BTreeMap::new(),
        };
        self.calls.insert(call.clone(), begun);
    }

    fn enter(&mut self, id: &CallId, state: CallState) {
        if let Some(call) = self.calls.get_mut(id) {
            call.state = state;
        }
    }

    /// A transfer that came to nothing leaves the caller with the operator, who may have
    /// hung up meanwhile; one that succeeded is told by what follows.
    fn transferred(&mut self, id: &CallId, kind: TransferKind, code: u16) {
        if let Some(call) = self.calls.get_mut(id)
            && call.state == CallState::Transferring
            && kind == TransferKind::Line
            && code >= 300
        {
            call.state = CallState::Talking;
        }
    }

    fn queued(&mut self, id: &CallId, name: &QueueName, priority: i16, at: SystemTime) {
        self.stop_waiting(id);
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.state = CallState::Queued;
        call.queue = Some(name.clone());
        call.queued_at = Some(at);
        call.priority = priority;
        if let Some(queue) = self.queues.get_mut(name) {
            queue.waiting.insert((at, id.clone()));
        }
    }

    fn dequeued(
        &mut self,
        id: &CallId,
        name: &QueueName,
        (waited, exit): (Duration, DequeueReason),
        at: SystemTime,
    ) {
        self.stop_waiting(id);
        if let Some(call) = self.calls.get_mut(id) {
            call.waited += waited;
            if exit != DequeueReason::Answered {
                call.state = CallState::Flow;
                call.operator = None;
            }
        }
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        match exit {
            DequeueReason::Answered => {
                let within = queue.settings.service_level.within;
                queue.level.answered(at, waited, within);
            }
            DequeueReason::Abandoned if waited >= limits::SHORT_ABANDON => {
                queue.level.abandoned(at);
            }
            DequeueReason::Abandoned
            | DequeueReason::Timeout
            | DequeueReason::Full
            | DequeueReason::NoOperators
            | DequeueReason::AllPaused
            | DequeueReason::Line
            | DequeueReason::Ended => {}
        }
    }

    /// Takes the call out of the queue it waits in, if any.
    fn stop_waiting(&mut self, id: &CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(at) = call.queued_at.take() else {
            return;
        };
        if let Some(queue) = call.queue.as_ref().and_then(|q| self.queues.get_mut(q)) {
            queue.waiting.remove(&(at, id.clone()));
        }
    }

    fn with_operator(
        &mut self,
        id: &CallId,
        state: CallState,
        queue: &QueueName,
        operator: &OperatorName,
    ) {
        if let Some(call) = self.calls.get_mut(id) {
            call.state = state;
            call.queue = Some(queue.clone());
            call.operator = Some(operator.clone());
        }
        if let Some(operator) = self.operators.get_mut(operator) {
            operator.queue = Some(queue.clone());
        }
    }

    fn without_operator(&mut self, id: &CallId) {
        if let Some(call) = self.calls.get_mut(id) {
            call.operator = None;
        }
    }

    fn offer_ended(&mut self, id: &CallId, result: OfferResult) {
        if result == OfferResult::Answered {
            return;
        }
        if let Some(call) = self.calls.get_mut(id)
            && call.state == CallState::Offered
        {
            call.state = if call.queued_at.is_some() {
                CallState::Queued
            } else {
                CallState::Flow
            };
            call.operator = None;
        }
    }

    fn recorded(&mut self, recorded: &Recorded) {
        let Some(call) = self.calls.get_mut(&recorded.call) else {
            return;
        };
        match recorded.change {
            RecordingChange::Ended { .. } => {
                call.recordings.remove(&recorded.recording);
            }
            change @ (RecordingChange::Started
            | RecordingChange::Paused
            | RecordingChange::Resumed) => {
                let paused = change == RecordingChange::Paused;
                call.recordings.insert(recorded.recording.clone(), paused);
            }
        }
    }

    fn end(&mut self, id: &CallId) {
        self.stop_waiting(id);
        self.calls.remove(id);
    }

    fn operator_changed(&mut self, stamped: &Stamped) {
        let Event::OperatorChanged {
            operator,
            state,
            reason,
            call,
        } = &stamped.event
        else {
            return;
        };
        let Some(known) = self.operators.get_mut(operator) else {
            return;
        };
        known.queue = match call {
            // A call in wrap-up may be gone already; its queue stays to be shown.
            Some(id) => self
                .calls
                .get(id)
                .and_then(|call| call.queue.clone())
                .or_else(|| known.queue.take()),
            None => None,
        };
        known.state = *state;
        known.reason.clone_from(reason);
        known.call.clone_from(call);
        known.since = stamped.at;
    }

    fn registered(&mut self, operator: &OperatorName, contact: &Arc<str>) {
        if let Some(known) = self.operators.get_mut(operator)
            && known.contacts.len() < limits::CONTACTS_PER_OPERATOR
            && known.contacts.insert(Arc::clone(contact))
        {
            self.registrations += 1;
        }
    }

    fn unregistered(&mut self, operator: &OperatorName, contact: &Arc<str>) {
        if let Some(known) = self.operators.get_mut(operator)
            && known.contacts.remove(contact)
        {
            self.registrations = self.registrations.saturating_sub(1);
        }
    }
}

impl Operator {
    fn logged_out(settings: Arc<operator::Settings>, now: SystemTime) -> Self {
        Self {
            settings,
            state: OperatorState::LoggedOut,
            reason: None,
            since: now,
            queue: None,
            call: None,
            contacts: BTreeSet::new(),
        }
    }
}
