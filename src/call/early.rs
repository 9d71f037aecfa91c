//! Dialogs of our INVITEs before they are answered, and answers that want to be
//! acknowledged (RFC 3261 section 12.1, RFC 3262).
//!
//! Nobody hears a phone that rings: what it agrees to before it picks up, in such an answer
//! or in an UPDATE of its own (RFC 3311), is kept until it does.

use std::sync::Arc;

use bytes::Bytes;

use crate::call::call::{Call, Stage};
use crate::call::dial::Dial;
use crate::call::floor::Floor;
use crate::call::in_offer::Offer;
use crate::call::invite::Branch;
use crate::call::leg::{ALLOW, Leg, put_sdp};
use crate::model::Codec;
use crate::sdp::{self, Agreed};
use crate::sip::{ClientTx, Dialog, Method, Name, Peer, Request, Response, ServerTx};

/// Phones behind one INVITE whose early dialogs are kept.
const FORKS: usize = 8;

/// One phone behind an INVITE of ours.
#[derive(Debug)]
pub(super) struct Early {
    dialog: Dialog,
    /// The last answer that was acknowledged.
    rseq: Option<u32>,
    /// The description that came with such an answer: it answers our proposal, and the 2xx
    /// may come without (RFC 3262 section 5).
    description: Bytes,
    /// Our last description in this dialog, and its version.
    said: (u64, Bytes),
    /// What came of the last proposal of its own.
    agreed: Option<Agreed>,
}

impl Branch {
    /// A provisional answer above 100: a phone, and perhaps one that wants a PRACK.
    fn heard(&mut self, response: &Response, peer: Peer, floor: &mut Floor<'_>) {
        let made = Dialog::from_response(&self.request, response, &self.contact, self.hop.at(peer));
        let Ok(dialog) = made else { return };
        let tag = &dialog.id().remote_tag;
        let known = self
            .early
            .iter()
            .position(|e| e.dialog.id().remote_tag == *tag);
        let at = known.unwrap_or(self.early.len());
        if known.is_none() {
            if at >= FORKS {
                return;
            }
            self.early.push(Early {
                dialog,
                rseq: None,
                description: Bytes::new(),
                said: self.said(),
                agreed: None,
            });
        }
        if let Some(early) = self.early.get_mut(at) {
            early.acknowledge(response, floor);
        }
    }

    /// The phone that a response is from.
    pub(super) fn early_of(&self, response: &Response) -> Option<&Early> {
        let to = response.headers.to().ok()?;
        let tag = to.tag()?;
        let mut phones = self.early.iter();
        phones.find(|early| early.dialog.id().remote_tag == tag)
    }

    /// Whether a phone behind it rings whose dialog is such.
    pub(super) fn has_early(&self, such: impl Fn(&Dialog) -> bool) -> bool {
        self.early.iter().any(|early| such(&early.dialog))
    }

    fn early_inside(&mut self, request: &Request) -> Option<&mut Early> {
        let mut phones = self.early.iter_mut();
        phones.find(|early| early.dialog.id().holds(request))
    }
}

impl Early {
    /// PRACK for an answer that asks for it and is the next in order (RFC 3262 section 4).
    /// One that comes again is absorbed: the PRACK is on its way as often as needed.
    fn acknowledge(&mut self, response: &Response, floor: &mut Floor<'_>) {
        let required = response.headers.tokens(&Name::Require);
        let reliable = required.iter().any(|tag| tag == "100rel");
        let (true, Ok(Some(rseq))) = (reliable, response.headers.rseq()) else {
            return;
        };
        let next = self
            .rseq
            .is_none_or(|last| last.checked_add(1) == Some(rseq));
        let Ok(cseq) = response.headers.cseq() else {
            return;
        };
        if !next {
            return;
        }
        self.rseq = Some(rseq);
        if self.description.is_empty() {
            self.description = response.body.clone();
        }
        let mut prack = self.dialog.request(Method::Prack);
        prack
            .headers
            .push(Name::RAck, format!("{rseq} {} INVITE", cseq.number));
        floor.send(prack, self.dialog.hop());
    }

    /// The description of an answer, whichever answer brought it.
    pub(super) fn description<'a>(&'a self, response: &'a Response) -> &'a Bytes {
        if response.body.is_empty() {
            &self.description
        } else {
            &response.body
        }
    }

