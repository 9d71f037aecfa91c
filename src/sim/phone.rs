//! A phone: a caller's or an operator's, which does what its manner says.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::model::{Codec, ShardId};
use crate::sdp::{Direction, Local, propose};
use crate::sip::digest::{Algorithm, Credentials, ha1};
use crate::sip::endpoint::{Event, Input, Output, Settings};
use crate::sip::{
    Advertise, ClientTx, Dialog, Endpoint, Method, Name, Peer, Request, Response, ServerTx, Uri,
};

/// What a phone does when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings, and picks up after this long.
    Answers(Duration),
    /// Refuses at once with this code.
    Refuses(u16),
    /// Rings for ever.
    Rings,
    /// Is not there: nothing is heard of it.
    Dead,
}

/// Where a phone is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing.
    Idle,
    /// Its own INVITE has no final answer.
    Dialing,
    /// Somebody calls it.
    Ringing,
    /// In a call.
    Talking,
}

/// What a phone has planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Answer,
}

/// A phone.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) address: SocketAddr,
    pub(super) manner: Manner,
    /// How long it talks before it hangs up; for ever when `None`.
    pub(super) talks: Option<Duration>,
    /// Every final code that its own INVITEs and REGISTERs got.
    pub(super) codes: Vec<u16>,
    /// How often it was in a call.
    pub(super) talked: usize,
    name: String,
    server: Peer,
    endpoint: Endpoint,
    out: Vec<Output>,
    ringing: Option<(ServerTx, Request)>,
    /// A re-INVITE that we answered.
    unacked: Option<ServerTx>,
    /// It hangs up as soon as it may.
    leaving: bool,
    /// Our tag of the call that rings.
    tag: String,
    plan: Option<(Instant, Plan)>,
    dialing: Option<(ClientTx, Request)>,
    dialog: Option<Dialog>,
    hang_up_at: Option<Instant>,
    register: u32,
    expires: u32,
}

impl Phone {
    pub(super) fn new(index: u16, name: &str, server: SocketAddr, seed: u64) -> Self {
        let [high, low] = index.to_be_bytes();
        let address = SocketAddr::from(([10, 0, high, low], 5060));
        Self {
            address,
            manner: Manner::Rings,
            talks: None,
            codes: Vec::new(),
            talked: 0,
            name: name.to_owned(),
            server: Peer::udp(server),
            endpoint: Endpoint::new(Settings {
                shard: ShardId(0xff),
                seed,
                advertise: Advertise {
                    fixed: Some(address.ip()),
                    primary: address.ip(),
                    udp: 5060,
                    tcp: None,
                },
                product: "Phone".into(),
                max_transactions: 1_000,
            }),
            out: Vec::new(),
            ringing: None,
            unacked: None,
            leaving: false,
            tag: String::new(),
            plan: None,
            dialing: None,
            dialog: None,
            hang_up_at: None,
            register: 0,
            expires: 0,
        }
    }

