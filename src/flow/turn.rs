//! What a verb may touch while it acts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ask::{Ask, AskId, Asked};
use super::expression::{CustomerField, Expression, Name, QueueField, Values};
use super::hours::{Calendar, Status};
use super::load::{Flow, Node};
use super::port::{Caller, Output, World};
use super::prompt::{Prompt, Spoken};
use super::template::{Filled, Template};
use super::value::{Held, Scalar};
use super::verb::NodeIndex;
use crate::model::{Customer, Epoch, FlowFault, OperatorName, limits};

/// Tags of one call.
const TAGS: usize = 32;

/// What a call carries through its flow.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) caller: Caller,
    pub(super) calendars: Arc<BTreeMap<String, Calendar>>,
    pub(super) epoch: Epoch,
    pub(super) language: Arc<str>,
    pub(super) priority: i16,
    pub(super) tags: BTreeSet<Arc<str>>,
    pub(super) vars: BTreeMap<Arc<str>, Held>,
    pub(super) ahead: Keys,
    /// Where the queue that the call left by a key wants it once a callback is promised.
    pub(super) once_promised: Option<NodeIndex>,
    /// Of the last ask; they are counted from 1.
    pub(super) asks: AskId,
    /// As the last node that looked for one found it.
    pub(super) customer: Option<Box<Customer>>,
}

impl Core {
    pub(super) fn status(&self, calendar: &str, now: Instant) -> Status {
        let calendar = self.calendars.get(calendar);
        calendar.map_or(Status::Closed, |calendar| {
            calendar.status(self.epoch.wall_at(now))
        })
    }
}

/// Keys that were pressed while nothing listened. Never shown, since they may belong
/// to a secret.
#[derive(Default)]
pub(super) struct Keys(VecDeque<char>);

impl Keys {
    /// Beyond the limit the latest is dropped.
    pub(super) fn push(&mut self, key: char) {
        if self.0.len() < limits::KEYS_AHEAD {
            self.0.push_back(key);
        }
    }

    pub(super) fn pop(&mut self) -> Option<char> {
        self.0.pop_front()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} keys)", self.0.len())
    }
}

/// One step of one node.
pub(super) struct Turn<'a> {
    pub(super) flow: &'a Flow,
    pub(super) node: &'a Node,
    pub(super) core: &'a mut Core,
    pub(super) now: Instant,
    pub(super) world: &'a dyn World,
    pub(super) out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    pub(super) fn fault(&mut self, fault: FlowFault) {
        self.out.push(Output::Fault {
            flow: self.flow.name.clone(),
            node: self.node.name.clone(),
            fault,
        });
    }

    fn view(&self) -> View<'_> {
        View {
            core: self.core,
            now: self.now,
            world: self.world,
        }
    }

    /// `None`, with a fault told, when there is no usable value.
    pub(super) fn evaluate(&mut self, expression: &Expression) -> Option<Held> {
        let value = expression.evaluate(&self.view());
        self.or_fault(value)
    }

    /// As [`Self::evaluate`].
    pub(super) fn fill(&mut self, template: &Template) -> Option<Held> {
        let value = template.evaluate(&self.view());
        self.or_fault(value)
    }

    /// As [`Self::evaluate`], with the fault left to whoever asks.
    pub(super) fn value(&self, expression: &Expression) -> Option<Held> {
        expression.evaluate(&self.view())
    }

    /// As [`Self::value`]: text, each value in it escaped.
    pub(super) fn text(
        &self,
        template: &Template,
        escape: &dyn Fn(&str, &mut String),
    ) -> Option<Filled> {
        template.fill(&self.view(), escape)
    }

    /// A condition without a usable value does not hold.
    pub(super) fn holds(&mut self, condition: &Expression) -> bool {
        let held = condition.holds(&self.view());
        self.or_fault(held).unwrap_or(false)
    }

    /// A priority, cut to what a call may have.
    pub(super) fn priority(&mut self, of: &Expression) -> Option<i16> {
        let (lowest, highest) = limits::PRIORITY.into_inner();
        let number = match of.evaluate(&self.view()).map(|held| held.value) {
            Some(Scalar::Number(number)) => Some(number.clamp(lowest.into(), highest.into())),
            Some(Scalar::Nothing | Scalar::Truth(_) | Scalar::Text(_) | Scalar::Texts(_))
            | None => None,
        };
        self.or_fault(number.and_then(|number| i16::try_from(number).ok()))
    }

    /// Asks the world outside, and says which reply is the answer.
    pub(super) fn ask(&mut self, ask: Ask, within: Duration) -> AskId {
        let number = AskId(self.core.asks.0.wrapping_add(1));
        self.core.asks = number;
        self.out.push(Output::Ask(Asked {
            number,
            within,
            flow: self.flow.name().clone(),
            ask,
        }));
        number
    }

    /// Adds a tag; what comes from sensitive digits is not shown to anyone, so it is
    /// no tag.
    pub(super) fn tag(&mut self, template: &Template) {
        let text = template.evaluate(&self.view()).and_then(Held::shown);
        if let Some(tag) = self.or_fault(text)
            && self.core.tags.len() < TAGS
        {
            self.core.tags.insert(tag.to_string().into());
        }
    }

    fn or_fault<T>(&mut self, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fault(FlowFault::Expression);
        }
        value
    }

    /// What a prompt says, as things are.
    pub(super) fn speak(&mut self, prompt: &Prompt) -> Vec<Spoken> {
        let language = Arc::clone(&self.core.language);
        let mut sounds = Vec::new();
        for spoken in prompt.speak(&language, &self.view()) {
            sounds.extend(self.or_fault(spoken));
        }
        sounds
    }

    /// Whether there is anything to hear; then `Played` comes.
    pub(super) fn play(&mut self, prompt: &Prompt) -> bool {
        let sounds = self.speak(prompt);
        let any = !sounds.is_empty();
        if any {
            self.out.push(Output::Play(sounds));
        }
        any
    }
}

