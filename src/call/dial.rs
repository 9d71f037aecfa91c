//! A line outside rings: which of its addresses, in which order, for how long.
//!
//! ```text
//!  ports open ─┐
//!  looked up ──┴► next address ─ 2xx ─► the caller is through
//!                  ▲   │ 401, 407: answered once for the trunk's realm
//!                  └───┤ nothing within `try_for`, 408, 5xx, a broken stream
//!                      └ any other no, or no address left ─► the call goes on without
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::Permit;
use crate::call::back::Calling;
use crate::call::call::{Call, Stage};
use crate::call::diverted;
use crate::call::floor::Floor;
use crate::call::in_queue::Waits;
use crate::call::in_talk::{Talk, With};
use crate::call::invite::{Branch, Target};
use crate::call::leg::{Leg, Port};
use crate::call::pass::Pass;
use crate::call::transfer::HandOver;
use crate::config::{Divert, Line, Outside};
use crate::flow::{self, LineExit};
use crate::model::{DequeueReason, Event, Hangup, LegId, LineName, LineResult, Number};
use crate::sip::{Account, Answered, ClientTx, Peer, Response, Transport, Uri, Way, way};

/// How long a line may ring: longer than any voicemail waits before it answers.
const RING_TIME: Duration = Duration::from_secs(60);
/// The answer to a look-up comes within this, or never.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Addresses that are tried for one call.
const HOPS: usize = 16;

/// One attempt to reach a line.
#[derive(Debug)]
pub(super) struct Dial {
    line: LineName,
    outside: Arc<Outside>,
    account: Option<Arc<Account>>,
    /// Nobody of the queue answered in time; else the flow sent the call.
    unanswered: bool,
    pub(super) leg: Leg,
    /// Where it was not tried yet, nearest first; `None` until names are looked up.
    hops: Option<VecDeque<(Uri, Peer)>>,
    try_now: Option<Try>,
    /// When what is waited for without a sign of life is given up.
    silent_until: Option<Instant>,
    until: Instant,
    permit: Option<Permit>,
    /// The talk that an operator ends when the line answers.
    pub(super) hand_over: Option<HandOver>,
    /// The operator for whom a customer is dialled.
    pub(super) calling: Option<Box<Calling>>,
    /// The number that the line sees; `None` for the caller's.
    shows: Option<Number>,
}

/// The address that is tried.
#[derive(Debug)]
struct Try {
    branch: Branch,
    peer: Peer,
    answered: Answered,
}

impl Dial {
    /// The INVITE that rings.
    pub(super) fn branch_mut(&mut self) -> Option<&mut Branch> {
        self.try_now.as_mut().map(|tried| &mut tried.branch)
    }

    /// Rings so long.
    pub(super) fn wait_until(&mut self, until: Instant) {
        self.until = until;
    }

    pub(super) fn take_permit(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    pub(super) fn until(&self) -> Instant {
        self.silent_until
            .map_or(self.until, |silent| silent.min(self.until))
    }
}

impl Call {
    /// Begins to dial a line that is an address outside.
    pub(super) fn dial(
        &mut self,
        name: &LineName,
        floor: &mut Floor<'_>,
    ) -> Result<Dial, LineExit> {
        let config = &self.facts.snapshot.config;
        let Some(Line::Outside(outside)) = config.lines.get(name) else {
            return Err(LineExit::Error);
        };
        let outside = Arc::clone(outside);
        self.dial_by(name, outside, floor)
    }

    /// Begins to dial a number by a line that is an address outside. The line is not told of
    /// a diversion: the call is no caller's.
    pub(super) fn dial_number(
        &mut self,
        name: &LineName,
        (number, shows): (Number, Number),
        floor: &mut Floor<'_>,
    ) -> Result<Dial, LineExit> {
        let config = &self.facts.snapshot.config;
        let Some(Line::Outside(outside)) = config.lines.get(name) else {
            return Err(LineExit::Error);
        };
        let targets = outside.targets.iter();
        let targets = targets.map(|target| target.with_user(number.as_str()));
        let outside = Outside {
            targets: targets.collect::<Option<_>>().ok_or(LineExit::Error)?,
            divert: Divert::Off,
            ..Outside::clone(outside)
        };
        let mut dial = self.dial_by(name, Arc::new(outside), floor)?;
        dial.shows = Some(shows);
        Ok(dial)
    }

