//! One side of a call: a dialog and a stream.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::floor::Floor;
use crate::call::invite::Branch;
use crate::call::pass::Pass;
use crate::call::refresh::Refresh;
use crate::media::Command;
use crate::model::{Codec, LegId};
use crate::sdp::{self, Agreed, Description, Direction, Local};
use crate::sip::{
    ClientTx, Dialog, Headers, Method, Name, Peer, Request, Response, ServerTx, SessionTimer,
};

/// What we understand, for Allow (RFC 3261 section 20.5).
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, PRACK, REFER";
/// The bodies that we read, for Accept.
pub const ACCEPT: &str = "application/sdp, multipart/mixed";
/// The extensions that we know, for Supported: answers that are acknowledged (RFC 3262),
/// session timers (RFC 4028), Replaces (RFC 3891), REFER without report (RFC 4488).
pub(super) const SUPPORTED: &str = "100rel, timer, replaces, norefersub";
/// How long a silent phone may take to answer whether it is still there.
const PROBE_TIME: Duration = Duration::from_secs(10);

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Caller,
    /// The operator, or the line.
    Other,
}

/// The ports of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    None,
    Opening,
    Open(SocketAddr),
}

/// A 2xx of ours that has no ACK yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    tx: ServerTx,
    /// The number of its INVITE, which the ACK has too (RFC 3261 section 13.2.2.4).
    number: Option<u32>,
}

/// What an ACK is to a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// Nothing: a late copy of another.
    Spent,
    /// Both sides know what they agreed on.
    Agreed,
    /// It should have brought an answer, and brought none that can be.
    Unanswered,
}

/// A phone that is asked whether it is still there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) tx: ClientTx,
    until: Instant,
}

/// What the peer says that it takes, of what not everybody does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Takes {
    pub(super) update: bool,
    pub(super) info: bool,
}

/// One side of a call.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) port: Port,
    /// Confirmed, or the caller's before it is answered.
    pub(super) dialog: Option<Dialog>,
    /// The INVITE of ours that it answered.
    pub(super) origin: Option<Branch>,
    pub(super) agreed: Option<Agreed>,
    pub(super) timer: Option<SessionTimer>,
    unacked: Option<Unacked>,
    /// Our proposal went out in that 2xx; the answer comes in the ACK.
    pub(super) awaits_answer: bool,
    /// Our last description: what a refresh says again.
    pub(super) described: Option<Bytes>,
    pub(super) held: bool,
    pub(super) takes: Takes,
    /// How many REFERs came in its dialog.
    pub(super) referred: u32,
    version: u64,
    pub(super) probe: Option<Probe>,
    pub(super) refresh: Option<Refresh>,
    /// Then a refresh that was refused is tried again.
    pub(super) again_at: Option<Instant>,
    /// What answers challenges, on a leg to a carrier.
    pub(super) pass: Option<Box<Pass>>,
}

impl Leg {
    pub(super) fn new(id: LegId) -> Self {
        Self {
            id,
            port: Port::None,
            dialog: None,
            origin: None,
            agreed: None,
            timer: None,
            unacked: None,
            awaits_answer: false,
            described: None,
            held: false,
            takes: Takes::default(),
            referred: 0,
            version: 0,
            probe: None,
            refresh: None,
            again_at: None,
            pass: None,
        }
    }

    /// Asks for ports, once.
    pub(super) fn open(&mut self, floor: &mut Floor<'_>) {
        if self.port == Port::None {
            self.port = Port::Opening;
            floor.media(Command::Open { leg: self.id });
        }
    }

    /// Whether it wants to be closed.
    pub(super) fn has_stream(&self) -> bool {
        self.port != Port::None
    }

    /// Notes what the peer can do, from its INVITE or its 2xx.
    pub(super) fn note_allow(&mut self, allow: &[String]) {
        let takes = |method: &str| allow.iter().any(|allowed| allowed == method);
        self.takes = Takes {
            update: takes("update"),
            info: takes("info"),
        };
    }

