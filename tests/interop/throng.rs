//! Many phones at one socket, on the exchange's own SIP endpoint: callers who dial, talk
//! and hang up, and operators' phones that ring and answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::model::{Codec, ShardId};
use exchange::sdp::{Direction, Local, propose};
use exchange::sim::Chance;
use exchange::sip::digest::Algorithm;
use exchange::sip::endpoint::{Event, Input, Output, Settings};
use exchange::sip::{
    Advertise, ClientTx, Dialog, Endpoint, Method, Name, Peer, Request, Response, ServerTx, Uri,
};

use crate::digest::{REGISTRAR, proof};

/// What becomes of a caller's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Talks for so long once it is answered, and hangs up.
    Talks(Duration),
    /// Gives up so long after dialling, answered or not.
    GivesUp(Duration),
    /// Stays until the other side hangs up.
    Stays,
}

/// Where a call is.
#[derive(Debug)]
enum Stage {
    Dialing(ClientTx, Request),
    Ringing(ServerTx, Request, String),
    Talking(Box<Dialog>),
    Leaving,
    Over,
}

#[derive(Debug)]
struct Call {
    stage: Stage,
    /// Our 200, while it is not acknowledged: the BYE may be here before the ACK.
    unacked: Option<ServerTx>,
    patience: Patience,
    /// Hangs up as soon as it may.
    leaves: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Plan {
    PickUp,
    HangUp,
}

/// Phones at one socket.
pub(crate) struct Crowd {
    socket: UdpSocket,
    /// Where the server finds us.
    contact: SocketAddr,
    server: Peer,
    endpoint: Endpoint,
    chance: Chance,
    out: Vec<Output>,
    calls: HashMap<String, Call>,
    registering: HashMap<ClientTx, String>,
    plans: BinaryHeap<Reverse<(Instant, String, Plan)>>,
    /// What happened, and how often.
    pub(crate) tally: BTreeMap<&'static str, u32>,
    /// Codes of refusals.
    pub(crate) refusals: Vec<u16>,
}

pub(crate) fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn sound() -> Bytes {
    let local = Local {
        address: SocketAddr::from(([127, 0, 0, 1], 39_000)),
        codecs: &[Codec::Pcma],
        id: 1,
        version: 1,
    };
    propose(&local, Direction::SendRecv).into()
}

impl Crowd {
    pub(crate) fn new(
        socket: UdpSocket,
        (server, contact): (SocketAddr, SocketAddr),
        seed: u64,
    ) -> Self {
        let here = socket.local_addr().unwrap();
        let endpoint = Endpoint::new(Settings {
            shard: ShardId(0xff),
            seed,
            advertise: Advertise {
                fixed: Some(here.ip()),
                ..Advertise::at(here)
            },
            product: "Crowd".into(),
            max_transactions: 100_000,
        });
        Self {
            socket,
            contact,
            server: Peer::udp(server),
            endpoint,
            chance: Chance::new(seed),
            out: Vec::new(),
            calls: HashMap::new(),
            registering: HashMap::new(),
            plans: BinaryHeap::new(),
            tally: BTreeMap::new(),
            refusals: Vec::new(),
        }
    }

    /// How many calls are not over.
    pub(crate) fn busy(&self) -> usize {
        let over = |call: &&Call| !matches!(call.stage, Stage::Over);
        self.calls.values().filter(over).count()
    }

    pub(crate) fn told(&self, what: &str) -> u32 {
        self.tally.get(what).copied().unwrap_or_default()
    }

