//! What comes in.

use bytes::Bytes;

use super::Endpoint;
use super::clients::{Answer, Branch, Cancel, FORKS, Machine as ClientMachine};
use super::servers::{Entry, Machine as ServerMachine};
use super::words::{ClientTx, Count, Event, MethodLabel, Out, ServerTx};
use crate::sip::origin::{self, Origin};
use crate::sip::random::read_shard_token;
use crate::sip::transaction::key::MAGIC_COOKIE;
use crate::sip::transaction::{
    ClientEffect, ClientInput, InviteClientEffect, InviteClientInput, InviteServer,
    InviteServerEffect, InviteServerInput, Server, ServerEffect, ServerInput,
};
use crate::sip::{Message, Method, Peer, Request, Response};

impl Endpoint {
    pub(super) fn received(&mut self, bytes: &Bytes, peer: Peer, out: &mut Out<'_>) {
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.received_request(request, peer, out),
            Ok(Message::Response(response)) => self.received_response(response, peer, out),
            Err(error) => self.refuse_unreadable(&error, peer, out),
        }
    }

    fn received_request(&mut self, mut request: Request, peer: Peer, out: &mut Out<'_>) {
        let Ok(origin) = Origin::read(&request, &self.keys) else {
            self.refuse_without_origin(&request, peer, out);
            return;
        };
        let known = self.servers.find(origin.key);
        if request.method == Method::Ack {
            self.received_ack(known, &origin, request, peer, out);
            return;
        }
        if request.method != Method::Cancel
            && let Some(tx) = known
        {
            self.repeated(tx, out);
            return;
        }
        let home = origin::stamp(&mut request, peer);
        out.count(Count::Request {
            method: MethodLabel::from(&request.method),
            inbound: true,
            transport: peer.transport,
        });
        if request.method == Method::Cancel {
            self.received_cancel(known, &origin, &request, home, out);
        } else if let Some(objection) = self.objection(&request, &origin, out.now) {
            self.refuse(&request, &origin, objection, home, out);
        } else {
            self.begin(request, &origin, home, peer, out);
        }
    }

    /// A request that is told to the user.
    fn begin(
        &mut self,
        request: Request,
        origin: &Origin,
        home: Peer,
        peer: Peer,
        out: &mut Out<'_>,
    ) {
        let reliable = peer.transport.is_reliable();
        let (machine, last) = if request.method == Method::Invite {
            let trying = Response::to(&request, 100).write();
            (
                ServerMachine::Invite(InviteServer::new(reliable, out.now)),
                trying,
            )
        } else {
            (
                ServerMachine::Other(Server::new(reliable, out.now)),
                Bytes::new(),
            )
        };
        let tx = self.servers.insert(Entry {
            machine,
            method: MethodLabel::from(&request.method),
            key: origin.key,
            merge: origin.merge,
            peer: home,
            last,
            to_tag: None,
            cancelled: false,
            scheduled: None,
        });
        self.settle_server(tx);
        out.tell(Event::Request { tx, request, peer });
    }

    /// A request that was told before.
    pub(super) fn repeated(&mut self, tx: ServerTx, out: &mut Out<'_>) {
        let Some(entry) = self.servers.get_mut(tx) else {
            return;
        };
        let resend = match &mut entry.machine {
            ServerMachine::Invite(machine) => {
                machine.handle(InviteServerInput::Invite, out.now) == InviteServerEffect::Resend
            }
            ServerMachine::Other(machine) => {
                machine.handle(ServerInput::Request, out.now) == ServerEffect::Resend
            }
        };
        if resend && !entry.last.is_empty() {
            out.resend(entry.method, &entry.last, entry.peer);
        } else {
            out.count(Count::Retransmission {
                method: entry.method,
            });
        }
    }

    fn received_ack(
        &mut self,
        known: Option<ServerTx>,
        origin: &Origin,
        request: Request,
        peer: Peer,
        out: &mut Out<'_>,
    ) {
        out.count(Count::Request {
            method: MethodLabel::Ack,
            inbound: true,
            transport: peer.transport,
        });
        let own_tag = origin.to_tag.as_deref();
        if let Some(tx) = known
            && let Some(entry) = self.servers.get_mut(tx)
            && let ServerMachine::Invite(machine) = &mut entry.machine
            && (origin.is_rfc3261 || entry.to_tag.as_deref() == own_tag)
        {
            if machine.handle(InviteServerInput::Ack, out.now) == InviteServerEffect::Report {
                out.tell(Event::Ack { request, peer });
            }
            self.settle_server(tx);
            return;
        }
        // One whose To tag is not of our making belongs to nothing of ours; the answers
        // that we give without state have such tags.
        if own_tag.is_some_and(|tag| read_shard_token(self.settings.shard, tag).is_some()) {
            out.tell(Event::Ack { request, peer });
        }
    }

    /// RFC 3261 section 9.2. The answer keeps no state: it is the same for each copy.
    fn received_cancel(
        &mut self,
        known: Option<ServerTx>,
        origin: &Origin,
        request: &Request,
        home: Peer,
        out: &mut Out<'_>,
    ) {
        let Some(tx) = known else {
            // What was turned away unread has its final answer: a CANCEL is taken, and
            // changes nothing (RFC 3261 section 9.2).
            let was_here = self.turned_away.knows(origin.key, out.now);
            let code = if was_here { 200 } else { 481 };
            self.answer_without_state(request, code, origin, home, out);
            return;
        };
        let Some(entry) = self.servers.get_mut(tx) else {
            return;
        };
        let tag = entry.to_tag.clone();
        let is_news = match &entry.machine {
            ServerMachine::Invite(machine) => machine.is_proceeding() && !entry.cancelled,
            ServerMachine::Other(_) => false,
        };
        entry.cancelled |= is_news;
        let mut response = Response::to(request, 200);
        let stateless = origin.stateless_tag();
        response.set_to_tag(tag.as_deref().unwrap_or(&stateless));
        self.send_response(&mut response, home, out);
        if is_news {
            let said = request.headers.reason();
            out.tell(Event::Cancelled { tx, said });
        }
    }

    fn received_response(&mut self, response: Response, peer: Peer, out: &mut Out<'_>) {
        let Some((tx, code)) = self.whose(&response) else {
            return;
        };
        if let Some(connection) = peer.connection {
            self.clients.note_stream(tx, connection);
        }
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        match &mut entry.machine {
            ClientMachine::Other(machine) => {
                let input = if code < 200 {
                    ClientInput::Provisional
                } else {
                    ClientInput::Final
                };
                let report = machine.handle(input, out.now) == ClientEffect::Report;
                let own = entry.branch.cancel;
                self.settle_client(tx);
                count_response(report, code, MethodLabel::Other, out);
                if report && code > 100 && !own {
                    out.tell(Event::Response { tx, response, peer });
                }
            }
            ClientMachine::Invite(_) => self.invite_answered(tx, code, response, peer, out),
        }
    }

    /// The request that a response answers; `None` for a stray one.
    fn whose(&self, response: &Response) -> Option<(ClientTx, u16)> {
        let via = response.headers.only_via().ok()?;
        let token = via.branch()?.strip_prefix(MAGIC_COOKIE)?;
        let word = read_shard_token(self.settings.shard, token)?;
        let method = response.headers.cseq().ok()?.method;
        let cancel = method == Method::Cancel;
        let tx = self.clients.find(Branch { word, cancel })?;
        (self.clients.get(tx)?.method == method).then_some((tx, response.code))
    }

    fn invite_answered(
        &mut self,
        tx: ClientTx,
        code: u16,
        response: Response,
        peer: Peer,
        out: &mut Out<'_>,
    ) {
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        let ClientMachine::Invite(invite) = &mut entry.machine else {
            return;
        };
        let input = match code {
            ..200 => InviteClientInput::Provisional,
            200..300 => InviteClientInput::Success,
            300.. => InviteClientInput::Failure,
        };
        let mut report = false;
        match invite.machine.handle(input, out.now) {
            InviteClientEffect::Report => {
                report = true;
                if code >= 200 {
                    let to_tag = origin::to_tag(&response.headers).unwrap_or_default();
                    invite.answers.push(Answer { to_tag, ack: None });
                }
            }
            InviteClientEffect::AckAndReport => {
                report = true;
                invite.ack = super::send::ack_for_failure(&invite.request, &response);
                out.send(invite.ack.clone(), entry.peer);
            }
            InviteClientEffect::AckAgain => {
                out.send(invite.ack.clone(), entry.peer);
            }
            InviteClientEffect::AnotherSuccess => {
                let to_tag = origin::to_tag(&response.headers).unwrap_or_default();
                match invite.answers.iter().find(|answer| answer.to_tag == to_tag) {
                    Some(Answer {
                        ack: Some((bytes, to)),
                        ..
                    }) => out.send(bytes.clone(), again(*to, peer)),
                    Some(Answer { ack: None, .. }) => {}
                    None if invite.answers.len() < FORKS => {
                        report = true;
                        invite.answers.push(Answer { to_tag, ack: None });
                    }
                    None => {}
                }
            }
            InviteClientEffect::Nothing
            | InviteClientEffect::Resend
            | InviteClientEffect::TimedOut => {}
        }
        let wanted = match &mut invite.cancel {
            Cancel::Wanted(reason) if invite.machine.may_cancel() => Some(reason.take()),
            Cancel::Wanted(_) | Cancel::No | Cancel::Sent => None,
        };
        self.settle_client(tx);
        count_response(report, code, MethodLabel::Invite, out);
        if let Some(reason) = wanted {
            self.send_cancel(tx, reason.as_deref(), out);
        }
        if report && code > 100 {
            out.tell(Event::Response { tx, response, peer });
        }
    }
}

/// Where an ACK goes again whose 2xx comes again `from` there: by the stream of that, if the
/// other end is the same, for the one that it went by may be gone.
fn again(to: Peer, from: Peer) -> Peer {
    let same = to.transport == from.transport && to.remote.ip() == from.remote.ip();
    if same && from.connection.is_some() {
        from
    } else {
        to
    }
}

fn count_response(is_news: bool, code: u16, method: MethodLabel, out: &mut Out<'_>) {
    out.count(if is_news {
        Count::Response {
            code,
            inbound: true,
        }
    } else {
        Count::Retransmission { method }
    });
}
