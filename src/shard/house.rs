//! Calls that operators make: to a colleague, a queue, a line, a number.
//!
//! # Why
//! An operator who talks with a caller calls a colleague to ask, or to hand the caller on.
//! Then both calls must be in one shard, whichever the Call-ID of the second leads to: the
//! shard that received the INVITE keeps its transaction and lends it to the other.

use std::sync::Arc;
use std::time::Instant;

use crate::call::{self, Caller, Destination, Given, Refer, Replacement};
use crate::config::Config;
use crate::flow::Flow;
use crate::model::{CallKey, Number, OperatorName, RejectReason, Said, TrunkName};
use crate::shard::admission::{Guest, HOUSE, Refusal, UNKNOWN_DIALOG};
use crate::shard::codes::Code;
use crate::shard::outside::FRIENDSHIP;
use crate::shard::shard::Shard;
use crate::shard::words::Output;
use crate::sip::{Host, Peer, Replaces, Request, Response, ServerTx, tag_owner};

/// Between shards: an INVITE that one received and another's call answers.
#[derive(Debug)]
pub enum Foreign {
    /// An operator, who has proven to be one, calls.
    Call {
        /// The INVITE.
        tx: ServerTx,
        /// The INVITE.
        request: Box<Request>,
        /// From where.
        peer: Peer,
        /// Who.
        operator: OperatorName,
    },
    /// An operator, who has proven to be one, wants the place of a dialog.
    Replace(Replacement),
    /// Answer so.
    Respond(ServerTx, Box<Response>),
    /// The 2xx has its ACK.
    Acknowledged(ServerTx),
    /// The INVITE is cancelled.
    Cancelled(ServerTx, Said),
    /// The 2xx never got its ACK.
    NoAck(ServerTx),
    /// Nobody waits for this call any more.
    Withdraw(CallKey),
}

impl Shard {
    /// The operator whom an INVITE names as its sender, by an address at our domain. From a
    /// trunk other names are callers'; from elsewhere any name is asked to prove itself, so
    /// that names cannot be found by trying.
    pub(super) fn claims_operator(&self, request: &Request, peer: Peer) -> Option<OperatorName> {
        let from = request.headers.from().ok()?.uri;
        let Some(Host::Name(host)) = &from.host else {
            return None;
        };
        let config = &self.snapshot.config;
        let user = from.user.filter(|user| !user.is_empty())?;
        let ours = host.eq_ignore_ascii_case(&config.domain);
        let known = config.operators.contains_key(user.as_str());
        // Where trunks prove themselves, an unknown name may be a trunk's caller; it is asked
        // all the same.
        let logins = config
            .sip
            .trunks
            .values()
            .any(|trunk| trunk.login.is_some());
        let asked = known || (self.trunk_of(peer).is_none() && !logins);
        (ours && asked).then(|| OperatorName::new(user))
    }

    /// An INVITE in the name of an operator (RFC 3261 section 22.2).
    pub(super) fn operator_calls(
        &mut self,
        (tx, request, peer): (ServerTx, Request, Peer),
        operator: OperatorName,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        if !self.is_proven((tx, &request, peer), &operator, now) {
            return;
        }
        self.befriend_caller(peer, now);
        self.endpoint.may_be_dialled(tx, &request);
        let dialled = request.uri.user.as_deref().unwrap_or_default();
        if let Some(code) = Code::read(dialled) {
            return self.dial_code((operator, code), (tx, &request, peer), now, out);
        }
        let home = self.shared.talks.of(&operator).map(CallKey::shard);
        match home.filter(|home| *home != self.id) {
            Some(home) => {
                self.lent.insert(tx, home);
                let request = Box::new(request);
                let foreign = Foreign::Call {
                    tx,
                    request,
                    peer,
                    operator,
                };
                out.push(Output::Foreign(home, foreign));
            }
            None => self.call_for(operator, (tx, &request, peer), now, out),
        }
    }

    /// Whoever calls and has given the password is heard as long as the call may last,
    /// whatever others send in that name.
    fn befriend_caller(&self, peer: Peer, now: Instant) {
        let (sources, ip) = (&self.doors.sources, peer.remote.ip());
        sources.befriend(ip, now + FRIENDSHIP);
    }

    /// A letter from another shard.
    pub(super) fn foreign(&mut self, foreign: Foreign, now: Instant, out: &mut Vec<Output>) {
        match foreign {
            Foreign::Call {
                tx,
                request,
                peer,
                operator,
            } => self.call_for(operator, (tx, &request, peer), now, out),
            Foreign::Replace(wish) => self.take_place(wish, now, out),
            Foreign::Respond(tx, mut response) => {
                if response.code >= 300 {
                    self.lent.remove(&tx);
                    // Its ACK goes where the To tag says, and is for us.
                    response.forget_to_tag();
                }
                self.respond(tx, &response, now);
            }
            Foreign::Acknowledged(tx) => {
                self.lent.remove(&tx);
                self.endpoint.acknowledged(tx);
            }
            Foreign::Cancelled(tx, said) => {
                if let Some(key) = self.calls.by_invite(tx) {
                    self.tell(key, call::Input::Cancelled { tx, said }, now, out);
                }
            }
            Foreign::Withdraw(call) => self.withdraw(call, now, out),
            Foreign::NoAck(tx) => {
                if let Some(key) = self.calls.by_invite(tx) {
                    self.tell(key, call::Input::NoAck { tx }, now, out);
                }
            }
        }
    }

