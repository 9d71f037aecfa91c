//! Events to counters and histograms.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};

use crate::metric::recording::RECORDING_ERRORS;
use crate::metric::{Metric, table};
use crate::model::{
    CallId, CallbackResult, DequeueReason, Event, FlowFault, FlowName, LineName, LineResult,
    Mailbox, Number, OfferResult, OperatorName, OperatorState, Outcome, Overtake, Project,
    QueueName, Recorded, RejectReason, Stamped, StreamQuality, Surveyed, TransferKind, TrunkName,
    limits,
};

/// Configured names whose series are there from the start, with 0.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Entries of `numbers`.
    pub numbers: Vec<Number>,
    /// Queues that call back.
    pub callbacks: Vec<QueueName>,
    /// Queues, each with the number of its escalation steps.
    pub queues: Vec<(QueueName, usize)>,
    /// Flows.
    pub flows: Vec<FlowName>,
    /// Lines outside.
    pub lines: Vec<LineName>,
    /// Trunks that we register with.
    pub registers: Vec<TrunkName>,
    /// Lines outside whose addresses are probed.
    pub probed_lines: Vec<LineName>,
    /// Trunks whose server is probed.
    pub probed_trunks: Vec<TrunkName>,
    /// Where flows let messages be left.
    pub mailboxes: Vec<Mailbox>,
    /// Webhooks.
    pub webhooks: Vec<String>,
}

/// Reads events and counts; keeps the handles that it used.
#[derive(Debug)]
pub struct Observer {
    calls: Pairs<Number, Counter>,
    waits: Pairs<QueueName, Histogram>,
    offers: Pairs<QueueName, Counter>,
    escalations: Pairs<QueueName, Counter>,
    lines: Pairs<LineName, Counter>,
    callbacks: Pairs<QueueName, Counter>,
    /// Lines and trunks whose series are there.
    probed: BTreeSet<String>,
    handled: BTreeMap<QueueName, Histogram>,
    steps: Pairs<FlowName, Counter>,
    flow_errors: Pairs<FlowName, Counter>,
    rejected: BTreeMap<RejectReason, Counter>,
    overtakes: BTreeMap<Overtake, Counter>,
    /// By whether it succeeded.
    transfers: BTreeMap<(TransferKind, bool), Counter>,
    uncoverable: BTreeMap<QueueName, Counter>,
    estimate_errors: BTreeMap<QueueName, Histogram>,
    dispatch: Histogram,
    setup: Histogram,
    rtp: Rtp,
    messages: BTreeMap<Mailbox, Counter>,
    faults: Counter,
    shut_outs: Counter,
    shut_out: Gauge,
    /// The number that a live call matched.
    numbers: BTreeMap<CallId, Number>,
    operators: BTreeMap<OperatorName, Work>,
}

#[derive(Debug)]
struct Rtp {
    received: Counter,
    sent: Counter,
    lost: Counter,
    jitter: Histogram,
    mos: Histogram,
}

/// What an operator did last, so that a call's handle time includes its wrap-up.
#[derive(Debug)]
struct Work {
    state: OperatorState,
    unfinished: Option<(QueueName, Duration, SystemTime)>,
}

/// Calls whose number is remembered: above any `limits.calls`.
const CALLS: usize = 131_072;