    /// Our last description to this phone, and its version.
    pub(super) fn said(&self) -> (u64, Bytes) {
        self.said.clone()
    }

    /// What was agreed on in an UPDATE. It counts whatever the 2xx says: once our proposal
    /// has its answer, a description in another response to the INVITE is none (RFC 3261
    /// section 13.2.1).
    pub(super) fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// Answers a request inside the dialog.
    fn reply(
        &mut self,
        request: &Request,
        (leg, codecs): (&Leg, &[Codec]),
        floor: &Floor<'_>,
    ) -> Response {
        let code = match request.method {
            Method::Update if !request.body.is_empty() => {
                return self.agree_anew(request, (leg, codecs), floor);
            }
            Method::Update | Method::Options | Method::Info => 200,
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => 405,
        };
        Response::to(request, code)
    }

    /// A proposal of a phone that rings. Ours, in the INVITE, has its answer once that came
    /// in a provisional one that we acknowledged (RFC 3262 section 5); until then, and
    /// whatever an answer says that nobody acknowledges, there is to be no other (RFC 3311
    /// section 5.2). The phone proposes after the PRACK, which carries nothing to agree on:
    /// so its own 200 to that may come later. An earlier proposal of the phone has its answer
    /// before this one is read.
    fn agree_anew(
        &mut self,
        update: &Request,
        (leg, codecs): (&Leg, &[Codec]),
        floor: &Floor<'_>,
    ) -> Response {
        if self.description.is_empty() {
            return Response::to(update, 491);
        }
        let kind = update.headers.first(&Name::ContentType);
        let to = (self.dialog.peer().remote.ip(), self.said.0 + 1);
        let weighed =
            sdp::legible(kind.as_deref()).and_then(|()| leg.weigh(&update.body, to, codecs, floor));
        match weighed {
            Ok((text, agreed)) => {
                let text = Bytes::from(text);
                self.said = (to.1, text.clone());
                self.agreed = Some(agreed);
                let mut response = Response::to(update, 200);
                put_sdp(&mut response.headers, &mut response.body, text);
                response
            }
            Err(code) => {
                let mut response = Response::to(update, code);
                if code == 415 {
                    response.headers.push(Name::Accept, "application/sdp");
                }
                response
            }
        }
    }

    /// The confirmed dialog goes on counting where the early one stopped.
    pub(super) fn continues_as(&self, dialog: &mut Dialog) {
        dialog.continue_from(&self.dialog);
    }
}

impl Call {
    /// A provisional answer to one of our INVITEs.
    pub(super) fn provisional(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) {
        let rings = self.ringing_branches().find(|(_, branch)| branch.tx == tx);
        if let Some((_, branch)) = rings.filter(|_| response.code > 100) {
            branch.heard(response, peer, floor);
        }
    }

    /// A request of a phone that rings, which is to be within its early dialog. `false`
    /// when it is not.
    pub(super) fn early_request(
        &mut self,
        (tx, request): (ServerTx, &Request),
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let snapshot = Arc::clone(&self.facts.snapshot);
        let codecs = &snapshot.config.media.codecs;
        let mut branches = self.ringing_branches();
        let inside = branches.find_map(|(leg, branch)| Some((leg, branch.early_inside(request)?)));
        let Some((leg, early)) = inside else {
            return false;
        };
        let mut response = match early.dialog.accept(request, peer) {
            Err(code) => Response::to(request, code),
            Ok(()) => early.reply(request, (leg, codecs), floor),
        };
        let contact = floor.shared.advertise.contact(early.dialog.peer());
        response.headers.push(Name::Contact, format!("<{contact}>"));
        response.headers.push(Name::Allow, ALLOW);
        floor.respond(tx, &response);
        true
    }

    /// Our INVITEs that ring, and what they ring for.
    fn ringing_branches(&mut self) -> impl Iterator<Item = (&Leg, &mut Branch)> {
        let (offers, dial) = match &mut self.stage {
            Stage::Queued(queue) => {
                let offers = queue.offers.as_mut_slice();
                (offers, queue.dial.as_mut())
            }
            Stage::Dialing(dial) => (Default::default(), Some(dial.as_mut())),
            Stage::Flow | Stage::Talking(_) | Stage::Ending { .. } => (Default::default(), None),
        };
        let offered = offers.iter_mut().flat_map(Offer::branches_mut);
        offered.chain(dial.into_iter().flat_map(Dial::branches_mut))
    }
}
