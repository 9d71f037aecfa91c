//! What goes out: answers, requests, CANCEL and ACK.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Endpoint;
use super::clients::{Branch, Cancel, Entry, Invite, Machine as ClientMachine, Spare};
use super::servers::Machine as ServerMachine;
use super::words::{ClientTx, Count, MethodLabel, Out, Output, ServerTx};
use crate::sip::origin;
use crate::sip::random::shard_token;
use crate::sip::transaction::key::MAGIC_COOKIE;
use crate::sip::transaction::{
    Client, InviteClient, InviteClientInput, InviteServerEffect, InviteServerInput, ServerEffect,
    ServerInput,
};
use crate::sip::{ConnectionId, Header, Hop, Method, Name, Peer, Request, Response, Transport};

/// Max-Forwards of a request of ours (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: &str = "70";
/// A larger request may be cut in two on its way, and is lost with either half (RFC 3261
/// section 18.1.1).
const DATAGRAM: usize = 1300;
/// An answer by a stream is there within this, or a provisional one, unless something on the
/// way swallows what would open the stream, as many firewalls do. Long enough for a second
/// attempt to open it, short enough for a line to be rung before it is given up.
const STREAM_TIME: Duration = Duration::from_secs(2);

/// A request as it is sent.
struct Written {
    bytes: Bytes,
    peer: Peer,
    /// As a datagram, when it is too large for one and goes by TCP.
    spare: Option<Bytes>,
    /// Who is dialled when the stream is gone.
    or_else: Option<Peer>,
}

impl Endpoint {
    /// Answers a request, provisionally or finally. Too late or twice is nothing.
    ///
    /// A 2xx to an INVITE is sent again until [`acknowledged`](Self::acknowledged). A
    /// response without To tag is given one; that suits whatever makes no dialog.
    pub fn respond(
        &mut self,
        tx: ServerTx,
        response: &Response,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut out = Out { now, list: out };
        let Some(entry) = self.servers.get_mut(tx) else {
            return;
        };
        let code = response.code;
        let send = match &mut entry.machine {
            ServerMachine::Invite(machine) => {
                let input = match code {
                    ..200 => InviteServerInput::Provisional,
                    200..300 => InviteServerInput::Success,
                    300.. => InviteServerInput::Failure,
                };
                machine.handle(input, now) == InviteServerEffect::Send
            }
            ServerMachine::Other(machine) => {
                let input = if code < 200 {
                    ServerInput::Provisional
                } else {
                    ServerInput::Final
                };
                machine.handle(input, now) == ServerEffect::Send
            }
        };
        if !send {
            return;
        }
        let mut response = response.clone();
        if code > 100 {
            let tag = origin::to_tag(&response.headers).unwrap_or_else(|| {
                let tag = shard_token(self.settings.shard, entry.key.low_bits());
                response.set_to_tag(&tag);
                tag.into_boxed_str()
            });
            if entry.method == MethodLabel::Invite {
                entry.to_tag = Some(tag);
            }
        }
        let peer = entry.peer;
        let bytes = self.send_response(&mut response, peer, &mut out);
        if let Some(entry) = self.servers.get_mut(tx) {
            // Kept for half a minute: without the room that it was written in.
            entry.last = Bytes::copy_from_slice(&bytes);
        }
        self.settle_server(tx);
    }

    /// Whoever sent a request may be connected to, should their stream be gone before they have
    /// its answer: where it came from, at the port of its Via (RFC 3261 section 18.2.2). Not
    /// for strangers, who would have us connect to others.
    pub fn may_be_dialled(&mut self, tx: ServerTx, request: &Request) {
        let Some(peer) = self.servers.get(tx).map(|entry| entry.peer) else {
            return;
        };
        if !matches!(peer.transport, Transport::Tcp | Transport::Tls) {
            return;
        }
        let port = request.headers.with_via(|via| via.port).ok().flatten();
        let port = port.filter(|port| *port != 0);
        let port = port.unwrap_or_else(|| peer.transport.default_port());
        let remote = SocketAddr::new(peer.remote.ip(), port);
        self.servers.listens(tx, remote);
    }

