//! Sound before the answer: 183 with a description (RFC 3960), acknowledged when the
//! caller's phone can (RFC 3262).
//!
//! ```text
//!  Early ──ports──► 183 ──► the flow plays ──Answer──► PRACK in? ──► 200, same description
//!                    │ PRACK: no more of it                └ not yet: with it
//!                    └ none within 64 × T1: 504
//! ```
//! A caller whose INVITE has no description is answered instead: a proposal of ours before
//! the answer would need one more exchange, and such callers are machines.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::call::{Call, Invitation};
use crate::call::floor::Floor;
use crate::call::leg::{ALLOW, Port, put_sdp};
use crate::flow;
use crate::model::{Hangup, Outcome};
use crate::sip::{Method, Name, Request, Response, ServerTx};

/// RFC 3261 section 17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// No PRACK comes after this (RFC 3262 section 3).
const PATIENCE: Duration = Duration::from_secs(32);
/// Proxies give an INVITE up of which they hear nothing for three minutes; one is said
/// again each minute (RFC 3261 section 13.3.1.1).
const AGAIN: Duration = Duration::from_secs(60);

/// Where sound before the answer is.
#[derive(Debug, Default)]
pub(super) enum Progress {
    /// There is none.
    #[default]
    None,
    /// Its ports are not open.
    Opening,
    /// The 183 is out.
    Told(Box<Told>),
}

/// A 183 that is out.
#[derive(Debug)]
pub(super) struct Told {
    /// The number of the next that is to be acknowledged.
    rseq: u32,
    again_at: Instant,
    /// The one that has no PRACK.
    unacked: Option<Unacked>,
    /// Whether the flow wants the answer, which waits for the PRACK.
    answers: bool,
}

#[derive(Debug)]
struct Unacked {
    rseq: u32,
    response: Response,
    resend_at: Instant,
    /// Until the next resend after that.
    pause: Duration,
    until: Instant,
}

impl Progress {
    /// Whether a description of this INVITE is answered for good: the answer went out in a
    /// 183 that was acknowledged (RFC 3262 section 5).
    pub(super) fn is_agreed(&self, invite: &Request) -> bool {
        match self {
            Self::None | Self::Opening => false,
            Self::Told(told) => told.unacked.is_none() && takes_prack(invite),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let Self::Told(told) = self else { return None };
        let unacked = told.unacked.as_ref();
        let resend = unacked.map(|unacked| unacked.resend_at.min(unacked.until));
        Some(resend.unwrap_or(told.again_at))
    }
}

impl Call {
    /// Lets the caller hear us; the flow goes on when that can be.
    pub(super) fn sound_early(&mut self, floor: &mut Floor<'_>) {
        match &self.invitation {
            Invitation::Pending { request, .. } if request.body.is_empty() => self.answer(floor),
            Invitation::Pending { .. } => {
                self.progress = Progress::Opening;
                self.leg.open(floor);
            }
            Invitation::Confirmed => self.drive(flow::Input::Answered, floor),
            Invitation::Answered | Invitation::Over => {}
        }
    }

    /// The ports are open: the caller is told where sound comes from.
    pub(super) fn tell_progress(&mut self, floor: &mut Floor<'_>) {
        let Invitation::Pending { request, .. } = &self.invitation else {
            return;
        };
        let codecs = &self.facts.snapshot.config.media.codecs;
        let Some(remote) = self.leg.remote() else {
            return;
        };
        let body = request.body.clone();
        match self.leg.answer(&body, remote.remote.ip(), codecs, floor) {
            Ok(_) => {
                // RFC 3262 section 3: the first number leaves room for all that follow.
                let rseq = u32::try_from(floor.endpoint.word() >> 34)
                    .unwrap_or(1)
                    .max(1);
                self.progress = Progress::Told(Box::new(Told {
                    rseq,
                    again_at: floor.now,
                    unacked: None,
                    answers: false,
                }));
                self.say_183(floor);
                self.drive(flow::Input::Answered, floor);
            }
            Err(code) => self.reject(code, floor),
        }
    }

