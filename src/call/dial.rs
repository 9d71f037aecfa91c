//! A line outside rings: which of its addresses, in which order, for how long. The
//! addresses of a flow's own `dial` ring by the same rules; perhaps all at once, from one
//! port, as the phones of one operator do.
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
use crate::call::addresses::Round;
use crate::call::back::Calling;
use crate::call::call::{Call, Stage};
use crate::call::diverted;
use crate::call::floor::Floor;
use crate::call::invite::{Branch, Target};
use crate::call::leg::{Leg, Port};
use crate::call::transfer::HandOver;
use crate::config::{Line, Outside};
use crate::flow::{self, LineExit};
use crate::model::{Hangup, LegId, LineName, LineResult, Number};
use crate::sip::{Account, Answered, ClientTx, Hop, Peer, Uri, Way, way};

/// How long a line may ring: longer than any voicemail waits before it answers.
const RING_TIME: Duration = Duration::from_secs(60);
/// The answer to a look-up comes within this, or never.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Addresses that are tried for one call.
const HOPS: usize = 16;

/// One attempt to reach a line.
#[derive(Debug)]
pub(super) struct Dial {
    /// Nothing for the addresses of a flow's `dial`, which have the names of their hosts.
    pub(super) line: Option<LineName>,
    pub(super) round: Option<Round>,
    pub(super) outside: Arc<Outside>,
    pub(super) account: Option<Arc<Account>>,
    /// Nobody of the queue answered in time; else the flow sent the call.
    unanswered: bool,
    pub(super) leg: Leg,
    /// Where it was not tried yet, nearest first; `None` until names are looked up.
    pub(super) hops: Option<VecDeque<(Uri, Peer)>>,
    pub(super) tries: Vec<Try>,
    /// When the look-up is given up.
    looked_up_until: Option<Instant>,
    until: Instant,
    pub(super) permit: Option<Permit>,
    /// The talk that an operator ends when the line answers.
    pub(super) hand_over: Option<HandOver>,
    /// The operator for whom a customer is dialled.
    pub(super) calling: Option<Box<Calling>>,
    /// The number that the line sees; `None` for the caller's.
    pub(super) shows: Option<Number>,
}

/// An address that is tried.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) branch: Branch,
    pub(super) line: LineName,
    pub(super) uri: Uri,
    pub(super) answered: Answered,
    /// When an address that gave no sign of life is given up.
    pub(super) silent_until: Option<Instant>,
}

impl Dial {
    /// The INVITEs that ring, and what they ring for.
    pub(super) fn branches_mut(&mut self) -> impl Iterator<Item = (&Leg, &mut Branch)> {
        let leg = &self.leg;
        let tries = self.tries.iter_mut();
        tries.map(move |tried| (leg, &mut tried.branch))
    }

    /// Rings so long.
    pub(super) fn wait_until(&mut self, until: Instant) {
        self.until = until;
    }

