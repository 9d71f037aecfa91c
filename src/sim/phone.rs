//! A phone: a caller's or an operator's, which does what its manner says.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::model::{Codec, ShardId};
use crate::sdp::{Direction, Local, propose};
use crate::sim::carrier::Asking;
use crate::sim::script::Script;
use crate::sip::digest::{Algorithm, Credentials, ha1};
use crate::sip::endpoint::{Input, Output, Settings};
use crate::sip::{
    Advertise, ClientTx, Dialog, Endpoint, Method, Name, Peer, Request, Response, ServerTx, Uri,
};

/// Requests that are kept for tests to look at.
pub(super) const HEARD: usize = 64;

/// What a phone does when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings, and picks up after this long.
    Answers(Duration),
    /// Refuses at once with this code.
    Refuses(u16),
    /// Rings for ever.
    Rings,
    /// Rings with an answer that is to be acknowledged and has its description (RFC 3262),
    /// and picks up, without one, after this long.
    AnswersReliably(Duration),
    /// Is two phones behind one address, which pick up both.
    Forks(Duration),
    /// Is a carrier's server of this realm: it wants to know who calls, for each request
    /// anew, and picks up after a second. Its one user is `4711`, with `pass`.
    Asks(&'static str),
    /// As a caller acknowledges provisional answers (RFC 3262), once it has missed so many.
    /// Nobody calls it.
    Pracks(usize),
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
pub(super) enum Plan {
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
    /// The first requests that it heard.
    pub(super) heard: Vec<Request>,
    /// The SIP code in the Reason of each CANCEL that stopped its ringing.
    pub(super) stopped: Vec<Option<u16>>,
    pub(super) asking: Asking,
    /// What it was told of its REFERs: status codes of NOTIFYs, and of refusals.
    pub(super) notified: Vec<u16>,
    /// A second call that it makes while it talks.
    pub(super) second: Option<Dialog>,
    /// The tag of the other phone behind its address that picked up.
    pub(super) fork: Option<String>,
    /// How many of its answers were acknowledged by PRACK.
    pub(super) pracks: usize,
    /// How many provisional answers above 100 its own INVITEs got.
    pub(super) told: usize,
    /// The dialog that such an answer made.
    pub(super) early: Option<Dialog>,
    /// How many more re-INVITEs meet one of its own (491).
    pub(super) glares: usize,
    pub(super) script: Script,
    pub(super) name: String,
    /// Its password.
    pub(super) secret: String,
    pub(super) server: Peer,
    pub(super) endpoint: Endpoint,
    pub(super) out: Vec<Output>,
    pub(super) ringing: Option<(ServerTx, Request)>,
    /// A re-INVITE that we answered.
    pub(super) unacked: Option<ServerTx>,
    /// It hangs up as soon as it may.
    pub(super) leaving: bool,
    /// Our tag of the call that rings.
    pub(super) tag: String,
    pub(super) plan: Option<(Instant, Plan)>,
    pub(super) dialing: Option<(ClientTx, Request)>,
    pub(super) dialog: Option<Dialog>,
    pub(super) hang_up_at: Option<Instant>,
    pub(super) register: u32,
    pub(super) expires: u32,
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
            heard: Vec::new(),
            stopped: Vec::new(),
            asking: Asking::default(),
            notified: Vec::new(),
            second: None,
            fork: None,
            pracks: 0,
            told: 0,
            early: None,
            glares: 0,
            script: Script::default(),
            name: name.to_owned(),
            secret: name.to_owned(),
            server: Peer::udp(server),
            endpoint: Endpoint::new(Settings {
                shard: ShardId(0xff),
                seed,
                advertise: Advertise {
                    fixed: Some(address.ip()),
                    ..Advertise::at(SocketAddr::new(address.ip(), 5060))
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

    pub(super) fn registration(&self, credentials: Option<String>) -> Request {
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
        self.invite(&format!("sip:{number}@{server}"), now);
    }

    /// Sends the server an INVITE for any address.
    pub(super) fn invite(&mut self, address: &str, now: Instant) {
        let mut request = Request::new(Method::Invite, uri(address));
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let headers = &mut request.headers;
        headers.push(
            Name::From,
            format!("\"{0}\" <sip:{0}@{1}>;tag={tag}", self.name, self.address),
        );
        headers.push(Name::To, format!("<{address}>"));
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Contact, format!("<sip:{}>", self.address));
        headers.push(Name::ContentType, "application/sdp");
        if let Manner::Pracks(_) = self.manner {
            headers.push(Name::Supported, "100rel");
        }
        if let Some(methods) = self.script.allow {
            headers.push(Name::Allow, methods);
        }
        for (name, value) in &self.script.more {
            headers.push(name.clone(), value);
        }
        request.body = description(self.sound());
        let tx = self.send(request.clone(), now);
        self.dialing = Some((tx, request));
    }

    /// Hangs up, or gives up dialling.
    pub(super) fn hang_up(&mut self, now: Instant) {
        self.hang_up_at = None;
        if let Some(mut second) = self.second.take() {
            let bye = second.request(Method::Bye);
            self.send(bye, now);
        }
        // RFC 3261 section 15: who was called waits for the ACK before it says BYE.
        if self.ringing.is_some() && self.dialog.is_some() {
            self.leaving = true;
            return;
        }
        if let Some(mut dialog) = self.dialog.take() {
            let bye = dialog.request(Method::Bye);
            self.send(bye, now);
        }
        if let Some((tx, _)) = &self.dialing {
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
        self.script.sees(&bytes);
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

    /// The answer to a challenge, in MD5.
    pub(super) fn proof(&self, response: &Response, method: &Method, uri: &str) -> String {
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
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: Algorithm::Md5,
            qop: Some("auth".to_owned()),
            nc: "00000001".to_owned(),
            cnonce: "c".to_owned(),
            opaque: None,
        };
        let secret = ha1(Algorithm::Md5, &self.name, realm, &self.secret);
        credentials.answer(&secret, method, b"")
    }

    pub(super) fn respond(&mut self, tx: ServerTx, response: &Response, now: Instant) {
        self.endpoint.respond(tx, response, now, &mut self.out);
    }

    pub(super) fn send(&mut self, request: Request, now: Instant) -> ClientTx {
        self.endpoint
            .request(request, self.server, now, &mut self.out)
    }
}

/// An address that is written here and known to be one.
pub(super) fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|_| {
        let host = crate::sip::Host::Name("invalid".into());
        Uri::sip(None, &host, None)
    })
}

/// A stream that is expected at an address.
pub(super) fn description(address: SocketAddr) -> Bytes {
    let local = Local {
        address,
        codecs: &Codec::ALL,
        id: 1,
        version: 1,
    };
    propose(&local, Direction::SendRecv).into()
}
