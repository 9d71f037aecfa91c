//! A line outside rings.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::call::Permit;
use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::in_queue::Waits;
use crate::call::in_talk::{Talk, With};
use crate::call::invite::{Branch, Target};
use crate::call::leg::{Leg, Port};
use crate::config::Line;
use crate::flow::{self, LineExit};
use crate::model::{DequeueReason, Event, LegId, LineName};
use crate::sip::{ClientTx, Peer, Response, Transport, Uri};

/// How long a line may ring: longer than any voicemail waits before it answers.
const RING_TIME: Duration = Duration::from_secs(60);

/// One attempt to reach a line.
#[derive(Debug)]
pub(super) struct Dial {
    line: LineName,
    uri: Uri,
    address: SocketAddr,
    leg: Leg,
    branch: Option<Branch>,
    until: Instant,
    permit: Option<Permit>,
}

impl Dial {
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

impl Call {
    /// Begins to dial a line that is an address outside.
    pub(super) fn dial(
        &mut self,
        name: &LineName,
        floor: &mut Floor<'_>,
    ) -> Result<Dial, LineExit> {
        let snapshot = &self.facts.snapshot;
        let Some(Line::Outside { uri, max_calls }) = snapshot.config.lines.get(name) else {
            return Err(LineExit::Error);
        };
        let address = *snapshot.lines.get(name).ok_or(LineExit::Error)?;
        let permit = match max_calls {
            Some(most) => {
                let gate = format!("line {name}");
                let most = usize::try_from(*most).unwrap_or(usize::MAX);
                Some(
                    floor
                        .shared
                        .gates
                        .enter(&gate, most)
                        .ok_or(LineExit::Busy)?,
                )
            }
            None => None,
        };
        let uri = uri.clone();
        let mut leg = self.next_leg();
        leg.open(floor);
        Ok(Dial {
            line: name.clone(),
            uri,
            address,
            leg,
            branch: None,
            until: floor.now + RING_TIME,
            permit,
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
        let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) else {
            return;
        };
        dial.leg.port = Port::Open(local);
        // One that we do not speak is found when the configuration is read.
        let transport = Transport::of(&dial.uri).unwrap_or(Transport::Udp);
        let target = Target {
            uri: dial.uri.clone(),
            to: format!("<{}>", dial.uri.as_str()),
            peer: Peer {
                transport,
                remote: dial.address,
                connection: None,
            },
            by_size: dial.uri.param("transport").is_none(),
        };
        // The leg is lent out, so that the call can be read while it is described.
        let mut leg = std::mem::replace(&mut dial.leg, Leg::new(leg));
        let branch = self.invite(&mut leg, target, &[], floor);
        if let Some(dial) = self.dialing() {
            dial.leg = leg;
            dial.branch = branch;
        }
    }

    pub(super) fn tick_dial(&mut self, floor: &mut Floor<'_>) {
        if self.dialing().is_some_and(|dial| floor.now >= dial.until) {
            self.dial_over(LineExit::NoAnswer, floor);
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
        if !self.rings(tx) {
            return false;
        }
        match response.code {
            ..200 => {}
            200..300 => self.line_took(response, peer, floor),
            486 | 600 => self.dial_failed(LineExit::Busy, floor),
            408 | 480 | 487 | 603 => self.dial_failed(LineExit::NoAnswer, floor),
            300.. => self.dial_failed(LineExit::Error, floor),
        }
        true
    }

    /// A line that will not answer.
    pub(super) fn line_unanswered(&mut self, tx: ClientTx, floor: &mut Floor<'_>) -> bool {
        let rings = self.rings(tx);
        if rings {
            self.dial_failed(LineExit::NoAnswer, floor);
        }
        rings
    }

    pub(super) fn no_port_for_line(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        if let Some(dial) = self.dialing().filter(|dial| dial.leg.id == leg) {
            dial.leg.port = Port::None;
            self.dial_over(LineExit::Error, floor);
        }
    }

    fn rings(&mut self, tx: ClientTx) -> bool {
        let branch = self.dialing().and_then(|dial| dial.branch.as_ref());
        branch.is_some_and(|branch| branch.tx == tx)
    }

    /// The line gave its final answer, and it is no.
    fn dial_failed(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
        if let Some(dial) = self.dialing() {
            dial.branch = None;
        }
        self.dial_over(exit, floor);
    }

    /// The attempt came to nothing. A call that keeps its place in a queue waits on.
    fn dial_over(&mut self, exit: LineExit, floor: &mut Floor<'_>) {
        if let Some(queue) = self.queued() {
            if let Some(dial) = queue.dial.take() {
                self.drop_dial(dial, floor);
            }
            return;
        }
        if let Some(dial) = self.take_dialing() {
            self.drop_dial(dial, floor);
            self.stop_playing(floor);
            self.drive(flow::Input::LineEnded(exit), floor);
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
        let branch = dial.branch.take();
        self.give_up(branch.into_iter().collect(), None, floor);
        self.close(&mut dial.leg, floor);
    }

    fn line_took(&mut self, response: &Response, peer: Peer, floor: &mut Floor<'_>) {
        let waits = self.queued().map_or(Waits::ForLine, |queue| queue.waits);
        let taken = match self.queued() {
            Some(queue) => queue.dial.take(),
            None => self.take_dialing(),
        };
        let Some(mut dial) = taken else { return };
        let Some(branch) = dial.branch.take() else {
            return;
        };
        if self
            .pick_up(&branch, &mut dial.leg, (response, peer), floor)
            .is_none()
        {
            let queued = self.queued().is_some();
            self.drop_dial(dial, floor);
            if !queued {
                self.stop_playing(floor);
                self.drive(flow::Input::LineEnded(LineExit::Error), floor);
            }
            return;
        }
        self.leave_queue(DequeueReason::Line, floor);
        floor.tell(Event::OnLine {
            call: self.facts.id.clone(),
            line: dial.line.clone(),
        });
        self.story.on_line = true;
        let talk = Talk {
            with: With::Line {
                _permit: dial.permit,
            },
            leg: dial.leg,
            since: floor.now,
            waits,
        };
        self.start_talk(talk, floor);
    }
}
