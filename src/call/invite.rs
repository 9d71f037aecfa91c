//! INVITEs of ours: to an operator's phones, and to a line outside.

use std::sync::Arc;

use bytes::Bytes;

use crate::call::call::{Call, Stage};
use crate::call::early::Early;
use crate::call::floor::Floor;
use crate::call::leg::{ALLOW, Leg, Side, put_sdp};
use crate::call::stopping::Stop;
use crate::model::{Codec, Number, OperatorName};
use crate::registrar::Binding;
use crate::sip::session_timer::{self, Wish};
use crate::sip::{
    ClientTx, Contacts, Dialog, Hop, Host, Method, Name, Peer, Request, Response, Scheme, Uri,
};

/// One INVITE of ours that has no final answer.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) tx: ClientTx,
    pub(super) request: Request,
    /// Where it went.
    pub(super) hop: Hop,
    pub(super) contact: String,
    /// The phones behind it that rang.
    pub(super) early: Vec<Early>,
    /// Other ways to the same phone, to be tried when this one fails (RFC 5626 section 7).
    pub(super) flows: Vec<Binding>,
    /// Which phone of which operator it rings.
    pub(super) phone: Option<(OperatorName, Arc<str>)>,
    /// By which of the phone's flows, if they are kept (RFC 5626).
    pub(super) reg_id: Option<u32>,
    /// The version of the description in it.
    version: u64,
    /// What it asks for of session timers.
    wish: Wish,
    /// It was given up, and the phone may not know yet.
    stop: Option<Stop>,
}

impl Branch {
    /// Makes another INVITE of one that a 422 refused, with the interval that it names (RFC
    /// 4028 section 7.4). `false` when that is no use, or was done before.
    pub(super) fn raise(&mut self, response: &Response) -> bool {
        let first = self.wish == Wish::default();
        let raised = session_timer::after_422(response, self.wish).filter(|_| first);
        let (Some(wish), Ok(cseq)) = (raised, self.request.headers.cseq()) else {
            return false;
        };
        let headers = &mut self.request.headers;
        session_timer::propose_again(headers, wish);
        headers.set(Name::CSeq, format!("{} INVITE", cseq.number + 1));
        self.wish = wish;
        // The refusal ended the dialogs of those who rang.
        self.early.clear();
        true
    }

    /// The description in it, and its version.
    pub(super) fn said(&self) -> (u64, Bytes) {
        (self.version, self.request.body.clone())
    }
}

/// Whom an INVITE is for.
pub(super) struct Target {
    /// The Request-URI.
    pub(super) uri: Uri,
    /// What To says.
    pub(super) to: String,
    /// Where it goes.
    pub(super) hop: Hop,
    /// Who it is from; `None` for the caller.
    pub(super) from: Option<Number>,
    /// What it passes on the way there: the path of a registration (RFC 3327), or nothing.
    pub(super) route: Vec<String>,
}

