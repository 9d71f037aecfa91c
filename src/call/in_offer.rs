//! While operators' phones ring.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::call::in_queue::InQueue;
use crate::call::invite::{Branch, Target, hang_up_late};
use crate::call::leg::{Leg, Port};
use crate::dispatch::{Claim, Match, Strategy, TicketId};
use crate::model::{Event, LegId, OfferResult, OperatorName, QueueName, limits};
use crate::queue::Settings;
use crate::registrar::Binding;
use crate::sip::{ClientTx, Hop, Host, Name, Peer, Response, Uri};

/// The media worker answers in microseconds; one that does not is gone.
const PORT_TIME: Duration = Duration::from_secs(2);
/// How long a phone that was told to stop ringing may take to say that it did. One that is
/// there does so within a second or two, however much is lost on the way; to one that is
/// not, another INVITE does no harm.
const STOP_TIME: Duration = Duration::from_secs(4);
/// How often it is looked whether it did: the caller waits for no longer than this, and the
/// phone's answer may come to another shard.
const STOP_LOOK: Duration = Duration::from_millis(20);
/// How soon operators who become ready join those who ring already.
const JOIN: Duration = Duration::from_secs(1);

/// One operator who rings for this call.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) claim: Claim,
    pub(super) operator: OperatorName,
    /// The place of the call for which it rings: another than the call has now, when a
    /// step led the call away meanwhile.
    pub(super) ticket: TicketId,
    pub(super) queue: QueueName,
    pub(super) settings: Arc<Settings>,
    pub(super) leg: Leg,
    pub(super) branches: Vec<Branch>,
    /// Phones, each by its flows, that may still be ringing for a call that was given up.
    pub(super) held: Vec<Vec<Binding>>,
    /// Then it is looked whether they do.
    look_at: Option<Instant>,
    pub(super) since: Instant,
    until: Instant,
    /// Whether any phone was asked; if not, it is not the operator who missed something.
    pub(super) asked: bool,
    /// The best that its phones said so far.
    pub(super) said: Option<OfferResult>,
}

impl Offer {
    pub(super) fn deadline(&self) -> Instant {
        self.look_at.map_or(self.until, |at| at.min(self.until))
    }

    /// The INVITEs that ring, and what they ring for.
    pub(super) fn branches_mut(&mut self) -> impl Iterator<Item = (&Leg, &mut Branch)> {
        let leg = &self.leg;
        self.branches.iter_mut().map(move |branch| (leg, branch))
    }

    /// Whether any phone rings, or is about to.
    fn is_over(&self) -> bool {
        self.branches.is_empty() && self.held.is_empty()
    }
}

impl InQueue {
    fn offer(&mut self, leg: LegId) -> Option<&mut Offer> {
        self.offers.iter_mut().find(|offer| offer.leg.id == leg)
    }

    /// The offer and the phone of a request of ours.
    fn branch(&self, tx: ClientTx) -> Option<(LegId, usize)> {
        self.offers.iter().find_map(|offer| {
            let at = offer.branches.iter().position(|branch| branch.tx == tx)?;
            Some((offer.leg.id, at))
        })
    }

    /// Takes an offer out of those that ring.
    pub(super) fn take_offer(&mut self, leg: LegId) -> Option<Offer> {
        let at = self.offers.iter().position(|offer| offer.leg.id == leg)?;
        Some(self.offers.remove(at))
    }
}

impl Call {
    /// An operator for this call, or for one that does not wait any more.
    pub(super) fn matched(&mut self, matched: &Match, floor: &mut Floor<'_>) {
        let here = |queue: &mut InQueue| queue.ticket == matched.ticket;
        let operator = floor.shared.board.name(matched.claim.operator);
        let (true, Some(operator)) = (self.queued().is_some_and(here), operator) else {
            return floor.give_back(matched);
        };
        if self.back.is_some() && !self.may_call_back(floor) {
            floor.give_back(matched);
            return self.withdraw_back(floor);
        }
        self.offer(matched, operator, floor);
        self.join(floor);
    }

    /// Where all ring at once, everybody who is ready joins.
    pub(super) fn join(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let all = Strategy::RingAll;
        let may = |queue: &mut InQueue| {
            let due = queue.join_at.is_none_or(|at| at <= now);
            due && queue.settings.strategy == all && queue.ringing() > 0
        };
        if !self.queued().is_some_and(may) {
            return;
        }
        while let Some(queue) = self.queued() {
            queue.join_at = now.checked_add(JOIN);
            let ticket = queue.ticket;
            if queue.ringing() >= limits::RING_ALL {
                return;
            }
            let Some(matched) = floor.shared.board.offer_more(ticket, now) else {
                return;
            };
            match floor.shared.board.name(matched.claim.operator) {
                Some(operator) => self.offer(&matched, operator, floor),
                None => return,
            }
        }
    }

