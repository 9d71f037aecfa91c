//! The guard of one shard: who may be heard now.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::Rank;
use super::bucket::{Bucket, Pace};
use super::sources::{Sources, source_of};
use super::table::Table;
use crate::call::Snapshot;
use crate::config::{self, Line, Scanners};
use crate::model::{DropReason, RejectReason};
use crate::sip::Host;
use crate::sip::sniff::{Kind, Sniff};

/// Strangers that are told apart; a flood of more of them shares the places.
const SOURCES: usize = 65_536;
/// Half of what a source did wrong is forgiven after this.
const HALF_LIFE: Duration = Duration::from_secs(300);
/// A dialog takes so many messages where a call is begun by one.
const FOLLOWS: u64 = 10;
/// What of User-Agent is looked at.
const AGENT: usize = 64;

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Judgement {
    /// It may wait for its turn.
    Heard(Rank),
    /// It is a scanner's, which is to be told 403.
    Scanner,
    /// Nothing.
    Dropped(DropReason),
}

#[derive(Clone, Debug, Default)]
struct Visitor {
    begins: Bucket,
    follows: Bucket,
    /// What it did wrong, as of `counted`.
    points: f32,
    counted: Duration,
}

/// Who may be heard, as one shard sees it.
#[derive(Debug)]
pub(in crate::shard) struct Guard {
    rules: Option<config::Guard>,
    friends: Vec<IpNet>,
    lines: BTreeSet<IpAddr>,
    visitors: Table<Visitor>,
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

    /// What is to be done with a message from an address; one of `shards` judges.
    pub(in crate::shard) fn judge(
        &mut self,
        sniff: &Sniff<'_>,
        (ip, sources): (IpAddr, &Sources),
        shards: u8,
        now: Instant,
    ) -> Judgement {
        if self.is_friend(ip, sources, now) {
            return Judgement::Heard(rank(sniff));
        }
        let (key, since) = (self.key(ip), now.saturating_duration_since(self.epoch));
        let Some(rules) = &self.rules else {
            return Judgement::Heard(rank(sniff));
        };
        if sources.is_shut_out(source_of(ip), now) {
            return Judgement::Dropped(DropReason::ShutOut);
        }
        let follows = sniff.follows();
        let is_scanner = !follows && sniff.agent.is_some_and(|agent| names_one(rules, agent));
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
        if !own.admit(each, since) {
            Judgement::Dropped(DropReason::Source)
        } else if !common.admit(all, since) {
            Judgement::Dropped(DropReason::Strangers)
        } else if is_scanner {
            Judgement::Scanner
        } else if sniff.is_ours {
            Judgement::Heard(Rank::Follows)
        } else {
            Judgement::Heard(Rank::Stranger)
        }
    }

    /// A source failed; for how long it is shut out, if it failed once too often.
    pub(in crate::shard) fn offended(
        &mut self,
        (ip, sources): (IpAddr, &Sources),
        reason: RejectReason,
        now: Instant,
    ) -> Option<(IpAddr, Duration)> {
        let rule = self.rules.as_ref()?.shut_out?;
        if self.is_friend(ip, sources, now) {
            return None;
        }
        let key = self.key(ip);
        let since = now.saturating_duration_since(self.epoch);
        let visitor = self.visitors.entry(key)?;
        let halves = since.saturating_sub(visitor.counted).as_secs_f32() / HALF_LIFE.as_secs_f32();
        visitor.points = visitor.points * (-halves).exp2() + weight(reason);
        visitor.counted = since;
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        let most = rule.after as f32;
        if visitor.points <= most {
            return None;
        }
        visitor.points = 0.0;
        let source = source_of(ip);
        let news = sources.shut_out(source, now + rule.lasts, now);
        news.then_some((source, rule.lasts))
    }

    fn key(&self, ip: IpAddr) -> u64 {
        let mut hash = DefaultHasher::new();
        hash.write_u64(self.seed);
        source_of(ip).hash(&mut hash);
        hash.finish()
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
