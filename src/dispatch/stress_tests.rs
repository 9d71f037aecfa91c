//! The board under threads that do everything at once, each as a shard would: what a
//! shard may rely on is checked at each step, and what must hold when all is quiet at the
//! end. A seed decides what each thread does; how they meet differs from run to run.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::tests::{Floor, abilities};
use super::*;
use crate::model::{CallKey, OperatorName, OperatorState, ShardId};

const OPERATORS: usize = 6;
const TICKETS: usize = 24;
const CALLS: usize = 60_000;
const TURNS: usize = 200_000;
/// Turns of many callers, then as many of few: now operators are scarce, now callers.
const PHASE: usize = 256;
const SKILLS: [&str; 3] = ["s:1", "s:5", "t:5"];
const CLASSES: [(&str, Strategy, i16); 6] = [
    ("s:1", Strategy::LongestIdle, 0),
    ("s:5", Strategy::MostSkilled, 0),
    ("s:5", Strategy::RoundRobin, 20),
    ("t:1", Strategy::FewestCalls, 0),
    ("s:1", Strategy::RingAll, -5),
    ("z:1", Strategy::Ordered, 0),
];
/// Calls that the last operator may have at once.
const AT_ONCE: u8 = 3;

/// What may be done with a call: matched only while it waits.
const GONE: u8 = 0;
const WAITING: u8 = 1;
const MATCHED: u8 = 2;

/// What all threads share.
struct Shared {
    floor: Floor,
    classes: Vec<ClassId>,
    operators: Vec<OperatorId>,
    /// Of each post: the generation of the offer that somebody holds, plus one.
    holders: Vec<AtomicU64>,
    /// Of each call of each shard.
    calls: Vec<Vec<AtomicU8>>,
    mail: Vec<Sender<Match>>,
    clock: AtomicU64,
    /// Matches that were made and are not over.
    open: AtomicUsize,
    working: AtomicUsize,
    matches: AtomicUsize,
}

impl Shared {
    fn new(mail: Vec<Sender<Match>>) -> Self {
        let floor = Floor::new(Capacity {
            operators: OPERATORS,
            more_calls: usize::from(AT_ONCE) - 1,
            tickets_per_shard: TICKETS,
            shards: mail.len(),
            classes: CLASSES.len(),
            profiles: SKILLS.len(),
        });
        let operator = |n: usize| floor.operator(&format!("o{n}"), SKILLS[n % SKILLS.len()]);
        let calls = || (0..CALLS).map(|_| AtomicU8::new(GONE)).collect();
        Self {
            classes: CLASSES
                .map(|(wants, strategy, p)| floor.class_by(wants, strategy, p))
                .to_vec(),
            operators: (0..OPERATORS).map(operator).collect(),
            holders: (0..OPERATORS + usize::from(AT_ONCE))
                .map(|_| AtomicU64::new(0))
                .collect(),
            calls: mail.iter().map(|_| calls()).collect(),
            clock: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            working: AtomicUsize::new(mail.len()),
            matches: AtomicUsize::new(0),
            mail,
            floor,
        }
    }

    fn board(&self) -> &Board {
        &self.floor.board
    }

    fn now(&self) -> Instant {
        let tick = self.clock.fetch_add(1, Ordering::Relaxed);
        self.floor.at(0) + Duration::from_micros(tick * 100)
    }

    fn call(&self, key: CallKey) -> &AtomicU8 {
        let count = key.to_bits() & ((1 << 56) - 1);
        &self.calls[usize::from(key.shard().0)][usize::try_from(count).unwrap()]
    }

    fn holder(&self, claim: Claim) -> &AtomicU64 {
        &self.holders[usize::try_from(claim.post.0).unwrap()]
    }

