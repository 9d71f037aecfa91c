//! One call's way through its flow.
//!
//! ```text
//!  New ──Begin──► Answering ──Answered──► At(node, wait) ──input──► At(next node, …)
//!            └──► At (answer: false)          └── hangup, reject, limit ──► Over
//! ```
//! Flows that call flows stand one above the other; one call's steps and minutes are
//! those of the flow that it began with, whatever flow takes them.
//!
//! Invariant: a run that is not over waits for something that comes (`Answered`,
//! `Played`, `Returned`) or has a deadline; and all of it ends at the
//! limit of steps and minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ask::AskId;
use super::hours::Calendar;
use super::load::{Flow, Node};
use super::port::{Caller, Input, Output, World};
use super::turn::{Core, Keys, Turn};
use super::value::Held;
use super::verb::{Calling, Next, NodeIndex, Wait};
use crate::model::{Customer, Epoch, FlowFault, NodeName, Project};

/// What `on_limit` may take: a prompt and a farewell.
const GRACE_STEPS: u32 = 20;
const GRACE_TIME: Duration = Duration::from_secs(120);

/// Variables that go with a call.
const VARS_SHOWN: usize = 64;
/// Flows that may stand above the one that runs.
const NESTING: usize = 8;
/// What `on_hangup` may take: the caller is gone, and nobody waits for it.
const LAST_STEPS: u32 = 20;
const LAST_TIME: Duration = Duration::from_secs(5);

/// The interpreter. Cheap to make: the flow is shared.
#[derive(Debug)]
pub struct Run {
    /// The flow that runs: the number's, or one that it calls.
    flow: Arc<Flow>,
    /// Flows that wait for the one below to return, the number's first.
    above: Vec<Frame>,
    core: Core,
    state: State,
    heard: Heard,
    node: NodeIndex,
    name: NodeName,
    steps_left: u32,
    clock: Clock,
    /// Of the number's flow.
    on_limit: Option<NodeIndex>,
    /// Whether the limit was reached, and `on_limit` runs.
    limited: bool,
    /// Whether what the caller enters is a secret.
    secret: bool,
}

/// A flow that called another.
#[derive(Debug)]
struct Frame {
    flow: Arc<Flow>,
    vars: BTreeMap<Arc<str>, Held>,
    language: Arc<str>,
    /// The variable for what is returned.
    save: Option<Arc<str>>,
    next: NodeIndex,
}

/// Whether the caller can hear us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    No,
    /// Before the answer: early media.
    Early,
    Answered,
}

#[derive(Debug)]
enum State {
    New,
    /// The 200 is on its way; then this node.
    Answering(NodeIndex),
    /// Early media is on its way; then this node.
    Opening(NodeIndex),
    At(Wait),
    /// The limit was reached, and the caller hears so.
    Parting,
    Over,
}

/// The flow's time: it stands still while the call is in a queue or on a line.
#[derive(Clone, Copy, Debug)]
enum Clock {
    Stopped(Duration),
    Until(Instant),
}

impl Run {
    /// A call that has not begun. `epoch` tells the wall clock of opening hours.
    #[must_use]
    pub fn new(
        flow: Arc<Flow>,
        caller: Caller,
        calendars: Arc<BTreeMap<String, Calendar>>,
        epoch: Epoch,
    ) -> Self {
        let wanted = caller.language.as_deref();
        let spoken = flow
            .languages
            .iter()
            .find(|language| Some(&***language) == wanted);
        let language = spoken
            .or_else(|| flow.languages.first())
            .map_or_else(|| "en".into(), Arc::clone);
        let first = flow.nodes.get(flow.start);
        let name = first.map_or_else(|| NodeName::from(""), |node| node.name.clone());
        let core = Core {
            caller,
            calendars,
            epoch,
            language,
            priority: 0,
            tags: BTreeSet::new(),
            vars: flow.first_vars(),
            ahead: Keys::default(),
            once_promised: None,
            asks: AskId(0),
            customer: None,
        };
        Self {
            core,
            state: State::New,
            above: Vec::new(),
            heard: Heard::No,
            on_limit: flow.limits.on_limit,
            node: flow.start,
            name,
            steps_left: flow.limits.steps,
            clock: Clock::Stopped(flow.limits.time),
            limited: false,
            secret: false,
            flow,
        }
    }

