//! What a dialog is to its two ends after something else changed: the stream, the other call.

use std::net::SocketAddr;

use exchange::sip::Name;

use crate::raw::Wire;
use crate::server::Server;

fn address(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.sip))
}

/// RFC 5806 section 5.2, RFC 7044 section 10.3.
#[test]
fn a_line_is_told_where_the_call_was_before() {
    let server = Server::start("");
    let mut line = Wire::at(
        SocketAddr::from(([127, 0, 0, 1], server.line)),
        address(&server),
    );
    let mut caller = Wire::udp(address(&server));
    let before = "<sip:+3199@pstn.example>;reason=user-busy;counter=2";
    let history = "<sip:+3199@pstn.example>;index=1";
    let headers = format!("Diversion: {before}\nHistory-Info: {history}\n");
    let number = format!("2001@{}", address(&server));
    let called = caller.invited(&number, &headers, crate::wire::SDP);
    assert_eq!(called.code, 200);
    let invite = line.request();
    let told = |name: Name| invite.headers.first(&name).map(String::from).unwrap();
    assert_eq!(
        told(Name::Diversion),
        format!("<sip:2001@centrale.localhost>;reason=unconditional;counter=1, {before}")
    );
    assert_eq!(
        told(Name::HistoryInfo),
        format!(
            "{history}, <sip:2001@centrale.localhost>;index=1.1, <sip:field@127.0.0.1:{};cause=302>;index=1.1.1;mp=1.1",
            server.line
        )
    );
    line.respond(&invite, 486);
}
