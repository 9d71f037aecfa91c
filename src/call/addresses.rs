//! The flow's own `dial`: addresses that stand in it, all at once or one after another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::config::{Divert, Outside};
use crate::flow::{self, DialRequest, LineExit};
use crate::sip::{Uri, way};

/// How long an address may say nothing.
const TRY_FOR: Duration = Duration::from_secs(4);

/// What is left of a `dial`.
#[derive(Debug)]
pub(super) struct Round {
    /// Whether all of its addresses ring at once.
    pub(super) together: bool,
    /// How long each rings.
    ring: Duration,
    /// Those that ring after this one.
    next: VecDeque<Uri>,
    /// What those before came to.
    said: Option<LineExit>,
}

impl Round {
    /// A no that a person gave says more than that of a machine.
    fn note(&mut self, exit: LineExit) -> LineExit {
        let rank = |exit| match exit {
            LineExit::Answered => 3,
            LineExit::NoAnswer => 2,
            LineExit::Busy => 1,
            LineExit::Error => 0,
        };
        let said = self.said.filter(|said| rank(*said) > rank(exit));
        let said = said.unwrap_or(exit);
        self.said = Some(said);
        said
    }
}

impl Call {
    /// Rings what the flow asks for.
    pub(super) fn dial_addresses(&mut self, request: &DialRequest, floor: &mut Floor<'_>) {
        self.story.left = None;
        let parsed = request.to.iter().filter_map(|to| Uri::parse(to).ok());
        let targets: Vec<Uri> = parsed.filter(|uri| way(uri).is_some()).collect();
        if targets.len() < request.to.len() {
            let exit = flow::Returned::Line(LineExit::Error);
            return self.drive(flow::Input::Returned(exit), floor);
        }
        let round = Round {
            together: request.together,
            ring: request.ring,
            next: targets.into(),
            said: None,
        };
        let tone = self.facts.snapshot.sounds.ringing();
        self.loop_sound(self.leg.id, &tone, floor);
        self.round_over(round, LineExit::Error, floor);
    }

    /// The next addresses of a round ring; after the last the flow hears what it came to.
    pub(super) fn round_over(&mut self, mut round: Round, exit: LineExit, floor: &mut Floor<'_>) {
        let exit = round.note(exit);
        let many = if round.together { usize::MAX } else { 1 };
        let targets: Vec<Uri> = round.next.drain(..many.min(round.next.len())).collect();
        if targets.is_empty() {
            self.stop_playing(floor);
            let returned = flow::Returned::Line(exit);
            return self.drive(flow::Input::Returned(returned), floor);
        }
        let outside = Arc::new(Outside {
            targets,
            max_calls: None,
            trunk: None,
            try_for: TRY_FOR,
            probe: None,
            divert: Divert::default(),
        });
        let until = floor.now + round.ring;
        let mut dial = self.attempt(outside, until, floor);
        dial.round = Some(round);
        self.stage = Stage::Dialing(Box::new(dial));
    }

    /// What an attempt comes to if this is the last that is heard of it.
    pub(super) fn noted(&mut self, exit: LineExit) -> LineExit {
        let round = self.dialing().and_then(|dial| dial.round.as_mut());
        round.map_or(exit, |round| round.note(exit))
    }
}
