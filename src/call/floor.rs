//! What a call is given for the length of one input, and what it wants done.

use std::time::Instant;

use crate::call::{CallbackKey, Keep, Pass, Refer, Shared};
use crate::dispatch::{After, Change, Claim, Match};
use crate::flow::Asked;
use crate::media::Command;
use crate::model::{CallId, CallKey, Event, LegId, OperatorName, ShardId};
use crate::sip::{ClientTx, Endpoint, Hop, Replaces, Request, Response, ServerTx, Uri, endpoint};

/// What a call says to its shard.
#[derive(Debug)]
pub enum Output {
    /// For the call's media worker.
    Media(Command),
    /// Something happened.
    Event(Event),
    /// For the call that it names, in whichever shard.
    Match(Match),
    /// Call [`Board::wrap_up_over`](crate::dispatch::Board::wrap_up_over) at this time.
    WrapUp {
        /// Whose.
        operator: OperatorName,
        /// Of which talk.
        claim: Claim,
        /// When.
        at: Instant,
    },
    /// Requests and ACKs with this To tag are the call's.
    Hears(String),
    /// The answers to this request are the call's.
    Expects(ClientTx),
    /// What becomes of this INVITE is the call's.
    Holds(ServerTx),
    /// Look these addresses up for a stream that is to be; the answer is
    /// [`Input::Resolved`](crate::call::Input::Resolved).
    Resolve {
        /// For which stream.
        leg: LegId,
        /// Configured addresses, never a stranger's.
        uris: Vec<Uri>,
    },
    /// Ask the world outside; the answer is
    /// [`Input::Replied`](crate::call::Input::Replied).
    Ask {
        /// Who asks.
        call: CallKey,
        /// What.
        asked: Asked,
    },
    /// A BYE is on its way that may be challenged: the call does not wait for it.
    Parting {
        /// Which.
        tx: ClientTx,
        /// What answers.
        pass: Box<Pass>,
    },
    /// The other side of the dialog that this names is wanted: [`Call::give`](crate::call::Call::give) of its call,
    /// and [`Input::Given`](crate::call::Input::Given) to this one.
    Replace {
        /// The REFER.
        refer: Refer,
        /// Which dialog.
        replaces: Replaces,
        /// Who sent the REFER.
        by: OperatorName,
    },
    /// What became of a promise is to be kept.
    Keep {
        /// What.
        keep: Keep,
        /// Whether [`Input::Kept`](crate::call::Input::Kept) is waited for.
        asks: bool,
    },
    /// A promise is to be looked at then.
    Look {
        /// Which.
        key: CallbackKey,
        /// When.
        at: Instant,
    },
    /// [`Input::Withdraw`](crate::call::Input::Withdraw) for this call, in whichever shard.
    Withdraw(CallKey),
    /// An INVITE that another shard received is to be answered so.
    Respond(ServerTx, Box<Response>),
    /// The ACK for the 2xx to an INVITE that another shard received is there.
    Acknowledged(ServerTx),
}

/// The world of one call while it handles one input.
#[derive(Debug)]
pub struct Floor<'a> {
    /// The time.
    pub now: Instant,
    /// Whose shard it is.
    pub shard: ShardId,
    /// What all calls share.
    pub shared: &'a Shared,
    /// The shard's end of all SIP transactions.
    pub endpoint: &'a mut Endpoint,
    /// What the endpoint wants done.
    pub sip: &'a mut Vec<endpoint::Output>,
    /// What the call wants done.
    pub out: &'a mut Vec<Output>,
}

impl Floor<'_> {
    pub(super) fn media(&mut self, command: Command) {
        self.out.push(Output::Media(command));
    }

    /// Tells what happened.
    pub fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    /// Answers a request.
    pub fn respond(&mut self, tx: ServerTx, response: &Response) {
        if tx.shard == self.shard {
            self.endpoint.respond(tx, response, self.now, self.sip);
        } else {
            let response = Box::new(response.clone());
            self.out.push(Output::Respond(tx, response));
        }
    }

    /// The ACK for a 2xx of ours is there.
    pub(super) fn acknowledged(&mut self, tx: ServerTx) {
        if tx.shard == self.shard {
            self.endpoint.acknowledged(tx);
        } else {
            self.out.push(Output::Acknowledged(tx));
        }
    }

    /// Sends a request whose answer nobody waits for.
    pub(super) fn send(&mut self, request: Request, hop: impl Into<Hop>) -> ClientTx {
        self.endpoint.request(request, hop, self.now, self.sip)
    }

    /// Sends a request whose answer comes to the call.
    pub(super) fn ask(&mut self, request: Request, hop: impl Into<Hop>) -> ClientTx {
        let tx = self.send(request, hop);
        self.out.push(Output::Expects(tx));
        tx
    }

    /// A tag of ours, by which the call is found.
    pub(super) fn tag(&mut self) -> String {
        let tag = self.endpoint.fresh_tag();
        self.out.push(Output::Hears(tag.clone()));
        tag
    }

    /// Passes on what came of a change of an operator: the event, and the caller whom the
    /// operator got by it. Who is offered is told by the call that offers.
    pub fn changed(&mut self, operator: &OperatorName, change: Change, call: Option<&CallId>) {
        let event = self.shared.changed(operator, &change, call);
        self.out.extend(event.map(Output::Event));
        for matched in change.matches() {
            self.matched(Some(matched));
        }
    }

    /// Passes on a match.
    pub fn matched(&mut self, matched: Option<Match>) {
        self.out.extend(matched.map(Output::Match));
    }

    /// Gives both sides of a match back whose call is not there for it any more.
    pub fn give_back(&mut self, matched: &Match) {
        let change = self
            .shared
            .board
            .finished(&matched.claim, After::Ready, self.now);
        if let Some(operator) = self.shared.board.name(matched.claim.operator) {
            self.changed(&operator, change, None);
        }
        self.shared.board.done(matched.ticket);
    }
}

/// A stream of a call, addressed so that its shard and its call are read from it: the
/// shard in the top 8 bits, 48 of the call's counter, 8 of the stream's own.
#[must_use]
pub fn leg_id(call: CallKey, stream: u8) -> LegId {
    let counter = call.to_bits() & ((1 << 48) - 1);
    LegId(u64::from(call.shard().0) << 56 | counter << 8 | u64::from(stream))
}

/// Whose stream it is.
#[must_use]
pub fn call_of(leg: LegId) -> CallKey {
    let shard = ShardId(u8::try_from(leg.0 >> 56).unwrap_or(u8::MAX));
    CallKey::new(shard, leg.0 >> 8 & ((1 << 48) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_names_its_call() {
        for (shard, counter, stream) in [(0, 1, 0), (7, 0xffff_ffff_ffff, 255), (255, 42, 3)] {
            let call = CallKey::new(ShardId(shard), counter);
            assert_eq!(call_of(leg_id(call, stream)), call);
        }
        let call = CallKey::new(ShardId(1), 2);
        assert_ne!(leg_id(call, 0), leg_id(call, 1));
    }
}