struct View<'a> {
    core: &'a Core,
    now: Instant,
    world: &'a dyn World,
}

impl Values for View<'_> {
    fn value(&self, name: &Name) -> Held {
        let caller = &self.core.caller;
        Held::open(match name {
            Name::CallerNumber => Scalar::text(caller.from.as_str()),
            Name::CallerName => Scalar::text(caller.name.as_deref().unwrap_or_default()),
            Name::Called => Scalar::text(caller.called.as_str()),
            Name::Language => Scalar::Text(Arc::clone(&self.core.language)),
            Name::Project => Scalar::text(caller.project.as_ref().map_or("", |p| p.as_str())),
            Name::Hours(calendar) => Scalar::text(self.core.status(calendar, self.now).as_str()),
            Name::Queue(queue, field) => {
                let view = || self.world.queue(queue);
                match field {
                    QueueField::Waiting => count(view().waiting),
                    QueueField::Ready => count(view().ready),
                    QueueField::LongestWait => seconds(view().longest_wait),
                    QueueField::EstimatedWait => {
                        let wait = self.world.estimated_wait(queue);
                        wait.map_or(Scalar::Nothing, seconds)
                    }
                    QueueField::Staffed => Scalar::Truth(view().staffed),
                }
            }
            Name::Customer(field) => of_customer(self.core.customer.as_deref(), *field),
            Name::Var(name) => match self.core.vars.get(name) {
                Some(held) => return held.clone(),
                None => Scalar::Nothing,
            },
        })
    }
}

/// What stands in a field of a customer; nothing of nobody.
pub(super) fn of_customer(customer: Option<&Customer>, field: CustomerField) -> Scalar {
    let Some(customer) = customer else {
        return match field {
            CustomerField::Tags => Scalar::Texts(Arc::new([])),
            CustomerField::Number
            | CustomerField::Name
            | CustomerField::Language
            | CustomerField::Project
            | CustomerField::Notes
            | CustomerField::LastOperator => Scalar::Nothing,
        };
    };
    let text = match field {
        CustomerField::Number => Some(customer.number.as_str()),
        CustomerField::Name => customer.name.as_deref(),
        CustomerField::Language => customer.language.as_deref(),
        CustomerField::Project => customer.project.as_deref(),
        CustomerField::Notes => customer.notes.as_deref(),
        CustomerField::LastOperator => customer.last_operator.as_ref().map(OperatorName::as_str),
        CustomerField::Tags => {
            let tags = customer.tags.iter().map(|tag| Arc::from(tag.as_str()));
            return Scalar::Texts(tags.collect());
        }
    };
    // Longer than what a variable keeps: notes are looked at, not kept.
    text.map_or(Scalar::Nothing, |text| Scalar::Text(text.into()))
}

fn count(count: usize) -> Scalar {
    Scalar::Number(i64::try_from(count).unwrap_or(i64::MAX))
}

fn seconds(duration: Duration) -> Scalar {
    Scalar::Number(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}
