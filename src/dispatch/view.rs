//! What the board can tell: how many do what, and who is ahead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Census, OperatorState, QueueName};

use super::board::{Board, ClassId, TicketId};
use super::index::{Class, Profile};

/// What has to happen before somebody is served.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Turn {
    /// How many callers go before, by queue: each queue that the same operators serve is
    /// there, some with nobody. There are parts of callers, as some have a choice of
    /// operators.
    pub(crate) ahead: BTreeMap<QueueName, f64>,
    /// The profiles of the operators who are likely to take the turn, in order.
    servers: Vec<u16>,
}

/// Operators at work, by their profile, in order.
type Crew = Vec<(u16, f64)>;

/// Callers who are served before somebody, as many for each operator who may do it.
struct Rival<'a> {
    queue: &'a QueueName,
    each: f64,
    crew: Crew,
}

impl Board {
    /// How many of the operators who may serve this class do what. As costly as there are
    /// skill sets among them.
    #[must_use]
    pub fn census(&self, class: ClassId) -> Census {
        let mut census = Census::default();
        let Some(class) = self.index.class(class.0) else {
            return census;
        };
        for server in class.servers() {
            let Some(profile) = self.index.profile(server.profile) else {
                continue;
            };
            for state in OperatorState::ALL {
                census.add(*state, profile.count(*state));
            }
        }
        census
    }

    /// How many calls have a ticket: they wait, or are offered. Looks at every ticket there
    /// is, so it is for whoever watches now and then.
    #[must_use]
    pub fn tickets(&self) -> usize {
        self.tickets.taken()
    }

    /// How many wait in this class.
    #[must_use]
    pub fn waiting_in(&self, class: ClassId) -> usize {
        self.index.class(class.0).map_or(0, |c| c.waiting.len())
    }

    /// How many of the same queue will be served before this ticket: those whom somebody who
    /// may serve it may serve too, of a higher priority, or of the same and longer waiting.
    /// Looks at each of those of the same priority, so it is for announcements, not for
    /// decisions.
    #[must_use]
    pub fn ahead(&self, id: TicketId) -> usize {
        let Some(ticket) = self.ticket(id) else {
            return 0;
        };
        let Some(class) = self.index.class(ticket.class()) else {
            return 0;
        };
        let rivals = self.rivals(class);
        let same = rivals.filter(|other| Arc::ptr_eq(&other.line, &class.line));
        same.map(|other| before(other, class, ticket.age())).sum()
    }

    /// The same over all queues: how many of each will be served before.
    #[must_use]
    pub fn ahead_by_queue(&self, id: TicketId) -> BTreeMap<QueueName, usize> {
        let mut sums = BTreeMap::new();
        let Some(ticket) = self.ticket(id) else {
            return sums;
        };
        let Some(class) = self.index.class(ticket.class()) else {
            return sums;
        };
        for other in self.rivals(class) {
            let ahead = before(other, class, ticket.age());
            if ahead > 0 {
                *sums.entry(other.key.queue.clone()).or_default() += ahead;
            }
        }
        sums
    }

    /// What has to happen before a ticket is served. As costly as [`Board::ahead`] over all
    /// queues, and for each class with somebody ahead as there are skill sets that serve it.
    pub(crate) fn turn(&self, id: TicketId) -> Option<Turn> {
        let ticket = self.ticket(id)?;
        let class = self.index.class(ticket.class())?;
        Some(self.turn_at(class, ticket.age()))
    }

    /// The same for somebody who would join this class now.
    pub(crate) fn turn_of_next(&self, class: ClassId) -> Option<Turn> {
        let class = self.index.class(class.0)?;
        Some(self.turn_at(class, u64::MAX))
    }

    /// Callers whom all of our operators may serve go to whoever is free first. Those whom
    /// only some of ours may serve, and others who are not ours, are spread evenly over all
    /// who may. So some of ours have more before they come to us than others; we wait for
    /// those who have less, as many as share the rest, like water that is poured.
    fn turn_at(&self, class: &Class, age: u64) -> Turn {
        let ours = self.crew(class);
        let size = many(&ours);
        let mut turn = Turn::default();
        let (mut for_all, mut for_some) = (Vec::new(), Vec::new());
        for other in self.rivals(class) {
            turn.ahead.entry(other.key.queue.clone()).or_default();
            let callers = before(other, class, age);
            if callers == 0 {
                continue;
            }
            let crew = self.crew(other);
            let rival = Rival {
                queue: &other.key.queue,
                each: float(callers) / many(&crew).max(1.0),
                crew,
            };
            let common = shared(&rival.crew, &ours);
            let kind = if common < size {
                &mut for_some
            } else {
                &mut for_all
            };
            kind.push(rival);
        }
        let callers = for_all.iter().map(|rival| rival.each * size).sum::<f64>() + 1.0;
        let ours = pour(callers, ours, &for_some);
        for (rival, share) in for_all.iter().map(|rival| (rival, size)).chain(
            for_some
                .iter()
                .map(|rival| (rival, shared(&rival.crew, &ours))),
        ) {
            if let Some(ahead) = turn.ahead.get_mut(rival.queue) {
                *ahead += rival.each * share;
            }
        }
        turn.servers = ours.into_iter().map(|(profile, _)| profile).collect();
        turn
    }

