//! Calls that are given up before anybody answered, and what proxies do to requests.

use std::time::{Duration, Instant};

use exchange::sip::{Method, Name, Response};

use crate::admission::SDP;
use crate::client::register;
use crate::eventually;
use crate::ports::free_port;
use crate::raw::Wire;
use crate::server::{QUEUES, Server};

/// Heard before the answer, of which there is none.
const EARLY: &str = "
version: 1
flow: early
start: talk
answer: false
languages: [en]
nodes:
  talk: { type: play, prompt: [{silence: 4s}], next: no }
  no: { type: reject, code: 486 }
";

fn server() -> Server {
    Server::with(QUEUES, &[("3000", "early", EARLY)])
}

fn wire(server: &Server, by: &str) -> Wire {
    let address = server.address().parse().unwrap();
    match by {
        "UDP" => Wire::udp(address),
        _ => Wire::tcp(address),
    }
}

/// A request of a call that has one transaction, and nothing but this.
fn request(wire: &Wire, (method, call): (&str, usize), more: &str, body: &str) -> String {
    let (local, transport, length) = (wire.local, wire.transport(), body.len());
    let port = local.port();
    let text = format!(
        "{method} sip:3000@centrale.localhost SIP/2.0
Via: SIP/2.0/{transport} {local};branch=z9hG4bKup{port}{call};rport
Max-Forwards: 70
From: <sip:caller@{local}>;tag=c
To: <sip:3000@centrale.localhost>
Call-ID: {call}@{port}
CSeq: 1 {method}
{more}Content-Length: {length}

"
    );
    text.replace('\n', "\r\n") + body
}

fn invite(wire: &Wire, call: usize, more: &str) -> String {
    let contact = wire.contact("caller");
    let more = format!("Contact: {contact}\n{more}Content-Type: application/sdp\n");
    request(wire, ("INVITE", call), &more, SDP)
}

/// The final answer to a method within a call; those to other calls may come again.
fn answer(wire: &mut Wire, method: &Method, call: usize) -> Response {
    let id = format!("{call}@{}", wire.local.port());
    loop {
        let response = wire.response();
        let headers = &response.headers;
        if headers.call_id().is_ok_and(|own| *own == *id)
            && headers.cseq().is_ok_and(|cseq| cseq.method == *method)
        {
            return response;
        }
    }
}

/// RFC 3261 section 9.2: a proxy, or a network that reorders, delivers both at once.
#[test]
fn a_caller_who_gives_up_in_the_same_breath_is_told_so() {
    const CALLS: usize = 20;
    let server = server();
    for by in ["UDP", "TCP"] {
        let mut wire = wire(&server, by);
        for call in 0..CALLS {
            let cancel = request(&wire, ("CANCEL", call), "", "");
            let both = [invite(&wire, call, ""), cancel];
            match by {
                "UDP" => both.iter().for_each(|text| wire.send(text.as_bytes())),
                _ => wire.send(both.concat().as_bytes()),
            }
            // Which of the two comes first is the network's affair.
            let mut codes = Vec::new();
            while codes.len() < 2 {
                let response = wire.response();
                let own = format!("{call}@{}", wire.local.port());
                let cseq = response.headers.cseq().unwrap();
                let said = (cseq.method, response.code);
                let own = response.headers.call_id().is_ok_and(|id| *id == *own);
                if own && !codes.contains(&said) {
                    codes.push(said);
                }
            }
            codes.sort_by_key(|(_, code)| *code);
            let expected = [(Method::Cancel, 200), (Method::Invite, 487)];
            assert_eq!(codes, expected, "{by} {call}");
            let ack = request(&wire, ("ACK", call), "", "");
            wire.send(ack.as_bytes());
        }
    }
    eventually("each has a record", 10, || {
        server.records().len() == 2 * CALLS
    });
    for record in server.records() {
        assert_eq!(record["outcome"], "ended_in_flow", "{record}");
        assert_eq!(record["hangup"], "caller", "{record}");
    }
}

/// RFC 3261 section 13.3.1.
#[test]
fn an_invite_has_the_time_that_it_names() {
    let server = server();
    let mut wire = wire(&server, "UDP");
    let began = Instant::now();
    let text = invite(&wire, 1, "Expires: 1\n");
    wire.send(text.as_bytes());
    assert_eq!(answer(&mut wire, &Method::Invite, 1).code, 487);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    eventually("it has a record", 10, || server.records().len() == 1);
    assert_eq!(server.record()["hangup"], "caller");
}

