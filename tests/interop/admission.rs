//! Who is let in, and what the others are told.

use crate::raw::Wire;
use crate::server::Server;

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 7900 RTP/AVP 8\r\n";

/// Sends an INVITE of its own making and gives the final answer.
pub(crate) fn answer(server: &Server, number: &str, headers: &str, sdp: &str) -> String {
    let mut wire = Wire::udp(server.address().parse().unwrap());
    let contact = wire.contact("x");
    let headers = format!("Contact: {contact}\n{headers}Content-Type: application/sdp\n");
    wire.ask(("INVITE", number), &headers, sdp);
    wire.heard()
}

/// RFC 3261 sections 8.2.2.1, 8.2.2.3, 8.2.3, 16.3 and 26.2.2; RFC 3264 section 6.
#[test]
fn each_refusal_has_its_code() {
    let server = Server::start("");
    let named = SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost");
    let speex = SDP.replace("RTP/AVP 8", "RTP/AVP 97\r\na=rtpmap:97 speex/8000");
    for (number, headers, sdp, code, more) in [
        ("4711", "", SDP, 404, ""),
        ("2000", "", speex.as_str(), 488, ""),
        ("2000", "Require: foo\r\n", SDP, 420, "Unsupported: foo"),
        ("2000", "Max-Forwards: 0\r\n", SDP, 483, ""),
        (
            "2000",
            "Session-Expires: 30\r\nSupported: timer\r\n",
            SDP,
            422,
            "Min-SE: 90",
        ),
        ("2000", "", "nonsense", 400, ""),
        // RFC 3261 sections 12.1.1 and 26.2.2: a datagram is not secure.
        (
            "2000",
            "Record-Route: <sips:127.0.0.1;lr>\r\n",
            SDP,
            403,
            "",
        ),
        // RFC 3264 section 6, RFC 3261 section 20.43: names are looked up for nobody.
        ("2000", "", named.as_str(), 488, "Warning: 301 "),
        // RFC 3261 section 21.4.13: the first type counts.
        (
            "2000",
            "Content-Type: text/plain\r\n",
            "hello",
            415,
            "Accept: application/sdp",
        ),
        // RFC 4475 section 3.3.15.
        ("2000", "Accept: text/plain\r\n", SDP, 406, ""),
        ("2000", "Accept: \r\n", SDP, 406, ""),
        (
            "4711",
            "Accept: text/plain, Application/SDP;level=1\r\n",
            SDP,
            404,
            "",
        ),
        (
            "2000",
            "Accept: text/plain\r\nAccept: application/*\r\nRequire: x\r\n",
            SDP,
            420,
            "",
        ),
        (
            "2000",
            "Content-Encoding: gzip\r\n",
            SDP,
            415,
            "Accept-Encoding: identity",
        ),
        (
            "2000",
            "Content-Type: application/pkcs7-mime;smime-type=enveloped-data\r\n",
            "hello",
            493,
            "Undecipherable",
        ),
    ] {
        let answer = answer(&server, number, headers, sdp);
        assert!(
            answer.starts_with(&format!("SIP/2.0 {code} ")) && answer.contains(more),
            "{headers}: {answer}"
        );
    }
    assert!(
        server.json("/api/v1/calls")["calls"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_stranger_may_not_call() {
    let server = Server::start("");
    let file = server.folder.join("config/centrale.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("127.0.0.0/8", "192.0.2.0/24")).unwrap();
    server.signal("-HUP");
    crate::eventually("the trunk is another", 5, || {
        answer(&server, "2000", "", SDP).starts_with("SIP/2.0 403 ")
    });
}

/// RFC 3261 section 21.5.4.
#[test]
fn over_the_limit_callers_are_told_when_to_come_again() {
    let server = Server::start("limits: { calls: 1 }");
    crate::client::register(&server, "alice", crate::ports::free_port(), 600);
    server.wait_for("alice", "ready", 5);
    let first = answer(&server, "2000", "", SDP);
    assert!(first.starts_with("SIP/2.0 200 "), "{first}");
    let second = answer(&server, "2000", "", SDP);
    assert!(second.starts_with("SIP/2.0 503 "), "{second}");
    assert!(second.contains("Retry-After: "), "{second}");
}