impl Call {
    /// Sends an INVITE with a proposal for `leg`, whose ports are open. The caller is in
    /// From and P-Asserted-Identity (RFC 3325), `more` headers are added.
    pub(super) fn invite(
        &self,
        leg: &mut Leg,
        target: Target,
        more: &[(Name, String)],
        floor: &mut Floor<'_>,
    ) -> Option<Branch> {
        let peer = target.hop.peer();
        let codecs = self.codecs();
        let text = leg.propose(peer.remote.ip(), &codecs, floor)?;
        let is_sips = target.uri.scheme == Scheme::Sips;
        let contact = floor.shared.advertise.contact_for(peer, is_sips);
        let from = target.from.as_ref().unwrap_or(&self.facts.from);
        let identity = self.identity(from);
        let hidden = is_anonymous(from);
        let mut request = Request::new(Method::Invite, target.uri);
        let tag = floor.tag();
        let call_id = floor.endpoint.fresh_call_id();
        let headers = &mut request.headers;
        headers.push(Name::From, format!("{identity};tag={tag}"));
        headers.push(Name::To, target.to);
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, format!("<{contact}>"));
        if let Some(hops) = self.facts.hops {
            headers.push(Name::MaxForwards, hops.to_string());
        }
        if !hidden {
            headers.push(Name::PAssertedIdentity, identity);
        }
        headers.push(Name::Allow, ALLOW);
        headers.push(Name::Supported, "100rel, replaces, norefersub");
        session_timer::propose(headers, Wish::default());
        for (name, value) in more {
            headers.push(name.clone(), value.clone());
        }
        for hop in target.route {
            headers.push(Name::Route, hop);
        }
        put_sdp(&mut request.headers, &mut request.body, text);
        Some(Branch {
            tx: floor.ask(request.clone(), target.hop),
            hop: target.hop,
            request,
            contact,
            early: Vec::new(),
            flows: Vec::new(),
            phone: None,
            reg_id: None,
            version: leg.version(),
            wish: Wish::default(),
            stop: None,
        })
    }

    /// The caller, or another number, as an address: the name quoted, the number at our
    /// domain.
    fn identity(&self, from: &Number) -> String {
        if is_anonymous(from) {
            return ANONYMOUS.to_owned();
        }
        let domain = &self.facts.snapshot.config.domain;
        let host = Host::parse(domain).unwrap_or_else(|| Host::Name("invalid".into()));
        let uri = Uri::sip(Some(from.as_str()), &host, None);
        let known = self.run.customer();
        let known = known.and_then(|customer| customer.name.as_ref());
        match self.facts.display.as_ref().or(known) {
            Some(name) => format!("{} <{}>", quote(name), uri.as_str()),
            None => format!("<{}>", uri.as_str()),
        }
    }

    /// What the caller speaks first, or the operator who waits for a customer, so that both
    /// sides speak the same and nothing is transcoded.
    fn codecs(&self) -> Vec<Codec> {
        let configured = &self.facts.snapshot.config.media.codecs;
        let talk = match &self.stage {
            Stage::Dialing(dial) => dial.talk(),
            Stage::Flow | Stage::Queued(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        };
        let talk = talk.and_then(|talk| talk.leg.agreed);
        let caller = self.leg.agreed.or(talk).map(|agreed| agreed.codec);
        let rest = configured.iter().copied().filter(|c| Some(*c) != caller);
        caller.into_iter().chain(rest).collect()
    }

    /// What a phone that answered agreed to: its dialog is acknowledged, and its stream
    /// is connected. `None` when it makes no sense; then it is hung up.
    pub(super) fn pick_up(
        &self,
        branch: Branch,
        leg: &mut Leg,
        (response, peer): (&Response, Peer),
        floor: &mut Floor<'_>,
    ) -> Option<()> {
        let dialog = acknowledge(&branch, response, peer, floor)?;
        if !has_contact(response) {
            leg.dialog = Some(dialog);
            leg.bye(Some(NO_CONTACT), floor);
            return None;
        }
        leg.note_allow(&response.headers.tokens(&Name::Allow));
        leg.timer = Some(crate::sip::SessionTimer::answered(
            response,
            branch.wish,
            floor.now,
        ));
        leg.dialog = Some(dialog);
        let codecs = self.codecs();
        let early = branch.early_of(response);
        let said = early.map_or_else(|| branch.said(), Early::said);
        leg.goes_on_from(said);
        let agreed = if let Some(agreed) = early.and_then(Early::agreed) {
            leg.connect(agreed, floor);
            true
        } else {
            let answer = early.map_or(&response.body, |early| early.description(response));
            leg.take_answer(answer, peer.remote.ip(), &codecs, floor)
        };
        leg.origin = Some(branch);
        if agreed {
            return Some(());
        }
        leg.bye(Some(NO_CODEC), floor);
        None
    }

    /// Another phone behind an INVITE that was answered already (RFC 3261 section
    /// 13.2.2.4): there is nobody left for it.
    pub(super) fn fork_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let mut origins = [Side::Other, Side::Caller].into_iter();
        let found = origins.find(|side| {
            let origin = self.leg_at(*side).and_then(|leg| leg.origin.as_ref());
            origin.is_some_and(|branch| branch.tx == tx)
        });
        let leg = found.and_then(|side| self.leg_at(side));
        let Some(branch) = leg.and_then(|leg| leg.origin.as_ref()) else {
            return false;
        };
        if (200..300).contains(&response.code) {
            hang_up_late(branch, response, peer, floor);
        }
        true
    }

    /// Gives up INVITEs. Their final answers are waited for all the same.
    pub(super) fn give_up(
        &mut self,
        branches: Vec<Branch>,
        reason: Option<&str>,
        floor: &mut Floor<'_>,
    ) {
        for mut branch in branches {
            let stopping = &floor.shared.stopping;
            branch.stop = branch.phone.take().map(|phone| stopping.enter(phone));
            floor
                .endpoint
                .cancel(branch.tx, reason, floor.now, floor.sip);
            self.strays.push(branch);
        }
    }

    /// The final answer of an INVITE that was given up. A phone that answered at the same
    /// moment is told that the caller is gone.
    pub(super) fn stray_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(at) = self.strays.iter().position(|stray| stray.tx == tx) else {
            return false;
        };
        if response.code >= 200 {
            let branch = self.strays.swap_remove(at);
            if response.code < 300 {
                hang_up_late(&branch, response, peer, floor);
            }
        }
        true
    }
}

