//! The guard of one shard: who may be heard now.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::Rank;
use super::bucket::{Bucket, Pace};
use super::sources::{Before, Sources, source_of};
use super::table::Table;
use crate::call::Snapshot;
use crate::config::{self, Line, Scanners};
use crate::model::{DropReason, RejectReason, Shut};
use crate::shard::Doors;
use crate::sip::Host;
use crate::sip::nonce::Freshness;
use crate::sip::sniff::{Kind, Sniff};

/// Strangers that are told apart; a flood of more of them shares the places.
const SOURCES: usize = 65_536;
/// Half of what a source did wrong is forgiven after this.
const HALF_LIFE: Duration = Duration::from_secs(300);
/// A dialog takes so many messages where a call is begun by one.
const FOLLOWS: u64 = 10;
/// How often a second, and how often at once, whoever is at one port of a source that is shut
/// out softly is asked who it is.
const ASKS: (u32, u32) = (2, 5);
/// Ports that are told apart.
const PORTS: usize = 16_384;
/// What of User-Agent is looked at.
const AGENT: usize = 64;

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Judgement {
    /// It may wait for its turn.
    Heard(Rank),
    /// The same, and its sender has answered what was asked at its address.
    Shown(Rank),
    /// It is a scanner's, which is to be told 403.
    Scanner,
    /// Its sender is to be asked who it is, and told nothing else.
    Asked,
    /// Nothing.
    Dropped(DropReason),
}

/// Whether a sender has shown that it receives where it sends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Proof {
    /// A datagram, which anybody can write any address on.
    Nothing,
    /// A stream, or an answer to what was asked at that address.
    WayBack,
}

/// Who sends a message.
#[derive(Clone, Copy, Debug)]
pub(in crate::shard) struct Sender<'a> {
    pub(in crate::shard) remote: SocketAddr,
    pub(in crate::shard) proof: Proof,
    pub(in crate::shard) doors: &'a Doors,
    /// The time since 1970, by which nonces grow old.
    pub(in crate::shard) wall: Duration,
}

/// A source that is shut out from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) struct Sentence {
    pub(in crate::shard) source: IpAddr,
    pub(in crate::shard) lasts: Duration,
    pub(in crate::shard) shut: Shut,
    /// Whether it was shut out softly before.
    pub(in crate::shard) worse: bool,
}

#[derive(Clone, Debug, Default)]
struct Visitor {
    begins: Bucket,
    follows: Bucket,
    asks: Bucket,
    /// What it did wrong, and has shown that it did.
    proven: Tally,
    /// What somebody did wrong in its name.
    forgeable: Tally,
}

/// Points, as of `counted`.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    points: f32,
    counted: Duration,
}

impl Tally {
    /// Whether it is full with some more; then it begins anew.
    fn add(&mut self, points: f32, most: f32, now: Duration) -> bool {
        let halves = now.saturating_sub(self.counted).as_secs_f32() / HALF_LIFE.as_secs_f32();
        self.points = self.points * (-halves).exp2() + points;
        self.counted = now;
        let full = self.points > most;
        if full {
            self.points = 0.0;
        }
        full
    }
}

/// Who may be heard, as one shard sees it.
#[derive(Debug)]
pub(in crate::shard) struct Guard {
    rules: Option<config::Guard>,
    friends: Vec<IpNet>,
    lines: BTreeSet<IpAddr>,
    visitors: Table<Visitor>,
    /// Those who are asked who they are, by address and port.
    asked: Table<Bucket>,
    begins: Bucket,
    follows: Bucket,
    seed: u64,
    epoch: Instant,
}

impl Guard {
    /// A guard that knows nobody. `seed` is secret; no time that it is given is before
    /// `epoch`.
    pub(in crate::shard) fn new(seed: u64, epoch: Instant, snapshot: &Snapshot) -> Self {
        let mut guard = Self {
            rules: None,
            friends: Vec::new(),
            lines: BTreeSet::new(),
            visitors: Table::new(SOURCES),
            asked: Table::new(PORTS),
            begins: Bucket::default(),
            follows: Bucket::default(),
            seed,
            epoch,
        };
        guard.configure(snapshot);
        guard
    }

