//! Callers by the thousand, in one thread: each sends INVITE, acknowledges, talks for a
//! moment and says BYE, and sends again what is not answered, as RFC 3261 section 17 has
//! it. They come at their own pace, whatever becomes of those before them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// RFC 3261's T1 and T2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// A caller who has no final answer by then gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Calls that are begun, and answers that are read, before the other has its turn.
const TURN: usize = 64;
const BUFFER: usize = 4 * 1024 * 1024;

/// What became of the callers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Who began.
    pub(crate) offered: u64,
    /// Whose INVITE was answered by 200.
    pub(crate) answered: u64,
    /// Who was told 503.
    pub(crate) refused: u64,
    /// The sum of the times from INVITE to 503.
    pub(crate) held: Duration,
    /// Of those, who was told when to come again.
    pub(crate) told_when: u64,
    /// Who was told something else.
    pub(crate) failed: u64,
    /// Who was told nothing.
    pub(crate) given_up: u64,
    /// Who said BYE.
    pub(crate) leaving: u64,
    /// Whose BYE was answered by 200.
    pub(crate) left: u64,
    /// What was sent again.
    pub(crate) again: u64,
    /// The sum and the most of the times from INVITE to 200.
    pub(crate) waited: Duration,
    pub(crate) longest: Duration,
}

impl std::ops::Sub for Tally {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            offered: self.offered - before.offered,
            answered: self.answered - before.answered,
            refused: self.refused - before.refused,
            held: self.held.saturating_sub(before.held),
            told_when: self.told_when - before.told_when,
            failed: self.failed - before.failed,
            given_up: self.given_up - before.given_up,
            leaving: self.leaving - before.leaving,
            left: self.left - before.left,
            again: self.again - before.again,
            waited: self.waited.saturating_sub(before.waited),
            longest: self.longest,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Inviting,
    /// Told 100: no copies, but not for ever.
    Promised,
    Talking,
    Leaving,
    /// Only repetitions are left to answer.
    Over,
}

struct Call {
    step: Step,
    begun: Instant,
    pause: Duration,
    to: String,
}

/// By when calls want to be looked at. The waits are few, and of each those who came first
/// are due first.
#[derive(Default)]
struct Due(BTreeMap<Duration, VecDeque<(Instant, u64)>>);

impl Due {
    fn add(&mut self, now: Instant, wait: Duration, id: u64) {
        self.0.entry(wait).or_default().push_back((now + wait, id));
    }

    fn pop(&mut self, now: Instant) -> Option<u64> {
        let mut lists = self.0.values_mut();
        let due = lists.find(|list| list.front().is_some_and(|(at, _)| *at <= now));
        due?.pop_front().map(|(_, id)| id)
    }
}

/// Callers at one address.
pub(crate) struct Crowd {
    socket: UdpSocket,
    server: SocketAddr,
    /// Both addresses as they are written.
    names: [String; 2],
    port: u16,
    number: &'static str,
    hold: Duration,
    /// The first of them is `first`, the next will be `next`.
    calls: Vec<Option<Call>>,
    first: u64,
    next: u64,
    due: Due,
    text: String,
    pub(crate) tally: Tally,
}

/// A datagram socket with room for what comes while it is not looked at.
pub(crate) fn socket(from: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    Ok(socket.into())
}

impl Crowd {
    pub(crate) fn new(
        from: Ipv4Addr,
        server: SocketAddr,
        number: &'static str,
    ) -> io::Result<Self> {
        let socket = socket(from)?;
        let own = socket.local_addr()?;
        Ok(Self {
            socket,
            server,
            names: [own.to_string(), server.to_string()],
            port: own.port(),
            number,
            hold: Duration::from_millis(100),
            calls: Vec::new(),
            first: 0,
            next: 0,
            due: Due::default(),
            text: String::new(),
            tally: Tally::default(),
        })
    }