    /// Another operator for a call that is offered already. The operator must have been
    /// free.
    fn joins(&self, matched: &Match) {
        let held = u64::from(matched.claim.generation) + 1;
        let before = self.holder(matched.claim).swap(held, Ordering::SeqCst);
        assert_eq!(before, 0, "an operator with two offers: {matched:?}");
        assert_eq!(self.call(matched.call).load(Ordering::SeqCst), MATCHED);
        self.open.fetch_add(1, Ordering::SeqCst);
        self.matches.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands a match to the shard of the call. Both must have been free.
    fn deliver(&self, matched: Option<Match>) {
        let Some(matched) = matched else { return };
        let _why = self.board().passed_over(&matched);
        let held = u64::from(matched.claim.generation) + 1;
        let before = self.holder(matched.claim).swap(held, Ordering::SeqCst);
        assert_eq!(before, 0, "an operator with two offers: {matched:?}");
        let before = self.call(matched.call).swap(MATCHED, Ordering::SeqCst);
        assert_eq!(before, WAITING, "a call that does not wait: {matched:?}");
        self.open.fetch_add(1, Ordering::SeqCst);
        self.matches.fetch_add(1, Ordering::Relaxed);
        let shard = usize::from(matched.call.shard().0);
        self.mail[shard].send(matched).unwrap();
    }

    /// Ends an offer. Nobody else can have ended it.
    fn finish(&self, claim: Claim, then: After) {
        let held = self.holder(claim).swap(0, Ordering::SeqCst);
        assert_eq!(held, u64::from(claim.generation) + 1);
        let change = self.board().finished(&claim, then, self.now());
        assert!(change.changed, "{claim:?} was over");
        self.deliver(change.matched);
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One thread: a shard with its calls.
struct Shard<'a> {
    shared: &'a Shared,
    id: ShardId,
    mail: Receiver<Match>,
    /// A xorshift generator.
    random: u64,
    queued: u64,
    waiting: Vec<(CallKey, TicketId)>,
    /// Left too late: their match is on its way.
    leaving: Vec<TicketId>,
    ringing: Vec<Match>,
    talking: Vec<Match>,
    wrapping: Vec<Claim>,
}

impl Shard<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 11).unwrap() % limit
    }

    fn any<T>(&mut self, from: impl Fn(&mut Self) -> &mut Vec<T>) -> Option<T> {
        let count = from(self).len();
        if count == 0 {
            return None;
        }
        let chosen = self.below(count);
        Some(from(self).swap_remove(chosen))
    }

    fn turn(&mut self, number: usize) {
        self.read_mail();
        let calm = (number / PHASE).is_multiple_of(2);
        let turn = self.below(16);
        if turn == 0 {
            // A thread that does not run holds the offers of all operators.
            std::thread::yield_now();
        }
        match turn {
            0..3 if calm && self.waiting.len() > 1 => self.abandon(),
            0..3 => self.enqueue(),
            3 => self.abandon(),
            4 => self.reclass(),
            5..8 => self.answer_or_miss(),
            8..11 => {
                if let Some(matched) = self.any(|s| &mut s.talking) {
                    self.end_talk(&matched);
                }
            }
            11 => {
                if let Some(claim) = self.any(|s| &mut s.wrapping) {
                    let change = self.shared.board().wrap_up_over(&claim, self.shared.now());
                    self.shared.deliver(change.matched);
                }
            }
            _ => self.move_operator(),
        }
    }

    fn read_mail(&mut self) {
        while let Ok(matched) = self.mail.try_recv() {
            let left = self.leaving.iter().position(|t| *t == matched.ticket);
            if let Some(left) = left {
                self.leaving.swap_remove(left);
                self.gone(&matched);
                self.shared.finish(matched.claim, After::Ready);
                continue;
            }
            let waited = self.waiting.iter().position(|w| w.1 == matched.ticket);
            let waited = waited.map(|at| self.waiting.swap_remove(at));
            assert_eq!(waited, Some((matched.call, matched.ticket)));
            self.ringing.push(matched);
        }
    }

    /// The call of this match needs its ticket no more.
    fn gone(&self, matched: &Match) {
        self.shared.call(matched.call).store(GONE, Ordering::SeqCst);
        self.shared.board().done(matched.ticket);
    }

    fn enqueue(&mut self) {
        let class = self.shared.classes[self.below(CLASSES.len())];
        let key = CallKey::new(self.id, self.queued);
        self.shared.call(key).store(WAITING, Ordering::SeqCst);
        let now = self.shared.now();
        let board = self.shared.board();
        let queued = if self.below(8) == 0 {
            let keeper = self.shared.operators[self.below(OPERATORS)];
            board.enqueue_for(key, class, (now, keeper), now)
        } else {
            board.enqueue(key, class, now, now)
        };
        match queued {
            Ok((ticket, matched)) => {
                self.queued += 1;
                self.waiting.push((key, ticket));
                self.shared.deliver(matched);
            }
            Err(full) => {
                assert_eq!(full, Full::Tickets);
                self.shared.call(key).store(GONE, Ordering::SeqCst);
                self.abandon();
            }
        }
    }

    fn abandon(&mut self) {
        let Some((key, ticket)) = self.any(|s| &mut s.waiting) else {
            return;
        };
        match self.shared.board().abandon(ticket) {
            Abandoned::Won => {
                let before = self.shared.call(key).swap(GONE, Ordering::SeqCst);
                assert_eq!(before, WAITING, "{key:?} left while it was matched");
            }
            Abandoned::TooLate => self.leaving.push(ticket),
        }
    }

    fn reclass(&mut self) {
        let class = self.shared.classes[self.below(CLASSES.len())];
        let Some((key, ticket)) = self.any(|s| &mut s.waiting) else {
            return;
        };
        self.waiting.push((key, ticket));
        let (board, now) = (self.shared.board(), self.shared.now());
        let matched = match self.below(3) {
            0 => board.reclass(ticket, class, now),
            1 => board.release(ticket, now),
            _ => board.look(ticket, now),
        };
        self.shared.deliver(matched);
    }

    fn answer_or_miss(&mut self) {
        let Some(matched) = self.any(|s| &mut s.ringing) else {
            return;
        };
        // Others may ring for the same call; they are done with before it is.
        let mut others = Vec::new();
        while self.below(4) == 0 {
            let more = self
                .shared
                .board()
                .offer_more(matched.ticket, self.shared.now());
            let Some(more) = more else { break };
            self.shared.joins(&more);
            others.push(more.claim);
        }
        for other in others {
            self.shared.finish(other, After::Ready);
        }
        if self.below(3) > 0 {
            assert!(
                self.shared
                    .board()
                    .answered(&matched.claim, self.shared.now())
            );
            self.gone(&matched);
            self.talking.push(matched);
            return;
        }
        let then = [After::Paused, After::Ready][self.below(2)];
        self.shared
            .call(matched.call)
            .store(WAITING, Ordering::SeqCst);
        self.waiting.push((matched.call, matched.ticket));
        let operator_first = self.below(2) == 0;
        if operator_first {
            self.shared.finish(matched.claim, then);
        }
        let now = self.shared.now();
        // For no time at all, or for as long as the test runs.
        let until = now + Duration::from_secs([0, 10_000][self.below(2)]);
        let shunned = (self.below(2) == 0).then_some((matched.claim.operator, until));
        let board = self.shared.board();
        let again = board.put_back(matched.ticket, shunned, now);
        self.shared.deliver(again);
        if !operator_first {
            self.shared.finish(matched.claim, then);
        }
    }

    fn end_talk(&mut self, matched: &Match) {
        let then = match self.below(8) {
            0 => After::LoggedOut,
            1 => After::Paused,
            2 => After::WrapUp,
            _ => After::Ready,
        };
        self.shared.finish(matched.claim, then);
        self.wrapping.push(matched.claim);
    }

    fn move_operator(&mut self) {
        let number = self.below(OPERATORS);
        let (operator, board) = (self.shared.operators[number], self.shared.board());
        let now = self.shared.now();
        let matched = match self.below(32) {
            0..4 => deliver_all(self.shared, board.pause(operator, now)),
            4 | 5 => deliver_all(self.shared, board.log_out(operator, now)),
            6 => deliver_all(self.shared, board.retire(operator, now)),
            7..10 => {
                let name = OperatorName::new(format!("o{number}"));
                let mut has = abilities(SKILLS[self.below(SKILLS.len())]);
                has.place = u32::try_from(self.below(3)).unwrap();
                if number == OPERATORS - 1 {
                    has.max_calls = u8::try_from(self.below(usize::from(AT_ONCE)) + 1).unwrap();
                }
                let (_, matches) = board.operator(&name, &has, now).unwrap();
                matches
                    .into_iter()
                    .for_each(|one| self.shared.deliver(Some(one)));
                None
            }
            // Every strategy is in use from some moment on.
            10 => {
                let matches = board.use_strategies(Strategy::ALL, now).into_iter();
                matches.for_each(|one| self.shared.deliver(Some(one)));
                None
            }
            _ => deliver_all(self.shared, board.ready(operator, now)),
        };
        self.shared.deliver(matched);
    }

    /// Ends everything that is open, until no thread has anything open.
    fn settle(mut self) -> Vec<(CallKey, TicketId)> {
        self.shared.working.fetch_sub(1, Ordering::SeqCst);
        for _ in 0..50_000_000_u64 {
            self.read_mail();
            for matched in std::mem::take(&mut self.talking) {
                self.shared.finish(matched.claim, After::Ready);
            }
            for matched in std::mem::take(&mut self.ringing) {
                self.gone(&matched);
                self.shared.finish(matched.claim, After::Ready);
            }
            let working = self.shared.working.load(Ordering::SeqCst);
            if working + self.shared.open.load(Ordering::SeqCst) == 0 {
                assert_eq!(self.leaving, [], "a match that never came");
                return self.waiting;
            }
            std::thread::yield_now();
        }
        panic!("a match that never ends");
    }
}

