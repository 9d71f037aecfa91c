//! The shard: inputs to calls, outputs to the world.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::call::{self, Call, CallbackKey, Floor, Shared, Snapshot};
use crate::dispatch::{Claim, Match};
use crate::model::{
    CallKey, Event, Hangup, OperatorName, Outcome, RejectReason, Said, ShardId, TrunkName,
};
use crate::registrar::CarrierInput;
use crate::shard::address::Calls;
use crate::shard::admission::UNKNOWN_DIALOG;
use crate::shard::callbacks::Looks;
use crate::shard::carriers::Carriers;
use crate::shard::deadlines::Deadlines;
use crate::shard::guard::{Backlog, Guard};
use crate::shard::house::Foreign;
use crate::shard::intake::{Mark, Parcel};
use crate::shard::outside::Asker;
use crate::shard::probe::Probes;
use crate::shard::reach::{Watched, Watches};
use crate::shard::words::{Doors, Input, Output, Settings};
use crate::shard::{Rate, fence};
use crate::sip::endpoint::{self, Endpoint};
use crate::sip::{Method, Name, Peer, Request, Response, ServerTx};

/// What is due.
#[derive(Debug)]
pub(super) enum Due {
    Call(CallKey),
    WrapUp(OperatorName, Claim),
    Probe(OperatorName, String),
    Housekeeping,
    Outside,
    Carrier(TrunkName),
    Reach(Watched),
    ReachOver(Watched),
    Callback(CallbackKey),
}

/// One thread's exchange.
#[derive(Debug)]
pub struct Shard {
    pub(super) id: ShardId,
    /// How many shards there are.
    pub(super) shards: u8,
    pub(super) boot: Arc<str>,
    pub(super) shared: Arc<Shared>,
    pub(super) doors: Arc<Doors>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) endpoint: Endpoint,
    pub(super) calls: Calls,
    pub(super) probes: Probes,
    pub(super) carriers: Carriers,
    pub(super) watches: Watches,
    pub(super) looks: Looks,
    pub(super) deadlines: Deadlines<Due>,
    pub(super) draining: bool,
    pub(super) begun: u64,
    /// INVITEs of ours that calls of other shards answer.
    pub(super) lent: HashMap<ServerTx, ShardId>,
    /// Who is ready once a call is over.
    pub(super) ready_after: HashMap<CallKey, OperatorName>,
    pub(super) guard: Guard,
    pub(super) backlog: Backlog<Parcel>,
    /// What was seen of the message that is dealt with.
    pub(super) reading: Option<Mark>,
    pub(super) pressed: bool,
    /// Calls refused for want of room, with a record.
    pub(super) refusals: Rate,
    /// What the endpoint said and is not dealt with yet.
    pub(super) sip: Vec<endpoint::Output>,
    /// What calls, and the shard in their manner, said and is not dealt with yet.
    pub(super) said: Vec<call::Output>,
    /// What the shard itself wants looked up.
    pub(super) wishes: Vec<Output>,
}

impl Shard {
    /// A shard without calls. The first one keeps house for all: expired phones, and those
    /// that were restored, our registrations, probes.
    #[must_use]
    pub fn new(
        settings: Settings,
        shared: Arc<Shared>,
        doors: Arc<Doors>,
        snapshot: Arc<Snapshot>,
        now: Instant,
    ) -> Self {
        let mut deadlines = Deadlines::default();
        if settings.id == ShardId(0) {
            deadlines.add(now, Due::Housekeeping);
            deadlines.add(now, Due::Outside);
        }
        let seed = settings.endpoint.seed.rotate_left(32);
        let mut shard = Self {
            id: settings.id,
            shards: settings.shards,
            guard: Guard::new(seed, now, &snapshot),
            backlog: Backlog::default(),
            reading: None,
            pressed: false,
            refusals: Rate::new(now),
            boot: settings.boot,
            shared,
            doors,
            snapshot,
            endpoint: Endpoint::new(settings.endpoint),
            calls: Calls::default(),
            probes: Probes::default(),
            carriers: Carriers::default(),
            watches: Watches::default(),
            looks: Looks::default(),
            deadlines,
            draining: false,
            begun: 0,
            lent: HashMap::new(),
            ready_after: HashMap::new(),
            sip: Vec::new(),
            said: Vec::new(),
            wishes: Vec::new(),
        };
        if shard.id == ShardId(0) {
            // Phones that an earlier process knew.
            for (operator, key) in shard.shared.registrar.all() {
                shard.watch_phone(&operator, key, now);
            }
            shard.resume_callbacks(now);
        }
        shard
    }

