//! Who may call: trunks, numbers, limits.

use std::time::Instant;

use crate::call::{Call, Caller, Permit};
use crate::model::{CallId, CallKey, Event, Number, RejectReason, TrunkName};
use crate::sdp::{self, Description, Local};
use crate::shard::shard::{Output, Shard};
use crate::sip::session_timer::Wish;
use crate::sip::{Dialog, Name, Peer, Request, Response, ServerTx, SessionTimer};

/// Why a caller is refused.
#[derive(Debug)]
struct Refusal {
    code: u16,
    reason: RejectReason,
    /// A header that says more.
    more: Option<(Name, String)>,
}

impl Refusal {
    fn new(code: u16, reason: RejectReason) -> Self {
        Self {
            code,
            reason,
            more: None,
        }
    }
}

impl Shard {
    /// A caller's INVITE. What costs least is looked at first.
    pub(super) fn admit(
        &mut self,
        tx: ServerTx,
        request: Request,
        peer: Peer,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Some(trunk) = self.trunk_of(peer) else {
            self.answer_stranger(tx, &Response::to(&request, 403), now);
            return self.tell_refused(RejectReason::UnknownSource, peer, now);
        };
        let dialled = request.uri.user.clone().unwrap_or_default();
        if self.snapshot.config.numbers.find(&dialled).is_none() {
            let refusal = Refusal::new(404, RejectReason::UnknownNumber);
            return self.refuse(tx, &request, peer, &refusal, now);
        }
        self.begun += 1;
        let key = CallKey::new(self.id, self.begun);
        match self.caller(key, (tx, &request), (trunk, peer), now) {
            Ok(caller) => self.begin(caller, now, out),
            Err(refusal) => {
                self.tell_rejected(key, &request, &refusal, now);
                self.refuse(tx, &request, peer, &refusal, now);
            }
        }
    }

    fn begin(&mut self, caller: Caller, now: Instant, out: &mut Vec<Output>) {
        self.pass_on(None, now, out);
        let (key, tx) = (caller.key, caller.tx);
        let tag = caller.dialog.id().local_tag.clone();
        let call = self.floor(now, |floor| Call::begin(caller, floor));
        self.calls.insert(key, call);
        self.calls.hears(key, tag);
        self.calls.holds(key, tx);
        self.pass_on(Some(key), now, out);
        self.schedule(key, now);
    }

    /// Makes a caller of an INVITE for a number that we have.
    fn caller(
        &mut self,
        key: CallKey,
        (tx, request): (ServerTx, &Request),
        (trunk, peer): (TrunkName, Peer),
        now: Instant,
    ) -> Result<Caller, Refusal> {
        let permits = self.permits(&trunk, now)?;
        let snapshot = std::sync::Arc::clone(&self.snapshot);
        let config = &snapshot.config;
        let dialled = request.uri.user.clone().unwrap_or_default();
        let unknown = || Refusal::new(404, RejectReason::UnknownNumber);
        let (number, entry) = config.numbers.find(&dialled).ok_or_else(unknown)?;
        let flow = config.flows.get(&entry.flow).ok_or_else(unknown)?;
        self.check_proposal(request, peer)?;
        let malformed = || Refusal::new(400, RejectReason::Malformed);
        let tag = self.endpoint.fresh_tag();
        let contact = self.shared.advertise.contact(peer);
        let dialog =
            Dialog::from_request(request, &tag, &contact, peer).map_err(|_| malformed())?;
        let timer =
            SessionTimer::answer(request, Wish::default(), now).map_err(|small| Refusal {
                code: 422,
                reason: RejectReason::Unsupported,
                more: Some((Name::MinSe, small.min_se.to_string())),
            })?;
        let (from, display) = caller_of(request);
        Ok(Caller {
            key,
            id: self.call_id(key),
            tx,
            dialog,
            timer,
            from,
            display,
            to: Number::new(dialled),
            number: number.clone(),
            flow: std::sync::Arc::clone(flow),
            language: entry.language.clone(),
            project: entry.project.clone(),
            trunk,
            permits,
            snapshot: std::sync::Arc::clone(&snapshot),
            request: request.clone(),
        })
    }