/// Delivers every match of a change but the first, which is for who asked.
fn deliver_all(shared: &Shared, change: Change) -> Option<Match> {
    change
        .more
        .into_iter()
        .for_each(|one| shared.deliver(Some(one)));
    change.matched
}

fn run(threads: usize, seed: u64) {
    println!("{threads} threads, seed {seed}");
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| channel()).unzip();
    let shared = Shared::new(senders);
    let waiting: Vec<_> = std::thread::scope(|scope| {
        let spawn = |(number, mail): (usize, Receiver<Match>)| {
            let mut shard = Shard {
                shared: &shared,
                id: ShardId(u8::try_from(number).unwrap()),
                mail,
                random: seed.wrapping_mul(number as u64 * 2 + 1) | 1,
                queued: 0,
                waiting: Vec::new(),
                leaving: Vec::new(),
                ringing: Vec::new(),
                talking: Vec::new(),
                wrapping: Vec::new(),
            };
            scope.spawn(move || {
                (0..TURNS).for_each(|number| shard.turn(number));
                shard.settle()
            })
        };
        let threads: Vec<_> = receivers.into_iter().enumerate().map(spawn).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.flatten().collect()
    });
    println!("{} matches", shared.matches.load(Ordering::Relaxed));
    check_quiet(&shared, &waiting);
    check_empty(&shared, waiting);
}