/// A caller who is not to be shown, or is not known (RFC 3323 section 4.1.1.3).
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

fn is_anonymous(from: &Number) -> bool {
    from.as_str() == "anonymous"
}

/// Reason (RFC 3326) for a phone with which no stream can be agreed on.
const NO_CODEC: &str = "SIP;cause=488;text=\"Not Acceptable Here\"";
/// The same for one that does not say where it is.
const NO_CONTACT: &str = "SIP;cause=400;text=\"No Contact\"";
/// For phones that rang when another was picked up.
pub(super) const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Acknowledges a 2xx and ends its dialog.
pub(super) fn hang_up_late(
    branch: &Branch,
    response: &Response,
    peer: Peer,
    floor: &mut Floor<'_>,
) {
    if let Some(mut dialog) = acknowledge(branch, response, peer, floor) {
        let bye = dialog.request(Method::Bye);
        floor.send(bye, dialog.hop());
    }
}

/// Acknowledges a 2xx, whatever is wrong with it: whoever sent it believes in a call until
/// then (RFC 3261 section 13.2.2.4). One without Contact is reached where the INVITE went.
fn acknowledge(
    branch: &Branch,
    response: &Response,
    peer: Peer,
    floor: &mut Floor<'_>,
) -> Option<Dialog> {
    let hop = branch.hop.at(peer);
    let made = |response| Dialog::from_response(&branch.request, response, &branch.contact, hop);
    let mut dialog = if has_contact(response) {
        made(response).ok()?
    } else {
        let mut response = response.clone();
        let target = format!("<{}>", branch.request.uri);
        response.headers.set(Name::Contact, target);
        made(&response).ok()?
    };
    let mut ack = dialog.ack(dialog.local_cseq());
    // RFC 3261 section 13.2.2.4: what let the INVITE through lets its ACK through.
    for name in [Name::Authorization, Name::ProxyAuthorization] {
        if let Some(value) = branch.request.headers.first(&name) {
            ack.headers.push(name, value.into_owned());
        }
    }
    floor
        .endpoint
        .acknowledge(branch.tx, ack, dialog.hop(), floor.now, floor.sip);
    if let Some(early) = branch.early_of(response) {
        early.continues_as(&mut dialog);
    }
    Some(dialog)
}

fn has_contact(response: &Response) -> bool {
    let contacts = response.headers.contacts();
    matches!(contacts, Ok(Contacts::List(list)) if !list.is_empty())
}

/// A quoted string (RFC 3261 section 25.1).
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars().filter(|c| !c.is_control()) {
        if matches!(char, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_so_that_it_stays_a_name() {
        for (name, quoted) in [
            ("Anna", r#""Anna""#),
            (r#"a" <sip:b@c>"#, r#""a\" <sip:b@c>""#),
            ("back\\slash\r\n", r#""back\\slash""#),
        ] {
            assert_eq!(quote(name), quoted);
        }
    }
}