    pub(super) fn take_permit(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    pub(super) fn until(&self) -> Instant {
        let silent = self.tries.iter().filter_map(|tried| tried.silent_until);
        let all = silent.chain(self.looked_up_until).chain([self.until]);
        all.min().unwrap_or(self.until)
    }

    pub(super) fn is_together(&self) -> bool {
        self.round.as_ref().is_some_and(|round| round.together)
    }

    /// What an address is called.
    fn line_of(&self, uri: &Uri) -> LineName {
        let host = || uri.host.as_ref().map(ToString::to_string);
        let line = self.line.clone();
        line.unwrap_or_else(|| LineName::new(host().unwrap_or_default()))
    }

    /// The addresses to be tried at this moment: the next, or for each target that does not
    /// ring its next. `None` while there is something to wait for.
    fn due(&mut self) -> Option<Vec<(Uri, Peer)>> {
        let together = self.is_together();
        let hops = self.hops.as_mut()?;
        if !together {
            let idle = self.tries.is_empty();
            return idle.then(|| hops.pop_front().into_iter().collect());
        }
        let mut due = Vec::new();
        for target in &self.outside.targets {
            let rings = self.tries.iter().any(|tried| tried.uri == *target);
            let next = hops.iter().position(|(uri, _)| uri == target);
            due.extend(next.filter(|_| !rings).and_then(|at| hops.remove(at)));
        }
        Some(due)
    }

    pub(super) fn take_try(&mut self, tx: ClientTx) -> Option<Try> {
        let at = self.tries.iter().position(|tried| tried.branch.tx == tx)?;
        Some(self.tries.remove(at))
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

    /// Begins to dial the addresses of a line.
    pub(super) fn dial_by(
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
        let until = floor.now + RING_TIME;
        let dial = self.attempt(outside, until, floor);
        Ok(Dial {
            line: Some(name.clone()),
            account,
            permit,
            ..dial
        })
    }

    /// Begins to ring addresses: ports are opened, names are looked up.
    pub(super) fn attempt(
        &mut self,
        outside: Arc<Outside>,
        until: Instant,
        floor: &mut Floor<'_>,
    ) -> Dial {
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
        Dial {
            line: None,
            round: None,
            looked_up_until: hops.is_none().then(|| floor.now + LOOK_UP),
            outside,
            account: None,
            unanswered: matches!(self.stage, Stage::Queued(_)),
            leg,
            hops,
            tries: Vec::new(),
            until,
            permit: None,
            hand_over: None,
            calling: None,
            shows: None,
        }
    }

    /// The attempt that goes on, whether the flow waits for it or the queue does.
    pub(super) fn dialing(&mut self) -> Option<&mut Dial> {
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
        dial.looked_up_until = None;
        self.try_next(LineExit::Error, floor);
    }

    /// Tries the next address, once the ports are open and the addresses known. `exit` is
    /// what the line comes to when there is none.
    pub(super) fn try_next(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
        let Some(dial) = self.dialing() else { return };
        if !matches!(dial.leg.port, Port::Open(_)) {
            return;
        }
        let calling = dial.calling.as_ref();
        if calling.is_some_and(|calling| !calling.is_ready()) {
            return;
        }
        let Some(due) = dial.due() else { return };
        let mut failed = false;
        for hop in due {
            failed |= self.try_hop(hop, floor).is_none();
        }
        if self.dialing().is_some_and(|dial| dial.tries.is_empty()) {
            self.dial_over(if failed { LineExit::Error } else { exit }, floor);
        }
    }

    fn try_hop(&mut self, (uri, peer): (Uri, Peer), floor: &mut Floor<'_>) -> Option<()> {
        let dial = self.dialing()?;
        let (outside, unanswered) = (Arc::clone(&dial.outside), dial.unanswered);
        let (line, from) = (dial.line_of(&uri), dial.shows.clone());
        // The leg is lent out, so that the call can be read while it is described.
        let id = dial.leg.id;
        let mut leg = std::mem::replace(&mut dial.leg, Leg::new(id));
        let more = diverted::headers(&self.facts, &uri, (outside.divert, unanswered));
        let target = Target {
            to: format!("<{}>", uri.as_str()),
            hop: Hop::named(&uri, peer),
            uri: uri.clone(),
            from,
            route: Vec::new(),
        };
        let branch = self.invite(&mut leg, target, &more, floor);
        let dial = self.dialing()?;
        dial.leg = leg;
        dial.tries.push(Try {
            branch: branch?,
            line,
            uri,
            answered: Answered::default(),
            silent_until: Some(floor.now + outside.try_for),
        });
        Some(())
    }

    pub(super) fn tick_dial(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(dial) = self.dialing() else { return };
        if now >= dial.until {
            return self.dial_over(LineExit::NoAnswer, floor);
        }
        if dial.looked_up_until.is_some_and(|until| now >= until) {
            return self.dial_over(LineExit::Error, floor);
        }
        let silent = dial.tries.iter();
        let silent = silent.filter(|tried| tried.silent_until.is_some_and(|at| now >= at));
        let silent: Vec<ClientTx> = silent.map(|tried| tried.branch.tx).collect();
        for tx in silent {
            let Some(tried) = self.dialing().and_then(|dial| dial.take_try(tx)) else {
                return;
            };
            self.give_up(vec![tried.branch], None, floor);
            self.tried(tried.line, LineResult::Unreachable, floor);
            let exit = self.noted(LineExit::NoAnswer);
            self.try_next(exit, floor);
        }
    }

    pub(super) fn no_port_for_line(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        if let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) {
            dial.leg.port = Port::None;
            self.dial_over(LineExit::Error, floor);
        }
    }

    /// The attempt came to nothing. A call that keeps its place in a queue waits on.
    pub(super) fn dial_over(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
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
            let round = dial.round.take();
            self.drop_dial(dial, floor);
            if let Some(over) = over {
                return self.hand_back(over, exit, floor);
            }
            if let Some(round) = round {
                return self.round_over(round, exit, floor);
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
        let result = if floor.now >= dial.until {
            LineResult::NoAnswer
        } else {
            LineResult::GivenUp
        };
        for tried in std::mem::take(&mut dial.tries) {
            self.tried(tried.line, result, floor);
            self.give_up(vec![tried.branch], None, floor);
        }
        self.close(&mut dial.leg, floor);
        if let Some(over) = dial.hand_over.take() {
            self.drop_hand_over(over, floor);
        }
        if let Some(calling) = dial.calling.take() {
            self.free(calling.talk, floor);
        }
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

/// Those that are known to be down, or want to be left alone, are tried last (RFC 3263
/// section 4.3).
fn in_order(mut hops: Vec<(Uri, Peer)>, floor: &Floor<'_>) -> VecDeque<(Uri, Peer)> {
    hops.sort_by_key(|(_, peer)| floor.shared.reach.is_last(*peer, floor.now));
    hops.truncate(HOPS);
    hops.into()
}