    /// The language that the caller hears.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.core.language
    }

    /// The call's priority, as `set` left it: −100..=100.
    #[must_use]
    pub fn priority(&self) -> i16 {
        self.core.priority
    }

    /// The project of the number that the caller came by.
    #[must_use]
    pub fn project(&self) -> Option<&Project> {
        self.core.caller.project.as_ref()
    }

    /// The number of an ask that the call makes for itself.
    pub fn next_ask(&mut self) -> AskId {
        self.core.asks = AskId(self.core.asks.0.wrapping_add(1));
        self.core.asks
    }

    /// Who calls, as the flow found it in the customer base.
    #[must_use]
    pub fn customer(&self) -> Option<&Customer> {
        self.core.customer.as_deref()
    }

    /// The call's tags.
    #[must_use]
    pub fn tags(&self) -> &BTreeSet<Arc<str>> {
        &self.core.tags
    }

    /// The variables of the number's flow that anyone may see, as text, without those that
    /// are not set or empty.
    #[must_use]
    pub fn shown_vars(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let outermost = self.above.first().map(|frame| &frame.vars);
        let vars = outermost.unwrap_or(&self.core.vars).iter();
        let shown = vars.filter_map(|(name, held)| {
            let text = held.clone().shown()?.to_string();
            (!text.is_empty()).then(|| (Arc::clone(name), Arc::from(text)))
        });
        shown.take(VARS_SHOWN).collect()
    }

    /// The variables; `Display` and `Debug` of a sensitive one do not show it.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<Arc<str>, Held> {
        &self.core.vars
    }

    /// The node that the call is at.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.name
    }

    /// Whether it was told to begin.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !matches!(self.state, State::New)
    }

    /// Whether the flow has come to its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// When [`Input::Tick`] is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let wait = match &self.state {
            State::At(wait) => wait.deadline(),
            State::New | State::Answering(_) | State::Opening(_) | State::Parting => None,
            State::Over => return None,
        };
        match (wait, self.clock) {
            (Some(at), Clock::Until(end)) => Some(at.min(end)),
            (None, Clock::Until(end)) => Some(end),
            (wait, Clock::Stopped(_)) => wait,
        }
    }

    /// One input. A late or spare `Tick`, and an input that nothing waits for, does no harm.
    pub fn handle(&mut self, input: Input, now: Instant, world: &dyn World, out: &mut Vec<Output>) {
        self.step(input, now, world, out);
        let verb = self.flow.nodes.get(self.node).map(|node| &node.verb);
        let secret = matches!(self.state, State::At(_)) && verb.is_some_and(|v| v.is_secret());
        if secret != std::mem::replace(&mut self.secret, secret) {
            out.push(Output::Secret(secret));
        }
    }

    fn step(&mut self, input: Input, now: Instant, world: &dyn World, out: &mut Vec<Output>) {
        let mut step = Step { now, world, out };
        if let Clock::Until(end) = self.clock
            && now >= end
            && !self.is_over()
        {
            self.limit(&mut step);
            return;
        }
        match (std::mem::replace(&mut self.state, State::Over), input) {
            (State::New, Input::Begin) => {
                self.resume(now);
                let start = self.flow.start;
                if self.flow.answer {
                    step.out.push(Output::Answer);
                    self.state = State::Answering(start);
                } else {
                    self.go(start, &mut step);
                }
            }
            (State::Answering(then), Input::Answered) => {
                self.heard = Heard::Answered;
                self.go(then, &mut step);
            }
            (State::Opening(then), Input::Answered) => {
                self.heard = Heard::Early;
                self.go(then, &mut step);
            }
            (State::At(wait), input) => {
                self.resume(now);
                let flow = Arc::clone(&self.flow);
                let Some(node) = flow.nodes.get(self.node) else {
                    return;
                };
                let turn = &mut step.turn((&flow, node), &mut self.core);
                let next = node.verb.handle(wait, input, turn);
                self.follow(next, &mut step);
            }
            (state @ (State::New | State::Answering(_) | State::Opening(_)), Input::Key(key)) => {
                self.core.ahead.push(key);
                self.state = state;
            }
            (State::Parting, Input::Played) => self.follow(Next::Hangup(None), &mut step),
            (
                state @ (State::New
                | State::Answering(_)
                | State::Opening(_)
                | State::Parting
                | State::Over),
                _,
            ) => {
                self.state = state;
            }
        }
    }

    /// The caller hung up: nothing more is waited for, and the `on_hangup` of the number's
    /// flow runs, without sound, with some steps and seconds. The run is over when it is.
    pub fn hung_up(&mut self, now: Instant, world: &dyn World, out: &mut Vec<Output>) {
        if self.is_over() {
            return;
        }
        self.unwind();
        let Some(to) = self.flow.on_hangup else {
            self.state = State::Over;
            return;
        };
        self.limited = true;
        self.steps_left = LAST_STEPS;
        self.clock = Clock::Until(now + LAST_TIME);
        self.go(to, &mut Step { now, world, out });
    }

    fn resume(&mut self, now: Instant) {
        if let Clock::Stopped(left) = self.clock {
            self.clock = Clock::Until(now + left);
        }
    }

    fn go(&mut self, to: NodeIndex, step: &mut Step<'_>) {
        self.follow(Next::Go(to), step);
    }

    fn follow(&mut self, mut next: Next, step: &mut Step<'_>) {
        loop {
            match next {
                Next::Go(to) => match self.enter(to, step) {
                    Some(then) => next = then,
                    None => return,
                },
                Next::Stay(wait) => {
                    if let (true, Clock::Until(end)) = (wait.is_away(), self.clock) {
                        self.clock = Clock::Stopped(end.saturating_duration_since(step.now));
                    }
                    self.state = State::At(wait);
                    return;
                }
                Next::Hangup(cause) => {
                    step.out.push(Output::Hangup { cause });
                    self.state = State::Over;
                    return;
                }
                Next::Over => {
                    self.state = State::Over;
                    return;
                }
                Next::Call(call) => next = self.call(*call, step),
                Next::Return(value) => next = self.back(value),
            }
        }
    }

    /// The flow that is called begins, if it is there and not too many wait above it.
    fn call(&mut self, call: Calling, step: &mut Step<'_>) -> Next {
        let Calling {
            flow,
            vars,
            save,
            next,
            error,
        } = call;
        let Some(flow) = flow.filter(|_| self.above.len() < NESTING) else {
            self.fault(FlowFault::Nesting, step);
            return Next::Go(error);
        };
        let mut theirs = flow.first_vars();
        theirs.extend(vars);
        let start = flow.start;
        let language = Arc::clone(&self.core.language);
        self.above.push(Frame {
            flow: std::mem::replace(&mut self.flow, flow),
            vars: std::mem::replace(&mut self.core.vars, theirs),
            language,
            save,
            next,
        });
        Next::Go(start)
    }

    /// A flow that was called returns. The flow of a number returns to nobody.
    fn back(&mut self, value: Held) -> Next {
        let Some(frame) = self.above.pop() else {
            return Next::Hangup(None);
        };
        self.flow = frame.flow;
        self.core.vars = frame.vars;
        self.core.vars.extend(frame.save.map(|name| (name, value)));
        // Whoever called may not speak what the other spoke last.
        if !self.flow.languages.contains(&self.core.language) {
            self.core.language = frame.language;
        }
        Next::Go(frame.next)
    }

    /// Back to the number's flow, wherever the call is.
    fn unwind(&mut self) {
        if let Some(first) = self.above.drain(..).next() {
            self.flow = first.flow;
            self.core.vars = first.vars;
        }
    }

    /// `None` when the call has to wait, or the limit is reached.
    fn enter(&mut self, to: NodeIndex, step: &mut Step<'_>) -> Option<Next> {
        let flow = Arc::clone(&self.flow);
        let node = flow.nodes.get(to)?;
        if node.verb.needs_answer() && self.heard != Heard::Answered {
            step.out.push(Output::Answer);
            self.state = State::Answering(to);
            return None;
        }
        if node.verb.speaks() && self.heard == Heard::No {
            step.out.push(Output::Early);
            self.state = State::Opening(to);
            return None;
        }
        let Some(left) = self.steps_left.checked_sub(1) else {
            self.limit(step);
            return None;
        };
        self.steps_left = left;
        self.node = to;
        self.name = node.name.clone();
        step.out.push(Output::Step {
            flow: flow.name.clone(),
            node: node.name.clone(),
            verb: node.verb.name(),
        });
        Some(
            node.verb
                .enter(&mut step.turn((&flow, node), &mut self.core)),
        )
    }

    fn fault(&self, fault: FlowFault, step: &mut Step<'_>) {
        if let Some(node) = self.flow.nodes.get(self.node) {
            step.out.push(Output::Fault {
                flow: self.flow.name.clone(),
                node: node.name.clone(),
                fault,
            });
        }
    }

    fn limit(&mut self, step: &mut Step<'_>) {
        self.fault(FlowFault::Limit, step);
        // A call that was never answered hears no prompt.
        let waits = matches!(self.state, State::Answering(_) | State::Opening(_));
        let hears = !self.limited && !waits;
        let on_limit = self.on_limit.filter(|_| hears);
        self.limited = true;
        self.steps_left = GRACE_STEPS;
        self.clock = Clock::Until(step.now + GRACE_TIME);
        match on_limit {
            Some(to) => {
                self.unwind();
                self.go(to, step);
            }
            None if hears && self.heard == Heard::Answered && self.parts(step) => {
                self.state = State::Parting;
            }
            None => self.follow(Next::Hangup(None), step),
        }
    }

    /// Says goodbye, when the number's flow has a sound for it in the caller's language.
    fn parts(&mut self, step: &mut Step<'_>) -> bool {
        self.unwind();
        let flow = Arc::clone(&self.flow);
        let node = flow.nodes.get(self.node).or_else(|| flow.nodes.first());
        let Some((node, prompt)) = node.zip(flow.limits.goodbye.as_ref()) else {
            return false;
        };
        flow.languages.contains(&self.core.language)
            && step.turn((&flow, node), &mut self.core).play(prompt)
    }
}

/// What stays the same during one input.
struct Step<'a> {
    now: Instant,
    world: &'a dyn World,
    out: &'a mut Vec<Output>,
}

impl<'a> Step<'a> {
    fn turn<'t>(&'t mut self, (flow, node): (&'t Flow, &'t Node), core: &'t mut Core) -> Turn<'t>
    where
        'a: 't,
    {
        Turn {
            flow,
            node,
            core,
            now: self.now,
            world: self.world,
            out: self.out,
        }
    }
}