    /// Takes other rules and friends.
    pub(in crate::shard) fn configure(&mut self, snapshot: &Snapshot) {
        let sip = &snapshot.config.sip;
        self.rules.clone_from(&sip.guard);
        self.friends = sip.trunks.values().flat_map(|t| t.from.clone()).collect();
        // Whoever has a name is a friend once the name is looked up.
        let outside = snapshot
            .config
            .lines
            .values()
            .filter_map(|line| match line {
                Line::Outside(outside) => Some(outside.targets.iter()),
                Line::Queue(_) => None,
            });
        let addresses = outside.flatten().filter_map(|uri| match &uri.host {
            Some(Host::Address(ip)) => Some(source_of(*ip)),
            Some(Host::Name(_)) | None => None,
        });
        self.lines = addresses.collect();
    }

    fn is_friend(&self, ip: IpAddr, sources: &Sources, now: Instant) -> bool {
        let source = source_of(ip);
        let ip = ip.to_canonical();
        self.rules.is_none()
            || self.friends.iter().any(|network| network.contains(&ip))
            || self.lines.contains(&source)
            || sources.is_friend(source, now)
    }

    /// What is to be done with a message; one of `shards` judges.
    pub(in crate::shard) fn judge(
        &mut self,
        sniff: &Sniff<'_>,
        sender: Sender<'_>,
        shards: u8,
        now: Instant,
    ) -> Judgement {
        let (ip, sources) = (sender.remote.ip(), &sender.doors.sources);
        if self.is_friend(ip, sources, now) {
            return Judgement::Heard(rank(sniff));
        }
        let (key, since) = (self.key(ip), now.saturating_duration_since(self.epoch));
        let Some(rules) = &self.rules else {
            return Judgement::Heard(rank(sniff));
        };
        let follows = sniff.follows();
        let is_scanner = !follows && sniff.agent.is_some_and(|agent| names_one(rules, agent));
        let hearing = match sources.shut(source_of(ip), now) {
            None => Hearing::Full,
            Some(Shut::Softly) if !is_scanner => hearing(sniff, sender),
            Some(Shut::Softly | Shut::Wholly) => Hearing::None,
        };
        if hearing == Hearing::None {
            return Judgement::Dropped(DropReason::ShutOut);
        }
        if is_scanner && rules.scanners == Scanners::Silence {
            return Judgement::Dropped(DropReason::Scanner);
        }
        let all = (rules.all / u32::from(shards.max(1))).max(1);
        let (mut each, mut all) = (
            Pace::new(rules.per_source, rules.burst),
            Pace::new(all, all),
        );
        if follows {
            (each, all) = (each.times(FOLLOWS), all.times(2));
        }
        let Some(visitor) = self.visitors.entry(key) else {
            return Judgement::Dropped(DropReason::Source);
        };
        let (own, common) = if follows {
            (&mut visitor.follows, &mut self.follows)
        } else {
            (&mut visitor.begins, &mut self.begins)
        };
        // What is asked in somebody's name takes nothing from the answers, and little from who
        // asks by another port: a forger does not know which.
        let own = match hearing {
            Hearing::Question => &mut visitor.asks,
            Hearing::Full | Hearing::Shown | Hearing::None => own,
        };
        let mut may_be_asked = || {
            let pace = Pace::new(ASKS.0, ASKS.1);
            let asked = self.asked.entry(key ^ u64::from(sender.remote.port()));
            asked.is_some_and(|asked| asked.admit(pace, since))
        };
        let fits = hearing != Hearing::Question || may_be_asked();
        if !fits || !own.admit(each, since) {
            return Judgement::Dropped(match hearing {
                Hearing::Question => DropReason::ShutOut,
                Hearing::Full | Hearing::Shown | Hearing::None => DropReason::Source,
            });
        }
        if !common.admit(all, since) {
            return Judgement::Dropped(DropReason::Strangers);
        }
        let rank = if sniff.is_ours {
            Rank::Follows
        } else {
            Rank::Stranger
        };
        match hearing {
            _ if is_scanner => Judgement::Scanner,
            Hearing::Question => Judgement::Asked,
            Hearing::Shown => Judgement::Shown(rank),
            Hearing::Full | Hearing::None => Judgement::Heard(rank),
        }
    }