    /// What we propose to `remote`, codecs best first.
    pub(super) fn propose(
        &mut self,
        remote: IpAddr,
        codecs: &[Codec],
        floor: &Floor<'_>,
    ) -> Option<Bytes> {
        let local = self.local(remote, codecs, floor)?;
        let said = self.described.as_deref();
        let said = said.and_then(|said| Description::parse(said).ok());
        let text = match said {
            Some(said) => sdp::propose_again(&said, &local, Direction::SendRecv),
            None => sdp::propose(&local, Direction::SendRecv),
        };
        Some(self.say(text))
    }

    /// Remembers a description, each of which has a version of its own.
    fn say(&mut self, text: String) -> Bytes {
        self.version += 1;
        let text = Bytes::from(text);
        self.described = Some(text.clone());
        text
    }

    /// The version of our last description.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// One of the phones that were rung picked up: what it was told is what the next
    /// description is the next version of.
    pub(super) fn goes_on_from(&mut self, (version, said): (u64, Bytes)) {
        self.version = version;
        self.described = Some(said);
    }

    /// Takes the answer to our proposal.
    pub(super) fn take_answer(
        &mut self,
        body: &[u8],
        remote: IpAddr,
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) -> bool {
        self.awaits_answer = false;
        let agreed = self.read(body, remote, codecs, floor);
        if let Some(agreed) = agreed {
            self.connect(agreed, floor);
        }
        agreed.is_some()
    }

    /// What an answer means; `None` when it takes nothing of what we proposed.
    pub(super) fn read(
        &self,
        body: &[u8],
        remote: IpAddr,
        codecs: &[Codec],
        floor: &Floor<'_>,
    ) -> Option<Agreed> {
        let local = self.local(remote, codecs, floor)?;
        let answer = Description::parse(body).ok()?;
        let agreed = sdp::agree(&answer, &local).ok()?;
        Some(as_seen_from_here(agreed, remote))
    }

    /// Answers a proposal: the text. `Err` is the code to refuse it with.
    pub(super) fn answer(
        &mut self,
        body: &[u8],
        remote: IpAddr,
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) -> Result<Bytes, u16> {
        let version = self.version + 1;
        let (text, agreed) = self.weigh(body, (remote, version), codecs, floor)?;
        self.connect(agreed, floor);
        Ok(self.say(text))
    }

    /// What a proposal would be answered with, in this version, and what that comes to.
    /// `Err` is the code to refuse it with.
    pub(super) fn weigh(
        &self,
        body: &[u8],
        (remote, version): (IpAddr, u64),
        codecs: &[Codec],
        floor: &Floor<'_>,
    ) -> Result<(String, Agreed), u16> {
        let proposal = Description::parse(body).map_err(|_| 400_u16)?;
        let local = self.local(remote, codecs, floor).ok_or(500_u16)?;
        let local = Local { version, ..local };
        let (text, agreed) = sdp::answer(&proposal, &local).map_err(|_| 488_u16)?;
        Ok((text, as_seen_from_here(agreed, remote)))
    }

    /// Fills the 2xx to an INVITE: the answer to its proposal, or a proposal of ours.
    pub(super) fn describe(
        &mut self,
        request: &Request,
        response: &mut Response,
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) -> Result<(), u16> {
        let remote = self.remote().ok_or(500_u16)?.remote.ip();
        let text = if request.body.is_empty() {
            self.awaits_answer = true;
            self.propose(remote, codecs, floor).ok_or(500_u16)?
        } else {
            self.answer(&request.body, remote, codecs, floor)?
        };
        put_sdp(&mut response.headers, &mut response.body, text);
        Ok(())
    }

    /// What every 2xx to an INVITE from outside carries besides its description.
    pub(super) fn dress(&self, response: &mut Response) {
        if let Some(dialog) = &self.dialog {
            response.set_to_tag(&dialog.id().local_tag);
            let contact = dialog.contact();
            response.headers.push(Name::Contact, format!("<{contact}>"));
        }
        response.headers.push(Name::Allow, ALLOW);
        response.headers.push(Name::Supported, SUPPORTED);
        if let Some(timer) = &self.timer {
            timer.write_answer(&mut response.headers);
        }
    }

