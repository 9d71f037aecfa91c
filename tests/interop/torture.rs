//! What RFC 4475 asks of a whole server: the messages of `tests/corpus` that an endpoint
//! only hands on, over datagrams and on a stream.

use std::net::SocketAddr;

use exchange::sip::{Method, Name, Response};

use crate::raw::Wire;
use crate::server::Server;

const WIRES: [fn(SocketAddr) -> Wire; 2] = [Wire::udp, Wire::tcp];

fn address(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.sip))
}

fn header(response: &Response, name: &Name) -> String {
    let value = response.headers.first(name);
    value.unwrap_or_default().into_owned()
}

/// RFC 4475 sections 3.3.6 and 3.3.7.
#[test]
fn what_nobody_knows_is_refused_with_what_is_known() {
    let server = Server::start("");
    for wire in WIRES {
        let mut wire = wire(address(&server));
        let contact = format!("Contact: {}\n", wire.contact("alice"));
        let unknown = format!("{contact}Content-Type: application/x-no-such-thing\n");
        let answer = wire.ask(("INVITE", "2000"), &unknown, "<tide level=\"high\"/>");
        assert_eq!(answer.code, 415);
        let accepts = header(&answer, &Name::Accept);
        assert_eq!(accepts, "application/sdp, multipart/mixed");

        let semaphore = "Authorization: Semaphore flags=\"two\", left=\"up\"\n";
        let answer = wire.ask(("REGISTER", "alice"), &format!("{contact}{semaphore}"), "");
        assert_eq!(answer.code, 401);
        assert!(header(&answer, &Name::WwwAuthenticate).starts_with("Digest "));
        assert_eq!(wire.register("alice", &contact).code, 200);
    }
}

/// RFC 4475 sections 3.3.12, 3.3.13 and 3.3.14: a parameter behind the brackets is the
/// binding's, one within them the URI's, which comes back with each call; headers are for
/// no Request-URI (RFC 3261 section 19.1.1).
#[test]
fn what_a_contact_has_besides_goes_where_it_belongs() {
    for wire in WIRES {
        for (more, kept) in [
            (">;shore", false),
            (";shore>", true),
            ("?Route=%3Csip:edge.example%3E>", false),
        ] {
            let server = Server::start("");
            let mut phone = wire(address(&server));
            let contact = phone.contact("alice").replace('>', more);
            let answer = phone.register("alice", &format!("Contact: {contact}\n"));
            assert_eq!(answer.code, 200, "{contact}");
            let listed = header(&answer, &Name::Contact);
            assert_eq!(listed.contains(";shore>"), kept, "{listed}");

            Wire::udp(address(&server)).call("2000");
            let offer = phone.request();
            assert_eq!(offer.method, Method::Invite);
            let target = offer.uri.to_string();
            assert_eq!(target.ends_with(";shore"), kept, "{target}");
            assert!(!target.contains('?'), "{target}");
            phone.respond(&offer, 486);
        }
    }
}
