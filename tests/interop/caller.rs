//! A caller by datagrams.

use std::net::UdpSocket;

use crate::server::Server;
use crate::wire::{Peer, SDP, header};

/// A port of this machine that speaks with the server.
pub(crate) fn datagrams(port: u16, server: &Server) -> Peer {
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    socket.connect(("127.0.0.1", server.sip)).unwrap();
    Peer::over(Box::new(socket), "UDP", server.address())
}

/// Somebody who calls, and what is said is what is written.
pub(crate) struct Caller {
    number: String,
    pub(crate) peer: Peer,
    /// The URI of its Contact.
    pub(crate) contact: String,
    tag: String,
}

impl Caller {
    pub(crate) fn dials(server: &Server, number: &str) -> Self {
        Self::calls(datagrams(0, server), number, "sip:0600@w.invalid")
    }

    /// The same from there, with a Contact of its own.
    pub(crate) fn calls(peer: Peer, number: &str, contact: &str) -> Self {
        let mut caller = Self {
            number: number.to_owned(),
            peer,
            contact: contact.to_owned(),
            tag: String::new(),
        };
        caller.says(("INVITE", 1), "Content-Type: application/sdp\r\n", SDP);
        let answer = caller.peer.expect("SIP/2.0 200 ");
        let to = header(&answer, "To").unwrap();
        caller.tag = to.split_once(";tag=").unwrap().1.to_owned();
        caller.says(("ACK", 1), "", "");
        caller
    }

    /// Hangs up; `more` are headers, each with its end.
    pub(crate) fn hangs_up(&mut self, more: &str) {
        self.says(("BYE", 2), more, "");
    }

    pub(crate) fn says(&mut self, (method, sequence): (&str, u32), more: &str, body: &str) {
        let (number, tag, contact) = (&self.number, &self.tag, &self.contact);
        let tag = match tag.as_str() {
            "" => String::new(),
            tag => format!(";tag={tag}"),
        };
        let more = format!(
            "From: <sip:0600@w.invalid>;tag=c\r\nTo: <sip:{number}@w.invalid>{tag}\r\nCall-ID: caller\r\nCSeq: {sequence} {method}\r\nContact: <{contact}>\r\n{more}"
        );
        let target = format!("sip:{number}@{}", self.peer.to);
        self.peer.request(method, &target, &more, body);
    }
}