    /// Callers come at `rate` a second for `lasts`; `meanwhile` is done beside it.
    pub(crate) fn call(&mut self, rate: f64, lasts: Duration, mut meanwhile: impl FnMut(Instant)) {
        let start = Instant::now();
        let first = self.next;
        loop {
            let now = Instant::now();
            let since = now - start;
            if since >= lasts {
                return;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small"
            )]
            let wanted = first + (since.as_secs_f64() * rate) as u64;
            let mut busy = false;
            for _ in 0..TURN {
                if self.next >= wanted {
                    break;
                }
                self.begin(now);
                busy = true;
            }
            meanwhile(now);
            busy |= self.turn(now);
            if !busy {
                std::thread::park_timeout(Duration::from_micros(200));
            }
        }
    }

    /// Nobody comes any more: until everybody has left, or for so long.
    pub(crate) fn finish(&mut self, most: Duration) {
        let until = Instant::now() + most;
        let open = |call: &Call| call.step != Step::Over;
        while Instant::now() < until && self.calls.iter().flatten().any(open) {
            for _ in 0..100 {
                if !self.turn(Instant::now()) {
                    std::thread::park_timeout(Duration::from_micros(200));
                }
            }
        }
        // Whoever has left BYE unanswered by now is one whose BYE was lost.
        self.calls.clear();
        self.first = self.next;
        self.due = Due::default();
    }

    fn find(&mut self, id: u64) -> Option<&mut Call> {
        let place = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.calls.get_mut(place)?.as_mut()
    }

    fn forget(&mut self, id: u64) {
        let place = id.checked_sub(self.first).map(usize::try_from);
        if let Some(Ok(place)) = place
            && let Some(call) = self.calls.get_mut(place)
        {
            *call = None;
        }
    }

    fn turn(&mut self, now: Instant) -> bool {
        let mut busy = false;
        let mut buffer = [0; 4096];
        for _ in 0..TURN * 2 {
            let Ok(length) = self.socket.recv(&mut buffer) else {
                break;
            };
            busy = true;
            if let Some(text) = buffer
                .get(..length)
                .and_then(|b| std::str::from_utf8(b).ok())
            {
                self.hear(text, now);
            }
        }
        while let Some(id) = self.due.pop(now) {
            self.look(id, now);
            busy = true;
        }
        busy
    }

    fn begin(&mut self, now: Instant) {
        let id = self.next;
        self.next += 1;
        self.tally.offered += 1;
        let call = Call {
            step: Step::Inviting,
            begun: now,
            pause: T1,
            to: String::new(),
        };
        self.calls.push(Some(call));
        self.send(id, "INVITE", 1, 'i');
        self.due.add(now, T1, id);
    }

    fn look(&mut self, id: u64, now: Instant) {
        let Some(call) = self.find(id) else {
            return;
        };
        let late = now - call.begun > PATIENCE;
        match call.step {
            Step::Inviting | Step::Promised if late => {
                self.tally.given_up += 1;
                self.forget(id);
            }
            Step::Inviting => {
                call.pause *= 2;
                let pause = call.pause;
                self.due.add(now, pause, id);
                self.tally.again += 1;
                self.send(id, "INVITE", 1, 'i');
            }
            Step::Promised => self.due.add(now, PATIENCE, id),
            Step::Talking => {
                (call.step, call.pause, call.begun) = (Step::Leaving, T1, now);
                self.due.add(now, T1, id);
                self.tally.leaving += 1;
                self.send(id, "BYE", 2, 'b');
            }
            Step::Leaving if late => self.forget(id),
            Step::Leaving => {
                call.pause = T2.min(call.pause * 2);
                let pause = call.pause;
                self.due.add(now, pause, id);
                self.tally.again += 1;
                self.send(id, "BYE", 2, 'b');
            }
            Step::Over => self.forget(id),
        }
    }

    fn hear(&mut self, text: &str, now: Instant) {
        let Some(rest) = text.strip_prefix("SIP/2.0 ") else {
            return self.agree(text);
        };
        let code: u16 = rest.get(..3).and_then(|c| c.parse().ok()).unwrap_or(0);
        let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let id = header("Call-ID: ").and_then(|id| id.split('-').next()?.parse().ok());
        let Some((id, call)) = id.and_then(|id| Some((id, self.find(id)?))) else {
            return;
        };
        let waited = now - call.begun;
        let invite = header("CSeq: ").is_some_and(|cseq| cseq.ends_with("INVITE"));
        match (invite, code, call.step) {
            (true, ..200, Step::Inviting) => call.step = Step::Promised,
            (true, 200..300, Step::Inviting | Step::Promised) => {
                call.to = header("To: ").unwrap_or_default().to_owned();
                call.step = Step::Talking;
                self.tally.answered += 1;
                self.tally.waited += waited;
                self.tally.longest = self.tally.longest.max(waited);
                self.due.add(now, self.hold, id);
                self.send(id, "ACK", 1, 'a');
            }
            (true, 200..300, _) => self.send(id, "ACK", 1, 'a'),
            (true, 300.., Step::Inviting | Step::Promised) => {
                call.to = header("To: ").unwrap_or_default().to_owned();
                call.step = Step::Over;
                if code == 503 {
                    self.tally.refused += 1;
                    self.tally.held += waited;
                    self.tally.told_when += u64::from(header("Retry-After: ").is_some());
                } else {
                    self.tally.failed += 1;
                }
                self.due.add(now, T2, id);
                self.send(id, "ACK", 1, 'i');
            }
            (true, 300.., Step::Over) => self.send(id, "ACK", 1, 'i'),
            (false, 200.., Step::Leaving) => {
                call.step = Step::Over;
                self.tally.left += u64::from(code == 200);
                self.due.add(now, T2, id);
            }
            _ => {}
        }
    }

    /// Whatever the server asks, the answer is yes.
    fn agree(&self, text: &str) {
        if text.starts_with("ACK ") {
            return;
        }
        let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
        for line in text.split("\r\n").take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            if ["Via", "From", "To", "Call-ID", "CSeq"].contains(&name) {
                answer.push_str(line);
                answer.push_str("\r\n");
            }
        }
        answer.push_str("Content-Length: 0\r\n\r\n");
        self.socket.send_to(answer.as_bytes(), self.server).ok();
    }

    /// `branch` ends the branch: the INVITE's own for the ACK of a refusal.
    fn send(&mut self, id: u64, method: &str, cseq: u32, branch: char) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let to = self.find(id).map(|call| std::mem::take(&mut call.to));
        let to = to.unwrap_or_default();
        let ([own, server], number, port) = (&self.names, self.number, self.port);
        let body = if method == "INVITE" {
            "v=0\r\no=c 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 39002 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        } else {
            ""
        };
        write!(
            text,
            "{method} sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}{branch}\r\nMax-Forwards: 70\r\nFrom: \"Caller {id}\" <sip:{id}@{own}>;tag=f{id}\r\nTo: "
        )
        .ok();
        if to.is_empty() {
            write!(text, "<sip:{number}@{server}>").ok();
        } else {
            text.push_str(&to);
        }
        write!(
            text,
            "\r\nCall-ID: {id}-{port}\r\nCSeq: {cseq} {method}\r\nContact: <sip:c@{own}>\r\n"
        )
        .ok();
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).ok();
        self.socket.send_to(text.as_bytes(), self.server).ok();
        if let Some(call) = self.find(id) {
            call.to = to;
        }
        self.text = text;
    }
}
