//! Our own registration with a carrier (RFC 3261 section 10.2).
//!
//! ```text
//!  due ─► looked up ─► REGISTER ─ 401 ─► with the answer ─► 200 ─► due before it expires
//!                        │ 423: for longer                    drain ─► REGISTER for 0 s
//!                        └ no answer, 5xx: the next address ─ none left ─► rest, longer each time
//! ```
//! One request is on its way at a time. The machine does not wait: a name is looked up and
//! a request is sent by whoever holds it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sip::{
    Account, Advertise, Answered, Contacts, Hop, Host, Method, Name, Peer, Request, Response, Uri,
    digits,
};

/// The first rest after all addresses failed (RFC 5626 section 4.5).
const BASE: Duration = Duration::from_secs(30);
/// The longest rest.
const LONGEST: Duration = Duration::from_secs(1800);
/// A server that says nothing for so long is not waited for while there is another.
const TRY_TIME: Duration = Duration::from_secs(4);
/// The answer to a look-up comes within this, or never.
const LOOK_UP: Duration = Duration::from_secs(5);
/// A server that wants longer registrations than this asks for nonsense.
const MOST: u32 = 24 * 3600;

/// What a registration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The registrar.
    pub to: Uri,
    /// For how long it is asked for.
    pub expires: Duration,
    /// Who we are there.
    pub account: Arc<Account>,
}

