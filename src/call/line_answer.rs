//! What a line outside says while it rings: a challenge, no, or that it takes the call.

use std::time::Duration;

use crate::call::call::{Call, Stage};
use crate::call::dial::{Dial, Try};
use crate::call::floor::Floor;
use crate::call::in_queue::Waits;
use crate::call::in_talk::{Talk, With};
use crate::call::invite::ELSEWHERE;
use crate::call::pass::Pass;
use crate::flow::{self, LineExit};
use crate::model::{Cause, DequeueReason, Event, Hangup, LineName, LineResult};
use crate::sip::{ClientTx, Peer, Response};

impl Call {
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
        let (failed, another) = match response.code {
            ..200 => {
                let mut tries = dial.tries.iter_mut();
                if let Some(tried) = tries.find(|tried| tried.branch.tx == tx) {
                    tried.silent_until = None;
                }
                return true;
            }
            200..300 => {
                self.line_took((tx, response), peer, floor);
                return true;
            }
            401 | 407 if dial.authorize((tx, response), peer, floor) => return true,
            422 if dial.ask_longer((tx, response), peer, floor) => return true,
            300.. => {
                let (failed, another) = refusal(response);
                if another {
                    dial.heed((tx, response), floor);
                }
                (failed, another)
            }
        };
        self.try_failed(tx, failed, another, floor);
        true
    }

    /// A line that will not answer.
    pub(super) fn line_unanswered(&mut self, tx: ClientTx, floor: &mut Floor<'_>) -> bool {
        let rings = self.rings(tx).is_some();
        if rings {
            let failed = (LineExit::NoAnswer, LineResult::Unreachable);
            self.try_failed(tx, failed, true, floor);
        }
        rings
    }

    fn rings(&mut self, tx: ClientTx) -> Option<&mut Dial> {
        let dial = self.dialing()?;
        let rings = dial.tries.iter().any(|tried| tried.branch.tx == tx);
        rings.then_some(dial)
    }

    /// An address gave its final answer, and it is no, or gave none. Another address is
    /// tried only when it was this server's trouble, not the called party's word.
    fn try_failed(
        &mut self,
        tx: ClientTx,
        (exit, result): (LineExit, LineResult),
        another: bool,
        floor: &mut Floor<'_>,
    ) {
        let Some(dial) = self.dialing() else { return };
        let Some(tried) = dial.take_try(tx) else {
            return;
        };
        let together = dial.is_together();
        if let Some(hops) = dial.hops.as_mut().filter(|_| !another) {
            hops.retain(|(uri, _)| together && *uri != tried.uri);
        }
        self.tried(tried.line, result, floor);
        let exit = self.noted(exit);
        self.try_next(exit, floor);
    }

    pub(super) fn tried(&self, line: LineName, result: LineResult, floor: &mut Floor<'_>) {
        floor.tell(Event::LineTried {
            call: self.facts.id.clone(),
            line,
            result,
        });
    }

    /// Another has the caller: whatever rings is told so (RFC 3326 section 3.1).
    pub(super) fn stop_trying(&mut self, dial: &mut Dial, floor: &mut Floor<'_>) {
        for other in std::mem::take(&mut dial.tries) {
            self.tried(other.line, LineResult::GivenUp, floor);
            self.give_up(vec![other.branch], Some(ELSEWHERE), floor);
        }
    }

    fn line_took(
        &mut self,
        (tx, response): (ClientTx, &Response),
        peer: Peer,
        floor: &mut Floor<'_>,
    ) {
        let waits = self.queued().map_or(Waits::ForLine, |queue| queue.waits);
        let taken = match self.queued() {
            Some(queue) => queue.dial.take(),
            None => self.take_dialing(),
        };
        let Some(mut dial) = taken else { return };
        let Some(tried) = dial.take_try(tx) else {
            return self.drop_dial(dial, floor);
        };
        self.stop_trying(&mut dial, floor);
        let line = tried.line;
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
            self.tried(line, LineResult::Refused, floor);
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
        self.tried(line.clone(), LineResult::Answered, floor);
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
            line: line.clone(),
        });
        self.story.on_line = true;
        let talk = Talk {
            with: With::Line {
                line,
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

/// What a line's refusal comes to, and whether another address is tried.
fn refusal(response: &Response) -> ((LineExit, LineResult), bool) {
    let (busy, no_answer) = (
        (LineExit::Busy, LineResult::Busy),
        (LineExit::NoAnswer, LineResult::NoAnswer),
    );
    // A gateway names what the network behind it said, where the code is of its own making
    // (RFC 6432): the called party's word.
    let behind = response.headers.reason().q850.map(Cause::number);
    match (response.code, behind) {
        (486 | 600, _) => (busy, false),
        (408 | 480 | 500..600, Some(17)) => (busy, false),
        (408 | 480 | 500..600, Some(18..=20)) => (no_answer, false),
        (480 | 487 | 603, _) => (no_answer, false),
        (408, _) => (no_answer, true),
        (500..600, _) => ((LineExit::Error, LineResult::Failed), true),
        _ => ((LineExit::Error, LineResult::Refused), false),
    }
}

impl Dial {
    /// An address that cannot, and says for how long, comes after others in the next calls
    /// (RFC 3261 section 21.5.4); one that does not say is left out of this call alone.
    fn heed(&self, (tx, response): (ClientTx, &Response), floor: &Floor<'_>) {
        let wait = response.headers.retry_after();
        let tried = self.tries.iter().find(|tried| tried.branch.tx == tx);
        if let (503, Some(wait), Some(tried)) = (response.code, wait, tried) {
            let peer = tried.branch.hop.peer();
            floor.shared.reach.rest(peer, wait, floor.now);
        }
    }

    /// Answers a challenge with the trunk's account: only to the address that was called,
    /// only for the realm that is configured, once.
    fn authorize(
        &mut self,
        (tx, response): (ClientTx, &Response),
        from: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let tried = tried_at(&mut self.tries, tx, from);
        let (Some(account), Some(tried)) = (&self.account, tried) else {
            return false;
        };
        let word = floor.endpoint.word();
        let Try {
            branch, answered, ..
        } = tried;
        if !account.answer(response, &mut branch.request, answered, word) {
            return false;
        }
        tried.ask_again(from, self.outside.try_for, floor);
        true
    }

    /// Asks again for a session as long as the line wants, once.
    fn ask_longer(
        &mut self,
        (tx, response): (ClientTx, &Response),
        from: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(tried) = tried_at(&mut self.tries, tx, from) else {
            return false;
        };
        let Try {
            branch, answered, ..
        } = tried;
        if !branch.raise(response) {
            return false;
        }
        if let Some(account) = &self.account {
            let word = floor.endpoint.word();
            account.write(&mut branch.request, answered, word);
        }
        tried.ask_again(from, self.outside.try_for, floor);
        true
    }
}

impl Try {
    /// Sends its INVITE, which was changed, where it went before.
    fn ask_again(&mut self, to: Peer, try_for: Duration, floor: &mut Floor<'_>) {
        let hop = self.branch.hop.at(to);
        self.branch.tx = floor.ask(self.branch.request.clone(), hop);
        self.silent_until = Some(floor.now + try_for);
    }
}

/// What is tried by this INVITE, if it went where an answer comes from.
fn tried_at(tries: &mut [Try], tx: ClientTx, from: Peer) -> Option<&mut Try> {
    let tried = tries.iter_mut().find(|tried| tried.branch.tx == tx)?;
    tried.branch.hop.leads_to(from).then_some(tried)
}
