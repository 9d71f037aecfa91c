//! Our refreshes of a session (RFC 4028), and what phones say to our questions.
//!
//! A phone that takes UPDATE gets one without a description, until it refuses one after all;
//! any other gets a re-INVITE that says again what we said last, byte for byte: the same
//! version of the same description changes nothing (RFC 3264 section 8), and the phone
//! answers with its own.

use std::time::{Duration, Instant};

use crate::call::floor::Floor;
use crate::call::leg::{Leg, put_sdp};
use crate::model::Codec;
use crate::sip::{ClientTx, Method, Peer, Response};

/// After a glare whoever began the dialog waits for so long at least, and up to so much
/// more (RFC 3261 section 14.1).
const GLARE: (Duration, Duration) = (Duration::from_millis(2_100), Duration::from_millis(1_900));
/// The other waits up to so long.
const GLARE_OTHER: Duration = Duration::from_secs(2);

/// A refresh of ours that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub(super) tx: ClientTx,
    /// The number of the re-INVITE, whose 2xx wants an ACK; `None` for an UPDATE.
    invite: Option<u32>,
}

/// What became of a question of ours to a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Not one of this leg's.
    NotOurs,
    /// The phone is there.
    Alive,
    /// The phone knows nothing of the call, or is not there.
    Gone,
}

impl Leg {
    /// Refreshes what both sides keep of the call (RFC 4028 section 7.4).
    pub(super) fn refresh(&mut self, floor: &mut Floor<'_>) {
        if self.refresh.is_some() {
            return;
        }
        // One exchange of descriptions at a time (RFC 3264 section 4).
        if self.awaits_answer {
            self.again_at = Some(floor.now + GLARE_OTHER);
            return;
        }
        self.follow(floor);
        let said = self.described.clone().filter(|_| !self.takes.update);
        let (Some(dialog), Some(timer)) = (&mut self.dialog, &self.timer) else {
            return;
        };
        let method = if said.is_some() {
            Method::Invite
        } else {
            Method::Update
        };
        let mut request = dialog.request(method);
        timer.write_refresh(&mut request.headers);
        let invite = said.is_some().then(|| dialog.local_cseq());
        if let Some(text) = said {
            put_sdp(&mut request.headers, &mut request.body, text);
        }
        let hop = dialog.hop();
        if let Some(pass) = &mut self.pass {
            pass.write(&mut request, hop, floor);
        }
        let tx = floor.ask(request, hop);
        self.refresh = Some(Refresh { tx, invite });
    }

    /// The dialog is over: a re-INVITE that rings is waited for no longer.
    pub(super) fn drop_refresh(&mut self, floor: &mut Floor<'_>) {
        let refresh = self.refresh.take();
        if let Some(Refresh {
            tx,
            invite: Some(_),
        }) = refresh
        {
            floor.endpoint.cancel(tx, None, floor.now, floor.sip);
        }
    }

    /// Whether a description of ours has no answer yet.
    pub(super) fn is_proposing(&self) -> bool {
        let invites = self.refresh.is_some_and(|refresh| refresh.invite.is_some());
        invites || self.awaits_answer
    }

    /// The answer to a probe or a refresh of ours.
    pub(super) fn replied(
        &mut self,
        tx: ClientTx,
        (response, from): (&Response, Peer),
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) -> Reply {
        if self.probe.is_some_and(|probe| probe.tx == tx) {
            if response.code < 200 {
                return Reply::Alive;
            }
            self.probe = None;
            return judge(response.code);
        }
        let Some(refresh) = self.refresh.filter(|refresh| refresh.tx == tx) else {
            return Reply::NotOurs;
        };
        if response.code < 200 {
            return Reply::Alive;
        }
        self.refresh = None;
        self.try_again(response, floor);
        if matches!(response.code, 401 | 407)
            && self.refresh_again(refresh, (response, from), floor)
        {
            return Reply::Alive;
        }
        if response.code < 300 {
            self.refreshed(refresh, (response, from), codecs, floor);
        } else if refresh.invite.is_none() && takes_no_update(response.code) {
            self.refresh_by_invite(floor);
        }
        judge(response.code)
    }

