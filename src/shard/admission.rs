//! Who may call: trunks, numbers, limits.

use std::sync::Arc;
use std::time::Instant;

use crate::call::{self, CALLS, Call, Caller, Destination, Permit};
use crate::flow::Flow;
use crate::model::{
    CallId, CallKey, Event, Number, OperatorName, Project, RejectReason, TrunkName,
};
use crate::registrar::{Door, Identity, Role, identify};
use crate::sdp::{self, Description, Local};
use crate::shard::identity;
use crate::shard::outside::FRIENDSHIP;
use crate::shard::shard::Shard;
use crate::shard::words::Output;
use crate::sip::session_timer::Wish;
use crate::sip::{
    Contacts, Dialog, Hop, Name, Peer, Request, Response, Scheme, ServerTx, SessionTimer, Uri,
};

/// The trunk in records of calls that operators make, and the number in metrics.
pub(super) const HOUSE: &str = "internal";

/// What is asked of a dialog that is not here (RFC 3261 section 12.2.2).
pub(super) const UNKNOWN_DIALOG: (u16, RejectReason) = (481, RejectReason::UnknownDialog);

/// Why a caller is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: RejectReason,
    /// A header that says more.
    more: Option<(Name, String)>,
}

/// Where an INVITE comes from.
pub(super) enum Source {
    Trunk(TrunkName),
    /// It is asked for credentials.
    Asked(Response),
    Refused(Refusal),
}

/// An INVITE of a trunk, in our words.
pub(super) struct Arrival {
    trunk: TrunkName,
    pub(super) dialled: String,
    from: Number,
    display: Option<String>,
}

/// A caller in the words of the call: what a trunk's INVITE and an operator's come to.
pub(super) struct Guest {
    pub(super) trunk: TrunkName,
    pub(super) from: Number,
    pub(super) display: Option<String>,
    /// What was dialled.
    pub(super) to: Number,
    /// The entry of the configuration, by which it is counted.
    pub(super) number: Number,
    pub(super) flow: Arc<Flow>,
    pub(super) language: Option<String>,
    pub(super) project: Option<Project>,
    pub(super) made_by: Option<(OperatorName, Destination)>,
}

impl Refusal {
    pub(super) fn new(code: u16, reason: RejectReason) -> Self {
        Self {
            code,
            reason,
            more: None,
        }
    }

