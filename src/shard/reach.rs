//! Whether trunks and lines can be reached: OPTIONS (RFC 3261 section 11) to each of their
//! addresses, every so often. The first shard asks for all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::config::Line;
use crate::model::{Event, LineName, TrunkName};
use crate::shard::outside::Asker;
use crate::shard::shard::{Due, Shard};
use crate::shard::words::Output;
use crate::sip::{ClientTx, Method, Name, Peer, Request, Uri};

/// An answer comes within this, or the address is down: enough for a lost datagram or two.
const ANSWER_TIME: Duration = Duration::from_secs(4);
/// Addresses that are asked in one round.
const ADDRESSES: usize = 16;

/// What is asked whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// A trunk's server.
    Trunk(TrunkName),
    /// A line's addresses.
    Line(LineName),
}

/// One round of questions after another.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Questions of this round without an answer.
    asked: Vec<(ClientTx, Peer)>,
    /// The addresses of this round.
    peers: Vec<Peer>,
    answers: bool,
    /// Whether the names of this round are looked up.
    looking: bool,
    /// What was told last.
    up: Option<bool>,
}

/// Everything that is watched.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<Watched, Watch>);

impl Shard {
    /// Watches what is to be watched from now on.
    pub(super) fn watch_outside(&mut self, now: Instant) {
        if self.id.0 != 0 {
            return;
        }
        let config = &self.snapshot.config;
        let trunks = config.sip.trunks.keys().cloned().map(Watched::Trunk);
        let lines = config.lines.keys().cloned().map(Watched::Line);
        let all: Vec<_> = trunks.chain(lines).collect();
        for watched in all {
            if self.wish(&watched).is_some() && !self.watches.0.contains_key(&watched) {
                self.watches.0.insert(watched.clone(), Watch::default());
                self.deadlines.add(now, Due::Reach(watched));
            }
        }
    }

    /// Where and how often something is to be asked.
    fn wish(&self, watched: &Watched) -> Option<(Vec<Uri>, Duration)> {
        let config = &self.snapshot.config;
        match watched {
            Watched::Trunk(name) => {
                let (server, every) = config.sip.trunks.get(name)?.probe.as_ref()?;
                Some((vec![server.clone()], *every))
            }
            Watched::Line(name) => match config.lines.get(name)? {
                Line::Outside(line) => Some((line.targets.clone(), line.probe?)),
                Line::Queue(_) => None,
            },
        }
    }

    /// A round begins.
    pub(super) fn reach(&mut self, watched: Watched, now: Instant) {
        let Some((uris, every)) = self.wish(&watched) else {
            // It is not configured any more: nobody shall wait for its addresses' answers.
            if let Some(watch) = self.watches.0.remove(&watched) {
                for peer in watch.peers {
                    self.shared.reach.note(peer, true);
                }
            }
            return;
        };
        let Some(watch) = self.watches.0.get_mut(&watched) else {
            return;
        };
        watch.asked.clear();
        watch.answers = false;
        watch.looking = true;
        self.deadlines.add(
            now + every.max(2 * ANSWER_TIME),
            Due::Reach(watched.clone()),
        );
        // Names are looked up within half of this.
        self.deadlines.add(
            now + ANSWER_TIME + ANSWER_TIME / 2,
            Due::ReachOver(watched.clone()),
        );
        let asker = Asker::Reach(watched);
        self.wishes.push(Output::Resolve { asker, uris });
    }

    /// The addresses of this round.
    pub(super) fn reach_resolved(&mut self, watched: &Watched, routes: &[Vec<Peer>], now: Instant) {
        let mut peers: Vec<Peer> = routes.iter().flatten().copied().collect();
        peers.sort_unstable();
        peers.dedup();
        peers.truncate(ADDRESSES);
        match self.watches.0.get_mut(watched) {
            Some(watch) if watch.looking => {
                watch.looking = false;
                let before = std::mem::replace(&mut watch.peers, peers.clone());
                for gone in before.iter().filter(|peer| !peers.contains(peer)) {
                    self.shared.reach.note(*gone, true);
                }
            }
            Some(_) | None => return,
        }
        for peer in peers {
            let request = self.options(peer);
            let tx = self.endpoint.request(request, peer, now, &mut self.sip);
            if let Some(watch) = self.watches.0.get_mut(watched) {
                watch.asked.push((tx, peer));
            }
        }
    }

    /// Of addresses and words of our own: it never nears what a datagram takes (RFC 3261
    /// section 18.1.1), so it asks by the transport that is watched.
    fn options(&mut self, peer: Peer) -> Request {
        let host = crate::sip::Host::Address(peer.remote.ip());
        let uri = Uri::sip(None, &host, Some(peer.remote.port()));
        let ours = self.shared.advertise.contact(peer);
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let mut request = Request::new(Method::Options, uri.clone());
        let headers = &mut request.headers;
        headers.push(Name::From, format!("<{ours}>;tag={tag}"));
        headers.push(Name::To, format!("<{uri}>"));
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 OPTIONS");
        headers.push(Name::Contact, format!("<{ours}>"));
        headers.push(Name::Accept, "application/sdp");
        request
    }

    /// An answer to a question, or that none comes (`None`). Any is a sign of life but one
    /// that says that nothing behind it is reached. `false` when it is none of these.
    pub(super) fn reach_answered(&mut self, tx: ClientTx, code: Option<u16>, now: Instant) -> bool {
        let all = self.watches.0.iter_mut();
        let mut found = all.filter_map(|(watched, watch)| {
            let at = watch.asked.iter().position(|(asked, _)| *asked == tx)?;
            Some((watched, watch, at))
        });
        let Some((watched, watch, at)) = found.next() else {
            return false;
        };
        if code.is_some_and(|code| code < 200) {
            return true;
        }
        let (_, peer) = watch.asked.swap_remove(at);
        let up = code.is_some_and(|code| !matches!(code, 408 | 503));
        self.shared.reach.note(peer, up);
        watch.answers |= up;
        let (watched, done) = (watched.clone(), up || watch.asked.is_empty());
        if done {
            self.tell_reach(&watched, now);
        }
        true
    }

    /// Who did not answer by now is down.
    pub(super) fn reach_over(&mut self, watched: &Watched, now: Instant) {
        let Some(watch) = self.watches.0.get_mut(watched) else {
            return;
        };
        watch.looking = false;
        for (_, peer) in std::mem::take(&mut watch.asked) {
            self.shared.reach.note(peer, false);
        }
        self.tell_reach(watched, now);
    }

    fn tell_reach(&mut self, watched: &Watched, now: Instant) {
        let Some(watch) = self.watches.0.get_mut(watched) else {
            return;
        };
        let up = watch.answers;
        if watch.up.replace(up) == Some(up) {
            return;
        }
        let event = match watched.clone() {
            Watched::Trunk(trunk) => Event::TrunkReach { trunk, up },
            Watched::Line(line) => Event::LineReach { line, up },
        };
        self.floor(now, |floor| floor.tell(event));
    }
}