    fn call_for(
        &mut self,
        operator: OperatorName,
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let guest = self.colleague(operator, request);
        if let Some(caller) = self.welcome(guest, (tx, request, peer), now) {
            self.begin(caller, now, out);
        }
    }

    /// Lets an operator in who calls, or says why not.
    pub(super) fn welcome(
        &mut self,
        guest: Result<Guest, Refusal>,
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
    ) -> Option<Caller> {
        self.begun += 1;
        let key = CallKey::new(self.id, self.begun);
        let caller = guest.and_then(|guest| self.let_in(key, (tx, request, peer), guest, now));
        caller
            .map_err(|refusal| self.refuse(tx, request, peer, &refusal, now))
            .ok()
    }

    /// An operator as a caller.
    fn colleague(&self, operator: OperatorName, request: &Request) -> Result<Guest, Refusal> {
        let config = &self.snapshot.config;
        let dialled = request.uri.user.clone().unwrap_or_default();
        let unknown = || Refusal::new(404, RejectReason::UnknownNumber);
        let place = Destination::find(config, &dialled).ok_or_else(unknown)?;
        if place == Destination::Operator(operator.clone()) {
            return Err(Refusal::new(482, RejectReason::Unsupported));
        }
        let flow = flow_to(config, &place).ok_or_else(unknown)?;
        let display = config.operators.get(&operator).map(|o| o.display.clone());
        Ok(Guest {
            trunk: TrunkName::from(HOUSE),
            from: Number::new(operator.as_str()),
            display,
            to: Number::new(dialled),
            number: Number::from(HOUSE),
            flow,
            language: None,
            project: None,
            made_by: Some((operator, place)),
        })
    }

    /// An INVITE that wants the place of another dialog (RFC 3891 section 3). Only operators
    /// have it; anybody else who knows of a dialog is declined.
    pub(super) fn replacement(
        &mut self,
        (tx, request, peer): (ServerTx, Request, Peer),
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Ok(Some(replaces)) = request.headers.replaces() else {
            let why = (400, RejectReason::Malformed);
            return self.decline((tx, &request, peer), why, now);
        };
        let Some(by) = self.claims_operator(&request, peer) else {
            let why = match self.calls.by_tag(&replaces.to_tag) {
                Some(_) => (603, RejectReason::Credentials),
                None => UNKNOWN_DIALOG,
            };
            return self.decline((tx, &request, peer), why, now);
        };
        if !self.is_proven((tx, &request, peer), &by, now) {
            return;
        }
        self.befriend_caller(peer, now);
        let home = tag_owner(&replaces.to_tag, self.shards);
        let wish = Replacement {
            tx,
            request: Box::new(request),
            peer,
            by,
            replaces,
        };
        match home.filter(|home| *home != self.id) {
            Some(home) => {
                self.lent.insert(tx, home);
                out.push(Output::Foreign(home, Foreign::Replace(wish)));
            }
            None => self.take_place(wish, now, out),
        }
    }

    fn take_place(&mut self, mut wish: Replacement, now: Instant, out: &mut Vec<Output>) {
        wish.request.unpack();
        if let Err(refusal) = self.check_proposal(&wish.request, wish.peer) {
            return self.refuse(wish.tx, &wish.request, wish.peer, &refusal, now);
        }
        match self.calls.by_tag(&wish.replaces.to_tag) {
            Some(key) => self.tell(key, call::Input::Replace(wish), now, out),
            // RFC 3891 section 3: a dialog that is over is declined.
            None => {
                let over = self.calls.is_over(&wish.replaces.to_tag);
                let code = if over { 603 } else { 481 };
                self.respond(wish.tx, &Response::to(&wish.request, code), now);
            }
        }
    }

    /// A REFER that names another dialog: its call is asked for what it has.
    pub(super) fn replace(
        &mut self,
        key: CallKey,
        (refer, by): (Refer, OperatorName),
        replaces: &Replaces,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let other = self.calls.by_tag(&replaces.to_tag);
        let given = match other.filter(|other| *other != key) {
            Some(other) => self.give(other, key, (replaces, &by), now, out),
            None => Err(481),
        };
        let input = call::Input::Given { refer, by, given };
        self.tell(key, input, now, out);
    }

    fn give(
        &mut self,
        from: CallKey,
        to: CallKey,
        (replaces, by): (&Replaces, &OperatorName),
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<Given, u16> {
        let given = self
            .with_call(from, now, |call, floor| call.give(replaces, by, floor))
            .unwrap_or(Err(481));
        self.pass_on(Some(from), now, out);
        if let Ok(given) = &given
            && let Some(marks) = given.marks()
        {
            self.calls.hand_over(from, to, marks);
        }
        self.schedule(from, now);
        given
    }
}

/// The flow of a call that an operator makes.
fn flow_to(config: &Config, place: &Destination) -> Option<Arc<Flow>> {
    let flow = match place {
        Destination::Number(number) => {
            let (_, entry) = config.numbers.find(number.as_str())?;
            config.flows.get(&entry.flow)
        }
        Destination::Operator(operator) => {
            let reached = config.house.operators.get(operator);
            reached.map(|(_, flow)| flow)
        }
        Destination::Queue(queue) => config.house.queues.get(queue),
        Destination::Line(line) => config.house.lines.get(line),
    };
    flow.cloned()
}
