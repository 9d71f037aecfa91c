//! The registrar as its RFCs have it, over real sockets.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use exchange::sip::{Method, Name, Request, Response};

use crate::raw::Wire;
use crate::server::Server;

/// Long enough for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

fn address(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.sip))
}

fn header(response: &Response, name: &Name) -> String {
    response
        .headers
        .first(name)
        .unwrap_or_default()
        .into_owned()
}

fn is_for(request: &Request, user: &str) {
    assert_eq!(request.method, Method::Invite);
    assert_eq!(request.uri.user.as_deref(), Some(user));
}

/// RFC 7616 section 3.4: what was heard on the way opens nothing.
#[test]
fn a_register_that_was_overheard_opens_nothing() {
    let server = Server::start("");
    let mut phone = Wire::udp(address(&server));
    let contact = format!("Contact: {}\n", phone.contact("bob"));
    let answer = phone.register("bob", &contact);
    assert_eq!(answer.code, 200);
    // RFC 3261 section 10.3 step 8, section 20.17.
    let date = header(&answer, &Name::Date);
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    let mut thief = Wire::udp(address(&server));
    let headers = format!(
        "Authorization: {}\nContact: {}\n",
        phone.proof,
        thief.contact("bob")
    );
    let answer = thief.ask(("REGISTER", "bob"), &headers, "");
    assert_eq!(answer.code, 401);
    assert!(header(&answer, &Name::WwwAuthenticate).contains("stale=true"));
    server.has_phones("bob", 1);
}

/// RFC 3261 section 10.3, steps 1 and 5, and section 8.2.2.3.
#[test]
fn another_domain_and_unknown_extensions_are_refused() {
    let server = Server::start("");
    let mut phone = Wire::udp(address(&server));
    for (to, headers, code) in [
        ("bob@other.example", "", 404),
        ("bob", "Require: gruu\n", 420),
        ("bob", "Require: path, outbound\n", 401),
        ("bob@127.0.0.1", "", 401),
        ("nobody", "", 401),
    ] {
        let answer = phone.ask(("REGISTER", to), headers, "");
        assert_eq!(answer.code, code, "{to} {headers}");
    }
}

/// RFC 3261 section 10.3 step 7, section 26.2.2.
#[test]
fn a_contact_that_no_call_can_go_to_makes_nobody_ready() {
    let server = Server::start("");
    let mut phone = Wire::udp(address(&server));
    for contact in [
        "mailto:bob@example.com",
        "tel:+31201234567",
        "sips:bob@127.0.0.1",
        "sip:bob@224.0.1.75",
        "sip:bob@255.255.255.255",
        "sip:bob@0.0.0.0",
        "sip:bob@127.0.0.1:0",
    ] {
        let answer = phone.register("bob", &format!("Contact: <{contact}>\n"));
        assert_eq!(answer.code, 400, "{contact}");
        let warning = header(&answer, &Name::Warning);
        assert!(warning.starts_with("399 "), "{contact}: {warning}");
    }
    server.has_phones("bob", 0);
    server.wait_for("bob", "logged_out", 1);
    let contact = format!("Contact: {}\n", phone.contact("bob"));
    assert_eq!(phone.register("bob", &contact).code, 200);
    server.wait_for("bob", "ready", 5);
}

/// RFC 5626 section 4.4, and what older phones send.
#[test]
fn a_datagram_that_keeps_a_way_open_is_nothing() {
    let server = Server::start("");
    let mut phone = Wire::udp(address(&server));
    for keep_alive in [&b"\r\n\r\n"[..], b"\r\n", &[0; 4], b"\0", b" "] {
        phone.send(keep_alive);
    }
    assert!(phone.within(SILENCE).is_none());
    assert_eq!(phone.ask(("REGISTER", "bob"), "", "").code, 401);
    let rejected = server.metric("centrale_sip_rejected_total");
    assert!(rejected.abs() < 0.1, "{rejected}");
}

/// RFC 3327 section 5.3, RFC 3261 section 16.12.
#[test]
fn an_offer_goes_by_the_path() {
    let server = Server::start("");
    let mut proxy = Wire::udp(address(&server));
    let mut phone = Wire::udp(address(&server));
    let path = format!("<sip:{};lr>, <sip:edge.example;lr;ob>", proxy.local);
    let answer = phone.register(
        "alice",
        &format!(
            "Contact: {}\nSupported: path\nPath: {path}\n",
            phone.contact("alice")
        ),
    );
    assert_eq!(answer.code, 200);
    assert_eq!(answer.headers.all(&Name::Path).count(), 2);
    let mut caller = Wire::udp(address(&server));
    caller.call("2000");
    let invite = proxy.request();
    is_for(&invite, "alice");
    assert_eq!(invite.uri.port, Some(phone.local.port()));
    let routes: Vec<_> = invite.headers.all(&Name::Route).map(String::from).collect();
    assert_eq!(routes.join(", "), path);
    proxy.respond(&invite, 486);
    let ack = proxy.request();
    assert_eq!(ack.method, Method::Ack);
    assert_eq!(ack.headers.all(&Name::Route).count(), 2);
    assert!(phone.within(SILENCE).is_none());
}