    /// How many calls it has, those included that only wait for what is on its way back.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many SIP transactions are alive.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.endpoint.in_flight()
    }

    /// How many dialogs its calls have, early ones and those just ended included.
    #[must_use]
    pub fn dialogs(&self) -> usize {
        self.calls.dialogs()
    }

    /// When it next wants [`Input::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let endpoint = self.endpoint.deadline();
        endpoint.into_iter().chain(self.deadlines.next()).min()
    }

    /// One input.
    pub fn handle(&mut self, input: Input, now: Instant, out: &mut Vec<Output>) {
        match input {
            Input::Received { bytes, peer } => {
                let input = endpoint::Input::Received { bytes, peer };
                self.endpoint.handle(input, now, &mut self.sip);
            }
            Input::ConnectionLost { connection } => {
                let input = endpoint::Input::ConnectionLost { connection };
                self.endpoint.handle(input, now, &mut self.sip);
                self.connection_lost(connection, now);
            }
            Input::Unreachable { transport, remote } => {
                let input = endpoint::Input::Unreachable { transport, remote };
                self.endpoint.handle(input, now, &mut self.sip);
            }
            Input::Media(report) => {
                let key = self.calls.by_leg(report.leg());
                self.tell(key, call::Input::Media(report), now, out);
            }
            Input::Match(matched) => self.matched(&matched, now, out),
            Input::Prioritize { call, priority } => {
                self.tell(call, call::Input::Prioritize(priority), now, out);
            }
            Input::Resolved { asker, routes } => self.resolved(asker, routes, now, out),
            Input::Kept { call, kept } => {
                self.tell(call, call::Input::Kept(kept), now, out);
            }
            Input::CancelCallback { key, id } => self.cancel_callback(&key, &id, now, out),
            Input::Replied {
                call,
                number,
                reply,
            } => self.tell(call, call::Input::Replied { number, reply }, now, out),
            Input::Foreign(foreign) => self.foreign(foreign, now, out),
            Input::Tick => self.tick(now, out),
            Input::Configured(snapshot) => {
                self.guard.configure(&snapshot);
                self.snapshot = snapshot;
                self.begin_outside(now);
            }
            Input::Drain => {
                self.drain(now);
                self.leave_callbacks(now, out);
            }
            Input::Goodbye => {
                self.drain(now);
                for key in self.calls.keys() {
                    self.tell(key, call::Input::Goodbye, now, out);
                }
            }
        }
        self.settle(now, out);
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.endpoint
            .handle(endpoint::Input::Tick, now, &mut self.sip);
        while let Some(due) = self.deadlines.pop(now) {
            match due {
                Due::Call(key) => {
                    if let Some(entry) = self.calls.get_mut(key) {
                        entry.slot = None;
                    }
                    self.tell(key, call::Input::Tick, now, out);
                }
                Due::WrapUp(operator, claim) => {
                    self.wrap_up_over(operator, claim, now);
                }
                Due::Probe(operator, contact) => self.probe(&operator, contact, now),
                Due::Housekeeping => self.keep_house(now),
                Due::Outside => self.begin_outside(now),
                Due::Carrier(trunk) => self.carrier(&trunk, CarrierInput::Tick, now),
                Due::Reach(watched) => self.reach(watched, now),
                Due::ReachOver(watched) => self.reach_over(&watched, now),
                Due::Callback(key) => self.look_at(key, now, out),
            }
        }
    }

    fn wrap_up_over(&mut self, operator: OperatorName, claim: Claim, now: Instant) {
        if let Some(later) = self.shared.wrap_ups.over(&operator, &claim, now) {
            self.deadlines.add(later, Due::WrapUp(operator, claim));
            return;
        }
        let change = self.shared.board.wrap_up_over(&claim, now);
        self.floor(now, |floor| floor.changed(&operator, change, None));
    }

    /// Deals with what was said until nothing is left to deal with.
    pub(super) fn settle(&mut self, now: Instant, out: &mut Vec<Output>) {
        loop {
            self.pass_on(None, now, out);
            out.append(&mut self.wishes);
            if self.sip.is_empty() {
                return;
            }
            let mut said = std::mem::take(&mut self.sip);
            for output in said.drain(..) {
                match output {
                    endpoint::Output::Transmit { bytes, peer } => {
                        out.push(Output::Transmit { bytes, peer });
                    }
                    endpoint::Output::Count(count) => out.push(Output::Count(count)),
                    endpoint::Output::Event(event) => self.happened(event, now, out),
                }
            }
            if self.sip.capacity() == 0 {
                self.sip = said;
            }
        }
    }

    fn happened(&mut self, event: endpoint::Event, now: Instant, out: &mut Vec<Output>) {
        match event {
            endpoint::Event::Request { tx, request, peer } => {
                self.requested(tx, request, peer, now, out);
            }
            endpoint::Event::Ack { mut request, .. } => {
                if let Some(key) = to_tag(&request).and_then(|tag| self.calls.by_tag(&tag)) {
                    request.unpack();
                    self.tell(key, call::Input::Ack { request }, now, out);
                }
            }
            endpoint::Event::Cancelled { tx, said } => {
                if let Some(key) = self.calls.by_invite(tx) {
                    self.tell(key, call::Input::Cancelled { tx, said }, now, out);
                } else if let Some(home) = self.lent.get(&tx) {
                    out.push(Output::Foreign(*home, Foreign::Cancelled(tx, said)));
                }
            }
            endpoint::Event::NoAck { tx } => {
                if let Some(key) = self.calls.by_invite(tx) {
                    self.tell(key, call::Input::NoAck { tx }, now, out);
                } else if let Some(home) = self.lent.remove(&tx) {
                    out.push(Output::Foreign(home, Foreign::NoAck(tx)));
                }
            }
            endpoint::Event::Response {
                tx,
                mut response,
                peer,
            } => {
                let Some(key) = self.calls.by_question(tx) else {
                    let code = response.code;
                    if !self.carrier_answered(tx, &response, peer, now)
                        && !self.reach_answered(tx, Some(code), now)
                    {
                        self.probe_answered(tx, code, now);
                    }
                    return;
                };
                let invite = response
                    .headers
                    .cseq()
                    .is_ok_and(|cseq| cseq.method == Method::Invite);
                // A 2xx to an INVITE may be followed by another, of another phone.
                if response.code >= 300 || (response.code >= 200 && !invite) {
                    self.calls.answered(key, tx);
                }
                response.unpack();
                let input = call::Input::Response { tx, response, peer };
                self.tell(key, input, now, out);
            }
            endpoint::Event::Failed { tx, why } => {
                let Some(key) = self.calls.by_question(tx) else {
                    if !self.carrier_unanswered(tx, now) && !self.reach_answered(tx, None, now) {
                        self.probe_unanswered(tx, now);
                    }
                    return;
                };
                self.calls.answered(key, tx);
                self.tell(key, call::Input::Failed { tx, why }, now, out);
            }
        }
    }

    fn requested(
        &mut self,
        tx: ServerTx,
        mut request: Request,
        peer: Peer,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        if let Some(tag) = to_tag(&request) {
            let Some(key) = self.calls.by_tag(&tag) else {
                return self.decline((tx, &request, peer), UNKNOWN_DIALOG, now);
            };
            if let Method::Invite | Method::Update | Method::Prack = request.method {
                request.unpack();
            }
            let input = call::Input::Request { tx, request, peer };
            return self.tell(key, input, now, out);
        }
        match request.method {
            Method::Invite if request.headers.first(&Name::Replaces).is_some() => {
                self.replacement((tx, request, peer), now, out);
            }
            Method::Invite => match self.claims_operator(&request, peer) {
                Some(operator) => self.operator_calls((tx, request, peer), operator, now, out),
                None => self.admit(tx, request, peer, now, out),
            },
            Method::Register => {
                if self.register(tx, &request, peer, now) {
                    out.extend(peer.connection.map(Output::Trusted));
                }
            }
            Method::Options => self.asked_for_options((tx, &request, peer), now),
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify => self.decline((tx, &request, peer), UNKNOWN_DIALOG, now),
            Method::Subscribe | Method::Message | Method::Publish | Method::Other(_) => {
                let mut response = Response::to(&request, 405);
                response.headers.push(Name::Allow, call::ALLOW);
                self.answer_stranger(tx, &response, now);
                self.tell_refused(RejectReason::Unsupported, peer, now);
            }
        }
    }

    /// Hands a match to its call, here or in another shard.
    fn matched(&mut self, matched: &Match, now: Instant, out: &mut Vec<Output>) {
        if matched.call.shard() != self.id {
            out.push(Output::Match(*matched));
        } else if self.calls.get_mut(matched.call).is_some() {
            let input = call::Input::Matched(*matched);
            self.tell(matched.call, input, now, out);
        } else {
            self.floor(now, |floor| floor.give_back(matched));
        }
    }

    /// Lets a call handle an input, behind the fence, and deals with what it says.
    pub(super) fn tell(
        &mut self,
        key: CallKey,
        input: call::Input,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        // What was said before belongs to who said it.
        self.pass_on(None, now, out);
        if self.calls.get_mut(key).is_some() {
            self.with_call(key, now, |call, floor| call.handle(input, floor));
            self.pass_on(Some(key), now, out);
            self.schedule(key, now);
        }
    }

    /// Something done to a call, behind the fence; nothing when there is no such call, or
    /// it had a fault.
    pub(super) fn with_call<T>(
        &mut self,
        key: CallKey,
        now: Instant,
        work: impl FnOnce(&mut Call, &mut Floor<'_>) -> T,
    ) -> Option<T> {
        let call = &mut self.calls.get_mut(key)?.call;
        let mut floor = Floor {
            now,
            shard: self.id,
            shared: &self.shared,
            endpoint: &mut self.endpoint,
            sip: &mut self.sip,
            out: &mut self.said,
        };
        let done = fence::contain(|| work(call, &mut floor));
        if done.is_none() {
            fail(call, &mut floor);
        }
        done
    }

    /// Sets a call's deadline, or forgets a call that is gone.
    pub(super) fn schedule(&mut self, key: CallKey, now: Instant) {
        let Some(entry) = self.calls.get_mut(key) else {
            return;
        };
        if entry.call.is_gone(now) {
            if let Some(slot) = self.calls.remove(key) {
                self.deadlines.remove(slot);
            }
            self.ready_after(key, now);
            return;
        }
        let wanted = entry.call.deadline();
        if entry.slot.map(super::deadlines::Slot::at) == wanted {
            return;
        }
        if let Some(slot) = entry.slot.take() {
            self.deadlines.remove(slot);
        }
        entry.slot = wanted.map(|at| self.deadlines.add(at, Due::Call(key)));
    }

    /// Deals with what was said; `key` is the call that said it.
    pub(super) fn pass_on(&mut self, key: Option<CallKey>, now: Instant, out: &mut Vec<Output>) {
        for output in std::mem::take(&mut self.said) {
            match output {
                call::Output::Media(command) => out.push(Output::Media(command)),
                call::Output::Event(event) => out.push(Output::Event(event)),
                call::Output::Match(matched) => self.matched(&matched, now, out),
                call::Output::WrapUp {
                    operator,
                    claim,
                    at,
                } => {
                    self.shared.wrap_ups.begin(&operator, claim, at);
                    self.deadlines.add(at, Due::WrapUp(operator, claim));
                }
                call::Output::Hears(tag) => {
                    if let Some(key) = key {
                        self.calls.hears(key, tag);
                    }
                }
                call::Output::Expects(tx) => {
                    if let Some(key) = key {
                        self.calls.expects(key, tx);
                    }
                }
                call::Output::Resolve { leg, uris } => {
                    let asker = Asker::Leg(leg);
                    out.push(Output::Resolve { asker, uris });
                }
                call::Output::Ask { call, asked } => out.push(Output::Ask { call, asked }),
                call::Output::Parting { tx, pass } => self.parting(tx, pass),
                call::Output::Holds(tx) => {
                    if let Some(key) = key {
                        self.calls.holds(key, tx);
                    }
                }
                call::Output::Replace {
                    refer,
                    replaces,
                    by,
                } => {
                    if let Some(key) = key {
                        self.replace(key, (refer, by), &replaces, now, out);
                    }
                }
                call::Output::Keep { keep, asks } => {
                    let asks = key.filter(|_| asks);
                    out.push(Output::Keep { keep, asks });
                }
                call::Output::Look { key, at } => self.plan_look(key, at),
                call::Output::Withdraw(call) => self.withdraw(call, now, out),
                call::Output::Respond(tx, response) => {
                    out.push(Output::Foreign(tx.shard, Foreign::Respond(tx, response)));
                }
                call::Output::Acknowledged(tx) => {
                    out.push(Output::Foreign(tx.shard, Foreign::Acknowledged(tx)));
                }
            }
        }
    }

    /// Does something in the manner of a call.
    pub(super) fn floor<T>(&mut self, now: Instant, work: impl FnOnce(&mut Floor<'_>) -> T) -> T {
        work(&mut Floor {
            now,
            shard: self.id,
            shared: &self.shared,
            endpoint: &mut self.endpoint,
            sip: &mut self.sip,
            out: &mut self.said,
        })
    }

    pub(super) fn respond(&mut self, tx: ServerTx, response: &Response, now: Instant) {
        self.floor(now, |floor| floor.respond(tx, response));
    }

    /// Whether nothing is kept of calls that are gone.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.calls.is_clean() && self.carriers.is_clean()
    }
}

/// Ends a call that had a fault; if even that has one, only its record is left to write.
fn fail(call: &mut Call, floor: &mut Floor<'_>) {
    let id = call.id().clone();
    floor.tell(Event::Fault {
        call: Some(id.clone()),
        what: "a call had a fault and was ended",
    });
    if fence::contain(|| call.fail(floor)).is_none() {
        floor.tell(Event::CallEnded {
            call: id,
            outcome: Outcome::Failed,
            hangup: Hangup::Fault,
            cause: None,
            said: Said::default(),
            lasted: std::time::Duration::ZERO,
        });
    }
}

fn to_tag(request: &Request) -> Option<String> {
    Some(request.headers.to().ok()?.tag()?.to_owned())
}
