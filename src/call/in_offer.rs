//! While an operator's phones ring.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::in_queue::InQueue;
use crate::call::in_talk::{Talk, With};
use crate::call::invite::{Branch, ELSEWHERE, Target, hang_up_late};
use crate::call::leg::{Leg, Port};
use crate::dispatch::{After, Claim, Match};
use crate::media::Command;
use crate::model::{DequeueReason, Event, LegId, OfferResult, OperatorName, OperatorState};
use crate::queue::MissedOffer;
use crate::sip::{ClientTx, Host, Name, Peer, Response, Uri};

/// How long an operator rests whose phone refused at once, when a missed offer does not
/// pause: without it the two would be offered to each other as fast as packets travel.
const BREATH: Duration = Duration::from_secs(5);
/// The media worker answers in microseconds; one that does not is gone.
const PORT_TIME: Duration = Duration::from_secs(2);

/// One operator who rings for this call.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) claim: Claim,
    pub(super) operator: OperatorName,
    pub(super) leg: Leg,
    branches: Vec<Branch>,
    since: Instant,
    until: Instant,
    /// Whether any phone was asked; if not, it is not the operator who missed something.
    asked: bool,
    /// The best that its phones said so far.
    said: Option<OfferResult>,
}

impl Offer {
    pub(super) fn deadline(&self) -> Instant {
        self.until
    }
}

impl Call {
    /// An operator for this call, or for one that does not wait any more.
    pub(super) fn matched(&mut self, matched: &Match, floor: &mut Floor<'_>) {
        let waiting = self
            .queued()
            .is_some_and(|queue| queue.ticket == matched.ticket && queue.offer.is_none());
        let operator = floor.shared.board.name(matched.claim.operator);
        let (true, Some(operator)) = (waiting, operator) else {
            return floor.give_back(matched);
        };
        let call = self.facts.id.clone();
        let mut leg = self.next_leg();
        let Some(queue) = self.queued() else { return };
        floor.tell(Event::Offered {
            call: call.clone(),
            queue: queue.name.clone(),
            operator: operator.clone(),
            decided_in: floor.now.saturating_duration_since(matched.possible_at),
            overtook: matched.overtook,
        });
        floor.tell(Event::OperatorChanged {
            operator: operator.clone(),
            state: OperatorState::Offered,
            reason: None,
            call: Some(call),
        });
        leg.open(floor);
        queue.offer = Some(Offer {
            claim: matched.claim,
            operator,
            leg,
            branches: Vec::new(),
            since: floor.now,
            until: floor.now + PORT_TIME,
            asked: false,
            said: None,
        });
    }

    /// The ports of a phone that is to ring are there: an operator's, or a line's.
    pub(super) fn ring(&mut self, leg: LegId, local: SocketAddr, floor: &mut Floor<'_>) {
        let offered = self
            .queued()
            .and_then(|queue| queue.offer.as_ref())
            .is_some_and(|offer| offer.leg.id == leg);
        if offered {
            self.ring_operator(local, floor);
        } else {
            self.ring_line(leg, local, floor);
        }
    }

    fn ring_operator(&mut self, local: SocketAddr, floor: &mut Floor<'_>) {
        let call = self.facts.id.clone();
        let waited = self.story.waited;
        let Some(queue) = self.queued() else { return };
        let Some(mut offer) = queue.offer.take() else {
            return;
        };
        let waited = waited + queue.waited(floor.now);
        let headers = [
            (Name::Other("X-Centrale-Call".into()), call.to_string()),
            (
                Name::Other("X-Centrale-Queue".into()),
                queue.name.to_string(),
            ),
            (
                Name::Other("X-Centrale-Waited".into()),
                waited.as_secs().to_string(),
            ),
        ];
        offer.until = floor.now + queue.settings.offer_timeout;
        offer.leg.port = Port::Open(local);
        let domain = &self.facts.snapshot.config.domain;
        let host = Host::parse(domain).unwrap_or_else(|| Host::Name("invalid".into()));
        let to = Uri::sip(Some(offer.operator.as_str()), &host, None);
        for phone in floor.shared.registrar.contacts(&offer.operator, floor.now) {
            let target = Target {
                uri: phone.uri,
                to: format!("<{}>", to.as_str()),
                peer: phone.peer,
            };
            let branch = self.invite(&mut offer.leg, target, &headers, floor);
            offer.branches.extend(branch);
        }
        let rings = !offer.branches.is_empty();
        offer.asked = rings;
        if let Some(queue) = self.queued() {
            queue.offer = Some(offer);
        }
        if !rings {
            self.offer_over(OfferResult::Unreachable, floor);
        }
    }