    /// Notes that the 2xx to an INVITE wants its ACK. Whoever sends another INVITE has the
    /// answer to the one before (RFC 3261 section 14.1).
    pub(super) fn awaits_ack(&mut self, (tx, invite): (ServerTx, &Request), floor: &mut Floor<'_>) {
        let number = invite.headers.cseq().map(|cseq| cseq.number).ok();
        if let Some(before) = self.unacked.replace(Unacked { tx, number }) {
            floor.acknowledged(before.tx);
        }
    }

    /// Whether the answer to this INVITE has no ACK.
    pub(super) fn lacks_ack(&self, tx: ServerTx) -> bool {
        self.unacked.is_some_and(|unacked| unacked.tx == tx)
    }

    /// An ACK for a 2xx of ours.
    pub(super) fn acknowledged(
        &mut self,
        ack: &Request,
        codecs: &[Codec],
        floor: &mut Floor<'_>,
    ) -> Acknowledged {
        let number = ack.headers.cseq().map(|cseq| cseq.number).ok();
        let waits = self
            .unacked
            .take_if(|unacked| number.is_some() && unacked.number == number);
        let Some(unacked) = waits else {
            return Acknowledged::Spent;
        };
        floor.acknowledged(unacked.tx);
        if !self.awaits_answer {
            return Acknowledged::Agreed;
        }
        let remote = self.remote().map(|peer| peer.remote.ip());
        if remote.is_some_and(|remote| self.take_answer(&ack.body, remote, codecs, floor)) {
            Acknowledged::Agreed
        } else {
            Acknowledged::Unanswered
        }
    }

    pub(super) fn connect(&mut self, agreed: Agreed, floor: &mut Floor<'_>) {
        self.agreed = Some(agreed);
        floor.media(Command::Connect {
            leg: self.id,
            agreed,
        });
    }

    /// Where requests to it go.
    pub(super) fn remote(&self) -> Option<Peer> {
        self.dialog.as_ref().map(Dialog::peer)
    }

    /// Whether a request of its peer is inside its dialog.
    pub(super) fn holds(&self, request: &Request) -> bool {
        let dialog = self.dialog.as_ref();
        dialog.is_some_and(|dialog| dialog.id().holds(request))
    }