    fn crew(&self, class: &Class) -> Crew {
        let profiles = class
            .servers()
            .filter_map(|s| self.index.profile(s.profile));
        let mut crew: Crew = profiles
            .map(|profile| (profile.id, float(working(profile))))
            .filter(|(_, working)| *working > 0.0)
            .collect();
        crew.sort_unstable_by_key(|(profile, _)| *profile);
        crew
    }

    /// What each operator does who is likely to take the turn, and for how long so far. Who
    /// asked to leave after the present call is not among them. Looks at every operator
    /// there is: some 50 µs for a thousand.
    pub(crate) fn each_server(
        &self,
        turn: &Turn,
        now: Instant,
        mut see: impl FnMut(OperatorState, Duration),
    ) {
        let now = self.nanos(now);
        let everybody = self.people.everybody();
        for (_, post) in everybody.flat_map(|(id, _)| self.people.posts_of(id)) {
            let word = post.word();
            if word.mark().is_none() && turn.servers.binary_search(&word.profile()).is_ok() {
                let since = now.saturating_sub(post.since());
                see(word.doing().seen(), Duration::from_nanos(since));
            }
        }
    }

    /// The classes that share somebody who is logged in with this one, itself included.
    fn rivals(&self, class: &Class) -> impl Iterator<Item = &Class> {
        let profiles = class
            .servers()
            .filter_map(|s| self.index.profile(s.profile));
        let mut classes: Vec<u32> = profiles
            .filter(|profile| profile.is_staffed())
            .flat_map(Profile::serves)
            .map(|serves| serves.class)
            .chain([class.id])
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes.into_iter().filter_map(|id| self.index.class(id))
    }

    /// When the oldest of this class was first queued; `None` when nobody waits.
    #[must_use]
    pub fn oldest(&self, class: ClassId) -> Option<Instant> {
        let class = self.index.class(class.0)?;
        let age = class.waiting.first_key()?;
        Some(self.instant(age))
    }

    /// The same for all classes of a queue, and those of its callers who are kept for an
    /// operator. As costly as it has classes.
    #[must_use]
    pub fn oldest_in(&self, queue: &QueueName) -> Option<Instant> {
        let line = self.index.line(queue)?;
        let classes = self.index.classes(line.classes.iter());
        let ages = classes.filter_map(|class| class.waiting.first_key());
        let oldest = ages.chain(line.kept.first_key()).min()?;
        Some(self.instant(oldest))
    }
}