    /// Brings answers by another stream: those that nobody acknowledged at once, the others
    /// when there are any.
    pub(super) fn answers_anew(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        for tx in self.servers.lose(connection) {
            let Some(entry) = self.servers.get_mut(tx) else {
                continue;
            };
            let ServerMachine::Invite(machine) = &mut entry.machine else {
                continue;
            };
            let unheard = !machine.is_proceeding()
                && machine.handle(InviteServerInput::Invite, out.now) == InviteServerEffect::Resend;
            if unheard && !entry.last.is_empty() {
                out.resend(entry.method, &entry.last, entry.peer);
            }
        }
    }

    /// Answers a request finally and keeps nothing of it: each copy of it is a request of
    /// its own, and gets an answer with the same tag. For those who have shown nothing
    /// yet, so that they cannot fill the tables.
    pub fn answer_and_forget(
        &mut self,
        tx: ServerTx,
        response: &Response,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut out = Out { now, list: out };
        let Some(entry) = self.servers.get(tx) else {
            return;
        };
        let (peer, tag) = (entry.peer, origin::stateless_tag(entry.key));
        let mut response = response.clone();
        response.set_to_tag(&tag);
        self.send_response(&mut response, peer, &mut out);
        self.servers.remove(tx);
        self.clean();
    }