    fn dial_by(
        &mut self,
        name: &LineName,
        outside: Arc<Outside>,
        floor: &mut Floor<'_>,
    ) -> Result<Dial, LineExit> {
        let config = &self.facts.snapshot.config;
        let trunk = outside.trunk.as_ref();
        let trunk = trunk.and_then(|trunk| config.sip.trunks.get(trunk));
        let account = trunk.and_then(|trunk| trunk.account.clone());
        let permit = match outside.max_calls {
            Some(most) => {
                let gate = format!("line {name}");
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let gates = &floor.shared.gates;
                Some(gates.enter(&gate, most).ok_or(LineExit::Busy)?)
            }
            None => None,
        };
        let mut leg = self.next_leg();
        leg.open(floor);
        let straight = straight(&outside.targets);
        let hops = straight.map(|hops| in_order(hops, floor));
        if hops.is_none() {
            floor.out.push(super::Output::Resolve {
                leg: leg.id,
                uris: outside.targets.clone(),
            });
        }
        Ok(Dial {
            line: name.clone(),
            silent_until: hops.is_none().then(|| floor.now + LOOK_UP),
            outside,
            account,
            unanswered: matches!(self.stage, Stage::Queued(_)),
            leg,
            hops,
            try_now: None,
            until: floor.now + RING_TIME,
            permit,
            hand_over: None,
            calling: None,
            shows: None,
        })
    }

    /// The attempt that goes on, whether the flow waits for it or the queue does.
    fn dialing(&mut self) -> Option<&mut Dial> {
        match &mut self.stage {
            Stage::Dialing(dial) => Some(dial),
            Stage::Queued(queue) => queue.dial.as_mut(),
            Stage::Flow | Stage::Talking(_) | Stage::Ending { .. } => None,
        }
    }

    pub(super) fn ring_line(&mut self, leg: LegId, local: SocketAddr, floor: &mut Floor<'_>) {
        if let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) {
            dial.leg.port = Port::Open(local);
            self.try_next(LineExit::Error, floor);
        }
    }