/// RFC 5626 section 7: one flow after the other, the newest first; a phone rings once.
#[test]
fn a_phone_with_two_flows_rings_once_and_by_the_other_if_one_fails() {
    let server = Server::start("");
    let flow = |wire: &mut Wire, reg_id: u32| {
        let device = format!("+sip.instance=\"<urn:uuid:1>\";reg-id={reg_id}");
        let contact = wire.contact("alice");
        let headers = format!("Supported: path, outbound\nContact: {contact};{device}\n");
        let answer = wire.register("alice", &headers);
        assert_eq!(answer.code, 200);
        assert_eq!(header(&answer, &Name::Require), "outbound");
    };
    let mut first = Wire::udp(address(&server));
    let mut second = Wire::tcp(address(&server));
    flow(&mut first, 1);
    flow(&mut second, 2);
    let mut caller = Wire::udp(address(&server));
    caller.call("2000");
    let invite = second.request();
    is_for(&invite, "alice");
    assert!(first.within(SILENCE).is_none());
    second.respond(&invite, 430);
    let again = first.request();
    is_for(&again, "alice");
    first.respond(&again, 486);
    assert_eq!(first.request().method, Method::Ack);
    server.wait_for("alice", "paused", 5);
    // A lost connection takes its flow away, and no more.
    drop(second);
    server.has_phones("alice", 1);
}

/// RFC 5118 section 4, RFC 4566 section 5.7: addresses in brackets but in descriptions.
#[test]
fn phones_and_callers_come_by_ipv6() {
    let server = Server::start_on_ipv6();
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.sip));
    let mut phones = [("alice", Wire::udp(address)), ("bob", Wire::tcp(address))];
    for (user, phone) in &mut phones {
        let contact = format!("Contact: {}\n", phone.contact(user));
        assert_eq!(phone.register(user, &contact).code, 200);
        server.wait_for(user, "ready", 5);
    }
    let taken = Wire::udp(address).call("2000");
    for (user, phone) in &mut phones {
        let invite = phone.request();
        is_for(&invite, user);
        let here = format!("[::1]:{}", server.sip);
        for (said, what) in [
            (&invite.headers, &invite.body),
            (&taken.headers, &taken.body),
        ] {
            let contact = said.first(&Name::Contact).unwrap().into_owned();
            assert!(contact.contains(&format!("sip:{here}")), "{contact}");
            let description = String::from_utf8_lossy(what).into_owned();
            assert!(description.contains("c=IN IP6 ::1\r\n"), "{description}");
            assert!(description.contains(" IN IP6 ::1\r\ns="), "{description}");
        }
        let via = invite.headers.first(&Name::Via).unwrap().into_owned();
        let wanted = format!("SIP/2.0/{} {here};", phone.transport());
        assert!(via.starts_with(&wanted), "{via}");
        phone.respond(&invite, 486);
        server.wait_for(user, "paused", 5);
    }
}

/// How many phones and states of operators are written down.
fn written(server: &Server) -> (i64, String) {
    let open = rusqlite::Connection::open(server.folder.join("records.db")).unwrap();
    let phones = "SELECT coalesce(sum(json_array_length(phones)), 0) FROM registrations";
    let states = "
        SELECT coalesce(group_concat(operator || ' ' || state, ', '), '')
        FROM (SELECT * FROM operator_states ORDER BY operator)";
    let count = open.query_row(phones, [], |row| row.get(0));
    let states = open.query_row(states, [], |row| row.get(0));
    (count.unwrap_or_default(), states.unwrap_or_default())
}

/// A killed server knows its phones again, and who was doing what.
#[test]
fn phones_and_pauses_outlive_a_kill() {
    let mut server = Server::start("");
    let mut phones = ["alice", "bob", "carol"].map(|user| (user, Wire::udp(address(&server))));
    for (user, phone) in &mut phones {
        let contact = format!("Contact: {}\n", phone.contact(user));
        assert_eq!(phone.register(user, &contact).code, 200);
        server.wait_for(user, "ready", 5);
    }
    // A stream is gone with the process.
    let mut stream = Wire::tcp(address(&server));
    let contact = format!("Contact: {}\n", stream.contact("bob"));
    assert_eq!(stream.register("bob", &contact).code, 200);
    server.order("bob", r#"{"state":"paused","reason":"lunch"}"#);
    server.order("carol", r#"{"state":"logged_out"}"#);
    let states = "alice ready, bob paused, carol logged_out";
    crate::eventually("it is written", 5, || {
        written(&server) == (3, states.to_owned())
    });
    server.kill_and_restart();
    server.wait_for("alice", "ready", 5);
    let paused = ("paused".to_owned(), Some("lunch".to_owned()));
    server.wait_for("bob", "paused", 5);
    assert_eq!(server.operator("bob"), paused);
    server.wait_for("carol", "logged_out", 5);
    for (user, _) in &phones {
        server.has_phones(user, 1);
    }
    Wire::udp(address(&server)).call("2000");
    let [(_, alice), ..] = &mut phones;
    let invite = alice.request();
    is_for(&invite, "alice");
    alice.respond(&invite, 486);
    server.wait_for("alice", "paused", 5);
    let missed = "alice paused, bob paused, carol logged_out";
    crate::eventually("that is written", 5, || written(&server).1 == missed);
    server.kill_and_restart();
    let missed = ("paused".to_owned(), Some("missed_offer".to_owned()));
    server.wait_for("alice", "paused", 5);
    assert_eq!(server.operator("alice"), missed);
}
