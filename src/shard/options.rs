//! OPTIONS outside a dialog: what we can do, and whether a call would find anybody (RFC 3261
//! section 11).
//!
//! # Why
//! Who is here is told only to those who may call: a trunk by its address, and whoever
//! proves to be an operator or a trunk. For anybody else all names are the same.

use std::time::Instant;

use crate::call::{self, Destination};
use crate::model::RejectReason;
use crate::shard::admission::Source;
use crate::shard::codes::Code;
use crate::shard::shard::Shard;
use crate::sip::{Name, Peer, Request, Response, ServerTx};

/// What a call to that address would come to, as far as it is told.
enum Prospect {
    Reached,
    Unknown,
    /// It was answered already.
    Answered,
}

impl Shard {
    /// An OPTIONS that belongs to no dialog.
    pub(super) fn asked_for_options(
        &mut self,
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
    ) {
        let code = match self.prospect((tx, request, peer), now) {
            Prospect::Reached => 200,
            // RFC 3261 section 11.2: the code that an INVITE would get.
            Prospect::Unknown => 404,
            Prospect::Answered => return,
        };
        let mut response = Response::to(request, code);
        call::tell_abilities(&mut response.headers);
        self.answer_stranger(tx, &response, now);
    }

    fn prospect(
        &mut self,
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
    ) -> Prospect {
        let dialled = request.uri.user.as_deref().unwrap_or_default();
        let proves = request.headers.first(&Name::Authorization).is_some();
        // The server itself is asked, or one who has shown nothing asks.
        if dialled.is_empty() || (!proves && self.trunk_of(peer).is_none()) {
            return Prospect::Reached;
        }
        let Some(operator) = self.claims_operator(request, peer) else {
            return self.prospect_from_trunk((tx, request, peer), now);
        };
        if !proves {
            return Prospect::Reached;
        }
        if !self.is_proven((tx, request, peer), &operator, now) {
            return Prospect::Answered;
        }
        let config = &self.snapshot.config;
        let known = Code::read(dialled).is_some() || Destination::find(config, dialled).is_some();
        if known {
            Prospect::Reached
        } else {
            Prospect::Unknown
        }
    }

    fn prospect_from_trunk(
        &mut self,
        (tx, request, peer): (ServerTx, &Request, Peer),
        now: Instant,
    ) -> Prospect {
        match self.source(request, peer, now) {
            Source::Trunk(trunk) => {
                let dialled = self.arrival(trunk, request).dialled;
                match self.snapshot.config.numbers.find(&dialled) {
                    Some(_) => Prospect::Reached,
                    None => Prospect::Unknown,
                }
            }
            Source::Asked(response) => {
                self.answer_stranger(tx, &response, now);
                Prospect::Answered
            }
            Source::Refused(refusal) if refusal.reason == RejectReason::Credentials => {
                let why = (refusal.code, refusal.reason);
                self.decline((tx, request, peer), why, now);
                Prospect::Answered
            }
            Source::Refused(_) => Prospect::Reached,
        }
    }
}
