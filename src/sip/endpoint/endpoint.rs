//! The endpoint: its doors, its clock, and who is forgotten when.

use std::fmt::Write;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::clients::{Clients, Machine as ClientMachine, Way};
use super::servers::{Machine as ServerMachine, Servers};
use super::shed::Lately;
use super::words::{ClientTx, Count, Event, Failure, Input, Out, Output, ServerTx, Settings};
use crate::sip::random::{Random, shard_token};
use crate::sip::transaction::key::Keys;
use crate::sip::transaction::{
    ClientEffect, ClientInput, Deadlines, InviteClientEffect, InviteClientInput,
    InviteServerEffect, InviteServerInput, ServerInput,
};

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Server(ServerTx),
    Client(ClientTx),
}

/// One shard's end of all its transactions: messages in, messages and events out.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) keys: Keys,
    pub(super) servers: Servers,
    pub(super) clients: Clients,
    pub(super) deadlines: Deadlines<Timer>,
    pub(super) turned_away: Lately,
    /// Where answers to those who are turned away are written.
    pub(super) paper: BytesMut,
}

impl Endpoint {
    /// An endpoint without transactions.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut random = Random::new(settings.seed);
        let keys = Keys::new([random.word(), random.word()]);
        Self {
            servers: Servers::new(settings.shard),
            settings,
            random,
            keys,
            clients: Clients::new(),
            deadlines: Deadlines::new(),
            turned_away: Lately::default(),
            paper: BytesMut::new(),
        }
    }

    /// One step.
    pub fn handle(&mut self, input: Input, now: Instant, out: &mut Vec<Output>) {
        let mut out = Out { now, list: out };
        match input {
            Input::Received { bytes, peer } => self.received(&bytes, peer, &mut out),
            Input::Tick => self.tick(&mut out),
            Input::ConnectionLost { connection } => {
                self.lost(Way::Open(connection), &mut out);
                self.answers_anew(connection, &mut out);
            }
            Input::Unreachable { transport, remote } => {
                self.lost(Way::Opens(transport, remote), &mut out);
            }
        }
    }

    /// When it next wants [`Input::Tick`]. It may turn out to have been too early.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Whether there is no room for another request that begins something.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let limit = self.settings.max_transactions;
        self.in_flight() >= limit - limit / 8
    }

    /// How many transactions are alive.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// A tag for a dialog of ours; by it requests inside the dialog find their shard.
    pub fn fresh_tag(&mut self) -> String {
        shard_token(self.settings.shard, self.random.word())
    }

    /// 64 bits that nobody can guess.
    pub fn word(&mut self) -> u64 {
        self.random.word()
    }

    /// A Call-ID for a dialog of ours.
    pub fn fresh_call_id(&mut self) -> String {
        let (high, low) = (self.random.word(), self.random.word());
        let mut id = String::with_capacity(32);
        // Writing to a String cannot fail.
        write!(id, "{high:016x}{low:016x}").ok();
        id
    }

    /// A time up to so long.
    pub fn chance(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.random.word() % most.max(1))
    }

    /// The user has seen the ACK for its 2xx: no more of it need be sent.
    pub fn acknowledged(&mut self, tx: ServerTx) {
        if let Some(entry) = self.servers.get_mut(tx)
            && let ServerMachine::Invite(machine) = &mut entry.machine
        {
            machine.acknowledged();
            entry.last = Bytes::new();
        }
    }

    /// Forgets a finished transaction, or sets its timer.
    pub(super) fn settle_server(&mut self, tx: ServerTx) {
        let Some(entry) = self.servers.get_mut(tx) else {
            return;
        };
        if entry.machine.is_over() {
            self.servers.remove(tx);
            self.clean();
        } else {
            let wanted = entry.machine.deadline();
            self.deadlines
                .schedule(Timer::Server(tx), wanted, &mut entry.scheduled);
        }
    }

    /// As [`Self::settle_server`].
    pub(super) fn settle_client(&mut self, tx: ClientTx) {
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        if entry.machine.is_over() {
            self.clients.remove(tx);
            self.clean();
        } else {
            let wanted = entry.deadline();
            self.deadlines
                .schedule(Timer::Client(tx), wanted, &mut entry.scheduled);
        }
    }

    /// Whether nothing is kept of transactions that are over.
    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.in_flight() == 0 && self.servers.is_clean() && self.clients.is_clean()
    }

    pub(super) fn clean(&mut self) {
        let alive = self.in_flight();
        let (servers, clients) = (&self.servers, &self.clients);
        self.deadlines.clean(alive, |at, timer| {
            let scheduled = match timer {
                Timer::Server(tx) => servers.get(tx).and_then(|entry| entry.scheduled),
                Timer::Client(tx) => clients.get(tx).and_then(|entry| entry.scheduled),
            };
            scheduled == Some(at)
        });
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        while let Some((at, timer)) = self.deadlines.pop_due(out.now) {
            match timer {
                Timer::Server(tx) => self.tick_server(tx, at, out),
                Timer::Client(tx) => self.tick_client(tx, at, out),
            }
        }
    }

    fn tick_server(&mut self, tx: ServerTx, at: Instant, out: &mut Out<'_>) {
        let Some(entry) = self.servers.get_mut(tx) else {
            return;
        };
        if entry.scheduled != Some(at) {
            return;
        }
        entry.scheduled = None;
        match &mut entry.machine {
            ServerMachine::Invite(machine) => {
                match machine.handle(InviteServerInput::Tick, out.now) {
                    InviteServerEffect::Resend => {
                        out.resend(entry.method, &entry.last, entry.peer);
                    }
                    InviteServerEffect::Trying => {
                        out.count(Count::Response {
                            code: 100,
                            inbound: false,
                        });
                        out.send(entry.last.clone(), entry.peer);
                    }
                    InviteServerEffect::NoAck => out.tell(Event::NoAck { tx }),
                    InviteServerEffect::Nothing
                    | InviteServerEffect::Send
                    | InviteServerEffect::Report => {}
                }
            }
            ServerMachine::Other(machine) => {
                machine.handle(ServerInput::Tick, out.now);
            }
        }
        self.settle_server(tx);
    }

    fn tick_client(&mut self, tx: ClientTx, at: Instant, out: &mut Out<'_>) {
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        if entry.scheduled != Some(at) {
            return;
        }
        entry.scheduled = None;
        if entry.waits_until().is_some_and(|until| until <= out.now)
            && self.goes_by_datagram(tx, out)
        {
            return;
        }
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        let (resend, timed_out) = match &mut entry.machine {
            ClientMachine::Invite(invite) => {
                let effect = invite.machine.handle(InviteClientInput::Tick, out.now);
                (
                    effect == InviteClientEffect::Resend,
                    effect == InviteClientEffect::TimedOut,
                )
            }
            ClientMachine::Other(machine) => {
                let effect = machine.handle(ClientInput::Tick, out.now);
                (
                    effect == ClientEffect::Resend,
                    effect == ClientEffect::TimedOut,
                )
            }
        };
        if resend {
            out.resend(entry.label(), &entry.bytes, entry.peer);
        }
        // A CANCEL is the endpoint's own; its INVITE tells.
        if timed_out && !entry.branch.cancel {
            let why = Failure::TimedOut;
            out.tell(Event::Failed { tx, why });
        }
        self.settle_client(tx);
    }

    /// What waits on a stream will have no answer, unless it may go another way.
    fn lost(&mut self, way: Way, out: &mut Out<'_>) {
        for tx in self.clients.on_stream(way) {
            if self.goes_by_datagram(tx, out) || self.goes_by_another(tx, out) {
                continue;
            }
            let Some(entry) = self.clients.get(tx) else {
                continue;
            };
            // One that is answered still has repetitions to absorb, by another stream.
            if !entry.machine.is_unanswered() {
                continue;
            }
            if !entry.branch.cancel {
                let why = Failure::Unreachable;
                out.tell(Event::Failed { tx, why });
            }
            self.clients.remove(tx);
        }
        self.clean();
    }
}
