//! An endpoint, a made-up clock, and outputs as text.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

mod client;
mod overload;
mod server;
mod shed;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Count, Endpoint, Event, Input, Output, ServerTx, Settings};
use crate::model::ShardId;
use crate::sip::{ClientTx, ConnectionId, Method, Name, Peer, Request, Response, Uri};

pub(super) const CALLER: &str = "192.0.2.7:5070";

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn udp() -> Peer {
    Peer::udp(address(CALLER))
}

pub(super) fn tcp() -> Peer {
    Peer::tcp(address(CALLER), ConnectionId(9))
}

pub(super) fn settings() -> Settings {
    Settings {
        shard: ShardId(3),
        seed: 42,
        advertise: crate::sip::Advertise::at(address("198.51.100.1:5060")),
        product: "Centrale".into(),
        max_transactions: 1000,
    }
}

/// One endpoint under test.
pub(super) struct Rig {
    pub(super) endpoint: Endpoint,
    pub(super) now: Instant,
    pub(super) out: Vec<Output>,
    pub(super) server: Option<ServerTx>,
    pub(super) request: Option<Request>,
    /// The last message that was sent.
    pub(super) sent: Bytes,
    pub(super) counts: Vec<Count>,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            endpoint: Endpoint::new(settings),
            now: Instant::now(),
            out: Vec::new(),
            server: None,
            request: None,
            sent: Bytes::new(),
            counts: Vec::new(),
        }
    }

    /// A message comes; what the endpoint does about it.
    pub(super) fn receive(&mut self, text: &str, peer: Peer) -> String {
        let bytes = Bytes::from(text.replace('\n', "\r\n"));
        self.receive_bytes(bytes, peer)
    }

    pub(super) fn receive_bytes(&mut self, bytes: Bytes, peer: Peer) -> String {
        let input = Input::Received { bytes, peer };
        self.endpoint.handle(input, self.now, &mut self.out);
        self.told()
    }

    /// Time passes, tick by tick; what happens, with the milliseconds.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<String> {
        let start = self.now;
        let end = start + time;
        let mut story = Vec::new();
        while let Some(at) = self.endpoint.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.endpoint.handle(Input::Tick, at, &mut self.out);
            let told = self.told();
            if !told.is_empty() {
                story.push(format!("{} {told}", (at - start).as_millis()));
            }
        }
        self.now = end;
        story
    }

    /// The user answers the last request.
    pub(super) fn respond(&mut self, code: u16) -> String {
        let request = self.request.clone().unwrap();
        let mut response = Response::to(&request, code);
        if code > 100 {
            response.set_to_tag("c030000000000000abc");
        }
        let tx = self.server.unwrap();
        self.endpoint
            .respond(tx, &response, self.now, &mut self.out);
        self.told()
    }

    /// A request of the user.
    pub(super) fn unsent(method: Method) -> Request {
        let uri = Uri::parse("sip:anna@192.0.2.7:5070").unwrap();
        let mut request = Request::new(method, uri);
        let number = format!("7 {}", request.method);
        let headers = &mut request.headers;
        headers.push(
            Name::From,
            "<sip:centrale@198.51.100.1>;tag=c030000000000000def",
        );
        headers.push(Name::To, "<sip:anna@192.0.2.7>");
        headers.push(Name::CallId, "ours");
        headers.push(Name::CSeq, number);
        headers.push(Name::Route, "<sip:192.0.2.7:5070;lr>");
        request
    }

    /// The user sends a request.
    pub(super) fn request(&mut self, method: Method, peer: Peer) -> (ClientTx, String) {
        let request = Self::unsent(method);
        let tx = self
            .endpoint
            .request(request, peer, self.now, &mut self.out);
        (tx, self.told())
    }

    /// What the peer answers to the last message that was sent.
    pub(super) fn answer(&self, code: u16, to_tag: &str) -> String {
        answer_to(&self.sent, code, to_tag)
    }

    /// What was put out, in a few words each.
    pub(super) fn told(&mut self) -> String {
        let mut words = Vec::new();
        for output in std::mem::take(&mut self.out) {
            match output {
                Output::Transmit { bytes, peer } => {
                    words.push(format!("{}>{}", start(&bytes), peer.remote.port()));
                    self.sent = bytes;
                }
                Output::Event(event) => words.push(self.told_event(event)),
                Output::Count(count) => self.counts.push(count),
            }
        }
        words.join(" ")
    }

    fn told_event(&mut self, event: Event) -> String {
        match event {
            Event::Request { tx, request, .. } => {
                let text = format!("[{}]", request.method);
                self.server = Some(tx);
                self.request = Some(request);
                text
            }
            Event::Ack { .. } => "[ACK]".into(),
            Event::Cancelled { said, .. } => match said.sip {
                Some(code) => format!("[cancelled {code}]"),
                None => "[cancelled]".into(),
            },
            Event::Response { response, .. } => format!("[{}]", response.code),
            Event::Failed { why, .. } => format!("[{why:?}]"),
            Event::NoAck { .. } => "[no ACK]".into(),
        }
    }

    pub(super) fn sent_text(&self) -> String {
        String::from_utf8(self.sent.to_vec()).unwrap()
    }
}

/// A response's code or a request's method.
fn start(bytes: &Bytes) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    let (first, rest) = text.split_once(' ').unwrap();
    match first {
        "SIP/2.0" => rest.split(' ').next().unwrap().to_owned(),
        method => method.to_owned(),
    }
}

/// A response to what an endpoint sent.
pub(super) fn answer_to(sent: &Bytes, code: u16, to_tag: &str) -> String {
    let text = String::from_utf8(sent.to_vec()).unwrap();
    let mut answer = format!("SIP/2.0 {code} Answer\n");
    for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap();
        if ["Via", "From", "Call-ID", "CSeq"].contains(&name) {
            answer.push_str(line);
            answer.push('\n');
        } else if name == "To" {
            answer.push_str(line);
            if !to_tag.is_empty() {
                answer.push_str(";tag=");
                answer.push_str(to_tag);
            }
            answer.push('\n');
        }
    }
    answer + "Contact: <sip:anna@192.0.2.7:5070>\nContent-Length: 0\n\n"
}

/// A request of a caller.
pub(super) fn request(method: &str, via: &str, more: &str) -> String {
    format!(
        "{method} sip:100@198.51.100.1 SIP/2.0\n\
         Via: {via}\n\
         Max-Forwards: 70\n\
         From: <sip:anna@192.0.2.7>;tag=f1\n\
         To: <sip:100@198.51.100.1>\n\
         Call-ID: call-1\n\
         CSeq: 1 {method}\n\
         Contact: <sip:anna@192.0.2.7:5070>\n\
         {more}Content-Length: 0\n\n"
    )
}

pub(super) const VIA: &str = "SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa1";