    pub(super) fn with(code: u16, more: (Name, String)) -> Self {
        Self {
            code,
            reason: RejectReason::Unsupported,
            more: Some(more),
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
        let name = match self.source(&request, peer, now) {
            Source::Trunk(name) => name,
            Source::Asked(response) => return self.answer_stranger(tx, &response, now),
            Source::Refused(refusal) => {
                if refusal.reason == RejectReason::Credentials {
                    self.has_shown_itself();
                }
                let why = (refusal.code, refusal.reason);
                return self.decline((tx, &request, peer), why, now);
            }
        };
        self.forgive(peer, now);
        out.extend(peer.connection.map(Output::Trusted));
        self.endpoint.may_be_dialled(tx, &request);
        let arrival = self.arrival(name, &request);
        if self
            .snapshot
            .config
            .numbers
            .find(&arrival.dialled)
            .is_none()
        {
            let refusal = Refusal::new(404, RejectReason::UnknownNumber);
            return self.refuse(tx, &request, peer, &refusal, now);
        }
        self.begun += 1;
        let key = CallKey::new(self.id, self.begun);
        let caller = self
            .guest(&arrival)
            .and_then(|guest| self.let_in(key, (tx, &request, peer), guest, now));
        match caller {
            Ok(caller) => self.begin(caller, now, out),
            Err(refusal) => {
                self.tell_rejected(key, arrival, &refusal, now);
                self.refuse(tx, &request, peer, &refusal, now);
            }
        }
    }

    /// Who it is: a trunk by its address, else one by its secret, if any trunk has one.
    pub(super) fn source(&self, request: &Request, peer: Peer, now: Instant) -> Source {
        if let Some(name) = self.trunk_of(peer) {
            return Source::Trunk(name);
        }
        let ip = peer.remote.ip().to_canonical();
        let trunks = &self.snapshot.config.sip.trunks;
        if trunks.values().all(|trunk| trunk.login.is_none()) {
            return Source::Refused(Refusal::new(403, RejectReason::UnknownSource));
        }
        let door = Door {
            role: Role::Trunk,
            ..self.door(peer, now)
        };
        let found = identify(request, &door, |user| {
            trunks.iter().find_map(|(name, trunk)| {
                let login = trunk.login.as_ref()?;
                // Elsewhere the password is as wrong as any, so that it is not found there.
                let may_call = trunk.from.is_empty() || trunk.has(ip);
                (login.username == user && may_call).then_some((&login.secret, name))
            })
        });
        match found {
            Identity::Challenge(response) => Source::Asked(response),
            Identity::Misdirected(_) => Source::Refused(Refusal::new(400, RejectReason::Malformed)),
            Identity::Forbidden(_) => Source::Refused(Refusal::new(403, RejectReason::Credentials)),
            Identity::Known(name) => {
                self.doors.sources.befriend(ip, now + FRIENDSHIP);
                Source::Trunk(name.clone())
            }
        }
    }

    pub(super) fn arrival(&self, name: TrunkName, request: &Request) -> Arrival {
        let trunk = self.snapshot.config.sip.trunks.get(&name);
        let trunk = trunk.map(Arc::clone).unwrap_or_default();
        let (from, display) = identity::caller(request, &trunk);
        Arrival {
            dialled: identity::dialled(request, &trunk),
            from,
            display,
            trunk: name,
        }
    }

    pub(super) fn begin(&mut self, caller: Caller, now: Instant, out: &mut Vec<Output>) {
        self.pass_on(None, now, out);
        let (key, tx) = (caller.key, caller.tx);
        let tag = caller.dialog.id().local_tag.clone();
        let by_tls = caller.dialog.answers_by_tls();
        out.extend(by_tls.map(|(remote, uri)| Output::Expected(remote, uri.clone())));
        let call = self.floor(now, |floor| Call::begin(caller, floor));
        self.calls.insert(key, call);
        self.calls.hears(key, tag);
        self.calls.holds(key, tx);
        self.pass_on(Some(key), now, out);
        self.schedule(key, now);
    }

    /// A trunk's caller, for a number that we have.
    fn guest(&self, arrival: &Arrival) -> Result<Guest, Refusal> {
        let config = &self.snapshot.config;
        let unknown = || Refusal::new(404, RejectReason::UnknownNumber);
        let (number, entry) = config.numbers.find(&arrival.dialled).ok_or_else(unknown)?;
        let flow = config.flows.get(&entry.flow).ok_or_else(unknown)?;
        Ok(Guest {
            trunk: arrival.trunk.clone(),
            from: arrival.from.clone(),
            display: arrival.display.clone(),
            to: Number::new(arrival.dialled.clone()),
            number: number.clone(),
            flow: Arc::clone(flow),
            language: entry.language.clone(),
            project: entry.project.clone(),
            made_by: None,
        })
    }

    /// Lets a guest in, if there is room and the INVITE can be agreed to.
    pub(super) fn let_in(
        &mut self,
        key: CallKey,
        (tx, request, peer): (ServerTx, &Request, Peer),
        guest: Guest,
        now: Instant,
    ) -> Result<Caller, Refusal> {
        let permits = self.permits(&guest.trunk, now)?;
        // Whoever had to prove itself proved the body as it came.
        let mut request = request.clone();
        request.unpack();
        // Operators' phones are reached by the flow that they called by.
        let hop = match guest.made_by {
            Some(_) => Hop::Flow(peer),
            None => Hop::heard(peer),
        };
        let (dialog, timer) = self.agree(&request, hop, now)?;
        Ok(Caller {
            key,
            id: self.call_id(key),
            tx,
            dialog,
            timer,
            from: guest.from,
            display: guest.display,
            to: guest.to,
            number: guest.number,
            flow: guest.flow,
            language: guest.language,
            project: guest.project,
            trunk: guest.trunk,
            permits,
            snapshot: Arc::clone(&self.snapshot),
            request,
            made_by: guest.made_by,
        })
    }

    /// What the answer to an INVITE will confirm: a dialog with a tag of ours, and a session
    /// timer.
    fn agree(
        &mut self,
        request: &Request,
        hop: Hop,
        now: Instant,
    ) -> Result<(Dialog, SessionTimer), Refusal> {
        let peer = hop.peer();
        let secure = is_sips(request);
        // RFC 3261 section 26.2.2: `sips` wants TLS on every hop, and this is the last. 403,
        // for RFC 5630 section 3.3 has nobody try again in the clear, as a 416 would.
        if secure && !peer.transport.is_secure() {
            return Err(Refusal::new(403, RejectReason::Unsupported));
        }
        self.check_proposal(request, peer)?;
        let tag = self.endpoint.fresh_tag();
        let contact = self.shared.advertise.contact_for(peer, secure);
        let dialog = Dialog::from_request(request, &tag, &contact, hop)
            .map_err(|_| Refusal::new(400, RejectReason::Malformed))?;
        let timer = SessionTimer::answer(request, Wish::default(), now)
            .map_err(|small| Refusal::with(422, (Name::MinSe, small.min_se.to_string())))?;
        Ok((dialog, timer))
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
    pub(super) fn check_proposal(&self, request: &Request, peer: Peer) -> Result<(), Refusal> {
        if !takes_sdp(request) {
            return Err(Refusal::new(406, RejectReason::Unsupported));
        }
        if request.body.is_empty() {
            return Ok(());
        }
        if let Err(code) = sdp::legible(request.headers.first(&Name::ContentType).as_deref()) {
            return Err(Refusal {
                code,
                reason: RejectReason::Unsupported,
                more: Some((Name::Accept, call::ACCEPT.to_owned())),
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
            Err(why) => {
                let warning = why.warning(&self.snapshot.config.domain);
                Err(Refusal {
                    code: 488,
                    reason: RejectReason::NoCodec,
                    more: Some((Name::Warning, warning)),
                })
            }
        }
    }

    /// Whose address it is, of the trunks that are known by their address alone.
    pub(super) fn trunk_of(&self, peer: Peer) -> Option<TrunkName> {
        let ip = peer.remote.ip().to_canonical();
        let mut trunks = self.snapshot.config.sip.trunks.iter();
        let (name, _) = trunks.find(|(_, trunk)| trunk.login.is_none() && trunk.has(ip))?;
        Some(name.clone())
    }

    pub(super) fn call_id(&self, key: CallKey) -> CallId {
        CallId::new(format!(
            "{}-{:x}-{:x}",
            self.boot,
            self.id.0,
            key.to_bits() << 8 >> 8
        ))
    }

    /// A caller who was refused at a number of ours has a record too.
    fn tell_rejected(&mut self, key: CallKey, arrival: Arrival, refusal: &Refusal, now: Instant) {
        let Some((number, _)) = self.snapshot.config.numbers.find(&arrival.dialled) else {
            return;
        };
        let number = number.clone();
        let event = Event::CallRejected {
            call: self.call_id(key),
            from: arrival.from,
            to: Number::new(arrival.dialled),
            number,
            code: refusal.code,
        };
        self.floor(now, |floor| floor.tell(event));
    }

    pub(super) fn refuse(
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

    /// Refuses somebody who has shown nothing: one answer to each copy of the request, and
    /// nothing is kept of it, so that a forged address is sent no more than was sent in its
    /// name.
    pub(super) fn decline(
        &mut self,
        (tx, request, peer): (ServerTx, &Request, Peer),
        (code, reason): (u16, RejectReason),
        now: Instant,
    ) {
        let refusal = self.refusal_of((request, peer), code, now);
        self.answer_stranger(tx, &refusal, now);
        self.tell_refused(reason, peer, now);
    }

    pub(super) fn tell_refused(&mut self, reason: RejectReason, peer: Peer, now: Instant) {
        let source = peer.remote;
        self.floor(now, |floor| floor.tell(Event::Refused { reason, source }));
    }
}

/// Whether a caller can read our description; one that does not say what it can read, can
/// (RFC 3261 section 20.1).
fn takes_sdp(request: &Request) -> bool {
    let headers = &request.headers;
    let kinds = headers.tokens(&Name::Accept);
    let mut kinds = kinds.iter().filter_map(|kind| kind.split(';').next());
    headers.first(&Name::Accept).is_none()
        || kinds.any(|kind| ["application/sdp", "application/*", "*/*"].contains(&kind.trim_end()))
}

/// Whether a dialog has to be secure (RFC 3261 section 12.1.1): the Request-URI says so, or
/// the first place on the way back, which is the last proxy if there is one.
fn is_sips(request: &Request) -> bool {
    let routes = request.headers.addresses(&Name::RecordRoute);
    let proxy = routes.unwrap_or_default().into_iter().next();
    let back = proxy.or_else(|| match request.headers.contacts() {
        Ok(Contacts::List(list)) => list.into_iter().next(),
        Ok(Contacts::Star) | Err(_) => None,
    });
    let is_sips = |uri: &Uri| uri.scheme == Scheme::Sips;
    is_sips(&request.uri) || back.is_some_and(|back| is_sips(&back.uri))
}