/// Handles of a metric with two labels: a configured name, and a word.
#[derive(Debug)]
struct Pairs<N, H> {
    metric: Metric,
    make: fn(&'static str, Vec<Label>) -> H,
    known: BTreeMap<(N, Cow<'static, str>), H>,
}

impl<N: Ord + Clone + Display, H> Pairs<N, H> {
    fn new(metric: Metric, make: fn(&'static str, Vec<Label>) -> H) -> Self {
        Self {
            metric,
            make,
            known: BTreeMap::new(),
        }
    }

    fn at(&mut self, name: &N, word: impl Into<Cow<'static, str>>) -> &H {
        let (metric, make) = (&self.metric, self.make);
        self.known
            .entry((name.clone(), word.into()))
            .or_insert_with_key(|(name, word)| {
                let values = [name.to_string(), word.to_string()];
                let labels = metric.labels.iter().zip(values);
                make(
                    metric.name,
                    labels.map(|(key, value)| Label::new(*key, value)).collect(),
                )
            })
    }
}

fn comebacks(queue: &QueueName) -> Counter {
    counter!(table::QUEUE_COMEBACKS.name, "queue" => queue.to_string())
}

fn new_counter(name: &'static str, labels: Vec<Label>) -> Counter {
    counter!(name, labels)
}

fn new_histogram(name: &'static str, labels: Vec<Label>) -> Histogram {
    histogram!(name, labels)
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer {
    /// Resolves its handles with the recorder that is in place; without one it counts
    /// nowhere.
    #[must_use]
    pub fn new() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        gauge!(table::BUILD_INFO.name, "version" => version).set(1.0);
        // Created with 0 here; the store moves them.
        gauge!(table::STORE_QUEUE_LENGTH.name).set(0.0);
        counter!(table::STORE_ERRORS.name).increment(0);
        counter!(table::STORE_LOST.name).increment(0);
        gauge!(table::RECORDINGS_ACTIVE.name).set(0.0);
        for reason in RECORDING_ERRORS {
            counter!(table::RECORDING_ERRORS.name, "reason" => *reason).increment(0);
        }
        let rejected = RejectReason::ALL.iter().copied().map(|reason| {
            let counter = counter!(table::SIP_REJECTED.name, "reason" => reason.as_str());
            (reason, counter)
        });
        let overtakes = Overtake::ALL.into_iter().map(|why| {
            let counter = counter!(table::OVERTAKES.name, "reason" => why.as_str());
            (why, counter)
        });
        Self {
            calls: Pairs::new(table::CALLS, new_counter),
            waits: Pairs::new(table::QUEUE_WAIT, new_histogram),
            offers: Pairs::new(table::QUEUE_OFFERS, new_counter),
            escalations: Pairs::new(table::QUEUE_ESCALATIONS, new_counter),
            lines: Pairs::new(table::LINE_ATTEMPTS, new_counter),
            callbacks: Pairs::new(table::CALLBACKS, new_counter),
            probed: BTreeSet::new(),
            handled: BTreeMap::new(),
            steps: Pairs::new(table::FLOW_STEPS, new_counter),
            flow_errors: Pairs::new(table::FLOW_ERRORS, new_counter),
            rejected: rejected.collect(),
            overtakes: overtakes.collect(),
            transfers: transfers(),
            uncoverable: BTreeMap::new(),
            estimate_errors: BTreeMap::new(),
            dispatch: histogram!(table::DISPATCH.name),
            setup: histogram!(table::SETUP.name),
            rtp: Rtp {
                received: counter!(table::RTP_PACKETS.name, "direction" => "in"),
                sent: counter!(table::RTP_PACKETS.name, "direction" => "out"),
                lost: counter!(table::RTP_LOST.name),
                jitter: histogram!(table::RTP_JITTER.name),
                mos: histogram!(table::RTP_MOS.name),
            },
            messages: BTreeMap::new(),
            faults: counter!(table::FAULTS.name),
            shut_outs: counter!(table::SIP_SHUT_OUTS.name),
            shut_out: gauge!(table::SIP_SHUT_OUT.name),
            numbers: BTreeMap::new(),
            operators: BTreeMap::new(),
        }
    }

    /// Makes the series of these names, with 0 where nothing happened yet.
    pub fn expect(&mut self, names: &Names) {
        for number in &names.numbers {
            for outcome in Outcome::ALL {
                self.calls.at(number, outcome.as_str());
            }
        }
        for (queue, steps) in &names.queues {
            for exit in DequeueReason::ALL {
                self.waits.at(queue, exit.as_str());
            }
            for result in OfferResult::ALL {
                self.offers.at(queue, result.as_str());
            }
            for step in 1..=*steps {
                self.escalations.at(queue, step.to_string());
            }
            self.handled(queue);
            self.uncoverable(queue);
            comebacks(queue).increment(0);
            self.estimate_error(queue);
        }
        for queue in &names.callbacks {
            for result in CallbackResult::ALL {
                self.callbacks.at(queue, result.as_str());
            }
        }
        for line in &names.lines {
            for result in LineResult::ALL {
                self.lines.at(line, result.as_str());
            }
        }
        for trunk in &names.registers {
            // Made, and left as it is: a reload does not end a registration.
            let gauge = gauge!(table::TRUNK_REGISTERED.name, "trunk" => trunk.to_string());
            gauge.increment(0.0);
        }
        for webhook in &names.webhooks {
            for result in ["delivered", "failed", "given_up"] {
                let labels = [("webhook", webhook.clone()), ("result", result.to_owned())];
                counter!(table::WEBHOOK_DELIVERIES.name, &labels).increment(0);
            }
            // What waits from before is told by whoever sends it.
            gauge!(table::WEBHOOK_BACKLOG.name, "webhook" => webhook.clone()).increment(0.0);
        }
        // What was not asked yet counts as up.
        for line in &names.probed_lines {
            if self.probed.insert(format!("line {line}")) {
                gauge!(table::LINE_UP.name, "line" => line.to_string()).set(1.0);
            }
        }
        for trunk in &names.probed_trunks {
            if self.probed.insert(format!("trunk {trunk}")) {
                gauge!(table::TRUNK_UP.name, "trunk" => trunk.to_string()).set(1.0);
            }
        }
        for mailbox in &names.mailboxes {
            self.messages(mailbox).increment(0);
        }
        for flow in &names.flows {
            for fault in FlowFault::ALL {
                self.flow_errors.at(flow, fault.as_str());
            }
        }
    }

    fn handled(&mut self, queue: &QueueName) -> &Histogram {
        self.handled.entry(queue.clone()).or_insert_with_key(
            |queue| histogram!(table::OPERATOR_HANDLE.name, "queue" => queue.to_string()),
        )
    }

    fn messages(&mut self, mailbox: &Mailbox) -> &Counter {
        self.messages.entry(mailbox.clone()).or_insert_with_key(
            |mailbox| counter!(table::MESSAGES.name, "mailbox" => mailbox.to_string()),
        )
    }

    fn recorded(&mut self, recorded: &Recorded) {
        if let Some(mailbox) = recorded.mailbox.as_ref().filter(|_| recorded.is_message()) {
            self.messages(mailbox).increment(1);
        }
    }

    fn uncoverable(&mut self, queue: &QueueName) -> &Counter {
        self.uncoverable.entry(queue.clone()).or_insert_with_key(
            |queue| counter!(table::QUEUE_UNCOVERABLE.name, "queue" => queue.to_string()),
        )
    }

    fn estimate_error(&mut self, queue: &QueueName) -> &Histogram {
        self.estimate_errors
            .entry(queue.clone())
            .or_insert_with_key(
                |queue| histogram!(table::QUEUE_ESTIMATE_ERROR.name, "queue" => queue.to_string()),
            )
    }

    /// Counts one event.
    #[expect(clippy::too_many_lines, reason = "one short arm for each event")]
    pub fn observe(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::CallStarted { call, number, .. } => {
                if self.numbers.len() < CALLS {
                    self.numbers.insert(call.clone(), number.clone());
                }
            }
            Event::CallRejected { number, .. } => {
                let rejected = Outcome::Rejected.as_str();
                self.calls.at(number, rejected).increment(1);
            }
            Event::CallEnded { call, outcome, .. } => {
                if let Some(number) = self.numbers.remove(call) {
                    self.calls.at(&number, outcome.as_str()).increment(1);
                }
            }
            Event::CallAnswered { setup, .. } => self.setup.record(*setup),
            Event::FlowStep { flow, verb, .. } => self.steps.at(flow, *verb).increment(1),
            Event::Surveyed(surveyed) => answered(surveyed),
            Event::Recording(recorded) => self.recorded(recorded),
            Event::FlowFailed { flow, fault, .. } => {
                self.flow_errors.at(flow, fault.as_str()).increment(1);
            }
            Event::Dequeued {
                queue,
                waited,
                exit,
                ..
            } => self.waits.at(queue, exit.as_str()).record(*waited),
            Event::Escalated { queue, step, .. } => {
                self.escalations.at(queue, step.to_string()).increment(1);
            }
            Event::Offered {
                decided_in,
                overtook,
                ..
            } => {
                self.dispatch.record(*decided_in);
                if let Some(counter) = overtook.and_then(|why| self.overtakes.get(&why)) {
                    counter.increment(1);
                }
            }
            Event::Transferred { .. }
            | Event::LineTried { .. }
            | Event::CallbackEnded { .. }
            | Event::LineReach { .. }
            | Event::TrunkReach { .. }
            | Event::TrunkRegistered { .. } => self.beyond(&stamped.event),
            Event::Uncoverable { queue, .. } => self.uncoverable(queue).increment(1),
            Event::CameBack { queue, .. } => comebacks(queue).increment(1),
            Event::Estimated { queue, error } => self.estimate_error(queue).record(*error),
            Event::OfferEnded { queue, result, .. } => {
                self.offers.at(queue, result.as_str()).increment(1);
            }
            Event::TalkEnded { .. } => self.talk_ended(stamped),
            Event::StreamEnded { quality, .. } => self.rtp.count(*quality),
            Event::OperatorChanged {
                operator, state, ..
            } => self.operator_changed(operator, *state, stamped.at),
            Event::Refused { reason, .. } => {
                if let Some(counter) = self.rejected.get(reason) {
                    counter.increment(1);
                }
            }
            Event::Fault { .. } => self.faults.increment(1),
            Event::ShutOut { .. } => {
                self.shut_outs.increment(1);
                self.shut_out.increment(1.0);
            }
            Event::HeardAgain { .. } => self.shut_out.decrement(1.0),
            Event::Queued { .. }
            | Event::WrongPasswords { .. }
            | Event::Prioritized { .. }
            | Event::Carried(_)
            | Event::Notified { .. }
            | Event::Talking { .. }
            | Event::OnLine { .. }
            | Event::Transferring { .. }
            | Event::CallbackPromised { .. }
            | Event::CallingBack { .. }
            | Event::Held { .. }
            | Event::Resumed { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. } => {}
        }
    }

    /// What happened beyond the queue: transfers, trunks and lines outside.
    fn beyond(&mut self, event: &Event) {
        let set = |metric: Metric, label: &'static str, name: String, so: bool| {
            let value = if so { 1.0 } else { 0.0 };
            gauge!(metric.name, label => name).set(value);
        };
        if let Event::Transferred { kind, code, .. } = event {
            if let Some(counter) = self.transfers.get(&(*kind, *code < 300)) {
                counter.increment(1);
            }
        } else if let Event::LineTried { line, result, .. } = event {
            self.lines.at(line, result.as_str()).increment(1);
        } else if let Event::CallbackEnded { queue, result, .. } = event {
            self.callbacks.at(queue, result.as_str()).increment(1);
        } else if let Event::LineReach { line, up } = event {
            set(table::LINE_UP, "line", line.to_string(), *up);
        } else if let Event::TrunkReach { trunk, up } = event {
            set(table::TRUNK_UP, "trunk", trunk.to_string(), *up);
        } else if let Event::TrunkRegistered {
            trunk, registered, ..
        } = event
        {
            set(
                table::TRUNK_REGISTERED,
                "trunk",
                trunk.to_string(),
                *registered,
            );
        }
    }

    fn talk_ended(&mut self, stamped: &Stamped) {
        let Event::TalkEnded {
            queue,
            operator,
            talked,
            ..
        } = &stamped.event
        else {
            return;
        };
        match self.operators.get_mut(operator) {
            Some(work) if matches!(work.state, OperatorState::Talking | OperatorState::WrapUp) => {
                work.unfinished = Some((queue.clone(), *talked, stamped.at));
            }
            // The operator has moved on already: there was no wrap-up.
            Some(_) | None => self.handled(queue).record(*talked),
        }
    }

    fn operator_changed(&mut self, name: &OperatorName, state: OperatorState, at: SystemTime) {
        if self.operators.len() >= limits::OPERATORS && !self.operators.contains_key(name) {
            return;
        }
        let work = self.operators.entry(name.clone()).or_insert(Work {
            state,
            unfinished: None,
        });
        work.state = state;
        if state == OperatorState::WrapUp {
            return;
        }
        if let Some((queue, talked, since)) = work.unfinished.take() {
            let wrap_up = at.duration_since(since).unwrap_or_default();
            self.handled(&queue).record(talked + wrap_up);
        }
    }
}

impl Rtp {
    fn count(&self, quality: StreamQuality) {
        self.received.increment(quality.received);
        self.sent.increment(quality.sent);
        self.lost.increment(quality.lost);
        if quality.received > 0 {
            self.jitter.record(quality.jitter);
        }
        if let Some(mos) = quality.mos {
            self.mos.record(mos);
        }
    }
}

/// What callers answer comes from the configuration, so that its series are bounded.
fn answered(surveyed: &Surveyed) {
    let project = surveyed.project.as_ref().map_or("", Project::as_str);
    let queue = surveyed.queue.as_ref().map_or("", QueueName::as_str);
    let counter = counter!(
        table::SURVEY_ANSWERS.name,
        "project" => project.to_owned(),
        "queue" => queue.to_owned(),
        "question" => surveyed.question.to_string(),
        "answer" => surveyed.answer.to_string(),
    );
    counter.increment(1);
}

fn transfers() -> BTreeMap<(TransferKind, bool), Counter> {
    let kinds = TransferKind::ALL.iter().copied();
    kinds
        .flat_map(|kind| [(kind, true, "done"), (kind, false, "failed")])
        .map(|(kind, done, result)| {
            let name = table::TRANSFERS.name;
            let counter = counter!(name, "kind" => kind.as_str(), "result" => result);
            ((kind, done), counter)
        })
        .collect()
}