    fn offer(&mut self, matched: &Match, operator: OperatorName, floor: &mut Floor<'_>) {
        let call = self.facts.id.clone();
        let mut leg = self.next_leg();
        let Some(queue) = self.queued() else { return };
        queue.kept_until = None;
        queue.look_again_at = None;
        floor.tell(Event::Offered {
            call: call.clone(),
            queue: queue.name.clone(),
            operator: operator.clone(),
            decided_in: floor.now.saturating_duration_since(matched.possible_at),
            overtook: floor.shared.board.passed_over(matched),
        });
        floor.tell(Event::OperatorChanged {
            operator: operator.clone(),
            state: floor.shared.board.state(matched.claim.operator),
            reason: None,
            call: Some(call),
        });
        leg.open(floor);
        queue.offers.push(Offer {
            claim: matched.claim,
            operator,
            ticket: matched.ticket,
            queue: queue.name.clone(),
            settings: Arc::clone(&queue.settings),
            leg,
            branches: Vec::new(),
            held: Vec::new(),
            look_at: None,
            since: floor.now,
            until: floor.now + PORT_TIME,
            asked: false,
            said: None,
        });
    }

    /// The ports of a phone that is to ring are there: an operator's, or a line's.
    pub(super) fn ring(&mut self, leg: LegId, local: SocketAddr, floor: &mut Floor<'_>) {
        match self.queued().and_then(|queue| queue.take_offer(leg)) {
            Some(offer) => self.ring_operator(offer, local, floor),
            None => self.ring_line(leg, local, floor),
        }
    }

    fn ring_operator(&mut self, mut offer: Offer, local: SocketAddr, floor: &mut Floor<'_>) {
        offer.until = floor.now + offer.settings.offer_timeout;
        offer.leg.port = Port::Open(local);
        offer.held = floor.shared.registrar.phones(&offer.operator, floor.now);
        self.ring_phones(offer, floor);
    }

    /// Rings those of an operator's phones that do not ring yet and have stopped ringing for
    /// others.
    fn ring_phones(&mut self, mut offer: Offer, floor: &mut Floor<'_>) {
        let patient = floor.now < offer.since + STOP_TIME;
        let stopping = &floor.shared.stopping;
        let stops = |flow: &Binding| stopping.has(&offer.operator, flow.device());
        let (held, free) = std::mem::take(&mut offer.held)
            .into_iter()
            .partition(|flows| patient && flows.first().is_some_and(stops));
        offer.held = held;
        self.ring_free(&mut offer, free, floor);
        offer.look_at = (!offer.held.is_empty()).then(|| floor.now + STOP_LOOK);
        offer.asked |= !offer.branches.is_empty();
        let (leg, over) = (offer.leg.id, offer.is_over());
        if let Some(queue) = self.queued() {
            queue.offers.push(offer);
        }
        if over {
            self.offer_over(leg, OfferResult::Unreachable, floor);
        }
    }

    /// Rings phones, each by its flows.
    fn ring_free(&mut self, offer: &mut Offer, phones: Vec<Vec<Binding>>, floor: &mut Floor<'_>) {
        if phones.is_empty() {
            return;
        }
        let headers = self.offer_headers(offer, floor);
        for flows in phones {
            let branch = self.ring_phone(offer, flows, &headers, floor);
            offer.branches.extend(branch);
        }
    }

    /// What every phone of an operator is told.
    fn offer_headers(&mut self, offer: &Offer, floor: &Floor<'_>) -> Vec<(Name, String)> {
        let queued = self.queued().map(|queue| queue.waited(floor.now));
        let waited = self.story.waited + queued.unwrap_or_default();
        let waited = self.waited_for_back(floor).unwrap_or(waited);
        let header = |name: &str, value: String| (Name::Other(name.into()), value);
        let mut headers = vec![
            header("X-Centrale-Call", self.facts.id.to_string()),
            header("X-Centrale-Queue", offer.queue.to_string()),
            header("X-Centrale-Waited", waited.as_secs().to_string()),
        ];
        let callback = self.back.as_ref().map(|back| back.id.to_string());
        headers.extend(callback.map(|id| header("X-Centrale-Callback", id)));
        headers.extend(self.carried_headers());
        headers
    }

