//! REFER inside a talk, and what its sender is told of it (RFC 3515).

use crate::call::floor::Floor;
use crate::call::leg::Leg;
use crate::sip::{Method, Name, Request, Response, ServerTx, reason_phrase};

/// A REFER that is not answered yet.
#[derive(Debug)]
pub struct Refer {
    pub(super) tx: ServerTx,
    pub(super) request: Box<Request>,
}

/// Who asked for the reference, and how it is told of it.
#[derive(Debug)]
pub(super) struct Progress {
    /// `Event` of its NOTIFYs.
    event: String,
    /// RFC 4488: the sender may want none.
    wanted: bool,
}

impl Refer {
    /// Answers 202, and begins to tell.
    pub(super) fn accept(&self, leg: &mut Leg, floor: &mut Floor<'_>) -> Progress {
        let headers = &self.request.headers;
        let refer_sub = headers.first(&Name::Other("Refer-Sub".into()));
        let wanted = refer_sub.is_none_or(|value| !value.trim().eq_ignore_ascii_case("false"));
        let mut response = Response::to(&self.request, 202);
        if let Some(peer) = leg.remote() {
            let contact = floor.shared.advertise.contact(peer);
            response.headers.push(Name::Contact, format!("<{contact}>"));
        }
        if !wanted {
            response
                .headers
                .push(Name::Other("Refer-Sub".into()), "false");
        }
        floor.respond(self.tx, &response);
        // RFC 3515 section 2.4.6: the first of a dialog needs no number.
        leg.referred = leg.referred.saturating_add(1);
        let first = leg.referred == 1;
        let number = headers.cseq().map_or(0, |cseq| cseq.number);
        Progress {
            event: if first {
                "refer".to_owned()
            } else {
                format!("refer;id={number}")
            },
            wanted,
        }
    }

    pub(super) fn refuse(&self, code: u16, floor: &mut Floor<'_>) {
        let mut response = Response::to(&self.request, code);
        if code == 491 {
            response.headers.push(Name::RetryAfter, "2");
        }
        floor.respond(self.tx, &response);
    }
}

impl Progress {
    /// A NOTIFY with the status that the reference has; a final one is the last.
    pub(super) fn tell(&self, code: u16, leg: &mut Leg, floor: &mut Floor<'_>) {
        leg.follow(floor);
        let Some(dialog) = leg.dialog.as_mut().filter(|_| self.wanted) else {
            return;
        };
        let mut notify = dialog.request(Method::Notify);
        let peer = dialog.peer();
        let contact = floor.shared.advertise.contact(peer);
        let state = if code < 200 {
            "active;expires=90"
        } else {
            "terminated;reason=noresource"
        };
        let headers = &mut notify.headers;
        headers.push(Name::Contact, format!("<{contact}>"));
        headers.push(Name::Event, self.event.clone());
        headers.push(Name::SubscriptionState, state);
        headers.push(Name::ContentType, "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {code} {}\r\n", reason_phrase(code)).into();
        floor.send(notify, dialog.hop());
    }
}