/// RFC 3261 section 12.1.1, for callers and for operators who call.
#[test]
fn the_proxies_on_the_way_are_named_in_whatever_makes_a_dialog() {
    const PROXIES: [&str; 2] = [
        "<sip:p2.example.com;lr;ours=1>, <sip:p1.example.com;lr>",
        "<sip:p0.example.com;lr>",
    ];
    let [first, second] = PROXIES;
    let more = format!("Record-Route: {first}\nRecord-Route: {second}\n");
    let named = |answer: &Response| {
        let names = answer.headers.all(&Name::RecordRoute);
        names.eq(PROXIES)
    };
    let server = Server::start("");
    register(&server, "alice", free_port(), 600);
    server.wait_for("alice", "ready", 5);
    let mut caller = wire(&server, "UDP");
    let headers = format!(
        "Contact: {}\n{more}Content-Type: application/sdp\n",
        caller.contact("x")
    );
    let answer = caller.ask(("INVITE", "2000"), &headers, SDP);
    assert_eq!(answer.code, 200);
    assert!(named(&answer), "{}", caller.heard());
    let mut phone = wire(&server, "UDP");
    let contact = format!("Contact: {}\nExpires: 600\n", phone.contact("bob"));
    assert_eq!(phone.register("bob", &contact).code, 200);
    let answer = phone.call_as("bob", "2000", &more);
    assert_eq!(answer.code, 200, "{}", phone.heard());
    assert!(named(&answer), "{}", phone.heard());
}

/// RFC 3261 sections 16.3 and 11: a proxy may hand on with nothing left, and whom it is for
/// takes it.
#[test]
fn a_goodbye_that_made_all_its_hops_is_one() {
    let server = Server::start("");
    register(&server, "alice", free_port(), 600);
    server.wait_for("alice", "ready", 5);
    let mut wire = wire(&server, "UDP");
    let asked = wire.ask(("OPTIONS", "2000"), "Max-Forwards: 0\n", "");
    assert_eq!(asked.code, 200);
    let taken = wire.call("2000");
    let (local, server_at) = (wire.local, server.address());
    let header = |name| taken.headers.first(&name).unwrap().into_owned();
    let bye = format!(
        "BYE sip:{server_at} SIP/2.0
Via: SIP/2.0/UDP {local};branch=z9hG4bKlast;rport
Max-Forwards: 0
From: {}
To: {}
Call-ID: {}
CSeq: 99 BYE
Content-Length: 0

",
        header(Name::From),
        header(Name::To),
        header(Name::CallId),
    );
    wire.send(bye.replace('\n', "\r\n").as_bytes());
    loop {
        let answer = wire.response();
        if answer.headers.cseq().is_ok_and(|c| c.method == Method::Bye) {
            assert_eq!(answer.code, 200);
            break;
        }
    }
    eventually("the call is over", 5, || server.records().len() == 1);
    assert_eq!(server.record()["hangup"], "caller");
}

/// RFC 3261 section 13.2.2.4: each time that the 200 comes.
#[test]
fn a_phone_that_does_not_say_where_it_is_is_hung_up() {
    let server = Server::start("");
    let mut phone = wire(&server, "UDP");
    let contact = format!("Contact: {}\nExpires: 600\n", phone.contact("alice"));
    assert_eq!(phone.register("alice", &contact).code, 200);
    server.wait_for("alice", "ready", 5);
    let mut caller = wire(&server, "UDP");
    caller.call("2000");
    let invite = phone.request();
    assert_eq!(invite.method, Method::Invite);
    let mut taken = Response::to(&invite, 200);
    taken.set_to_tag("nowhere");
    taken.headers.push(Name::ContentType, "application/sdp");
    taken.body = SDP.into();
    phone.send(&taken.write());
    let ack = phone.request();
    assert_eq!(ack.method, Method::Ack, "{}", phone.heard());
    assert_eq!(ack.uri.as_str(), invite.uri.as_str());
    let bye = phone.request();
    assert_eq!(bye.method, Method::Bye, "{}", phone.heard());
    assert_eq!(bye.headers.to().unwrap().tag(), Some("nowhere"));
    phone.respond(&bye, 200);
    phone.forget();
    phone.send(&taken.write());
    let again = phone.request();
    assert_eq!(again.method, Method::Ack, "{}", phone.heard());
}
