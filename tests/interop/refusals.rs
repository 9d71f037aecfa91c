//! Who is refused is told so, and why, as each transport has it.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr};

use tokio_tungstenite::tungstenite::Message;

use crate::raw::Wire;
use crate::server::Server;
use crate::wire::{Plain, Secure, Wire as _, connect, upgrade};

/// RFC 3261 section 8.2: by datagrams and by streams.
#[test]
fn more_headers_than_are_read_are_refused() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let more = "X-More: v\n".repeat(260);
    for mut peer in [Wire::udp(address), Wire::tcp(address)] {
        let refused = peer.ask(("INVITE", &format!("2000@{address}")), &more, "");
        assert_eq!(refused.code, 400, "{}", peer.transport());
    }
}

/// RFC 3261 section 18.3 and RFC 9293 section 3.6: one way may end before the other.
#[test]
fn whoever_has_said_all_on_a_stream_still_hears_the_answer() {
    let server = Server::start("");
    let mut stream = Plain::over(connect(SocketAddr::from(([127, 0, 0, 1], server.sip))));
    stream.send("OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP w.invalid;branch=z9hG4bKhalf\r\nMax-Forwards: 70\r\nFrom: <sip:o@w.invalid>;tag=1\r\nTo: <sip:o@localhost>\r\nCall-ID: half\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
    stream.stream.shutdown(Shutdown::Write).unwrap();
    let answer = stream.next();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert_eq!(stream.read().unwrap(), None, "and then it is closed");
}

/// RFC 6455 sections 7.1.7 and 7.4.1.
#[test]
fn a_websocket_that_breaks_the_protocol_is_told_how() {
    let secure = Secure::start("told", "");
    for (frame, code) in [
        (&[0x81, 1, b'x'][..], 1002),
        (&[0xc1, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (&[0x80, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (&[0x81, 0x83, 0, 0, 0, 0, 0xff, 0xfe, 0xff], 1007),
        (&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0], 1009),
    ] {
        let stream = connect(SocketAddr::from(([127, 0, 0, 1], secure.ws)));
        let mut socket = upgrade(stream, "sip").unwrap();
        socket.get_mut().write_all(frame).unwrap();
        let said = socket.read().unwrap();
        let Message::Close(Some(close)) = said else {
            panic!("{said}")
        };
        assert_eq!(u16::from(close.code), code, "{frame:x?}");
    }
}
