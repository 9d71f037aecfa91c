//! A phone that comes back by another stream (RFC 5626).

use super::Dialog;
use crate::sip::Peer;

impl Dialog {
    /// The phone has registered by this stream. It is where requests go from now on, unless
    /// it was heard from on a later one, or is reached by proxies.
    pub(crate) fn follow(&mut self, flow: Peer) {
        let later = flow.connection > self.hop.peer().connection;
        if later && self.hop.peer().connection.is_some() && self.routes.is_empty() {
            self.hop = self.hop.at(flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{ConnectionId, Method, Name, Request, Uri};

    /// RFC 5626 section 5.3: requests go by the flow that the phone has.
    #[test]
    fn a_later_stream_of_the_phone_is_followed_and_nothing_else() {
        let flow = |number: u64| {
            let remote = ([192, 0, 2, 7], 5000 + u16::try_from(number).unwrap());
            Peer::tcp(remote.into(), ConnectionId(number))
        };
        let udp = Peer::udp(flow(0).remote);
        let proxy = "<sip:192.0.2.1;lr>";
        for (before, route, next, then) in [
            (flow(2), "", flow(3), flow(3)),
            (flow(2), "", flow(1), flow(2)),
            (flow(2), "", udp, flow(2)),
            (udp, "", flow(3), udp),
        ] {
            let mut dialog = dialog(before, route);
            dialog.follow(next);
            assert_eq!(dialog.peer(), then, "{before:?} {next:?}");
        }
        let mut dialog = dialog(flow(2), proxy);
        let by_proxy = dialog.peer();
        dialog.follow(flow(3));
        assert_eq!(dialog.peer(), by_proxy);
    }

    fn dialog(hop: Peer, route: &str) -> Dialog {
        let mut invite = Request::new(Method::Invite, Uri::parse("sip:1@h").unwrap());
        let headers = &mut invite.headers;
        headers.push(Name::From, "<sip:a@h>;tag=theirs");
        headers.push(Name::To, "<sip:1@h>");
        headers.push(Name::CallId, "c");
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, "<sip:a@192.0.2.7>");
        if !route.is_empty() {
            headers.push(Name::RecordRoute, route);
        }
        Dialog::from_request(&invite, "ours", "sip:h", hop).unwrap()
    }
}