    fn tell(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(crate) fn register(&mut self, user: &str) {
        let aor = format!("<sip:{user}@centrale.localhost>");
        let call_id = self.endpoint.fresh_call_id();
        let mut request = Request::new(Method::Register, uri("sip:centrale.localhost"));
        let headers = &mut request.headers;
        headers.push(Name::From, format!("{aor};tag=r"));
        headers.push(Name::To, aor);
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 REGISTER");
        headers.push(Name::Contact, format!("<sip:{user}@{}>", self.contact));
        headers.push(Name::Expires, "3600");
        let tx = self.send(request);
        self.registering.insert(tx, user.to_owned());
    }

    fn registered(&mut self, user: String, response: &Response) {
        match response.code {
            200 => self.tell("registered"),
            401 => {
                let credentials = proof(response, &user, Algorithm::Md5, REGISTRAR);
                let aor = format!("<sip:{user}@centrale.localhost>");
                let mut request = Request::new(Method::Register, uri("sip:centrale.localhost"));
                let headers = &mut request.headers;
                headers.push(Name::From, format!("{aor};tag=r"));
                headers.push(Name::To, aor);
                let call_id = response.headers.call_id().unwrap().into_owned();
                headers.push(Name::CallId, call_id);
                headers.push(Name::CSeq, "2 REGISTER");
                headers.push(Name::Contact, format!("<sip:{user}@{}>", self.contact));
                headers.push(Name::Expires, "3600");
                headers.push(Name::Authorization, credentials);
                let tx = self.send(request);
                self.registering.insert(tx, user);
            }
            _ => self.tell("not registered"),
        }
    }

    pub(crate) fn dial(&mut self, number: &str, patience: Patience) {
        let server = self.server.remote;
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let mut request = Request::new(Method::Invite, uri(&format!("sip:{number}@{server}")));
        let headers = &mut request.headers;
        headers.push(
            Name::From,
            format!("<sip:0612345678@{}>;tag={tag}", self.contact),
        );
        headers.push(Name::To, format!("<sip:{number}@{server}>"));
        headers.push(Name::CallId, call_id.clone());
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, format!("<sip:caller@{}>", self.contact));
        headers.push(Name::ContentType, "application/sdp");
        request.body = sound();
        let tx = self.send(request.clone());
        if let Patience::GivesUp(after) = patience {
            self.plan(after, &call_id, Plan::HangUp);
        }
        self.tell("dialled");
        let call = Call {
            stage: Stage::Dialing(tx, request),
            unacked: None,
            patience,
            leaves: false,
        };
        self.calls.insert(call_id, call);
    }

    fn plan(&mut self, after: Duration, call_id: &str, plan: Plan) {
        let at = Instant::now() + after;
        self.plans.push(Reverse((at, call_id.to_owned(), plan)));
    }

    fn send(&mut self, request: Request) -> ClientTx {
        let now = Instant::now();
        self.endpoint
            .request(request, self.server, now, &mut self.out)
    }

    fn respond(&mut self, tx: ServerTx, response: &Response) {
        let now = Instant::now();
        self.endpoint.respond(tx, response, now, &mut self.out);
    }