/// What it hears.
#[derive(Debug)]
pub enum CarrierInput<'a> {
    /// Time passed.
    Tick,
    /// The registrar's addresses, nearest first.
    Resolved(&'a [Peer]),
    /// The answer to its last request.
    Response(&'a Response, Peer),
    /// Its last request gets no answer.
    Failed,
    /// The server stops, or the registration is not wanted any more.
    Leave,
}

/// What it wants done.
#[derive(Debug)]
pub enum CarrierOutput {
    /// Look the registrar up.
    Resolve(Uri),
    /// Send this; the answer to what was sent before counts no more.
    Send(Box<Request>, Hop),
    /// The registration holds from now on, or not any more; the code that says why.
    Changed(bool, Option<u16>),
}

#[derive(Debug)]
enum State {
    /// Nothing is on its way until then.
    Resting(Instant),
    Looking(Instant),
    Asking(Box<Asking>),
    Over,
}

#[derive(Debug)]
struct Asking {
    request: Request,
    peer: Peer,
    answered: Answered,
    /// When the next address is tried.
    until: Option<Instant>,
    /// It was told to ask for longer.
    longer: bool,
}

/// One registration.
#[derive(Debug)]
pub struct Carrier {
    enrolment: Enrolment,
    advertise: Advertise,
    call_id: String,
    tag: String,
    cseq: u32,
    state: State,
    /// Addresses that are left in this round.
    rest: VecDeque<Peer>,
    /// Where it holds, and until when.
    held: Option<(Peer, Instant)>,
    /// The last answered challenge, for the next request.
    answered: Answered,
    failures: u32,
    /// Seconds that are asked for.
    wanted: u32,
    leaving: bool,
}

impl Carrier {
    /// A registration that is due at once. `call_id` and `tag` stay the same for its life
    /// (RFC 3261 section 10.2.4).
    #[must_use]
    pub fn new(
        enrolment: Enrolment,
        advertise: Advertise,
        (call_id, tag): (String, String),
        now: Instant,
    ) -> Self {
        let wanted = u32::try_from(enrolment.expires.as_secs()).unwrap_or(MOST);
        Self {
            enrolment,
            advertise,
            call_id,
            tag,
            cseq: 0,
            state: State::Resting(now),
            rest: VecDeque::new(),
            held: None,
            answered: Answered::default(),
            failures: 0,
            wanted,
            leaving: false,
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// Whether it is over: left, and nothing is waited for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// When it next wants [`CarrierInput::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Resting(at) | State::Looking(at) => Some(*at),
            State::Asking(asking) => asking.until,
            State::Over => return None,
        };
        let held = self.held.map(|(_, until)| until);
        own.into_iter().chain(held).min()
    }

    /// One step. `word` is random.
    pub fn handle(
        &mut self,
        input: CarrierInput<'_>,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        match input {
            CarrierInput::Tick => self.tick(now, word, out),
            CarrierInput::Resolved(peers) => self.resolved(peers, now, word, out),
            CarrierInput::Response(response, peer) => {
                self.answered(response, peer, now, word, out);
            }
            CarrierInput::Failed => {
                if matches!(self.state, State::Asking(_)) {
                    self.next(None, now, word, out);
                }
            }
            CarrierInput::Leave => self.leave(now, word, out),
        }
    }

    fn tick(&mut self, now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        if self.held.is_some_and(|(_, until)| now >= until) {
            self.held = None;
            out.push(CarrierOutput::Changed(false, None));
        }
        match &self.state {
            State::Resting(at) if now >= *at => {
                self.state = State::Looking(now + LOOK_UP);
                out.push(CarrierOutput::Resolve(self.enrolment.to.clone()));
            }
            State::Looking(until) if now >= *until => self.failed(None, now, word, out),
            State::Asking(asking) if asking.until.is_some_and(|until| now >= until) => {
                self.next(None, now, word, out);
            }
            State::Resting(_) | State::Looking(_) | State::Asking(_) | State::Over => {}
        }
    }

    fn resolved(&mut self, peers: &[Peer], now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        if !matches!(self.state, State::Looking(_)) {
            return;
        }
        self.rest = peers.iter().copied().collect();
        // Where it holds it is refreshed, while that is one of the addresses.
        if let Some((held, _)) = self.held
            && let Some(at) = self.rest.iter().position(|peer| same_place(*peer, held))
            && let Some(peer) = self.rest.remove(at)
        {
            self.rest.push_front(peer);
        }
        self.next(None, now, word, out);
    }

    /// Tries the next address of this round, or rests.
    fn next(&mut self, code: Option<u16>, now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        if self.leaving {
            return self.gone(out);
        }
        match self.rest.pop_front() {
            Some(peer) => self.ask(peer, self.wanted, now, word, out),
            None => self.failed(code, now, word, out),
        }
    }

    fn ask(
        &mut self,
        peer: Peer,
        expires: u32,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        self.cseq = self.cseq.wrapping_add(1) & 0x7fff_ffff;
        let user = &self.enrolment.account.username;
        let Some(host) = self.enrolment.to.host.clone() else {
            return self.failed(None, now, word, out);
        };
        let aor = Uri::sip(Some(user), &host, None);
        // RFC 3261 section 10.2: the Request-URI names the domain and has no user.
        let mut request = Request::new(
            Method::Register,
            Uri::sip(None, &host, self.enrolment.to.port),
        );
        let headers = &mut request.headers;
        headers.push(Name::From, format!("<{aor}>;tag={}", self.tag));
        headers.push(Name::To, format!("<{aor}>"));
        headers.push(Name::CallId, &self.call_id);
        headers.push(Name::CSeq, format!("{} REGISTER", self.cseq));
        headers.push(Name::Contact, format!("<{}>", self.contact(peer)));
        headers.push(Name::Expires, expires.to_string());
        let mut answered = self.answered.clone();
        self.enrolment
            .account
            .write(&mut request, &mut answered, word);
        let hop = Hop::named(&self.enrolment.to, peer);
        out.push(CarrierOutput::Send(Box::new(request.clone()), hop));
        let another = !self.rest.is_empty();
        self.state = State::Asking(Box::new(Asking {
            request,
            peer,
            answered,
            until: another.then(|| now + TRY_TIME),
            longer: false,
        }));
    }

    /// Where calls for us go: our address, with the name that the carrier knows.
    fn contact(&self, peer: Peer) -> String {
        let address = self.advertise.address(peer);
        let user = &self.enrolment.account.username;
        let host = Host::Address(address.ip());
        let uri = Uri::sip(Some(user), &host, Some(address.port()));
        match self.advertise.contact(peer).split_once(';') {
            Some((_, params)) => format!("{uri};{params}"),
            None => uri.to_string(),
        }
    }

    fn answered(
        &mut self,
        response: &Response,
        peer: Peer,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        match response.code {
            ..200 => asking.until = None,
            200..300 => self.granted(response, now, word, out),
            401 | 407 => {
                let hop = Hop::named(&self.enrolment.to, asking.peer);
                let account = &self.enrolment.account;
                let Asking {
                    request, answered, ..
                } = &mut **asking;
                if hop.leads_to(peer) && account.answer(response, request, answered, word) {
                    self.cseq = request.headers.cseq().map_or(self.cseq, |c| c.number);
                    out.push(CarrierOutput::Send(Box::new(request.clone()), hop));
                } else {
                    self.refused(response, now, word, out);
                }
            }
            423 => self.too_short(response, now, word, out),
            408 | 500..600 if !self.rest.is_empty() => {
                self.next(Some(response.code), now, word, out);
            }
            300.. => self.refused(response, now, word, out),
        }
    }

    fn granted(
        &mut self,
        response: &Response,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let peer = asking.peer;
        let mut answered = std::mem::take(&mut asking.answered);
        answered.let_through();
        self.answered = answered;
        self.failures = 0;
        if self.leaving {
            if asking.request.headers.expires() == Some(0) {
                return self.gone(out);
            }
            // It was on its way when we left.
            return self.take_back(peer, now, word, out);
        }
        let asked = asking.request.headers.expires().unwrap_or(self.wanted);
        let granted = granted_for(response, &self.contact(peer)).unwrap_or(asked);
        let granted = Duration::from_secs(u64::from(granted.clamp(1, MOST)));
        if self.held.is_none() {
            out.push(CarrierOutput::Changed(true, None));
        }
        self.held = Some((peer, now + granted));
        // At four fifths of the time, a little before or after, so that all who began
        // together do not come together.
        let jitter = share(granted / 10, word);
        self.state = State::Resting(now + granted * 3 / 4 + jitter);
    }

    /// RFC 3261 section 10.2.8: the registrar wants longer ones.
    fn too_short(
        &mut self,
        response: &Response,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        let least = response.headers.first(&Name::MinExpires);
        let least = least.and_then(|text| digits::<u32>(text.trim()));
        let State::Asking(asking) = &self.state else {
            return;
        };
        let (peer, longer) = (asking.peer, asking.longer);
        match least {
            Some(least) if !longer && !self.leaving && (self.wanted..=MOST).contains(&least) => {
                self.wanted = least;
                self.ask(peer, least, now, word, out);
                if let State::Asking(asking) = &mut self.state {
                    asking.longer = true;
                }
            }
            Some(_) | None => self.refused(response, now, word, out),
        }
    }

    fn refused(
        &mut self,
        response: &Response,
        now: Instant,
        word: u64,
        out: &mut Vec<CarrierOutput>,
    ) {
        // What was answered before is worth nothing here.
        self.answered = Answered::default();
        self.failed(Some(response.code), now, word, out);
        let after = response.headers.retry_after();
        if let (State::Resting(at), Some(after)) = (&mut self.state, after) {
            *at = (*at).max(now + after.min(LONGEST));
        }
    }

    /// Rests: twice as long after each failure, at most half an hour, and of that time at
    /// least half (RFC 5626 section 4.5).
    fn failed(&mut self, code: Option<u16>, now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        if self.leaving {
            return self.gone(out);
        }
        self.rest.clear();
        let longest = BASE.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Resting(now + longest / 2 + share(longest / 2, word));
        if self.held.is_none() {
            out.push(CarrierOutput::Changed(false, code));
        }
    }

    fn leave(&mut self, now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        if self.leaving {
            return;
        }
        self.leaving = true;
        match (&self.state, self.held) {
            (State::Over, _) => {}
            // Its answer says what is to be taken back.
            (State::Asking(_), _) => self.rest.clear(),
            (State::Resting(_) | State::Looking(_), Some((peer, _))) => {
                self.take_back(peer, now, word, out);
            }
            (State::Resting(_) | State::Looking(_), None) => self.gone(out),
        }
    }

    fn take_back(&mut self, peer: Peer, now: Instant, word: u64, out: &mut Vec<CarrierOutput>) {
        self.rest.clear();
        self.ask(peer, 0, now, word, out);
    }

    fn gone(&mut self, out: &mut Vec<CarrierOutput>) {
        self.state = State::Over;
        if self.held.take().is_some() {
            out.push(CarrierOutput::Changed(false, None));
        }
    }
}

/// Whether an answer comes from where the question went.
fn same_place(one: Peer, other: Peer) -> bool {
    one.transport == other.transport && one.remote == other.remote
}

/// A random part of a time.
fn share(of: Duration, word: u64) -> Duration {
    let thousandths = u32::try_from(word % 1_001).unwrap_or(0);
    of / 1_000 * thousandths
}

/// The seconds that a 200 grants to our contact: by its own parameter, else by Expires.
fn granted_for(response: &Response, contact: &str) -> Option<u32> {
    let ours = Uri::parse(contact).ok();
    let list = match response.headers.contacts() {
        Ok(Contacts::List(list)) => list,
        Ok(Contacts::Star) | Err(_) => Vec::new(),
    };
    let place = |uri: &Uri| (uri.user.clone(), uri.host.clone(), uri.port);
    let found = list
        .iter()
        .find(|entry| ours.as_ref().map(place) == Some(place(&entry.uri)))
        // A carrier behind a border element may show another address than ours.
        .or_else(|| list.first().filter(|_| list.len() == 1));
    found
        .and_then(|entry| digits(entry.params.value("expires")?))
        .or_else(|| response.headers.expires())
}