    /// The addresses of a line's targets, in the targets' order.
    pub(super) fn resolved(&mut self, leg: LegId, routes: &[Vec<Peer>], floor: &mut Floor<'_>) {
        let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) else {
            return;
        };
        if dial.hops.is_some() {
            return;
        }
        let targets = dial.outside.targets.iter();
        let hops = targets.zip(routes).flat_map(|(uri, peers)| {
            let peers = peers.iter();
            peers.map(|peer| (uri.clone(), *peer))
        });
        dial.hops = Some(in_order(hops.collect(), floor));
        dial.silent_until = None;
        self.try_next(LineExit::Error, floor);
    }

    /// Tries the next address, once the ports are open and the addresses known. `exit` is
    /// what the line comes to when there is none.
    pub(super) fn try_next(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
        let Some(dial) = self.dialing() else { return };
        if !matches!(dial.leg.port, Port::Open(_)) || dial.try_now.is_some() {
            return;
        }
        if dial
            .calling
            .as_ref()
            .is_some_and(|calling| !calling.is_ready())
        {
            return;
        }
        let Some(hops) = &mut dial.hops else { return };
        let Some((uri, peer)) = hops.pop_front() else {
            return self.dial_over(exit, floor);
        };
        let (outside, unanswered) = (Arc::clone(&dial.outside), dial.unanswered);
        let from = dial.shows.clone();
        // The leg is lent out, so that the call can be read while it is described.
        let id = dial.leg.id;
        let mut leg = std::mem::replace(&mut dial.leg, Leg::new(id));
        let more = diverted::headers(&self.facts, &uri, (outside.divert, unanswered));
        let target = Target {
            to: format!("<{}>", uri.as_str()),
            by_size: peer.transport == Transport::Udp && uri.param("transport").is_none(),
            uri,
            peer,
            from,
        };
        let branch = self.invite(&mut leg, target, &more, floor);
        let Some(dial) = self.dialing() else { return };
        dial.leg = leg;
        dial.silent_until = Some(floor.now + outside.try_for);
        match branch {
            Some(branch) => {
                dial.try_now = Some(Try {
                    branch,
                    peer,
                    answered: Answered::default(),
                });
            }
            None => self.dial_over(LineExit::Error, floor),
        }
    }

    pub(super) fn tick_dial(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(dial) = self.dialing() else { return };
        if now >= dial.until {
            return self.dial_over(LineExit::NoAnswer, floor);
        }
        if dial.silent_until.is_none_or(|silent| now < silent) {
            return;
        }
        dial.silent_until = None;
        match dial.try_now.take() {
            Some(silent) => {
                let line = dial.line.clone();
                self.give_up(vec![silent.branch], None, floor);
                self.tried(line, LineResult::Unreachable, floor);
                self.try_next(LineExit::NoAnswer, floor);
            }
            // Ports that are late are waited for; a look-up that is, is not.
            None if dial.hops.is_none() => self.dial_over(LineExit::Error, floor),
            None => {}
        }
    }

    /// An answer of a line. `false` when it is not its.
    pub(super) fn line_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(dial) = self.rings(tx) else {
            return false;
        };
        match response.code {
            ..200 => dial.silent_until = None,
            200..300 => self.line_took(response, peer, floor),
            401 | 407 if dial.authorize(response, peer, floor) => {}
            486 | 600 => self.try_failed((LineExit::Busy, LineResult::Busy), false, floor),
            480 | 487 | 603 => {
                self.try_failed((LineExit::NoAnswer, LineResult::NoAnswer), false, floor);
            }
            408 => self.try_failed((LineExit::NoAnswer, LineResult::NoAnswer), true, floor),
            500..600 => self.try_failed((LineExit::Error, LineResult::Failed), true, floor),
            300.. => self.try_failed((LineExit::Error, LineResult::Refused), false, floor),
        }
        true
    }

    /// A line that will not answer.
    pub(super) fn line_unanswered(&mut self, tx: ClientTx, floor: &mut Floor<'_>) -> bool {
        let rings = self.rings(tx).is_some();
        if rings {
            self.try_failed((LineExit::NoAnswer, LineResult::Unreachable), true, floor);
        }
        rings
    }

    pub(super) fn no_port_for_line(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        if let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) {
            dial.leg.port = Port::None;
            self.dial_over(LineExit::Error, floor);
        }
    }

    fn rings(&mut self, tx: ClientTx) -> Option<&mut Dial> {
        let dial = self.dialing()?;
        let rings = dial.try_now.as_ref().is_some_and(|t| t.branch.tx == tx);
        rings.then_some(dial)
    }

    /// An address gave its final answer, and it is no, or gave none. Another address is
    /// tried only when it was this server's trouble, not the called party's word.
    fn try_failed(
        &mut self,
        (exit, result): (LineExit, LineResult),
        another: bool,
        floor: &mut Floor<'_>,
    ) {
        let Some(dial) = self.dialing() else { return };
        dial.try_now = None;
        dial.silent_until = None;
        let line = dial.line.clone();
        self.tried(line, result, floor);
        if another {
            self.try_next(exit, floor);
        } else {
            self.dial_over(exit, floor);
        }
    }

    fn tried(&self, line: LineName, result: LineResult, floor: &mut Floor<'_>) {
        floor.tell(Event::LineTried {
            call: self.facts.id.clone(),
            line,
            result,
        });
    }

    /// The attempt came to nothing. A call that keeps its place in a queue waits on.
    fn dial_over(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
        if let Some(queue) = self.queued() {
            if let Some(dial) = queue.dial.take() {
                self.drop_dial(dial, floor);
            }
            return;
        }
        if matches!(&self.stage, Stage::Dialing(dial) if dial.calling.is_some()) {
            return self.calling_over(Hangup::Flow, floor);
        }
        if let Some(mut dial) = self.take_dialing() {
            let over = dial.hand_over.take();
            self.drop_dial(dial, floor);
            if let Some(over) = over {
                return self.hand_back(over, exit, floor);
            }
            self.stop_playing(floor);
            self.drive(flow::Input::Returned(flow::Returned::Line(exit)), floor);
        }
    }

    /// The attempt that the flow waits for, taken out.
    pub(super) fn take_dialing(&mut self) -> Option<Dial> {
        if !matches!(self.stage, Stage::Dialing(_)) {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Flow) {
            Stage::Dialing(dial) => Some(*dial),
            Stage::Flow | Stage::Queued(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        }
    }

    /// Gives back what an attempt holds.
    pub(super) fn drop_dial(&mut self, mut dial: Dial, floor: &mut Floor<'_>) {
        if let Some(Try { branch, .. }) = dial.try_now.take() {
            let rang = floor.now >= dial.until;
            let result = if rang {
                LineResult::NoAnswer
            } else {
                LineResult::GivenUp
            };
            self.tried(dial.line.clone(), result, floor);
            self.give_up(vec![branch], None, floor);
        }
        self.close(&mut dial.leg, floor);
        let talk = dial.hand_over.take().and_then(|over| over.talk);
        if let Some(talk) = talk {
            self.finish_talk(talk, Duration::ZERO, floor);
        }
        if let Some(calling) = dial.calling.take() {
            self.free(calling.talk, floor);
        }
    }

    fn line_took(&mut self, response: &Response, peer: Peer, floor: &mut Floor<'_>) {
        let waits = self.queued().map_or(Waits::ForLine, |queue| queue.waits);
        let taken = match self.queued() {
            Some(queue) => queue.dial.take(),
            None => self.take_dialing(),
        };
        let Some(mut dial) = taken else { return };
        let Some(tried) = dial.try_now.take() else {
            return;
        };
        dial.leg.pass = dial.account.take().map(|account| {
            let mut answered = tried.answered;
            answered.let_through();
            Box::new(Pass::new(account, answered))
        });
        if self
            .pick_up(tried.branch, &mut dial.leg, (response, peer), floor)
            .is_none()
        {
            let queued = self.queued().is_some();
            self.tried(dial.line.clone(), LineResult::Refused, floor);
            if dial.calling.is_some() {
                self.stage = Stage::Dialing(Box::new(dial));
                return self.calling_over(Hangup::Flow, floor);
            }
            let over = dial.hand_over.take();
            self.drop_dial(dial, floor);
            if let Some(over) = over {
                return self.hand_back(over, LineExit::Error, floor);
            }
            if !queued {
                self.stop_playing(floor);
                self.drive(
                    flow::Input::Returned(flow::Returned::Line(LineExit::Error)),
                    floor,
                );
            }
            return;
        }
        self.tried(dial.line.clone(), LineResult::Answered, floor);
        if let Some(calling) = dial.calling.take() {
            return self.reached(dial, *calling, floor);
        }
        self.leave_queue(DequeueReason::Line, floor);
        let over = dial.hand_over.take();
        let waits = over.as_ref().map_or(waits, |over| over.waits);
        if let Some(over) = over {
            self.handed_over(over, floor);
        }
        floor.tell(Event::OnLine {
            call: self.facts.id.clone(),
            line: dial.line.clone(),
        });
        self.story.on_line = true;
        let talk = Talk {
            with: With::Line {
                line: dial.line,
                _permit: dial.permit,
            },
            leg: dial.leg,
            since: floor.now,
            waits,
            age: self.story.queued_first.unwrap_or(floor.now),
        };
        self.start_talk(talk, floor);
    }
}