    fn say_183(&mut self, floor: &mut Floor<'_>) {
        let (Invitation::Pending { tx, request, .. }, Progress::Told(told)) =
            (&self.invitation, &mut self.progress)
        else {
            return;
        };
        let mut response = Response::to(request, 183);
        if let Some(dialog) = &self.leg.dialog {
            response.set_to_tag(&dialog.id().local_tag);
            let contact = dialog.contact();
            response.headers.push(Name::Contact, format!("<{contact}>"));
        }
        response.headers.push(Name::Allow, ALLOW);
        if let Some(text) = self.leg.described.clone() {
            put_sdp(&mut response.headers, &mut response.body, text);
        }
        told.again_at = floor.now + AGAIN;
        if takes_prack(request) {
            response.headers.push(Name::Require, "100rel");
            response.headers.push(Name::RSeq, told.rseq.to_string());
            told.unacked = Some(Unacked {
                rseq: told.rseq,
                response: response.clone(),
                resend_at: floor.now + T1,
                pause: 2 * T1,
                until: floor.now + PATIENCE,
            });
            told.rseq = told.rseq.saturating_add(1);
        }
        floor.respond(*tx, &response);
    }

    /// A PRACK: for the 183 that waits for it, or for nothing.
    pub(super) fn pracked(&mut self, tx: ServerTx, prack: &Request, floor: &mut Floor<'_>) {
        let number = match &self.invitation {
            Invitation::Pending { request, .. } => request.headers.cseq().map(|c| c.number).ok(),
            Invitation::Answered | Invitation::Confirmed | Invitation::Over => None,
        };
        let Progress::Told(told) = &mut self.progress else {
            return floor.respond(tx, &Response::to(prack, 481));
        };
        let rack =
            prack.headers.rack().ok().filter(|rack| {
                rack.cseq.method == Method::Invite && Some(rack.cseq.number) == number
            });
        let waits = told
            .unacked
            .take_if(|unacked| rack.is_some_and(|rack| rack.rseq == unacked.rseq));
        if waits.is_none() {
            return floor.respond(tx, &Response::to(prack, 481));
        }
        let answers = std::mem::take(&mut told.answers);
        let mut response = Response::to(prack, 200);
        if !prack.body.is_empty() {
            // RFC 3262 section 5: a proposal in a PRACK is answered with it.
            let codecs = self.facts.snapshot.config.media.codecs.clone();
            if let Err(code) = self.leg.describe(prack, &mut response, &codecs, floor) {
                response = Response::to(prack, code);
            }
        }
        floor.respond(tx, &response);
        if answers {
            self.send_200(floor);
        }
    }

    /// Whether the answer goes out at once: not before the PRACK for what it repeats
    /// (RFC 3262 section 3), and not before there are ports.
    pub(super) fn may_answer(&mut self) -> bool {
        match &mut self.progress {
            Progress::Told(told) => {
                told.answers = told.unacked.is_some();
                !told.answers
            }
            Progress::None | Progress::Opening => matches!(self.leg.port, Port::Open(_)),
        }
    }

    /// What the caller was told already, for the 200 to say the same.
    pub(super) fn told_sdp(&self) -> Option<Bytes> {
        match &self.progress {
            Progress::Told(_) => self.leg.described.clone(),
            Progress::None | Progress::Opening => None,
        }
    }

    pub(super) fn tick_progress(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now;
        let (Invitation::Pending { tx, .. }, Progress::Told(told)) =
            (&self.invitation, &mut self.progress)
        else {
            return;
        };
        let Some(unacked) = &mut told.unacked else {
            if now >= told.again_at {
                self.say_183(floor);
            }
            return;
        };
        if now >= unacked.until {
            self.refuse_caller(504, floor);
            return self.end(Outcome::Failed, Hangup::Vanished, floor);
        }
        if now >= unacked.resend_at {
            unacked.resend_at = now + unacked.pause;
            unacked.pause = unacked.pause.saturating_mul(2);
            floor.respond(*tx, &unacked.response);
        }
    }
}

/// Whether the phone acknowledges provisional answers.
fn takes_prack(invite: &Request) -> bool {
    [Name::Supported, Name::Require].iter().any(|name| {
        let tags = invite.headers.tokens(name);
        tags.iter().any(|tag| tag == "100rel")
    })
}