    /// Where its sound is expected.
    pub(super) fn sound(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), 4000)
    }

    pub(super) fn doing(&self) -> Doing {
        if self.dialog.is_some() {
            Doing::Talking
        } else if self.ringing.is_some() {
            Doing::Ringing
        } else if self.dialing.is_some() {
            Doing::Dialing
        } else {
            Doing::Idle
        }
    }

    pub(super) fn register(&mut self, expires: u32, now: Instant) {
        self.register += 1;
        self.expires = expires;
        let request = self.registration(None);
        self.send(request, now);
    }

    fn registration(&self, credentials: Option<String>) -> Request {
        let name = &self.name;
        let aor = format!("<sip:{name}@centrale.localhost>");
        let mut request = Request::new(Method::Register, uri("sip:centrale.localhost"));
        let headers = &mut request.headers;
        headers.push(Name::From, format!("{aor};tag=r"));
        headers.push(Name::To, aor);
        headers.push(Name::CallId, format!("register-{}", self.address));
        headers.push(Name::CSeq, format!("{} REGISTER", self.register));
        headers.push(Name::Contact, format!("<sip:{name}@{}>", self.address));
        headers.push(Name::Expires, self.expires.to_string());
        if let Some(credentials) = credentials {
            headers.push(Name::Authorization, credentials);
        }
        request
    }

    pub(super) fn dial(&mut self, number: &str, now: Instant) {
        let server = self.server.remote;
        let mut request = Request::new(Method::Invite, uri(&format!("sip:{number}@{server}")));
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let headers = &mut request.headers;
        headers.push(
            Name::From,
            format!("\"{0}\" <sip:{0}@{1}>;tag={tag}", self.name, self.address),
        );
        headers.push(Name::To, format!("<sip:{number}@{server}>"));
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, format!("<sip:{}>", self.address));
        headers.push(Name::ContentType, "application/sdp");
        request.body = self.description();
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    fn description(&self) -> Bytes {
        let local = Local {
            address: self.sound(),
            codecs: &Codec::ALL,
            id: 1,
            version: 1,
        };
        propose(&local, Direction::SendRecv).into()
    }

    /// Hangs up, or gives up dialling.
    pub(super) fn hang_up(&mut self, now: Instant) {
        self.hang_up_at = None;
        // RFC 3261 section 15: who was called waits for the ACK before it says BYE.
        if self.ringing.is_some() && self.dialog.is_some() {
            self.leaving = true;
            return;
        }
        if let Some(mut dialog) = self.dialog.take() {
            let bye = dialog.request(Method::Bye);
            self.send(bye, now);
        } else if let Some((tx, _)) = &self.dialing {
            self.leaving = true;
            self.endpoint.cancel(*tx, None, now, &mut self.out);
        }
    }

    /// Puts the other side on hold, or takes it back.
    pub(super) fn hold(&mut self, held: bool, now: Instant) {
        let local = Local {
            address: self.sound(),
            codecs: &Codec::ALL,
            id: 1,
            version: 2,
        };
        let direction = if held {
            Direction::SendOnly
        } else {
            Direction::SendRecv
        };
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        let mut request = dialog.request(Method::Invite);
        request.headers.push(Name::ContentType, "application/sdp");
        request.body = propose(&local, direction).into();
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let plan = self.plan.map(|(at, _)| at);
        let times = [self.endpoint.deadline(), plan, self.hang_up_at];
        times.into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.endpoint.handle(Input::Tick, now, &mut self.out);
        if self.hang_up_at.is_some_and(|at| at <= now) {
            self.hang_up(now);
        }
        if self.plan.is_some_and(|(at, _)| at <= now) {
            self.plan = None;
            self.pick_up(now);
        }
    }

    pub(super) fn receive(&mut self, bytes: Bytes, now: Instant) {
        if self.manner == Manner::Dead {
            return;
        }
        let peer = self.server;
        self.endpoint
            .handle(Input::Received { bytes, peer }, now, &mut self.out);
    }

    /// What it sends.
    pub(super) fn flush(&mut self, now: Instant) -> Vec<Bytes> {
        let mut sent = Vec::new();
        while !self.out.is_empty() {
            for output in std::mem::take(&mut self.out) {
                match output {
                    Output::Transmit { bytes, .. } => sent.push(bytes),
                    Output::Event(event) => self.happened(event, now),
                    Output::Count(_) => {}
                }
            }
        }
        if self.manner == Manner::Dead {
            sent.clear();
        }
        sent
    }

    fn happened(&mut self, event: Event, now: Instant) {
        match event {
            Event::Request { tx, request, .. } => self.requested(tx, request, now),
            // For the phones of a simulation one ACK is as good as another.
            Event::Ack { .. } => {
                let answered = self.ringing.take().map(|(tx, _)| tx);
                for tx in answered.into_iter().chain(self.unacked.take()) {
                    self.endpoint.acknowledged(tx);
                }
                self.leave(now);
            }
            Event::Cancelled { tx, .. } => {
                if let Some((_, request)) = self.ringing.take_if(|(ringing, _)| *ringing == tx) {
                    self.plan = None;
                    self.respond(tx, &Response::to(&request, 487), now);
                }
            }
            Event::Response { tx, response, .. } => self.answered(tx, &response, now),
            Event::Failed { tx, .. } => {
                self.dialing.take_if(|(dialing, _)| *dialing == tx);
                self.codes.push(408);
            }
            Event::NoAck { .. } => {
                self.ringing = None;
                self.hang_up(now);
            }
        }
    }

    fn requested(&mut self, tx: ServerTx, request: Request, now: Instant) {
        match request.method {
            Method::Invite if self.dialog.is_some() => self.agree_anew(tx, &request, now),
            Method::Invite if self.doing() == Doing::Idle => self.rung(tx, request, now),
            Method::Invite => self.respond(tx, &Response::to(&request, 486), now),
            Method::Bye => {
                self.dialog = None;
                self.leaving = false;
                self.hang_up_at = None;
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Options | Method::Update => {
                self.respond(tx, &Response::to(&request, 200), now);
            }
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => self.respond(tx, &Response::to(&request, 501), now),
        }
    }

    fn rung(&mut self, tx: ServerTx, request: Request, now: Instant) {
        let code = match self.manner {
            Manner::Refuses(code) => code,
            Manner::Answers(after) => {
                self.plan = Some((now + after, Plan::Answer));
                180
            }
            Manner::Rings | Manner::Dead => 180,
        };
        let mut response = Response::to(&request, code);
        self.tag = self.endpoint.fresh_tag();
        response.set_to_tag(&self.tag);
        self.respond(tx, &response, now);
        if code < 200 {
            self.ringing = Some((tx, request));
        }
    }

    fn pick_up(&mut self, now: Instant) {
        let Some((tx, request)) = self.ringing.clone() else {
            return;
        };
        let contact = format!("sip:{}@{}", self.name, self.address);
        let tag = self.tag.clone();
        let mut response = Response::to(&request, 200);
        response.set_to_tag(&tag);
        response.headers.push(Name::Contact, format!("<{contact}>"));
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = self.description();
        self.respond(tx, &response, now);
        if let Ok(dialog) = Dialog::from_request(&request, &tag, &contact, self.server) {
            self.begin_talk(dialog, now);
        }
    }

    /// The other side refreshes the call.
    fn agree_anew(&mut self, tx: ServerTx, request: &Request, now: Instant) {
        let mut response = Response::to(request, 200);
        let contact = format!("<sip:{}>", self.address);
        response.headers.push(Name::Contact, contact);
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = self.description();
        self.unacked = Some(tx);
        self.respond(tx, &response, now);
    }

    fn begin_talk(&mut self, dialog: Dialog, now: Instant) {
        self.dialog = Some(dialog);
        self.talked += 1;
        self.hang_up_at = self.talks.map(|time| now + time);
    }

    fn leave(&mut self, now: Instant) {
        if std::mem::take(&mut self.leaving) {
            self.hang_up(now);
        }
    }

    fn answered(&mut self, tx: ClientTx, response: &Response, now: Instant) {
        let method = response.headers.cseq().ok().map(|cseq| cseq.method);
        if response.code < 200 {
            return;
        }
        if method == Some(Method::Register) {
            return self.registered(response, now);
        }
        let Some((_, request)) = self.dialing.take_if(|(dialing, _)| *dialing == tx) else {
            return;
        };
        self.codes.push(response.code);
        if response.code >= 300 {
            self.leaving = false;
            return;
        }
        let contact = format!("sip:{}", self.address);
        let dialog = Dialog::from_response(&request, response, &contact, self.server);
        let Ok(dialog) = dialog else { return };
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        let ack = dialog.ack(number);
        self.endpoint
            .acknowledge(tx, ack, self.server, now, &mut self.out);
        if self.dialog.is_none() {
            self.begin_talk(dialog, now);
        }
        self.leave(now);
    }

    fn registered(&mut self, response: &Response, now: Instant) {
        if response.code != 401 {
            self.codes.push(response.code);
            return;
        }
        let challenges = response.headers.all(&Name::WwwAuthenticate);
        let mut md5 = challenges.filter(|challenge| challenge.contains("algorithm=MD5"));
        let nonce = md5.next().and_then(|challenge| {
            let (_, rest) = challenge.split_once("nonce=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        let realm = "centrale.localhost";
        let credentials = Credentials {
            username: self.name.clone(),
            realm: realm.to_owned(),
            nonce: nonce.unwrap_or_default(),
            uri: "sip:centrale.localhost".to_owned(),
            response: String::new(),
            algorithm: Algorithm::Md5,
            qop: Some("auth".to_owned()),
            nc: "00000001".to_owned(),
            cnonce: "c".to_owned(),
        };
        let secret = ha1(Algorithm::Md5, &self.name, realm, &self.name);
        let answer = credentials.answer(&secret, &Method::Register, b"");
        self.register += 1;
        let request = self.registration(Some(answer));
        self.send(request, now);
    }

    fn respond(&mut self, tx: ServerTx, response: &Response, now: Instant) {
        self.endpoint.respond(tx, response, now, &mut self.out);
    }

    fn send(&mut self, request: Request, now: Instant) -> ClientTx {
        self.endpoint
            .request(request, self.server, now, &mut self.out)
    }
}

/// An address that is written here and known to be one.
fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|_| {
        let host = crate::sip::Host::Name("invalid".into());
        Uri::sip(None, &host, None)
    })
}