impl Dial {
    /// Answers a challenge with the trunk's account: only to the address that was called,
    /// only for the realm that is configured, once.
    fn authorize(&mut self, response: &Response, from: Peer, floor: &mut Floor<'_>) -> bool {
        let (Some(account), Some(tried)) = (&self.account, &mut self.try_now) else {
            return false;
        };
        if (from.transport, from.remote) != (tried.peer.transport, tried.peer.remote) {
            return false;
        }
        let word = floor.endpoint.word();
        let Try {
            branch, answered, ..
        } = tried;
        if !account.answer(response, &mut branch.request, answered, word) {
            return false;
        }
        branch.tx = floor.ask(branch.request.clone(), from);
        self.silent_until = Some(floor.now + self.outside.try_for);
        true
    }
}

/// The addresses of targets whose names need no look-up; `None` when one does.
fn straight(targets: &[Uri]) -> Option<Vec<(Uri, Peer)>> {
    let hops = targets.iter().map(|uri| match way(uri) {
        Some(Way::Straight(peer)) => Some((uri.clone(), peer)),
        Some(Way::Addresses { .. } | Way::Services { .. } | Way::Open { .. }) | None => None,
    });
    hops.collect()
}

/// Those that are known to be down are tried last.
fn in_order(mut hops: Vec<(Uri, Peer)>, floor: &Floor<'_>) -> VecDeque<(Uri, Peer)> {
    hops.sort_by_key(|(_, peer)| floor.shared.reach.is_down(*peer));
    hops.truncate(HOPS);
    hops.into()
}
