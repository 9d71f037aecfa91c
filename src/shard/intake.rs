//! Messages before their turn: judged, put in order, and turned away when it is too late.

use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;

use crate::call::CALLS;
use crate::model::{DropReason, Event, RejectReason, ShardId};
use crate::registrar::{Door, Role, challenge};
use crate::shard::guard::{Fate, Judgement, Pairing, Parked, Proof, Rank, Sender};
use crate::shard::shard::Shard;
use crate::shard::words::{Input, Output};
use crate::sip::endpoint::{Count, TurnedAway};
use crate::sip::sniff::{Kind, Sniff};
use crate::sip::{Peer, Request, Response, ServerTx, Transport, stun};

/// What a shard makes of a message that has come to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is to be given to a shard: to this one unless another is named.
    For(Option<ShardId>, Mark),
    /// It asks for nothing, and is only counted: the ACK of a refusal of which nothing
    /// was kept.
    Spent,
    /// It asks only whether somebody is here: this is the answer.
    Answered(Bytes),
    /// It is not heard.
    Dropped(DropReason),
}

/// What was seen of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    rank: Rank,
    is_invite: bool,
    lot: Lot,
    proof: Proof,
    pairing: Pairing,
}

/// What a message is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    /// What is right.
    Due,
    /// A scanner's refusal.
    Scanner,
    /// The question who it is, where it would be refused.
    Asked,
}

/// A message that was judged.
#[derive(Debug)]
pub struct Parcel {
    /// The datagram, or the message cut from a stream.
    pub bytes: Bytes,
    /// From where.
    pub peer: Peer,
    /// What was seen of it.
    pub mark: Mark,
}

impl Parked for Parcel {
    fn weight(&self) -> usize {
        self.bytes.len()
    }

    fn pairing(&self) -> Pairing {
        self.mark.pairing
    }
}

impl Shard {
    /// A message has come, at one of `shards`: what is to be done with it.
    pub fn judge(&mut self, bytes: &[u8], peer: Peer, shards: u8, now: Instant) -> Arrival {
        let sniff = Sniff::of(bytes, shards);
        if sniff.is_forgotten() {
            return Arrival::Spent;
        }
        let stream = peer.connection.map(|_| Proof::WayBack);
        let proof = stream.unwrap_or(Proof::Nothing);
        let sender = Sender {
            remote: peer.remote,
            proof,
            doors: &self.doors,
            wall: self.wall(now),
        };
        let (rank, lot, proof) = match self.guard.judge(&sniff, sender, shards, now) {
            Judgement::Heard(rank) => (rank, Lot::Due, proof),
            Judgement::Shown(rank) => (rank, Lot::Due, Proof::WayBack),
            Judgement::Scanner => (Rank::Stranger, Lot::Scanner, proof),
            Judgement::Asked => (Rank::Stranger, Lot::Asked, proof),
            Judgement::Dropped(reason) => return Arrival::Dropped(reason),
        };
        if sniff.kind == Kind::Nonsense
            && peer.transport == Transport::Udp
            && let Some(answer) = stun::answer(bytes, peer.remote)
        {
            return Arrival::Answered(answer);
        }
        let mark = Mark {
            rank,
            is_invite: sniff.kind == Kind::Invite,
            lot,
            proof,
            pairing: match sniff.branch {
                Some(branch) if sniff.kind == Kind::Invite => Pairing::Invite(branch),
                Some(branch) if sniff.kind == Kind::Cancel => Pairing::Cancel(branch),
                Some(_) | None => Pairing::None,
            },
        };
        Arrival::For(sniff.owner, mark)
    }

