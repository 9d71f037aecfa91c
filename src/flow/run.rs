//! One call's way through its flow.
//!
//! ```text
//!  New ──Begin──► Answering ──Answered──► At(node, wait) ──input──► At(next node, …)
//!            └──► At (answer: false)          └── hangup, reject, limit ──► Over
//! ```
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
use super::verb::{Next, NodeIndex, Wait};
use crate::model::{Customer, Epoch, FlowFault, NodeName, Project};

/// What `on_limit` may take: a prompt and a farewell.
const GRACE_STEPS: u32 = 20;
const GRACE_TIME: Duration = Duration::from_secs(120);

/// The interpreter. Cheap to make: the flow is shared.
#[derive(Debug)]
pub struct Run {
    flow: Arc<Flow>,
    core: Core,
    state: State,
    answered: bool,
    node: NodeIndex,
    name: NodeName,
    steps_left: u32,
    clock: Clock,
    /// Whether the limit was reached, and `on_limit` runs.
    limited: bool,
}

#[derive(Debug)]
enum State {
    New,
    /// The 200 is on its way; then this node.
    Answering(NodeIndex),
    At(Wait),
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
        let vars = flow
            .vars
            .iter()
            .map(|(name, value)| (Arc::clone(name), Held::open(value.clone())));
        let first = flow.nodes.get(flow.start);
        let name = first.map_or_else(|| NodeName::from(""), |node| node.name.clone());
        let core = Core {
            caller,
            calendars,
            epoch,
            language,
            priority: 0,
            tags: BTreeSet::new(),
            vars: vars.collect(),
            ahead: Keys::default(),
            asks: AskId(0),
            customer: None,
        };
        Self {
            core,
            state: State::New,
            answered: false,
            node: flow.start,
            name,
            steps_left: flow.limits.steps,
            clock: Clock::Stopped(flow.limits.time),
            limited: false,
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
            State::New | State::Answering(_) => None,
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
        let flow = Arc::clone(&self.flow);
        let mut step = Step {
            flow: &flow,
            now,
            world,
            out,
        };
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
                if flow.answer {
                    step.out.push(Output::Answer);
                    self.state = State::Answering(flow.start);
                } else {
                    self.go(flow.start, &mut step);
                }
            }
            (State::Answering(then), Input::Answered) => {
                self.answered = true;
                self.go(then, &mut step);
            }
            (State::At(wait), input) => {
                self.resume(now);
                let Some(node) = flow.nodes.get(self.node) else {
                    return;
                };
                let next = node
                    .verb
                    .handle(wait, input, &mut step.turn(node, &mut self.core));
                self.follow(next, &mut step);
            }
            (state @ (State::New | State::Answering(_)), Input::Key(key)) => {
                self.core.ahead.push(key);
                self.state = state;
            }
            (state @ (State::New | State::Answering(_) | State::Over), _) => self.state = state,
        }
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
            }
        }
    }

    /// `None` when the call has to wait, or the limit is reached.
    fn enter(&mut self, to: NodeIndex, step: &mut Step<'_>) -> Option<Next> {
        let node = step.flow.nodes.get(to)?;
        if node.verb.needs_answer() && !self.answered {
            step.out.push(Output::Answer);
            self.state = State::Answering(to);
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
            node: node.name.clone(),
            verb: node.verb.name(),
        });
        Some(node.verb.enter(&mut step.turn(node, &mut self.core)))
    }

    fn limit(&mut self, step: &mut Step<'_>) {
        if let Some(node) = step.flow.nodes.get(self.node) {
            step.out.push(Output::Fault {
                node: node.name.clone(),
                fault: FlowFault::Limit,
            });
        }
        // A call that was never answered hears no prompt.
        let hears = !self.limited && !matches!(self.state, State::Answering(_));
        let on_limit = step.flow.limits.on_limit.filter(|_| hears);
        self.limited = true;
        self.steps_left = GRACE_STEPS;
        self.clock = Clock::Until(step.now + GRACE_TIME);
        match on_limit {
            Some(to) => self.go(to, step),
            None => self.follow(Next::Hangup(None), step),
        }
    }
}

/// What stays the same during one input.
struct Step<'a> {
    flow: &'a Flow,
    now: Instant,
    world: &'a dyn World,
    out: &'a mut Vec<Output>,
}

impl<'a> Step<'a> {
    fn turn<'t>(&'t mut self, node: &'t Node, core: &'t mut Core) -> Turn<'t>
    where
        'a: 't,
    {
        Turn {
            flow: self.flow,
            node,
            core,
            now: self.now,
            world: self.world,
            out: self.out,
        }
    }
}