    /// Rings one phone by the first of its flows.
    fn ring_phone(
        &self,
        offer: &mut Offer,
        flows: Vec<Binding>,
        headers: &[(Name, String)],
        floor: &mut Floor<'_>,
    ) -> Option<Branch> {
        let mut flows = flows.into_iter();
        let flow = flows.next()?;
        let (device, reg_id) = (Arc::from(flow.device()), flow.reg_id);
        let domain = &self.facts.snapshot.config.domain;
        let host = Host::parse(domain).unwrap_or_else(|| Host::Name("invalid".into()));
        let to = Uri::sip(Some(offer.operator.as_str()), &host, None);
        let target = Target {
            uri: flow.uri,
            to: format!("<{}>", to.as_str()),
            // A phone is reached by the flow that it registered by, whatever the size: behind a
            // router nothing else comes through, and an attempt would cost it time to ring.
            hop: Hop::Flow(flow.peer),
            from: None,
            route: flow.path,
        };
        let mut branch = self.invite(&mut offer.leg, target, headers, floor)?;
        branch.flows = flows.collect();
        branch.phone = Some((offer.operator.clone(), device));
        branch.reg_id = reg_id;
        Some(branch)
    }

    /// A flow failed: its phone is tried by the next one. `false` when there is none.
    fn ring_by_next_flow(&mut self, (leg, at): (LegId, usize), floor: &mut Floor<'_>) -> bool {
        let Some(mut offer) = self.queued().and_then(|queue| queue.take_offer(leg)) else {
            return false;
        };
        let failed = offer.branches.get_mut(at);
        let flows = failed.map(|branch| std::mem::take(&mut branch.flows));
        let headers = self.offer_headers(&offer, floor);
        let next = self.ring_phone(&mut offer, flows.unwrap_or_default(), &headers, floor);
        let rings = next.is_some();
        if let (Some(next), Some(failed)) = (next, offer.branches.get_mut(at)) {
            *failed = next;
        }
        if let Some(queue) = self.queued() {
            queue.offers.push(offer);
        }
        rings
    }

    pub(super) fn tick_offers(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let Some(queue) = self.queued() else { return };
        let looks = queue.offers.iter();
        let looks = looks.filter(|offer| offer.look_at.is_some_and(|at| now >= at));
        let looks: Vec<_> = looks.map(|offer| offer.leg.id).collect();
        for leg in looks {
            if let Some(offer) = self.queued().and_then(|queue| queue.take_offer(leg)) {
                self.ring_phones(offer, floor);
            }
        }
        let Some(queue) = self.queued() else { return };
        let due = queue.offers.iter().filter(|offer| now >= offer.until);
        let due: Vec<_> = due
            .map(|offer| match offer.branches.is_empty() {
                true => (offer.leg.id, OfferResult::Unreachable),
                false => (offer.leg.id, OfferResult::Missed),
            })
            .collect();
        for (leg, result) in due {
            self.offer_over(leg, result, floor);
        }
    }