    /// Sends a request other than ACK and CANCEL: with our Via, and Max-Forwards and
    /// User-Agent if it has none. One that is too large for a datagram goes by TCP where it
    /// may, and by a datagram all the same when no stream is opened in time.
    pub fn request(
        &mut self,
        mut request: Request,
        hop: impl Into<Hop>,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> ClientTx {
        let mut out = Out { now, list: out };
        let (word, written) = self.write(&mut request, hop.into());
        let Written {
            bytes,
            peer,
            spare,
            or_else,
        } = written;
        out.count(Count::Request {
            method: MethodLabel::from(&request.method),
            inbound: false,
            transport: peer.transport,
        });
        out.send(bytes.clone(), peer);
        let reliable = peer.transport.is_reliable();
        let method = request.method.clone();
        let machine = if method == Method::Invite {
            ClientMachine::Invite(Box::new(Invite {
                machine: InviteClient::new(reliable, now),
                request,
                ack: Bytes::new(),
                cancel: Cancel::No,
                answers: Vec::new(),
            }))
        } else {
            ClientMachine::Other(Client::new(reliable, now))
        };
        let tx = self.clients.insert(Entry {
            machine,
            method,
            branch: Branch {
                word,
                cancel: false,
            },
            peer,
            bytes: if reliable && or_else.is_none() {
                Bytes::new()
            } else {
                bytes
            },
            or_else,
            spare: spare.map(|bytes| Spare {
                bytes,
                until: now + STREAM_TIME,
            }),
            scheduled: None,
        });
        self.settle_client(tx);
        tx
    }

    /// Sends a request by a datagram after all, if it may be; `false` if not.
    pub(super) fn goes_by_datagram(&mut self, tx: ClientTx, out: &mut Out<'_>) -> bool {
        let Some(entry) = self.clients.get(tx) else {
            return false;
        };
        let (unheard, word) = (entry.waits_until().is_some(), entry.branch.word);
        let peer = Peer {
            transport: Transport::Udp,
            ..entry.peer
        };
        let via = self.via(word, peer);
        let Some(entry) = self.clients.get_mut(tx) else {
            return false;
        };
        let Some(spare) = entry.spare.take().filter(|_| unheard) else {
            return false;
        };
        match &mut entry.machine {
            // Nobody is to ring for a call that was given up before anybody heard of it.
            ClientMachine::Invite(invite) if matches!(invite.cancel, Cancel::Wanted(_)) => {
                return false;
            }
            ClientMachine::Invite(invite) => {
                invite.request.headers.replace_first(&Name::Via, via);
                invite.machine = InviteClient::new(false, out.now);
            }
            ClientMachine::Other(machine) => *machine = Client::new(false, out.now),
        }
        entry.bytes = spare.bytes;
        out.send(entry.bytes.clone(), peer);
        self.clients.goes(tx, peer);
        self.settle_client(tx);
        true
    }

    /// Sends a request whose stream is gone by another; `false` when there is none to be had.
    /// Whoever heard the first copy takes this one for what it is, a repetition.
    pub(super) fn goes_by_another(&mut self, tx: ClientTx, out: &mut Out<'_>) -> bool {
        let Some(entry) = self.clients.get_mut(tx) else {
            return false;
        };
        let unanswered = entry.machine.is_unanswered();
        let Some(peer) = entry.or_else.take().filter(|_| unanswered) else {
            return false;
        };
        out.send(std::mem::take(&mut entry.bytes), peer);
        self.clients.goes(tx, peer);
        true
    }

    /// Acknowledges a 2xx, and again each time that it comes again. The To tag says
    /// which branch of a fork is meant.
    pub fn acknowledge(
        &mut self,
        tx: ClientTx,
        mut ack: Request,
        hop: impl Into<Hop>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut out = Out { now, list: out };
        let (_, written) = self.write(&mut ack, hop.into());
        let Written {
            bytes, peer, spare, ..
        } = written;
        out.count(Count::Request {
            method: MethodLabel::Ack,
            inbound: false,
            transport: peer.transport,
        });
        out.send(bytes.clone(), peer);
        // A 2xx that comes again says that the ACK did not come by a stream.
        let again = match spare {
            Some(bytes) => {
                let transport = Transport::Udp;
                (bytes, Peer { transport, ..peer })
            }
            None => (bytes, peer),
        };
        let to_tag = origin::to_tag(&ack.headers).unwrap_or_default();
        if let Some(entry) = self.clients.get_mut(tx)
            && let ClientMachine::Invite(invite) = &mut entry.machine
            && let Some(answer) = invite.answers.iter_mut().find(|a| a.to_tag == to_tag)
        {
            answer.ack = Some(again);
        }
    }

    /// Cancels an INVITE of ours (RFC 3261 section 9.1): at once if it rings, else as
    /// soon as it does; nothing after a final answer. `reason` is a Reason header.
    ///
    /// Its final answer still comes, or [`Failure::TimedOut`](super::Failure::TimedOut)
    /// after 64 × T1; and it may be a 2xx, when both met on the way.
    pub fn cancel(
        &mut self,
        tx: ClientTx,
        reason: Option<&str>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut out = Out { now, list: out };
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        let ClientMachine::Invite(invite) = &mut entry.machine else {
            return;
        };
        match invite.cancel {
            Cancel::No => {}
            Cancel::Wanted(_) | Cancel::Sent => return,
        }
        if invite.machine.may_cancel() {
            self.send_cancel(tx, reason, &mut out);
        } else if invite.machine.is_unanswered() {
            invite.cancel = Cancel::Wanted(reason.map(String::from));
        }
    }

    pub(super) fn send_cancel(&mut self, tx: ClientTx, reason: Option<&str>, out: &mut Out<'_>) {
        let Some(entry) = self.clients.get_mut(tx) else {
            return;
        };
        let ClientMachine::Invite(invite) = &mut entry.machine else {
            return;
        };
        invite.cancel = Cancel::Sent;
        invite.machine.handle(InviteClientInput::Cancelled, out.now);
        let mut cancel = same_hop(&invite.request, Method::Cancel, None);
        if let Some(reason) = reason {
            cancel.headers.push(Name::Reason, reason);
        }
        let (peer, word) = (entry.peer, entry.branch.word);
        let bytes = cancel.write();
        out.count(Count::Request {
            method: MethodLabel::Cancel,
            inbound: false,
            transport: peer.transport,
        });
        out.send(bytes.clone(), peer);
        self.settle_client(tx);
        let reliable = peer.transport.is_reliable();
        let cancel = self.clients.insert(Entry {
            machine: ClientMachine::Other(Client::new(reliable, out.now)),
            method: Method::Cancel,
            branch: Branch { word, cancel: true },
            peer,
            bytes: if reliable { Bytes::new() } else { bytes },
            or_else: None,
            spare: None,
            scheduled: None,
        });
        self.settle_client(cancel);
    }

    /// Sends a response with our Server header; the bytes, to be sent again.
    pub(super) fn send_response(
        &self,
        response: &mut Response,
        peer: Peer,
        out: &mut Out<'_>,
    ) -> Bytes {
        if response.headers.first(&Name::Server).is_none() {
            response
                .headers
                .push(Name::Server, self.settings.product.to_string());
        }
        let bytes = response.write();
        out.count(Count::Response {
            code: response.code,
            inbound: false,
        });
        out.send(bytes.clone(), peer);
        bytes
    }

    /// Writes a request with our Via on top, for the way that its size asks for; the word of
    /// its branch.
    fn write(&mut self, request: &mut Request, hop: Hop) -> (u64, Written) {
        let peer = hop.peer();
        let word = self.prepare(request, peer);
        let bytes = request.write();
        let large = peer.transport == Transport::Udp && bytes.len() > DATAGRAM;
        let written = match hop {
            Hop::Listener(peer) if large => {
                let transport = Transport::Tcp;
                let peer = Peer { transport, ..peer };
                let via = self.via(word, peer);
                request.headers.replace_first(&Name::Via, via);
                Written {
                    bytes: request.write(),
                    peer,
                    spare: Some(bytes),
                    or_else: None,
                }
            }
            Hop::Flow(_) | Hop::Listener(_) | Hop::Only(_) | Hop::Stream { .. } => Written {
                bytes,
                peer,
                spare: None,
                or_else: hop.or_else(),
            },
        };
        (word, written)
    }

    /// Puts our Via on top; the word of its branch.
    fn prepare(&mut self, request: &mut Request, peer: Peer) -> u64 {
        let word = self.random.word();
        let via = self.via(word, peer);
        request.headers.push_front(Name::Via, via);
        if request.headers.first(&Name::MaxForwards).is_none() {
            request.headers.push(Name::MaxForwards, MAX_FORWARDS);
        }
        if request.headers.first(&Name::UserAgent).is_none() {
            request
                .headers
                .push(Name::UserAgent, self.settings.product.to_string());
        }
        word
    }

    fn via(&self, word: u64, peer: Peer) -> String {
        let token = shard_token(self.settings.shard, word);
        let address = self.settings.advertise.address(peer);
        let transport = peer.transport;
        format!("SIP/2.0/{transport} {address};branch={MAGIC_COOKIE}{token};rport")
    }
}

/// The ACK that belongs to the transaction (RFC 3261 section 17.1.1.3): its To is the
/// response's, all else the INVITE's.
pub(super) fn ack_for_failure(invite: &Request, response: &Response) -> Bytes {
    let to = response.headers.iter().find(|h| h.name.is(&Name::To));
    same_hop(invite, Method::Ack, to.map(|to| to.value)).write()
}

/// A request that shares an INVITE's way, branch and number.
fn same_hop(invite: &Request, method: Method, to: Option<&[u8]>) -> Request {
    let mut request = Request::new(method, invite.uri.clone());
    let mut via_seen = false;
    for Header { name, value } in invite.headers.iter() {
        let value = if *name == Name::To {
            to.unwrap_or(value)
        } else if *name == Name::Via && !via_seen {
            via_seen = true;
            value
        } else if [Name::Route, Name::From, Name::CallId].contains(name) {
            value
        } else {
            continue;
        };
        request.headers.push(name.clone(), value);
    }
    request.headers.push(Name::MaxForwards, MAX_FORWARDS);
    if let Ok(cseq) = invite.headers.cseq() {
        let value = format!("{} {}", cseq.number, request.method);
        request.headers.push(Name::CSeq, value);
    }
    request
}