    /// Turns a call away at once, unread, when it would only wait for that; whether it did.
    /// The message was judged here or by another shard.
    #[must_use]
    pub fn turns_away(
        &mut self,
        message: (&[u8], Peer),
        mark: Mark,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> bool {
        let begins = mark.rank == Rank::Call && mark.is_invite;
        let turned_away = begins && !self.backlog.takes_calls(now);
        if turned_away {
            self.turn_away(message, TurnedAway::Overload, now, out);
        }
        turned_away
    }

    /// Takes a message that was judged here or by another shard; `false` when it is lost,
    /// because too many wait.
    #[must_use]
    pub fn accept(&mut self, parcel: Parcel, now: Instant) -> bool {
        self.backlog.push(parcel.mark.rank, parcel, now)
    }

    /// Whether messages wait for their turn.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Whether others cannot keep up with what this shard tells them: no calls are begun
    /// while it is so.
    pub fn press(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    /// Deals with the next message that waits; `false` when there is none.
    pub fn work(&mut self, now: Instant, out: &mut Vec<Output>) -> bool {
        let Some((rank, parcel, fate)) = self.backlog.pop(now) else {
            return false;
        };
        let Parcel { bytes, peer, mark } = parcel;
        let begins = rank == Rank::Call && mark.is_invite;
        if mark.lot == Lot::Scanner {
            self.turn_away((&bytes, peer), TurnedAway::Scanner, now, out);
        } else if fate == Fate::GivenUp {
            self.turn_away((&bytes, peer), TurnedAway::GivenUp, now, out);
        } else if begins && (fate == Fate::Late || self.has_no_room(now)) {
            self.turn_away((&bytes, peer), TurnedAway::Overload, now, out);
        } else if fate == Fate::Late {
            out.push(Output::Dropped(DropReason::Backlog));
        } else {
            let before = out.len();
            self.reading = Some(mark);
            self.handle(Input::Received { bytes, peer }, now, out);
            let mark = self.reading.take().unwrap_or(mark);
            if rank == Rank::Stranger {
                self.hold_against((peer, mark.proof), before, now, out);
            }
        }
        true
    }

    fn turn_away(
        &mut self,
        message: (&[u8], Peer),
        why: TurnedAway,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let refusal = self.endpoint.turn_away(message, why, now, &mut self.sip);
        match refusal {
            Some(refusal) => out.push(Output::Refusal(refusal)),
            None => self.settle(now, out),
        }
    }

    /// Whether a call that begins would be refused for want of room, and there were
    /// enough such calls to make a record of in this second.
    fn has_no_room(&mut self, now: Instant) -> bool {
        let limits = &self.snapshot.config.limits;
        let full = self.pressed
            || self.endpoint.is_full()
            || self.doors.rate.is_full(limits.calls_per_second, now)
            || self.shared.gates.count(CALLS) >= limits.calls;
        full && (self.pressed || !self.refusals.admit(REFUSALS, now))
    }

    /// What a stranger was refused is held against the address.
    fn hold_against(
        &mut self,
        (peer, proof): (Peer, Proof),
        before: usize,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let said = out.get(before..).unwrap_or_default();
        let reasons: Vec<RejectReason> = said.iter().filter_map(refused).collect();
        for reason in reasons {
            let who = (peer.remote.ip(), &self.doors.sources);
            let Some(sentence) = self.guard.offended(who, (reason, proof), now) else {
                continue;
            };
            let source = sentence.source;
            if sentence.worse {
                out.push(Output::Event(Event::HeardAgain { source }));
            }
            out.push(Output::Event(Event::ShutOut {
                source,
                lasts: sentence.lasts,
                shut: sentence.shut,
            }));
        }
    }

    /// The time since 1970.
    fn wall(&self, now: Instant) -> Duration {
        let wall = self.shared.epoch.wall_at(now);
        wall.duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// What credentials from there are measured by.
    pub(super) fn door(&self, peer: Peer, now: Instant) -> Door<'_> {
        Door {
            realm: &self.snapshot.config.domain,
            nonces: &self.doors.nonces,
            guesses: &self.doors.guesses,
            role: Role::Operator,
            remote: peer.remote,
            holds: false,
            now: self.wall(now),
        }
    }

    /// Credentials answered what was asked at their sender's address, though wrongly.
    pub(super) fn has_shown_itself(&mut self) {
        if let Some(mark) = &mut self.reading {
            mark.proof = Proof::WayBack;
        }
    }

    /// A right answer came from there: what others did in that name is over.
    pub(super) fn forgive(&mut self, peer: Peer, now: Instant) {
        if let Some(source) = self.doors.sources.forgive(peer.remote.ip()) {
            self.floor(now, |floor| floor.tell(Event::HeardAgain { source }));
        }
    }

    /// What somebody is refused with who has shown nothing. Whoever is shut out softly is
    /// asked who it is, whatever it wants.
    pub(super) fn refusal_of(
        &self,
        (request, peer): (&Request, Peer),
        code: u16,
        now: Instant,
    ) -> Response {
        if self.reading.is_some_and(|mark| mark.lot == Lot::Asked) {
            challenge(request, &self.door(peer, now), false)
        } else {
            Response::to(request, code)
        }
    }

    /// Answers somebody who has shown nothing yet, and keeps nothing of it.
    pub(super) fn answer_stranger(&mut self, tx: ServerTx, response: &Response, now: Instant) {
        self.endpoint
            .answer_and_forget(tx, response, now, &mut self.sip);
    }

    /// Who was shut out for long enough is heard again, and whose password was guessed at is
    /// told.
    pub(super) fn hear_again(&mut self, now: Instant) {
        for guessed in self.doors.guesses.news(self.wall(now)) {
            self.floor(now, |floor| {
                floor.tell(Event::WrongPasswords {
                    account: guessed.account.into(),
                    source: guessed.source,
                    count: guessed.count,
                });
            });
        }
        for source in self.doors.sources.sweep(now) {
            self.floor(now, |floor| floor.tell(Event::HeardAgain { source }));
        }
    }
}

/// Calls a second that are refused for want of room with a record of their own. More are
/// turned away unread.
const REFUSALS: u32 = 20;

fn refused(output: &Output) -> Option<RejectReason> {
    match output {
        Output::Count(Count::Refused { reason, .. })
        | Output::Event(Event::Refused { reason, .. }) => Some(*reason),
        Output::Count(_)
        | Output::Event(_)
        | Output::Transmit { .. }
        | Output::Refusal(_)
        | Output::Media(_)
        | Output::Match(_)
        | Output::Foreign(..)
        | Output::Resolve { .. }
        | Output::Keep { .. }
        | Output::Ask { .. }
        | Output::Trusted(_)
        | Output::Expected(..)
        | Output::Dropped(_) => None,
    }
}
