//! What verbs have in common that ring somebody: a line, an operator, addresses. Each says
//! whom; how the call comes back, and where it goes on then, is said here.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait, between};
use crate::flow::port::{Input, LineExit, Output, Returned};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::model::FlowFault;

/// How long a phone may ring.
const RINGS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// Whom a node rings.
pub(super) trait Target: fmt::Debug + Send + Sync + Sized {
    /// The word of the language.
    const NAME: &'static str;
    /// The fields of its own, besides the exits.
    const FIELDS: &'static [&'static str];

    /// `None` with a diagnostic when it cannot be read.
    fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self>;

    /// As [`Verb::other_sounds`].
    fn other_sounds(&self, _language: &str) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What the exchange is to do; `None` when the values of the flow name nobody.
    fn ring(&self, turn: &mut Turn<'_>) -> Option<Output>;
}

/// A node that rings somebody.
#[derive(Debug)]
pub(crate) struct Rung<W> {
    target: W,
    answered: NodeIndex,
    busy: NodeIndex,
    no_answer: NodeIndex,
    error: NodeIndex,
}

impl<W: Target> Rung<W> {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let exits = ["answered", "busy", "no_answer", "error"];
        let fields: Vec<&str> = W::FIELDS.iter().copied().chain(exits).collect();
        reader.fields(node, &fields);
        let target = W::read(node, reader);
        let [answered, busy, no_answer, error] = exits.map(|exit| reader.exit(node, exit));
        Some(Self {
            target: target?,
            answered: answered?,
            busy: busy?,
            no_answer: no_answer?,
            error: error?,
        })
    }
}

impl<W: Target> Verb for Rung<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            Exit::paced("answered", self.answered),
            Exit::instant("busy", self.busy),
            // A phone that rings out took its time.
            Exit::paced("no_answer", self.no_answer),
            Exit::instant("error", self.error),
        ]
    }

    fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        self.target.other_sounds(language)
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn ways_back(&self) -> Vec<(String, Returned)> {
        let exits = [
            ("answered", LineExit::Answered),
            ("busy", LineExit::Busy),
            ("no_answer", LineExit::NoAnswer),
            ("error", LineExit::Error),
        ];
        let returned = exits.map(|(word, exit)| (word.to_owned(), Returned::Line(exit)));
        returned.into()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        let Some(ring) = self.target.ring(turn) else {
            turn.fault(FlowFault::Expression);
            return Next::Go(self.error);
        };
        turn.out.push(ring);
        Next::Stay(Wait::Line)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Input::Returned(Returned::Line(exit)) = input else {
            return Next::Stay(wait);
        };
        Next::Go(match exit {
            LineExit::Answered => self.answered,
            LineExit::Busy => self.busy,
            LineExit::NoAnswer => self.no_answer,
            LineExit::Error => {
                turn.fault(FlowFault::Queue);
                self.error
            }
        })
    }
}

/// The `ring` of a node.
pub(super) fn ring(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Duration> {
    between(node.get("ring")?, "`ring`", RINGS, reader)
}
