//! All that a stranger's message goes through before anybody is asked about it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::model::ShardId;
use exchange::sip::endpoint::{self, Event, Input, Output};
use exchange::sip::{
    Advertise, ConnectionId, Endpoint, Message, Name, Peer, Response, StreamFramer, owner,
};

/// An endpoint whose user answers everything by 486.
#[derive(Debug)]
pub(crate) struct Reader {
    endpoint: Endpoint,
    now: Instant,
    out: Vec<Output>,
}

impl Reader {
    /// One without transactions.
    #[must_use]
    pub(crate) fn new(now: Instant) -> Self {
        let settings = endpoint::Settings {
            shard: ShardId(0),
            seed: 1,
            advertise: Advertise::at(SocketAddr::from(([192, 0, 2, 1], 5060))),
            product: "Centrale".into(),
            max_transactions: 10_000,
        };
        Self {
            endpoint: Endpoint::new(settings),
            now,
            out: Vec::new(),
        }
    }

    /// Takes a datagram in and answers it. Time passes between two.
    pub(crate) fn receive(&mut self, bytes: &Bytes) {
        let udp = Peer::udp(([198, 51, 100, 7], 5060).into());
        self.take(bytes, udp);
    }

    /// The same bytes as a stream: what its messages are, and their answers.
    pub(crate) fn receive_stream(&mut self, bytes: &[u8]) {
        let tcp = Peer::tcp(([198, 51, 100, 7], 5060).into(), ConnectionId(1));
        let mut framer = StreamFramer::default();
        for piece in bytes.chunks(1500) {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(exchange::sip::Frame::Message(message))) => self.take(&message, tcp),
                    Ok(Some(exchange::sip::Frame::Ping)) => {}
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.endpoint.handle(Input::Tick, self.now, &mut self.out);
        self.out.clear();
    }

    fn take(&mut self, bytes: &Bytes, peer: Peer) {
        let bytes = bytes.clone();
        let input = Input::Received { bytes, peer };
        self.endpoint.handle(input, self.now, &mut self.out);
        for output in std::mem::take(&mut self.out) {
            if let Output::Event(Event::Request { tx, request, .. }) = output {
                let response = Response::to(&request, 486);
                self.endpoint
                    .respond(tx, &response, self.now, &mut self.out);
            }
        }
        self.out.clear();
    }
}

/// Reads a message and every header that has a type.
pub(crate) fn read(bytes: &Bytes) {
    let shard = owner(bytes, 4);
    assert!(shard.is_none_or(|shard| shard.0 < 4), "one of four");
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    let headers = message.headers();
    drop((headers.via(), headers.from(), headers.to()));
    drop((headers.cseq(), headers.contacts(), headers.expires()));
    drop((
        headers.refer_to(),
        headers.referred_by(),
        headers.replaces(),
    ));
    drop((
        headers.rack(),
        headers.rseq(),
        headers.event(),
        headers.subscription_state(),
    ));
    drop((
        headers.addresses(&Name::Route),
        headers.addresses(&Name::RecordRoute),
    ));
    drop((
        headers.tokens(&Name::Require),
        headers.tokens(&Name::Supported),
    ));
    if let Some(value) = headers.first(&Name::Authorization) {
        drop(exchange::sip::digest::Credentials::parse(&value));
    }
    let body = match message {
        Message::Request(mut request) => {
            request.unpack();
            request.body
        }
        Message::Response(mut response) => {
            response.unpack();
            response.body
        }
    };
    drop(exchange::sdp::Description::parse(&body));
}