    /// Whether this tag of ours is its.
    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.dialog
            .as_ref()
            .is_some_and(|dialog| dialog.id().local_tag == tag)
    }

    /// A phone that lost its stream and has registered by another is reached by that (RFC
    /// 5626 section 5.3): looked up for each request, which are few.
    pub(super) fn follow(&mut self, floor: &Floor<'_>) {
        let origin = self.origin.as_ref();
        let flow = origin.and_then(|branch| {
            let ((operator, device), reg_id) = (branch.phone.as_ref()?, branch.reg_id?);
            let registrar = &floor.shared.registrar;
            registrar.flow(operator, (device, reg_id), floor.now)
        });
        if let (Some(flow), Some(dialog)) = (flow, &mut self.dialog) {
            dialog.follow(flow);
        }
    }

    /// Hangs up a confirmed dialog.
    pub(super) fn bye(&mut self, reason: Option<&str>, floor: &mut Floor<'_>) {
        self.drop_refresh(floor);
        self.follow(floor);
        if let Some(mut dialog) = self.dialog.take() {
            let mut bye = dialog.request(Method::Bye);
            if let Some(reason) = reason {
                bye.headers.push(Name::Reason, reason);
            }
            let hop = dialog.hop();
            let Some(mut pass) = self.pass.take() else {
                floor.send(bye, hop);
                return;
            };
            pass.write(&mut bye, hop, floor);
            let tx = floor.send(bye, hop);
            floor.out.push(super::Output::Parting { tx, pass });
        }
    }

    /// Asks a silent phone whether it is there (an in-dialog OPTIONS, RFC 3261
    /// section 11): one that lost the call says 481, one that is gone nothing.
    pub(super) fn ask_alive(&mut self, floor: &mut Floor<'_>) {
        if self.probe.is_some() {
            return;
        }
        self.follow(floor);
        if let Some(dialog) = &mut self.dialog {
            let request = dialog.request(Method::Options);
            self.probe = Some(Probe {
                tx: floor.ask(request, dialog.hop()),
                until: floor.now + PROBE_TIME,
            });
        }
    }

    /// Its questions that may be answered yet: an INVITE by another phone behind it, too.
    pub(super) fn asked(&self) -> Vec<ClientTx> {
        let probe = self.probe.map(|probe| probe.tx);
        let refresh = self.refresh.map(|refresh| refresh.tx);
        let invite = self.origin.as_ref().map(|branch| branch.tx);
        [probe, refresh, invite].into_iter().flatten().collect()
    }

    /// When the leg next wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timer = self.timer.as_ref().map(SessionTimer::deadline);
        let probe = self.probe.map(|probe| probe.until);
        self.dialog.as_ref()?;
        timer.into_iter().chain(probe).chain(self.again_at).min()
    }

    /// Whether a probe ran out.
    pub(super) fn is_lost(&self, now: Instant) -> bool {
        self.probe.is_some_and(|probe| now >= probe.until)
    }

    fn local<'a>(
        &self,
        remote: IpAddr,
        codecs: &'a [Codec],
        floor: &Floor<'_>,
    ) -> Option<Local<'a>> {
        let Port::Open(bound) = self.port else {
            return None;
        };
        Some(Local {
            address: SocketAddr::new(floor.shared.advertise.ip_for(remote), bound.port()),
            codecs,
            id: self.id.0 & (u64::MAX >> 1),
            version: self.version + 1,
        })
    }
}

fn as_seen_from_here(mut agreed: Agreed, signalled: IpAddr) -> Agreed {
    agreed.remote = agreed.remote.map(|sound| seen_from_here(sound, signalled));
    agreed
}

/// Where a peer's sound is sent to and expected from. A phone behind NAT names an address
/// that only its own network knows; then its sound takes the way of its signalling, and the
/// port is the one that its first packet comes from.
fn seen_from_here(sound: SocketAddr, signalled: IpAddr) -> SocketAddr {
    if is_private(sound.ip()) && !is_private(signalled) {
        SocketAddr::new(signalled, sound.port())
    } else {
        sound
    }
}

/// Whether an address is of a network of one's own (RFC 1918, 6598, 3927, 4193) or machine.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// What an answer to OPTIONS says of us (RFC 3261 section 11.2).
pub fn tell_abilities(headers: &mut Headers) {
    headers.push(Name::Allow, ALLOW);
    headers.push(Name::Accept, ACCEPT);
    headers.push(Name::AcceptEncoding, "identity");
    headers.push(Name::Other("Accept-Language".into()), "en");
    headers.push(Name::Supported, SUPPORTED);
}

/// Puts a description into a message.
pub(super) fn put_sdp(headers: &mut Headers, body: &mut Bytes, text: Bytes) {
    headers.set(Name::ContentType, "application/sdp");
    *body = text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_from_behind_nat_takes_the_way_of_the_signalling() {
        for (sound, signalled, seen) in [
            ("192.168.1.20:4000", "203.0.113.9", "203.0.113.9:4000"),
            ("100.64.3.4:4000", "203.0.113.9", "203.0.113.9:4000"),
            ("[fd00::1]:4000", "2001:db8::9", "[2001:db8::9]:4000"),
            // A gateway whose sound has an address of its own keeps it.
            ("203.0.113.10:4000", "203.0.113.9", "203.0.113.10:4000"),
            ("10.0.0.2:4000", "10.0.0.1", "10.0.0.2:4000"),
            ("127.0.0.1:4000", "127.0.0.2", "127.0.0.1:4000"),
        ] {
            let seen_here = seen_from_here(sound.parse().unwrap(), signalled.parse().unwrap());
            assert_eq!(seen_here, seen.parse().unwrap(), "{sound} by {signalled}");
        }
    }
}
