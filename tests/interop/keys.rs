//! Keys of a talk on the wire, as a phone sends them and as one hears them.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use exchange::rtp::{Header, event_payload, write_header};
use exchange::sip::{Method, Name, Request, Response};

use crate::eventually;
use crate::raw::Wire;
use crate::server::Server;

/// A description with events under this number.
fn description(port: u16, events: u8) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 {events}\r\na=rtpmap:{events} telephone-event/8000\r\n"
    )
}

/// Where the server expects sound.
fn sound_of(body: &[u8]) -> SocketAddr {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().find_map(|line| line.strip_prefix("m=audio "));
    let port = line.and_then(|line| line.split(' ').next()).unwrap();
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}

fn picks_up(phone: &mut Wire, offer: &Request, body: String) {
    let mut response = Response::to(offer, 200);
    response.set_to_tag("phone");
    response.headers.push(Name::Contact, phone.contact("alice"));
    response.headers.push(Name::ContentType, "application/sdp");
    response.body = body.into();
    phone.send(&response.write());
    assert_eq!(phone.request().method, Method::Ack);
}

/// The keys that come by this number, each named once.
fn heard(socket: &UdpSocket, number: u8, wanted: usize) -> Vec<u8> {
    let mut keys = Vec::new();
    let mut last = None;
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    eventually("the keys are heard", 5, || {
        let mut buffer = [0; 1500];
        while let Ok(length) = socket.recv(&mut buffer) {
            let (header, payload) = Header::read(&buffer[..length]).unwrap();
            let is_new = last.replace(header.timestamp) != Some(header.timestamp);
            if header.payload_type == number && is_new {
                keys.push(buffer[payload.start]);
            }
        }
        keys.len() >= wanted
    });
    keys
}

/// RFC 3264 section 6.1: the phone answers events under 97 to our 101, and sends 101; an INFO
/// of the caller is an event under 97 (RFC 4733).
#[test]
fn keys_pass_under_either_number_and_by_info() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let mut alice = Wire::udp(address);
    let contact = format!("Contact: {}\n", alice.contact("alice"));
    assert_eq!(alice.register("alice", &contact).code, 200);
    server.wait_for("alice", "ready", 5);

    let [at_caller, at_phone] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let mut caller = Wire::udp(address);
    let number = format!("2000@{address}");
    let called = caller.invited(&number, "", &description(port(&at_caller), 101));
    assert_eq!(called.code, 200);
    let offer = alice.request();
    assert!(String::from_utf8_lossy(&offer.body).contains("a=rtpmap:101 telephone-event"));
    picks_up(&mut alice, &offer, description(port(&at_phone), 97));
    server.wait_for("alice", "talking", 5);

    for (time, number, key) in [
        (1_000_u32, 101_u8, '5'),
        (9_000, 97, '6'),
        (17_000, 98, '7'),
    ] {
        let mut packet = vec![0; 12];
        packet.extend(event_payload(key, true, 800).unwrap());
        let header = Header {
            marker: true,
            payload_type: number,
            sequence: number.into(),
            timestamp: time,
            ssrc: 7,
        };
        write_header(&mut packet, &header).unwrap();
        at_phone.send_to(&packet, sound_of(&offer.body)).unwrap();
    }
    assert_eq!(heard(&at_caller, 101, 2), [5, 6]);

    for key in ["Signal=8\r\nDuration=160\r\n", "Signal=#\r\n"] {
        let answer = caller.says_in(&called, "INFO", "application/dtmf-relay", key);
        assert_eq!(answer.code, 200);
    }
    assert_eq!(heard(&at_phone, 97, 2), [8, 11]);
}