    /// Reads, and does what is due, for a few milliseconds at most.
    pub(crate) fn step(&mut self) {
        let now = Instant::now();
        if self.endpoint.deadline().is_some_and(|at| at <= now) {
            self.endpoint.handle(Input::Tick, now, &mut self.out);
        }
        while let Some(Reverse((at, ..))) = self.plans.peek()
            && *at <= now
        {
            let Reverse((_, call_id, plan)) = self.plans.pop().unwrap();
            match plan {
                Plan::PickUp => self.pick_up(&call_id),
                Plan::HangUp => self.hang_up(&call_id),
            }
        }
        self.flush();
        let patience = Some(Duration::from_millis(2));
        self.socket.set_read_timeout(patience).unwrap();
        let mut buffer = [0; 8_192];
        if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap());
            let input = Input::Received {
                bytes,
                peer: self.server,
            };
            self.endpoint.handle(input, Instant::now(), &mut self.out);
            self.flush();
        }
    }

    fn flush(&mut self) {
        while !self.out.is_empty() {
            for output in std::mem::take(&mut self.out) {
                match output {
                    Output::Transmit { bytes, peer } => {
                        self.socket.send_to(&bytes, peer.remote).unwrap();
                    }
                    Output::Event(event) => self.happened(event),
                    Output::Count(_) => {}
                }
            }
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Request { tx, request, .. } => self.requested(tx, request),
            Event::Ack { request, .. } => self.acknowledged(&request),
            Event::Cancelled { tx, .. } => self.cancelled(tx),
            Event::Response { tx, response, .. } => self.answered(tx, &response),
            Event::Failed { .. } => self.tell("unanswered"),
            Event::NoAck { .. } => self.tell("no ACK"),
        }
    }

    fn requested(&mut self, tx: ServerTx, request: Request) {
        let call_id = request.headers.call_id().unwrap().into_owned();
        let known = self.calls.contains_key(&call_id);
        if request.method == Method::Invite && !known {
            return self.rung(tx, request, call_id);
        }
        self.respond(tx, &Response::to(&request, 200));
        if request.method != Method::Bye {
            return self.tell("unexpected");
        }
        match self.calls.get_mut(&call_id) {
            // Both may hang up at once: ours is still answered.
            Some(call) if matches!(call.stage, Stage::Talking(_)) => {
                call.stage = Stage::Over;
                self.tell("was hung up");
            }
            Some(_) => self.tell("both hung up"),
            None => self.tell("unknown BYE"),
        }
    }

    fn rung(&mut self, tx: ServerTx, request: Request, call_id: String) {
        self.tell("rung");
        let code = if self.chance.percent(5) { 486 } else { 180 };
        let tag = self.endpoint.fresh_tag();
        let mut response = Response::to(&request, code);
        response.set_to_tag(&tag);
        self.respond(tx, &response);
        if code == 486 {
            return self.tell("declined");
        }
        let pause = self.chance.time(Duration::from_millis(100));
        self.plan(pause, &call_id, Plan::PickUp);
        // One in ten operators is the first to hang up.
        let patience = if self.chance.percent(10) {
            Patience::Talks(Duration::from_millis(200))
        } else {
            Patience::Stays
        };
        let call = Call {
            stage: Stage::Ringing(tx, request, tag),
            unacked: None,
            patience,
            leaves: false,
        };
        self.calls.insert(call_id, call);
    }

    fn pick_up(&mut self, call_id: &str) {
        let Some(call) = self.calls.get_mut(call_id) else {
            return;
        };
        let Stage::Ringing(tx, request, tag) = &call.stage else {
            return;
        };
        let tx = *tx;
        let contact = format!("sip:phone@{}", self.contact);
        let mut response = Response::to(request, 200);
        response.set_to_tag(tag);
        response.headers.push(Name::Contact, format!("<{contact}>"));
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = sound();
        let dialog = Dialog::from_request(request, tag, &contact, self.server).unwrap();
        let patience = call.patience;
        call.stage = Stage::Talking(Box::new(dialog));
        call.unacked = Some(tx);
        self.respond(tx, &response);
        self.tell("picked up");
        if let Patience::Talks(time) = patience {
            self.plan(time, call_id, Plan::HangUp);
        }
    }

    fn acknowledged(&mut self, request: &Request) {
        let call_id = request.headers.call_id().unwrap().into_owned();
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        if let Some(tx) = call.unacked.take() {
            self.endpoint.acknowledged(tx);
            if call.leaves {
                self.hang_up(&call_id);
            }
        }
    }

    fn cancelled(&mut self, tx: ServerTx) {
        let ringing = |call: &&mut Call| matches!(&call.stage, Stage::Ringing(t, ..) if *t == tx);
        let Some(call) = self.calls.values_mut().find(ringing) else {
            return;
        };
        let before = std::mem::replace(&mut call.stage, Stage::Over);
        if let Stage::Ringing(_, request, tag) = before {
            let mut response = Response::to(&request, 487);
            response.set_to_tag(&tag);
            self.respond(tx, &response);
            self.tell("cancelled");
        }
    }

    fn answered(&mut self, tx: ClientTx, response: &Response) {
        if response.code < 200 {
            return;
        }
        if let Some(user) = self.registering.remove(&tx) {
            return self.registered(user, response);
        }
        let call_id = response.headers.call_id().unwrap().into_owned();
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        match &call.stage {
            Stage::Dialing(dialing, request) if *dialing == tx => {
                if response.code == 487 {
                    call.stage = Stage::Over;
                    return self.tell("gave up");
                }
                if response.code >= 300 {
                    call.stage = Stage::Over;
                    self.refusals.push(response.code);
                    return self.tell("refused");
                }
                let contact = format!("sip:caller@{}", self.contact);
                let dialog = Dialog::from_response(request, response, &contact, self.server);
                let dialog = dialog.unwrap();
                let ack = dialog.ack(1);
                let (leaves, patience) = (call.leaves, call.patience);
                call.stage = Stage::Talking(Box::new(dialog));
                let now = Instant::now();
                self.endpoint
                    .acknowledge(tx, ack, self.server, now, &mut self.out);
                self.tell("answered");
                if leaves {
                    self.hang_up(&call_id);
                } else if let Patience::Talks(time) = patience {
                    self.plan(time, &call_id, Plan::HangUp);
                }
            }
            Stage::Leaving => {
                call.stage = Stage::Over;
                self.tell("hung up");
            }
            Stage::Dialing(..) | Stage::Ringing(..) | Stage::Talking(_) | Stage::Over => {}
        }
    }

    fn hang_up(&mut self, call_id: &str) {
        let Some(call) = self.calls.get_mut(call_id) else {
            return;
        };
        call.leaves = true;
        match &mut call.stage {
            Stage::Dialing(tx, _) => {
                let (tx, now) = (*tx, Instant::now());
                self.endpoint.cancel(tx, None, now, &mut self.out);
            }
            // Whoever was called waits for the ACK (RFC 3261 section 15).
            Stage::Talking(dialog) if call.unacked.is_none() => {
                let bye = dialog.request(Method::Bye);
                call.stage = Stage::Leaving;
                self.send(bye);
            }
            Stage::Talking(_) | Stage::Ringing(..) | Stage::Leaving | Stage::Over => {}
        }
    }
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}
