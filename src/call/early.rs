//! Dialogs of our INVITEs before they are answered, and answers that want to be
//! acknowledged (RFC 3261 section 12.1, RFC 3262).

use bytes::Bytes;

use crate::call::call::{Call, Stage};
use crate::call::dial::Dial;
use crate::call::floor::Floor;
use crate::call::invite::Branch;
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
}

impl Branch {
    /// A provisional answer above 100: a phone, and perhaps one that wants a PRACK.
    fn heard(&mut self, response: &Response, peer: Peer, floor: &mut Floor<'_>) {
        let made = Dialog::from_response(&self.request, response, &self.contact, peer);
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
        let peer = self.dialog.peer();
        floor.send(prack, peer);
    }

    /// The description of an answer, whichever answer brought it.
    pub(super) fn description<'a>(&'a self, response: &'a Response) -> &'a Bytes {
        if response.body.is_empty() {
            &self.description
        } else {
            &response.body
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
        let rings = self.ringing_branches().find(|branch| branch.tx == tx);
        if let Some(branch) = rings.filter(|_| response.code > 100) {
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
        let mut branches = self.ringing_branches();
        let Some(early) = branches.find_map(|branch| branch.early_inside(request)) else {
            return false;
        };
        let code = match early.dialog.accept(request, peer) {
            Err(code) => code,
            Ok(()) => match request.method {
                // RFC 3311 section 5.2: a proposal of its own must wait for the answer.
                Method::Update if !request.body.is_empty() => 491,
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
            },
        };
        let mut response = Response::to(request, code);
        let contact = floor.shared.advertise.contact(early.dialog.peer());
        response.headers.push(Name::Contact, format!("<{contact}>"));
        response.headers.push(Name::Allow, super::leg::ALLOW);
        floor.respond(tx, &response);
        true
    }

    /// Our INVITEs that ring.
    fn ringing_branches(&mut self) -> impl Iterator<Item = &mut Branch> {
        let (offers, dial) = match &mut self.stage {
            Stage::Queued(queue) => {
                let offers = queue.offers.as_mut_slice();
                (offers, queue.dial.as_mut())
            }
            Stage::Dialing(dial) => (Default::default(), Some(dial.as_mut())),
            Stage::Flow | Stage::Talking(_) | Stage::Ending { .. } => (Default::default(), None),
        };
        let offered = offers.iter_mut().flat_map(|offer| &mut offer.branches);
        offered.chain(dial.into_iter().flat_map(Dial::branches_mut))
    }
}
