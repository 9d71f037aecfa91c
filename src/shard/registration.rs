//! Operators' phones come and go.

use std::time::{Duration, Instant, SystemTime};

use crate::model::{Event, OperatorName, OperatorState, RejectReason};
use crate::operator::LogIn;
use crate::registrar::{Change, Door, Rules, Verdict, authenticate};
use crate::shard::shard::{Due, Shard};
use crate::sip::{ConnectionId, Host, Name, Peer, Request, Response, ServerTx, Uri};

/// How often phones that expired are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

impl Shard {
    /// A REGISTER (RFC 3261 section 10): proven by digest, then believed. Whether it was
    /// accepted.
    pub(super) fn register(
        &mut self,
        tx: ServerTx,
        request: &Request,
        peer: Peer,
        now: Instant,
    ) -> bool {
        let to = request.headers.to().ok().map(|to| to.uri);
        let named = to.filter(|to| to.user.as_ref().is_some_and(|user| !user.is_empty()));
        let Some(to) = named else {
            let why = (400, RejectReason::Malformed);
            self.decline((tx, request, peer), why, now);
            return false;
        };
        // Section 10.3, steps 1 and 5.
        if !self.is_ours(&request.uri) || !self.is_ours(&to) {
            let why = (404, RejectReason::UnknownDomain);
            self.decline((tx, request, peer), why, now);
            return false;
        }
        let user = to.user.unwrap_or_default();
        let operator = OperatorName::new(user);
        let snapshot = std::sync::Arc::clone(&self.snapshot);
        let config = &snapshot.config;
        let wall = self.shared.epoch.wall_at(now);
        if !self.is_proven((tx, request, peer), &operator, now) {
            return false;
        }
        let rules = Rules {
            min_expires: config.sip.min_expires,
            max_expires: config.sip.max_expires,
            default_expires: config.sip.max_expires,
        };
        let registrar = &self.shared.registrar;
        match registrar.register(&operator, request, peer, rules, now) {
            Ok(registered) => {
                let mut response = Response::to(request, 200);
                registered.write(&mut response);
                response.headers.push(Name::Allow, crate::call::ALLOW);
                response.headers.push(Name::Date, date(wall));
                self.respond(tx, &response, now);
                let left = registered.contacts.iter().map(|listed| listed.seconds);
                if let Some(longest) = left.max() {
                    let until = now + Duration::from_secs(longest);
                    self.doors.sources.befriend(peer.remote.ip(), until);
                }
                self.phones_changed(registered.changes, now);
                true
            }
            Err(refusal) => {
                let mut response = Response::to(request, refusal.code());
                refusal.write(&mut response);
                self.respond(tx, &response, now);
                false
            }
        }
    }

    /// Whether a request is the operator's, by digest (RFC 3261 section 22); if not, it is
    /// answered.
    pub(super) fn is_proven(
        &mut self,
        (tx, request, peer): (ServerTx, &Request, Peer),
        operator: &OperatorName,
        now: Instant,
    ) -> bool {
        let snapshot = std::sync::Arc::clone(&self.snapshot);
        let config = &snapshot.config;
        let secret = config.operators.get(operator).map(|o| &o.secret);
        let door = Door {
            holds: self.shared.registrar.holds(operator, peer, now),
            ..self.door(peer, now)
        };
        match authenticate(request, operator, secret, &door) {
            Verdict::Accepted => {
                self.forgive(peer, now);
                true
            }
            Verdict::Challenge(response) => {
                self.answer_stranger(tx, &response, now);
                false
            }
            Verdict::Misdirected(response) => {
                self.answer_stranger(tx, &response, now);
                self.tell_refused(RejectReason::Malformed, peer, now);
                false
            }
            Verdict::Forbidden(response) => {
                self.has_shown_itself();
                self.answer_stranger(tx, &response, now);
                self.tell_refused(RejectReason::Credentials, peer, now);
                false
            }
        }
    }

    /// Whether an address is at our domain, or names no domain.
    fn is_ours(&self, uri: &Uri) -> bool {
        match &uri.host {
            Some(Host::Name(name)) => name.eq_ignore_ascii_case(&self.snapshot.config.domain),
            // Whatever address the phone reached us by: it may be one that NAT gives us.
            Some(Host::Address(_)) => true,
            None => false,
        }
    }

    /// What follows for operators when their phones come and go.
    pub(super) fn phones_changed(&mut self, changes: Vec<Change>, now: Instant) {
        for change in changes {
            match change {
                Change::Added {
                    operator,
                    contact,
                    key,
                    remote,
                    ..
                } => {
                    self.floor(now, |floor| {
                        floor.tell(Event::Registered {
                            operator: operator.clone(),
                            contact: contact.into(),
                            remote,
                            refresh: false,
                        });
                    });
                    self.watch_phone(&operator, key, now);
                    self.log_in(&operator, now);
                }
                Change::Refreshed {
                    operator,
                    contact,
                    remote,
                } => self.floor(now, |floor| {
                    floor.tell(Event::Registered {
                        operator,
                        contact: contact.into(),
                        remote,
                        refresh: true,
                    });
                }),
                Change::Removed {
                    operator,
                    contact,
                    last,
                    vanished,
                } => {
                    self.floor(now, |floor| {
                        floor.tell(Event::Unregistered {
                            operator: operator.clone(),
                            contact: contact.into(),
                            vanished,
                        });
                    });
                    if last {
                        self.log_out(&operator, now);
                    }
                }
            }
        }
    }

    /// A phone logs its operator in, if that is how the operator logs in.
    fn log_in(&mut self, name: &OperatorName, now: Instant) {
        let settings = self.snapshot.config.operators.get(name);
        let wanted = settings.is_some_and(|s| s.log_in == LogIn::OnRegister);
        let board = &self.shared.board;
        let Some(id) = board.find(name).filter(|_| wanted) else {
            return;
        };
        // A pause that somebody asked for during a call is not taken back by another phone.
        let leaves = board.pending(id) == Some(OperatorState::LoggedOut);
        if board.state(id) == OperatorState::LoggedOut || leaves {
            let change = board.ready(id, now);
            self.shared.afresh(name);
            self.floor(now, |floor| floor.changed(name, change, None));
        }
    }

    fn log_out(&mut self, name: &OperatorName, now: Instant) {
        if let Some(id) = self.shared.board.find(name) {
            let change = self.shared.board.log_out(id, now);
            self.floor(now, |floor| floor.changed(name, change, None));
        }
    }

    /// Phones that registered over a stream are gone with it.
    pub(super) fn connection_lost(&mut self, connection: ConnectionId, now: Instant) {
        let changes = self.shared.registrar.forget_connection(connection);
        self.phones_changed(changes, now);
    }

    pub(super) fn keep_house(&mut self, now: Instant) {
        let mut changes = Vec::new();
        self.shared.registrar.expire(now, &mut changes);
        self.phones_changed(changes, now);
        self.hear_again(now);
        self.deadlines.add(now + HOUSEKEEPING, Due::Housekeeping);
    }
}

/// The time as in Date (RFC 3261 section 20.17).
fn date(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
