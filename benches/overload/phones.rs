//! Ten thousand phones that refresh their registrations, each with a challenge first, as
//! most phones do.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use exchange::sip::Method;
use exchange::sip::digest::{Algorithm, Credentials, ha1};

use crate::crowd::socket;

const DOMAIN: &str = "centrale.localhost";
/// A REGISTER is sent again after this.
const AGAIN: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
struct Phone {
    cseq: u32,
    nonce: Option<String>,
    done: bool,
}

/// Phones behind one address.
pub(crate) struct Phones {
    socket: UdpSocket,
    server: SocketAddr,
    phones: Vec<Phone>,
    waiting: VecDeque<(Instant, usize)>,
    /// When they began, and over how long they are spread.
    round: Option<(Instant, Duration)>,
    next: usize,
    /// Who is registered.
    pub(crate) there: usize,
    /// What was sent again.
    pub(crate) again: u64,
}

impl Phones {
    pub(crate) fn new(server: SocketAddr, count: usize) -> io::Result<Self> {
        Ok(Self {
            socket: socket(Ipv4Addr::LOCALHOST)?,
            server,
            phones: vec![Phone::default(); count],
            waiting: VecDeque::new(),
            round: None,
            next: 0,
            there: 0,
            again: 0,
        })
    }

    /// Each registers once, spread over `lasts`; how many did.
    pub(crate) fn refresh(&mut self, lasts: Duration) -> usize {
        let start = Instant::now();
        self.begin(start, lasts);
        while self.there < self.phones.len() && start.elapsed() < lasts + 10 * AGAIN {
            self.act(Instant::now());
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.there
    }

    /// Each is to register once more from now on, spread over `lasts`.
    pub(crate) fn begin(&mut self, now: Instant, lasts: Duration) {
        for phone in &mut self.phones {
            (phone.done, phone.nonce) = (false, None);
        }
        self.waiting.clear();
        (self.next, self.there, self.again) = (0, 0, 0);
        self.round = Some((now, lasts));
    }

    /// Sends what is due, and hears what came.
    pub(crate) fn act(&mut self, now: Instant) {
        let Some((start, lasts)) = self.round else {
            return;
        };
        let part = (now - start).as_secs_f64() / lasts.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small"
        )]
        let wanted = ((part * self.phones.len() as f64) as usize).min(self.phones.len());
        while self.next < wanted {
            self.send(self.next, now);
            self.next += 1;
        }
        self.there += self.hear(now);
        while let Some((_, who)) = self.waiting.front().copied().filter(|(at, _)| *at <= now) {
            self.waiting.pop_front();
            if !self.phones[who].done {
                self.again += 1;
                self.send(who, now);
            }
        }
    }

    fn hear(&mut self, now: Instant) -> usize {
        let (mut done, mut buffer) = (0, [0; 4096]);
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let header = |name: &str| text.split("\r\n").find_map(|line| line.strip_prefix(name));
            let who = header("Call-ID: r").and_then(|id| id.parse::<usize>().ok());
            let Some(who) = who.filter(|who| *who < self.phones.len()) else {
                continue;
            };
            if text.starts_with("SIP/2.0 401") {
                let nonce = text
                    .split("nonce=\"")
                    .nth(1)
                    .and_then(|n| n.split('"').next());
                self.phones[who].nonce = nonce.map(str::to_owned);
                self.send(who, now);
            } else if text.starts_with("SIP/2.0 200") && !self.phones[who].done {
                self.phones[who].done = true;
                done += 1;
            }
        }
        done
    }

    fn send(&mut self, who: usize, now: Instant) {
        let phone = &mut self.phones[who];
        phone.cseq += 1;
        let own = self.socket.local_addr().unwrap_or(self.server);
        let authorization = phone.nonce.as_ref().map_or(String::new(), |nonce| {
            let credentials = Credentials {
                username: format!("op{who}"),
                realm: DOMAIN.into(),
                nonce: nonce.clone(),
                uri: format!("sip:{DOMAIN}"),
                response: String::new(),
                algorithm: Algorithm::Md5,
                qop: Some("auth".into()),
                nc: "00000001".into(),
                cnonce: "c".into(),
                opaque: None,
            };
            let secret = ha1(Algorithm::Md5, &format!("op{who}"), DOMAIN, "x");
            let answer = credentials.answer(&secret, &Method::Register, b"");
            format!("Authorization: {answer}\r\n")
        });
        let text = format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKr{who}x{cseq};rport\r\nMax-Forwards: 70\r\nFrom: <sip:op{who}@{DOMAIN}>;tag=r{who}\r\nTo: <sip:op{who}@{DOMAIN}>\r\nCall-ID: r{who}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:op{who}@{own};x={who}>\r\nExpires: 3600\r\n{authorization}Content-Length: 0\r\n\r\n",
            cseq = phone.cseq
        );
        self.socket.send_to(text.as_bytes(), self.server).ok();
        self.waiting.push_back((now + AGAIN, who));
    }
}