    /// Allow named UPDATE, and the phone, or something on the way to it, will not have it:
    /// the dialog is refreshed by re-INVITE from now on (RFC 4028 section 7.4 lets us choose).
    fn refresh_by_invite(&mut self, floor: &mut Floor<'_>) {
        if self.described.is_none() {
            return;
        }
        self.takes.update = false;
        if let Some(pass) = &mut self.pass {
            pass.let_through();
        }
        self.refresh(floor);
    }

    fn refreshed(
        &mut self,
        refresh: Refresh,
        (response, from): (&Response, Peer),
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) {
        if let Some(pass) = &mut self.pass {
            pass.let_through();
        }
        if let Some(timer) = &mut self.timer {
            timer.refreshed(response, floor.now);
        }
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        dialog.refresh(response, from);
        let peer = dialog.peer();
        let Some(number) = refresh.invite else { return };
        let ack = dialog.ack(number);
        floor
            .endpoint
            .acknowledge(refresh.tx, ack, dialog.hop(), floor.now, floor.sip);
        // Whoever says nothing of the stream leaves it as it is.
        let agreed = self.read(&response.body, peer.remote.ip(), codecs, floor);
        if let Some(agreed) = agreed.filter(|agreed| self.agreed != Some(*agreed)) {
            self.connect(agreed, floor);
        }
    }

    /// What a refused refresh makes of itself: after a glare it is tried again, sooner by
    /// whoever did not begin the dialog (RFC 3261 section 14.1); after 422 at once, with
    /// the interval that the peer wants (RFC 4028 section 7.4); after 500 when the peer
    /// says so (RFC 3261 section 14.2), if the call lives so long.
    fn try_again(&mut self, response: &Response, floor: &mut Floor<'_>) {
        let wait = match response.code {
            491 if self.origin.is_some() => GLARE.0 + floor.endpoint.chance(GLARE.1),
            491 => floor.endpoint.chance(GLARE_OTHER),
            422 => {
                let timer = self.timer.as_mut();
                if !timer.is_some_and(|timer| timer.raise(response)) {
                    return;
                }
                Duration::ZERO
            }
            500 => match response.headers.retry_after() {
                Some(wait) => wait,
                None => return,
            },
            _ => return,
        };
        let at = floor.now + wait;
        let lives = self.timer.as_ref().is_some_and(|t| t.lives_until(at));
        self.again_at = lives.then_some(at);
    }

    /// Whether a refresh is to be tried again.
    pub(super) fn is_again_due(&mut self, now: Instant) -> bool {
        self.again_at.take_if(|at| *at <= now).is_some()
    }

    /// Answers a carrier's challenge to a refresh; `false` when there is nothing to answer.
    fn refresh_again(
        &mut self,
        was: Refresh,
        (response, from): (&Response, Peer),
        floor: &mut Floor<'_>,
    ) -> bool {
        let (Some(pass), Some(dialog)) = (&mut self.pass, &mut self.dialog) else {
            return false;
        };
        let word = floor.endpoint.word();
        let Some((mut request, hop)) = pass.again(response, from, word) else {
            return false;
        };
        dialog.renumber(&mut request);
        let invite = was.invite.map(|_| dialog.local_cseq());
        let tx = floor.ask(request, hop);
        self.refresh = Some(Refresh { tx, invite });
        true
    }

    /// A question of ours that nobody answered.
    pub(super) fn unanswered(&mut self, tx: ClientTx) -> Reply {
        let probe = self.probe.is_some_and(|probe| probe.tx == tx);
        let refresh = self.refresh.is_some_and(|refresh| refresh.tx == tx);
        if probe {
            self.probe = None;
        }
        if refresh {
            self.refresh = None;
        }
        if probe || refresh {
            Reply::Gone
        } else {
            Reply::NotOurs
        }
    }
}

/// Whether a refusal is of UPDATE itself: not of who asks or when, nor of the interval, and
/// the dialog is there. A re-INVITE may fare better than a request that was not understood
/// (405, 420, 501) or was understood as more than it is (488).
fn takes_no_update(code: u16) -> bool {
    match code {
        401 | 407 | 408 | 422 | 481 | 491 => false,
        400..=499 | 501 | 600.. => true,
        _ => false,
    }
}

fn judge(code: u16) -> Reply {
    // RFC 3261 section 12.2.1.2: these two end the dialog.
    if matches!(code, 408 | 481) {
        Reply::Gone
    } else {
        Reply::Alive
    }
}