    pub(super) fn tick_offer(&mut self, floor: &mut Floor<'_>) {
        let offer = self.queued().and_then(|queue| queue.offer.as_ref());
        let Some(offer) = offer.filter(|offer| floor.now >= offer.until) else {
            return;
        };
        let result = if offer.branches.is_empty() {
            OfferResult::Unreachable
        } else {
            OfferResult::Missed
        };
        self.offer_over(result, floor);
    }

    /// An answer of a phone that rings. `false` when it is not one of these.
    pub(super) fn offer_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(at) = self.branch_of(tx) else {
            return false;
        };
        match response.code {
            ..200 => {}
            200..300 => self.operator_answered(at, (response, peer), floor),
            486 | 600 => self.branch_over(at, OfferResult::Busy, floor),
            // RFC 3261 section 8.1.3.4 lets us follow a 3xx; an operator's phone that
            // sends callers elsewhere is a refusal here.
            300..=407 | 409..=499 | 603..=699 => {
                self.branch_over(at, OfferResult::Rejected, floor);
            }
            408 | 500.. => self.branch_over(at, OfferResult::Unreachable, floor),
        }
        true
    }

    /// A phone that rings and will not answer.
    pub(super) fn offer_unanswered(&mut self, tx: ClientTx, floor: &mut Floor<'_>) -> bool {
        let Some(at) = self.branch_of(tx) else {
            return false;
        };
        self.branch_over(at, OfferResult::Unreachable, floor);
        true
    }

    fn branch_of(&mut self, tx: ClientTx) -> Option<usize> {
        let offer = self.queued()?.offer.as_ref()?;
        offer.branches.iter().position(|branch| branch.tx == tx)
    }

    /// One phone said no; the others ring on. What an operator did on purpose says more
    /// than a phone that could not be reached.
    fn branch_over(&mut self, at: usize, result: OfferResult, floor: &mut Floor<'_>) {
        let Some(offer) = self.queued().and_then(|queue| queue.offer.as_mut()) else {
            return;
        };
        offer.branches.swap_remove(at);
        if offer.said.is_none() || result != OfferResult::Unreachable {
            offer.said = Some(result);
        }
        // An operator who declines on one phone declines the call (RFC 3261 section 21.6).
        let declined = result == OfferResult::Rejected || result == OfferResult::Busy;
        if declined || offer.branches.is_empty() {
            let result = offer.said.unwrap_or(result);
            self.offer_over(result, floor);
        }
    }

    /// The offer came to nothing: the call is back in its place, the operator rests.
    fn offer_over(&mut self, result: OfferResult, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        let Some(offer) = queue.offer.take() else {
            return;
        };
        let (ticket, missed) = (queue.ticket, queue.settings.missed_offer);
        let queue = queue.name.clone();
        let (claim, operator, asked) = (offer.claim, offer.operator.clone(), offer.asked);
        self.silence(offer, &queue, result, floor);
        // The caller first: whoever is ready now takes the oldest call, and this may be it.
        let matched = floor.shared.board.put_back(ticket, None, floor.now);
        floor.matched(matched);
        let after = match (missed, result) {
            _ if !asked => After::WrapUp,
            (MissedOffer::Pause, _) => After::Paused,
            (MissedOffer::Stay, OfferResult::Missed) => After::Ready,
            (
                MissedOffer::Stay,
                OfferResult::Answered
                | OfferResult::Rejected
                | OfferResult::Busy
                | OfferResult::Unreachable
                | OfferResult::Withdrawn,
            ) => After::WrapUp,
        };
        self.release(&operator, claim, (after, BREATH), floor);
        self.do_due(floor);
    }

    /// Gives an operator back, and sees to the end of the wrap-up.
    pub(super) fn release(
        &self,
        operator: &OperatorName,
        claim: Claim,
        (after, rest): (After, Duration),
        floor: &mut Floor<'_>,
    ) {
        let change = floor.shared.board.finished(&claim, after, floor.now);
        if change.state == OperatorState::WrapUp {
            floor.out.push(super::Output::WrapUp {
                operator: operator.clone(),
                claim,
                at: floor.now + rest,
            });
        }
        floor.changed(operator, change, Some(&self.facts.id));
    }

    /// Stops the phones of an offer and tells how it ended.
    fn silence(
        &mut self,
        mut offer: Offer,
        queue: &crate::model::QueueName,
        result: OfferResult,
        floor: &mut Floor<'_>,
    ) {
        self.give_up(std::mem::take(&mut offer.branches), None, floor);
        self.close(&mut offer.leg, floor);
        floor.tell(Event::OfferEnded {
            call: self.facts.id.clone(),
            queue: queue.clone(),
            operator: offer.operator,
            result,
            rang: floor.now.saturating_duration_since(offer.since),
        });
    }

    /// The caller left, or another took the call: the operator is ready at once.
    pub(super) fn withdraw(&mut self, offer: Offer, queue: &InQueue, floor: &mut Floor<'_>) {
        let (claim, operator) = (offer.claim, offer.operator.clone());
        self.silence(offer, &queue.name, OfferResult::Withdrawn, floor);
        floor.shared.board.done(queue.ticket);
        self.release(&operator, claim, (After::Ready, Duration::ZERO), floor);
    }

    /// The operator picked up.
    fn operator_answered(
        &mut self,
        at: usize,
        (response, peer): (&Response, Peer),
        floor: &mut Floor<'_>,
    ) {
        let Some(mut offer) = self.queued().and_then(|queue| queue.offer.take()) else {
            return;
        };
        let branch = offer.branches.swap_remove(at);
        // A claim that does not stand any more has another owner: nobody is to talk here.
        let stands = floor.shared.board.answered(&offer.claim, floor.now);
        let agreed = if stands {
            self.pick_up(&branch, &mut offer.leg, (response, peer), floor)
        } else {
            hang_up_late(&branch, response, peer, floor);
            None
        };
        if agreed.is_none() {
            if let Some(queue) = self.queued() {
                queue.offer = Some(offer);
            }
            return self.offer_over(OfferResult::Unreachable, floor);
        }
        let others = std::mem::take(&mut offer.branches);
        self.give_up(others, Some(ELSEWHERE), floor);
        self.begin_talk(offer, floor);
    }

    fn begin_talk(&mut self, offer: Offer, floor: &mut Floor<'_>) {
        let Stage::Queued(mut queue) = std::mem::replace(&mut self.stage, Stage::Flow) else {
            return;
        };
        if let Some(dial) = queue.dial.take() {
            self.drop_dial(dial, floor);
        }
        floor.shared.board.done(queue.ticket);
        let call = self.facts.id.clone();
        floor.tell(Event::OfferEnded {
            call: call.clone(),
            queue: queue.name.clone(),
            operator: offer.operator.clone(),
            result: OfferResult::Answered,
            rang: floor.now.saturating_duration_since(offer.since),
        });
        self.dequeued(&queue, DequeueReason::Answered, floor);
        floor.tell(Event::OperatorChanged {
            operator: offer.operator.clone(),
            state: OperatorState::Talking,
            reason: None,
            call: Some(call.clone()),
        });
        floor.tell(Event::Talking {
            call,
            queue: queue.name.clone(),
            operator: offer.operator.clone(),
            waited: self.story.waited,
        });
        self.story.talked = true;
        let whisper = queue.whisper.take();
        let leg = offer.leg.id;
        self.start_talk(
            Talk {
                with: With::Operator {
                    claim: offer.claim,
                    operator: offer.operator,
                    queue: queue.name.clone(),
                    settings: std::sync::Arc::clone(&queue.settings),
                },
                leg: offer.leg,
                since: floor.now,
                waits: queue.waits,
            },
            floor,
        );
        if let Some(whisper) = whisper {
            let sounds = self.sounds(&[whisper], floor);
            let play = self.next_play();
            if !sounds.is_empty() {
                floor.media(Command::Play {
                    leg,
                    play,
                    sounds,
                    looped: false,
                });
            }
        }
    }

    /// No ports for a phone that was to ring.
    pub(super) fn no_port_to_ring(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        let offer = self.queued().and_then(|queue| queue.offer.as_mut());
        if let Some(offer) = offer.filter(|offer| offer.leg.id == leg) {
            offer.leg.port = Port::None;
            self.offer_over(OfferResult::Unreachable, floor);
        } else {
            self.no_port_for_line(leg, floor);
        }
    }
}