/// Nothing is open: whoever waits has nobody to go to, and every count is right.
fn check_quiet(shared: &Shared, waiting: &[(CallKey, TicketId)]) {
    let board = shared.board();
    for (key, ticket) in waiting {
        assert_eq!(shared.call(*key).load(Ordering::SeqCst), WAITING);
        let why = board.why(*ticket, shared.now());
        let free = why.iter().any(|(_, why)| *why == WhyNot::Nothing);
        assert!(!free, "{key:?} waits beside a free operator: {why:?}");
    }
    let counted: usize = shared.classes.iter().map(|c| board.waiting_in(*c)).sum();
    let kept = waiting.iter().filter(|(_, ticket)| board.is_kept(*ticket));
    assert_eq!(counted + kept.count(), waiting.len());
    for operator in &shared.operators {
        let state = board.state(*operator);
        assert_ne!(state, OperatorState::Offered);
        assert_ne!(state, OperatorState::Talking);
        assert_eq!(board.pending(*operator), None);
    }
    let everybody = board.census(shared.classes[0]);
    assert_eq!((everybody.offered, everybody.talking), (0, 0));
}

/// With everybody ready and able, all go; and no ticket, place or operator is lost.
fn check_empty(shared: &Shared, waiting: Vec<(CallKey, TicketId)>) {
    let (board, has) = (shared.board(), abilities(SKILLS[0]));
    // No call is kept from anybody any more.
    let later = shared.floor.at(100_000);
    let serve = |matched: Option<Match>| {
        let mut matched = matched;
        while let Some(one) = matched {
            board.done(one.ticket);
            matched = board.finished(&one.claim, After::Ready, later).matched;
        }
    };
    for number in 0..OPERATORS {
        let name = OperatorName::new(format!("o{number}"));
        let (operator, matches) = board.operator(&name, &has, later).unwrap();
        matches.into_iter().for_each(|one| serve(Some(one)));
        serve(board.ready(operator, later).matched);
    }
    for (_, ticket) in &waiting {
        serve(board.release(*ticket, later));
        serve(board.look(*ticket, later));
    }
    let census = board.census(shared.classes[0]);
    assert_eq!((census.ready, census.working()), (OPERATORS, OPERATORS));
    assert_eq!(board.waiting_in(shared.classes[0]), 0);
    for (_, ticket) in waiting {
        assert_eq!(board.abandon(ticket), Abandoned::Won);
    }
    let nobodys = shared.classes[CLASSES.len() - 1];
    for shard in 0..shared.mail.len() {
        for count in 0..TICKETS {
            let shard = ShardId(u8::try_from(shard).unwrap());
            let key = CallKey::new(shard, u64::try_from(count).unwrap());
            let queued = board.enqueue(key, nobodys, shared.now(), shared.now());
            assert!(queued.is_ok(), "{key:?}: a ticket was lost");
        }
    }
    assert_eq!(board.waiting_in(nobodys), TICKETS * shared.mail.len());
}

/// So long at least.
const A_MINUTE: Duration = Duration::from_secs(60);

#[test]
#[expect(clippy::disallowed_methods, reason = "a minute of the real clock")]
fn threads_that_do_everything_at_once_for_a_minute_lose_nobody() {
    let began = Instant::now();
    let known = [(2, 1), (3, 2), (4, 3)];
    let fresh = (0..).map(|n| (2 + n % 3, RandomState::new().hash_one(n)));
    for (threads, seed) in known.into_iter().chain(fresh) {
        run(threads, seed);
        if began.elapsed() > A_MINUTE {
            return;
        }
    }
}