    /// A source failed; what becomes of it, if it failed once too often.
    pub(in crate::shard) fn offended(
        &mut self,
        (ip, sources): (IpAddr, &Sources),
        (reason, proof): (RejectReason, Proof),
        now: Instant,
    ) -> Option<Sentence> {
        let rule = self.rules.as_ref()?.shut_out?;
        if self.is_friend(ip, sources, now) {
            return None;
        }
        let key = self.key(ip);
        let since = now.saturating_duration_since(self.epoch);
        let visitor = self.visitors.entry(key)?;
        let (tally, shut) = match proof {
            Proof::WayBack => (&mut visitor.proven, Shut::Wholly),
            Proof::Nothing => (&mut visitor.forgeable, Shut::Softly),
        };
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        let most = rule.after as f32;
        if !tally.add(weight(reason), most, since) {
            return None;
        }
        let source = source_of(ip);
        let before = sources.shut_out(source, (shut, now + rule.lasts), now)?;
        Some(Sentence {
            source,
            lasts: rule.lasts,
            shut,
            worse: before == Before::Softly,
        })
    }

    fn key(&self, ip: IpAddr) -> u64 {
        let mut hash = DefaultHasher::new();
        hash.write_u64(self.seed);
        source_of(ip).hash(&mut hash);
        hash.finish()
    }
}

/// How far a message is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    Full,
    /// So is one that answers what was asked at its address.
    Shown,
    /// It is answered by a question.
    Question,
    None,
}

/// How far one is heard whose address was shut out softly.
fn hearing(sniff: &Sniff<'_>, sender: Sender<'_>) -> Hearing {
    if sender.proof == Proof::WayBack {
        return Hearing::Full;
    }
    let nonces = &sender.doors.nonces;
    let is_fresh = |nonce| nonces.check(nonce, sender.remote.ip(), sender.wall) == Freshness::Fresh;
    match sniff.kind {
        _ if sniff.follows() => Hearing::None,
        Kind::Register | Kind::Invite if sniff.nonce().is_some_and(is_fresh) => Hearing::Shown,
        Kind::Register | Kind::Invite => Hearing::Question,
        Kind::Response | Kind::Ack | Kind::Bye | Kind::Cancel | Kind::Other | Kind::Nonsense => {
            Hearing::None
        }
    }
}

fn rank(sniff: &Sniff<'_>) -> Rank {
    if sniff.follows() {
        return Rank::Follows;
    }
    match sniff.kind {
        Kind::Register => Rank::Register,
        Kind::Response
        | Kind::Invite
        | Kind::Ack
        | Kind::Bye
        | Kind::Cancel
        | Kind::Other
        | Kind::Nonsense => Rank::Call,
    }
}

/// How bad it is. What an honest phone may do while it learns what we speak is nothing.
fn weight(reason: RejectReason) -> f32 {
    match reason {
        RejectReason::UnknownSource | RejectReason::UnknownNumber => 2.0,
        RejectReason::Credentials
        | RejectReason::UnknownDomain
        | RejectReason::UnknownDialog
        | RejectReason::Malformed
        | RejectReason::TooLarge => 1.0,
        RejectReason::Overload
        | RejectReason::Draining
        | RejectReason::NoCodec
        | RejectReason::Extension
        | RejectReason::MaxForwards
        | RejectReason::Unsupported => 0.0,
    }
}

fn names_one(rules: &config::Guard, agent: &str) -> bool {
    let agent = agent.as_bytes();
    let agent = agent.get(..AGENT).unwrap_or(agent);
    rules.user_agents.iter().any(|known| {
        let mut places = agent.windows(known.len().max(1));
        places.any(|part| part.eq_ignore_ascii_case(known.as_bytes()))
    })
}