/// Those of ours whom `callers` come to, if each goes to whoever has least before, and what
/// each has before by the others: in order of that, as many as the callers reach.
fn pour(callers: f64, ours: Crew, others: &[Rival<'_>]) -> Crew {
    let load = |profile: u16| {
        let loads = others.iter().filter(|rival| has(&rival.crew, profile));
        loads.map(|rival| rival.each).sum::<f64>()
    };
    let mut loads: Vec<_> = ours.into_iter().map(|own| (load(own.0), own)).collect();
    loads.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (mut operators, mut calls) = (0.0, callers);
    let reached = loads.into_iter().take_while(|(load, (_, working))| {
        let reached = operators == 0.0 || *load < calls / operators;
        operators += working;
        calls += load * working;
        reached
    });
    let mut reached: Crew = reached.map(|(_, own)| own).collect();
    reached.sort_unstable_by_key(|(profile, _)| *profile);
    reached
}

fn many(crew: &Crew) -> f64 {
    crew.iter().map(|(_, working)| working).sum()
}

/// How many of these operators are of those.
fn shared(those: &Crew, these: &Crew) -> f64 {
    let shared = these.iter().filter(|(profile, _)| has(those, *profile));
    shared.map(|(_, working)| working).sum()
}

fn has(crew: &Crew, profile: u16) -> bool {
    crew.binary_search_by_key(&profile, |(own, _)| *own).is_ok()
}

/// Those of a profile who take calls, now or when they are done with what they do.
fn working(profile: &Profile) -> usize {
    use OperatorState::{Offered, Ready, Talking, WrapUp};
    let states = [Ready, Offered, Talking, WrapUp];
    states.map(|state| profile.count(state)).into_iter().sum()
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// How many of another class come before somebody of this one and this age.
fn before(other: &Class, class: &Class, age: u64) -> usize {
    match other.key.priority.cmp(&class.key.priority) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => other.waiting.len(),
        std::cmp::Ordering::Equal => other.waiting.before(age),
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::super::tests::Floor;
    use super::super::{Capacity, ClassKey, OperatorId, Strategy};
    use super::*;
    use crate::model::Requirement;

    fn floor() -> Floor {
        Floor::new(Capacity {
            operators: 8,
            more_calls: 0,
            tickets_per_shard: 64,
            shards: 1,
            classes: 8,
            profiles: 8,
        })
    }

    /// Callers of the queue `wants` who need that skill.
    fn class(floor: &Floor, wants: &str, priority: i16) -> ClassId {
        let key = ClassKey {
            queue: wants.into(),
            requires: super::super::tests::requirement(&format!("{wants}:1")),
            also: Vec::new(),
            prefer: Requirement::default(),
            strategy: Strategy::default(),
            priority,
        };
        floor.board.class(&key).unwrap()
    }

    /// Operators on the phone, one for each of these skills.
    fn talk(floor: &Floor, skills: &[&str]) -> Vec<OperatorId> {
        let all = skills.iter().enumerate().map(|(n, has)| {
            let operator = floor.operator(&format!("{n}"), has);
            assert_eq!(floor.ready(operator, 1), None);
            operator
        });
        let all: Vec<_> = all.collect();
        for has in skills {
            let wants = has.split(':').next().unwrap();
            let (_, matched) = floor.enqueue(0, class(floor, wants, 0), 2);
            let claim = matched.unwrap().claim;
            assert!(floor.board.answered(&claim, floor.at(3)));
        }
        all
    }

    fn wait(floor: &Floor, wants: &str, callers: u64) {
        for _ in 0..callers {
            floor.waits(1, class(floor, wants, 0), 4);
        }
    }

    /// `a=2 b=0 of 3`: callers ahead of the next for this queue, and operators.
    fn next(floor: &Floor, wants: &str) -> String {
        let turn = floor.board.turn_of_next(class(floor, wants, 0)).unwrap();
        let mut servers = 0;
        floor
            .board
            .each_server(&turn, floor.at(10), |_, _| servers += 1);
        let ahead = turn.ahead.iter();
        let ahead = ahead.map(|(queue, ahead)| format!("{queue}={ahead:.1} "));
        format!("{}of {servers}", ahead.collect::<String>())
    }

    #[test]
    fn whoever_all_may_serve_stands_in_one_line() {
        let floor = floor();
        talk(&floor, &["a:1 b:1", "a:1 b:1"]);
        wait(&floor, "a", 2);
        wait(&floor, "b", 3);
        assert_eq!(next(&floor, "a"), "a=2.0 b=3.0 of 2");
        let first = floor.enqueue(9, class(&floor, "b", 0), 3).0;
        let turn = floor.board.turn(first).unwrap();
        assert!(turn.ahead.values().all(|ahead| *ahead == 0.0), "{turn:?}");
        let urgent = floor.board.turn_of_next(class(&floor, "a", 5)).unwrap();
        assert!(
            urgent.ahead.values().all(|ahead| *ahead == 0.0),
            "{urgent:?}"
        );
    }

    #[test]
    fn who_others_serve_too_is_a_part_of_a_caller() {
        let floor = floor();
        talk(&floor, &["b:1 a:1", "b:1", "b:1", "b:1"]);
        wait(&floor, "b", 8);
        assert_eq!(next(&floor, "a"), "a=0.0 b=2.0 of 1");
        assert_eq!(next(&floor, "b"), "a=0.0 b=8.0 of 4");
        wait(&floor, "a", 3);
        assert_eq!(next(&floor, "a"), "a=3.0 b=2.0 of 1");
        // Those of `a` wait for the one of four who has least time for `b`.
        assert_eq!(next(&floor, "b"), "a=0.0 b=8.0 of 3");
    }

    #[test]
    fn we_wait_for_those_of_ours_who_have_less_before() {
        let floor = floor();
        talk(&floor, &["a:1", "b:1 a:1", "b:1 a:1"]);
        wait(&floor, "b", 8);
        assert_eq!(next(&floor, "a"), "a=0.0 b=0.0 of 1");
        wait(&floor, "a", 3);
        assert_eq!(next(&floor, "a"), "a=3.0 b=0.0 of 1");
        wait(&floor, "a", 1);
        assert_eq!(next(&floor, "a"), "a=4.0 b=8.0 of 3");
    }

    #[test]
    fn it_is_told_what_each_does_and_for_how_long() {
        let floor = floor();
        let operators = talk(&floor, &["a:1", "a:1", "a:1", "c:1"]);
        let leaves = floor.board.pause(operators[1], floor.at(5));
        assert!(!leaves.changed);
        let waits = floor.waits(1, class(&floor, "a", 0), 4);
        let turn = floor.board.turn(waits).unwrap();
        let mut seen = Vec::new();
        floor
            .board
            .each_server(&turn, floor.at(10), |state, since| {
                seen.push((state, since.as_secs()));
            });
        assert_eq!(seen, [(OperatorState::Talking, 7); 2]);
    }

    #[test]
    fn nobody_is_before_whom_nobody_serves() {
        let floor = floor();
        let waits = floor.waits(1, class(&floor, "a", 0), 4);
        let turn = floor.board.turn(waits).unwrap();
        assert_eq!((turn.ahead.len(), turn.servers.len()), (1, 0));
        assert_eq!(floor.board.abandon(waits), super::super::Abandoned::Won);
        assert_eq!(floor.board.turn(waits), None);
        assert_eq!(floor.board.turn_of_next(ClassId(7)), None);
    }
}