    /// An answer of a phone that rings. `false` when it is not one of these.
    pub(super) fn offer_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some((leg, at)) = self.queued().and_then(|queue| queue.branch(tx)) else {
            return false;
        };
        match response.code {
            ..200 => {}
            200..300 => self.operator_answered((leg, at), (response, peer), floor),
            408 | 430 if self.ring_by_next_flow((leg, at), floor) => {}
            422 if self.ring_longer((leg, at), (response, peer), floor) => {}
            430 => self.branch_over((leg, at), OfferResult::Unreachable, floor),
            486 | 600 => self.branch_over((leg, at), OfferResult::Busy, floor),
            // RFC 3261 section 8.1.3.4 lets us follow a 3xx; an operator's phone that
            // sends callers elsewhere is a refusal here.
            300..=407 | 409..=429 | 431..=499 | 603..=699 => {
                self.branch_over((leg, at), OfferResult::Rejected, floor);
            }
            408 | 500.. => self.branch_over((leg, at), OfferResult::Unreachable, floor),
        }
        true
    }

    /// A phone wants a longer session than it was asked for: it is asked again. `false` when
    /// that is no use.
    fn ring_longer(
        &mut self,
        (leg, at): (LegId, usize),
        (response, peer): (&Response, Peer),
        floor: &mut Floor<'_>,
    ) -> bool {
        let offer = self.queued().and_then(|queue| queue.offer(leg));
        let branch = offer.and_then(|offer| offer.branches.get_mut(at));
        let Some(branch) = branch else { return false };
        let raised = branch.raise(response);
        if raised {
            branch.tx = floor.ask(branch.request.clone(), branch.hop.at(peer));
        }
        raised
    }

    /// A phone that rings and will not answer.
    pub(super) fn offer_unanswered(&mut self, tx: ClientTx, floor: &mut Floor<'_>) -> bool {
        let Some(branch) = self.queued().and_then(|queue| queue.branch(tx)) else {
            return false;
        };
        if !self.ring_by_next_flow(branch, floor) {
            self.branch_over(branch, OfferResult::Unreachable, floor);
        }
        true
    }

    /// One phone said no; the others ring on. What an operator did on purpose says more
    /// than a phone that could not be reached.
    fn branch_over(
        &mut self,
        (leg, at): (LegId, usize),
        result: OfferResult,
        floor: &mut Floor<'_>,
    ) {
        let Some(offer) = self.queued().and_then(|queue| queue.offer(leg)) else {
            return;
        };
        offer.branches.swap_remove(at);
        if offer.said.is_none() || result != OfferResult::Unreachable {
            offer.said = Some(result);
        }
        // An operator who declines on one phone declines the call (RFC 3261 section 21.6).
        let declined = result == OfferResult::Rejected || result == OfferResult::Busy;
        if declined || offer.is_over() {
            let result = offer.said.unwrap_or(result);
            self.offer_over(leg, result, floor);
        }
    }

    /// The operator picked up.
    fn operator_answered(
        &mut self,
        (leg, at): (LegId, usize),
        (response, peer): (&Response, Peer),
        floor: &mut Floor<'_>,
    ) {
        let Some(mut offer) = self.queued().and_then(|queue| queue.take_offer(leg)) else {
            return;
        };
        let branch = offer.branches.swap_remove(at);
        // A claim that does not stand any more has another owner: nobody is to talk here.
        let stands = floor.shared.board.answered(&offer.claim, floor.now);
        let agreed = if stands {
            self.pick_up(branch, &mut offer.leg, (response, peer), floor)
        } else {
            hang_up_late(&branch, response, peer, floor);
            None
        };
        if agreed.is_some() && self.back.is_some() {
            return self.call_customer(offer, floor);
        }
        if agreed.is_some() {
            return self.begin_talk(offer, floor);
        }
        if let Some(queue) = self.queued() {
            queue.offers.push(offer);
        }
        self.offer_over(leg, OfferResult::Unreachable, floor);
    }

    /// The operator for whom it rings answers: whether the claim still stands.
    pub(super) fn offer_stands(&mut self, rings: LegId, floor: &mut Floor<'_>) -> bool {
        let offer = self.queued().and_then(|queue| queue.offer(rings));
        offer.is_some_and(|offer| floor.shared.board.answered(&offer.claim, floor.now))
    }

    /// What rings at a phone is picked up at another, by the same operator or by one who was
    /// taken for it.
    pub(super) fn picked_up(
        &mut self,
        rings: LegId,
        leg: Leg,
        other: Option<(OperatorName, Claim)>,
        floor: &mut Floor<'_>,
    ) {
        let Some(mut offer) = self.queued().and_then(|queue| queue.take_offer(rings)) else {
            return;
        };
        let Some((operator, claim)) = other else {
            let mut before = std::mem::replace(&mut offer.leg, leg);
            self.close(&mut before, floor);
            return self.begin_talk(offer, floor);
        };
        floor.tell(Event::Offered {
            call: self.facts.id.clone(),
            queue: offer.queue.clone(),
            operator: operator.clone(),
            decided_in: Duration::ZERO,
            overtook: None,
        });
        let own = Offer {
            claim,
            operator,
            ticket: offer.ticket,
            queue: offer.queue.clone(),
            settings: Arc::clone(&offer.settings),
            leg,
            branches: Vec::new(),
            held: Vec::new(),
            look_at: None,
            since: floor.now,
            until: floor.now,
            asked: true,
            said: None,
        };
        if let Some(queue) = self.queued() {
            queue.offers.push(offer);
        }
        self.begin_talk(own, floor);
    }

    /// No ports for a phone that was to ring.
    pub(super) fn no_port_to_ring(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        match self.queued().and_then(|queue| queue.offer(leg)) {
            Some(offer) => {
                offer.leg.port = Port::None;
                self.offer_over(leg, OfferResult::Unreachable, floor);
            }
            None => self.no_port_for_line(leg, floor),
        }
    }
}