    /// A place among the calls, if there is one.
    fn permits(&self, trunk: &TrunkName, now: Instant) -> Result<Vec<Permit>, Refusal> {
        let config = &self.snapshot.config;
        let busy = |reason| Refusal {
            code: 503,
            reason,
            more: Some((Name::RetryAfter, self.retry_after())),
        };
        if self.draining {
            return Err(busy(RejectReason::Draining));
        }
        let gates = &self.shared.gates;
        let overload = || busy(RejectReason::Overload);
        let all = gates
            .enter(CALLS, config.limits.calls)
            .ok_or_else(overload)?;
        let mut permits = vec![all];
        let most = config.sip.trunks.get(trunk).and_then(|t| t.max_calls);
        if let Some(most) = most {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let gate = format!("trunk {trunk}");
            permits.push(gates.enter(&gate, most).ok_or_else(overload)?);
        }
        if self.doors.rate.admit(config.limits.calls_per_second, now) {
            Ok(permits)
        } else {
            Err(overload())
        }
    }

    /// 1 to 10 seconds, different for each call, so that those who were refused together
    /// do not come back together.
    fn retry_after(&self) -> String {
        (1 + self.begun.wrapping_mul(7) % 10).to_string()
    }

    /// Whether the stream that the caller proposes can be agreed on, before anything is
    /// kept of the call.
    fn check_proposal(&self, request: &Request, peer: Peer) -> Result<(), Refusal> {
        if request.body.is_empty() {
            return Ok(());
        }
        let plain = request
            .headers
            .first(&Name::ContentType)
            .is_none_or(|kind| kind.to_ascii_lowercase().starts_with("application/sdp"));
        if !plain {
            return Err(Refusal {
                code: 415,
                reason: RejectReason::Unsupported,
                more: Some((Name::Accept, "application/sdp".to_owned())),
            });
        }
        let proposal = Description::parse(&request.body)
            .map_err(|_| Refusal::new(400, RejectReason::Malformed))?;
        let local = Local {
            address: peer.remote,
            codecs: &self.snapshot.config.media.codecs,
            id: 0,
            version: 0,
        };
        match sdp::answer(&proposal, &local) {
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::new(488, RejectReason::NoCodec)),
        }
    }

    fn trunk_of(&self, peer: Peer) -> Option<TrunkName> {
        let ip = peer.remote.ip().to_canonical();
        let trunks = &self.snapshot.config.sip.trunks;
        let mut names = trunks.iter();
        let (name, _) = names.find(|(_, t)| t.from.iter().any(|net| net.contains(&ip)))?;
        Some(name.clone())
    }

    fn call_id(&self, key: CallKey) -> CallId {
        CallId::new(format!(
            "{}-{:x}-{:x}",
            self.boot,
            self.id.0,
            key.to_bits() << 8 >> 8
        ))
    }

    /// A caller who was refused at a number of ours has a record too.
    fn tell_rejected(&mut self, key: CallKey, request: &Request, refusal: &Refusal, now: Instant) {
        let dialled = request.uri.user.clone().unwrap_or_default();
        let Some((number, _)) = self.snapshot.config.numbers.find(&dialled) else {
            return;
        };
        let number = number.clone();
        let event = Event::CallRejected {
            call: self.call_id(key),
            from: caller_of(request).0,
            to: Number::new(dialled),
            number,
            code: refusal.code,
        };
        self.floor(now, |floor| floor.tell(event));
    }

    fn refuse(
        &mut self,
        tx: ServerTx,
        request: &Request,
        peer: Peer,
        refusal: &Refusal,
        now: Instant,
    ) {
        let mut response = Response::to(request, refusal.code);
        if let Some((name, value)) = &refusal.more {
            response.headers.push(name.clone(), value.clone());
        }
        self.respond(tx, &response, now);
        self.tell_refused(refusal.reason, peer, now);
    }

    fn tell_refused(&mut self, reason: RejectReason, peer: Peer, now: Instant) {
        let source = peer.remote;
        self.floor(now, |floor| floor.tell(Event::Refused { reason, source }));
    }
}

/// The gate of all calls.
pub(super) const CALLS: &str = "calls";
/// What a number may be long; more is no number.
const NUMBER: usize = 64;

/// Who dials, and the name shown with it. What From says is shown, and believed in
/// nothing.
fn caller_of(request: &Request) -> (Number, Option<String>) {
    let Ok(from) = request.headers.from() else {
        return (Number::from("anonymous"), None);
    };
    let user = from.uri.user.as_deref().filter(|user| !user.is_empty());
    let number: String = user.unwrap_or("anonymous").chars().take(NUMBER).collect();
    let display = from.display.filter(|name| !name.trim().is_empty());
    let display = display.map(|name| name.chars().take(NUMBER).collect());
    (Number::new(number), display)
}
