//! The messages that wait, those first that go on with something that was begun.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pairs::{Pairing, Pairs};

/// What goes before what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Rank {
    /// Part of what was begun: answers, ACK, BYE, CANCEL, requests within dialogs.
    Follows,
    /// A phone that stays.
    Register,
    /// A call that begins, and whatever else a friend asks.
    Call,
    /// Anything of a stranger that begins something.
    Stranger,
}

/// What is to become of a message that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shard) enum Fate {
    /// It is dealt with.
    Handled,
    /// It waited for too long: its sender is told, or sends it again.
    Late,
    /// It is a call that was given up while it waited, and there is no time to begin it for
    /// nothing. What gives it up is next.
    GivenUp,
}

/// How long a call may wait while the shard keeps up: a burst passes.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it may wait while the shard does not: a queue that stands for ever delays
/// everybody and helps nobody.
const TARGET: Duration = Duration::from_millis(100);
/// The shard does not keep up when calls have been waiting for so long without a break.
const STANDING: Duration = Duration::from_millis(500);
/// As many as are dealt with in so long may wait while the shard does not keep up: half of
/// the time above, so that hardly anybody waits in vain.
const STRETCH: Duration = Duration::from_millis(50);
/// So many may wait even if fewer are dealt with.
const FEW: usize = 16;
/// A phone sends its REGISTER again after T1, 2 T1, 4 T1; an older one is not waited for.
const REGISTER: Duration = Duration::from_secs(2);
/// Messages of one rank that may wait.
const MOST: usize = 8_192;
/// And their bytes together.
const BYTES: usize = 32 * 1024 * 1024;

/// What can wait.
pub(in crate::shard) trait Parked {
    /// In bytes.
    fn weight(&self) -> usize;

    /// What it belongs with.
    fn pairing(&self) -> Pairing;
}

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    since: Instant,
}

/// What waits, by rank; within a rank in order of arrival.
#[derive(Debug)]
pub(in crate::shard) struct Backlog<T> {
    ranks: [VecDeque<Waiting<T>>; 4],
    pairs: Pairs<Waiting<T>>,
    bytes: usize,
    /// When no call waited for the last time.
    kept_up: Option<Instant>,
    /// When a call was last turned away because others waited for too long. To turn a
    /// whole queue away empties it, and is no sign of keeping up.
    strained: Option<Instant>,
    pace: Pace,
}

/// How many calls are dealt with in a [`STRETCH`]: in one that goes on, and in the last.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    since: Option<Instant>,
    calls: usize,
    last: usize,
}

impl Pace {
    fn note(&mut self, now: Instant) {
        let past = self.since.map(|at| now.saturating_duration_since(at));
        if past.is_none_or(|past| past >= STRETCH) {
            *self = Self {
                since: Some(now),
                calls: 0,
                last: self.calls,
            };
        }
        self.calls += 1;
    }

    fn most(&self) -> usize {
        self.calls.max(self.last).max(FEW)
    }
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self {
            ranks: Default::default(),
            pairs: Pairs::default(),
            bytes: 0,
            kept_up: None,
            strained: None,
            pace: Pace::default(),
        }
    }
}

impl<T: Parked> Backlog<T> {
    /// Takes one in; `false` when there is no room.
    pub(in crate::shard) fn push(&mut self, rank: Rank, item: T, now: Instant) -> bool {
        let weight = item.weight();
        let Some(queue) = self.ranks.get_mut(place(rank)) else {
            return false;
        };
        // What follows may fill the last quarter.
        let room = match rank {
            Rank::Follows => BYTES,
            Rank::Register | Rank::Call | Rank::Stranger => BYTES / 4 * 3,
        };
        if queue.len() >= MOST || self.bytes + weight > room {
            return false;
        }
        if rank == Rank::Call && queue.is_empty() {
            self.kept_up = Some(now);
        }
        self.bytes += weight;
        let waiting = Waiting { item, since: now };
        let waiting = match waiting.item.pairing() {
            Pairing::Invite(branch) if rank == Rank::Call => {
                self.pairs.begin(branch);
                Some(waiting)
            }
            Pairing::Cancel(branch) => self.pairs.park(branch, waiting),
            Pairing::Invite(_) | Pairing::None => Some(waiting),
        };
        queue.extend(waiting);
        true
    }

    /// An INVITE has its turn: whatever gives it up is next. Whether anything does.
    fn follow(&mut self, branch: u64) -> bool {
        let cancels = self.pairs.release(branch);
        let is_given_up = !cancels.is_empty();
        if let Some(queue) = self.ranks.get_mut(place(Rank::Follows)) {
            for cancel in cancels.into_iter().rev() {
                queue.push_front(cancel);
            }
        }
        is_given_up
    }

    /// Whether a call that comes would be dealt with in time.
    pub(in crate::shard) fn takes_calls(&mut self, now: Instant) -> bool {
        let waiting = self.ranks.get(place(Rank::Call)).map_or(0, VecDeque::len);
        let stands = self.is_standing(now);
        let most = if stands { self.pace.most() } else { MOST };
        let takes = waiting < most && self.bytes < BYTES / 2;
        if stands && !takes {
            self.strained = Some(now);
        }
        takes
    }

    /// The next one.
    pub(in crate::shard) fn pop(&mut self, now: Instant) -> Option<(Rank, T, Fate)> {
        let ranks = [Rank::Follows, Rank::Register, Rank::Call, Rank::Stranger];
        let calls = self.ranks.get(place(Rank::Call));
        if calls.is_none_or(VecDeque::is_empty) {
            self.kept_up = Some(now);
        }
        for rank in ranks {
            let queue = self.ranks.get_mut(place(rank))?;
            let Some(Waiting { item, since }) = queue.pop_front() else {
                continue;
            };
            if queue.is_empty() && queue.capacity() > MOST / 8 {
                *queue = VecDeque::new();
            }
            self.bytes = self.bytes.saturating_sub(item.weight());
            let is_given_up = match item.pairing() {
                Pairing::Invite(branch) if rank == Rank::Call => self.follow(branch),
                Pairing::Invite(_) | Pairing::Cancel(_) | Pairing::None => false,
            };
            let waited = now.saturating_duration_since(since);
            let is_late = self.may_wait(rank, now).is_some_and(|most| waited > most);
            let fate = if is_given_up && (is_late || self.is_standing(now)) {
                Fate::GivenUp
            } else if is_late {
                Fate::Late
            } else {
                Fate::Handled
            };
            match fate {
                Fate::Handled if rank == Rank::Call => self.pace.note(now),
                Fate::Late if rank == Rank::Call => self.strained = Some(now),
                Fate::Handled | Fate::Late | Fate::GivenUp => {}
            }
            return Some((rank, item, fate));
        }
        None
    }

    fn may_wait(&self, rank: Rank, now: Instant) -> Option<Duration> {
        match rank {
            Rank::Follows => None,
            Rank::Register => Some(REGISTER),
            Rank::Call | Rank::Stranger => Some(if self.is_standing(now) {
                TARGET
            } else {
                PATIENCE
            }),
        }
    }

    fn is_standing(&self, now: Instant) -> bool {
        let since = |at| now.saturating_duration_since(at);
        self.kept_up.is_some_and(|at| since(at) >= STANDING)
            || self.strained.is_some_and(|at| since(at) < STANDING)
    }

    /// Whether nothing waits.
    pub(in crate::shard) fn is_empty(&self) -> bool {
        self.ranks.iter().all(VecDeque::is_empty)
    }
}

fn place(rank: Rank) -> usize {
    match rank {
        Rank::Follows => 0,
        Rank::Register => 1,
        Rank::Call => 2,
        Rank::Stranger => 3,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    impl Parked for u32 {
        fn weight(&self) -> usize {
            1000
        }

        fn pairing(&self) -> Pairing {
            Pairing::None
        }
    }

    /// As large as a datagram may be.
    struct Heavy;

    impl Parked for Heavy {
        fn weight(&self) -> usize {
            65_536
        }

        fn pairing(&self) -> Pairing {
            Pairing::None
        }
    }

    /// An INVITE or a CANCEL of a branch, and which of its copies.
    #[derive(Debug, PartialEq)]
    struct Paired(Pairing, u32);

    impl Parked for Paired {
        fn weight(&self) -> usize {
            1000
        }

        fn pairing(&self) -> Pairing {
            self.0
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_follows_goes_first_and_each_rank_is_in_order() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        for (rank, item) in [
            (Rank::Stranger, 1),
            (Rank::Call, 2),
            (Rank::Call, 3),
            (Rank::Register, 4),
            (Rank::Follows, 5),
        ] {
            assert!(backlog.push(rank, item, now));
        }
        let mut order = Vec::new();
        while let Some((_, item, fate)) = backlog.pop(now) {
            assert_eq!(fate, Fate::Handled);
            order.push(item);
        }
        assert_eq!(order, [5, 4, 2, 3, 1]);
        assert!(backlog.is_empty());
    }

    /// In the order in which they are dealt with.
    fn order(backlog: &mut Backlog<Paired>, now: Instant) -> Vec<Paired> {
        let next = std::iter::from_fn(|| backlog.pop(now).map(|(_, item, _)| item));
        next.collect()
    }

    /// RFC 3261 section 9.2: what a CANCEL gives up has to be there.
    #[test]
    fn a_cancel_goes_right_behind_its_invite_and_no_later() {
        use Pairing::{Cancel, Invite};
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        for (rank, pairing, copy) in [
            (Rank::Call, Invite(1), 0),
            (Rank::Call, Invite(2), 0),
            (Rank::Follows, Cancel(2), 0),
            (Rank::Call, Invite(3), 0),
            (Rank::Call, Invite(2), 1),
            (Rank::Follows, Cancel(2), 1),
            (Rank::Follows, Cancel(9), 0),
            (Rank::Follows, Pairing::None, 0),
        ] {
            assert!(backlog.push(rank, Paired(pairing, copy), now));
        }
        let expected = [
            Paired(Cancel(9), 0),
            Paired(Pairing::None, 0),
            Paired(Invite(1), 0),
            Paired(Invite(2), 0),
            Paired(Cancel(2), 0),
            Paired(Cancel(2), 1),
            Paired(Invite(3), 0),
            Paired(Invite(2), 1),
        ];
        assert_eq!(order(&mut backlog, now), expected);
        assert!(backlog.is_empty() && backlog.pairs.is_empty());
        assert_eq!(backlog.bytes, 0);
        // Whose INVITE was dealt with is not put off by others.
        backlog.push(Rank::Call, Paired(Invite(1), 0), now);
        backlog.push(Rank::Follows, Paired(Cancel(2), 0), now);
        let expected = [Paired(Cancel(2), 0), Paired(Invite(1), 0)];
        assert_eq!(order(&mut backlog, now), expected);
    }

    /// A burst passes, and its calls are begun and given up as any other.
    #[test]
    fn a_call_that_is_given_up_is_begun_only_while_there_is_time() {
        use Pairing::{Cancel, Invite};
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        let mut fates = |wait, first| {
            let came = start + first;
            backlog.push(Rank::Call, Paired(Invite(1), 0), came);
            backlog.push(Rank::Follows, Paired(Cancel(1), 0), came);
            backlog.push(Rank::Call, Paired(Invite(2), 0), came);
            let next = || {
                backlog
                    .pop(came + wait)
                    .map(|(_, item, fate)| (item.0, fate))
            };
            std::iter::from_fn(next).collect::<Vec<_>>()
        };
        let (handled, late) = (Fate::Handled, Fate::Late);
        let fate = |first, last| vec![(Invite(1), first), (Cancel(1), handled), (Invite(2), last)];
        assert_eq!(fates(ms(400), ms(0)), fate(handled, handled));
        assert_eq!(fates(ms(600), ms(1000)), fate(Fate::GivenUp, late));
        // Somebody was turned away just before.
        assert_eq!(fates(ms(10), ms(1700)), fate(Fate::GivenUp, handled));
        assert_eq!(fates(ms(10), ms(9000)), fate(handled, handled));
    }

    #[test]
    fn copies_of_a_cancel_do_not_pile_up_behind_an_invite() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        backlog.push(Rank::Call, Paired(Pairing::Invite(1), 0), now);
        for copy in 0..100 {
            backlog.push(Rank::Follows, Paired(Pairing::Cancel(1), copy), now);
        }
        let order = order(&mut backlog, now);
        assert_eq!(order.len(), 101);
        let at = order.iter().position(|item| item.0 == Pairing::Invite(1));
        assert!(at.is_some_and(|at| at > 90), "{at:?}");
        assert_eq!(backlog.bytes, 0);
    }

    #[test]
    fn a_burst_may_wait_and_a_standing_queue_may_not() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        assert_eq!(backlog.pop(start), None);
        // A burst of which one is dealt with each millisecond.
        for item in 0..600 {
            backlog.push(Rank::Call, item, start);
        }
        let mut late = Vec::new();
        for tick in 0..600 {
            let (_, item, fate) = backlog.pop(start + ms(tick)).unwrap();
            if fate == Fate::Late {
                late.push(item);
            }
        }
        assert_eq!((late.first(), late.len()), (Some(&500), 100));
        // Two come for each that is dealt with: those who are, have not waited long.
        let start = start + ms(1000);
        assert_eq!(backlog.pop(start), None);
        let (mut handled, mut last) = (0, start);
        for tick in 0..5000 {
            let now = start + ms(tick);
            backlog.push(Rank::Call, 1, now);
            backlog.push(Rank::Call, 2, now);
            // A refusal costs a tenth of a call.
            for _ in 0..10 {
                let oldest = backlog.ranks[2].front().map(|waiting| waiting.since);
                match backlog.pop(now) {
                    Some((_, _, Fate::Handled)) => {
                        handled += 1;
                        last = oldest.unwrap();
                        break;
                    }
                    Some((_, _, Fate::Late | Fate::GivenUp)) => {}
                    None => break,
                }
            }
        }
        assert!(handled > 4950, "{handled}");
        let waited = start + ms(4999) - last;
        assert!(waited <= TARGET + ms(1), "{waited:?}");
    }

    #[test]
    fn of_ten_times_too_many_those_are_taken_who_are_dealt_with_in_time() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        let (mut now, mut come) = (start, start);
        let (mut handled, mut late, mut refused) = (0, 0, 0);
        // In microseconds: between two calls, of a call, of turning one away.
        let [pause, call, away] = [25, 250, 5].map(Duration::from_micros);
        let mut counts = false;
        while now < start + ms(5000) {
            if !counts && now >= start + ms(1000) {
                (handled, late, refused, counts) = (0, 0, 0, true);
            }
            while come <= now {
                if backlog.takes_calls(now) {
                    assert!(backlog.push(Rank::Call, 1, now));
                } else {
                    refused += 1;
                    now += away;
                }
                come += pause;
            }
            match backlog.pop(now) {
                Some((_, _, Fate::Handled)) => {
                    handled += 1;
                    now += call;
                }
                Some((_, _, Fate::Late | Fate::GivenUp)) => {
                    late += 1;
                    now += away;
                }
                None => now = come,
            }
        }
        // Four seconds, of which four fifths are left for calls.
        assert_eq!(late, 0);
        assert!((12_500..13_500).contains(&handled), "{handled}");
        assert!(refused > 140_000, "{refused}");
    }

    #[test]
    fn to_turn_a_whole_queue_away_is_not_to_keep_up() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        let taken = |backlog: &mut Backlog<u32>, now| {
            let taken =
                (0..100).filter(|n| backlog.takes_calls(now) && backlog.push(Rank::Call, *n, now));
            taken.count()
        };
        assert_eq!(taken(&mut backlog, start), 100);
        let now = start + STANDING;
        while let Some((_, _, fate)) = backlog.pop(now) {
            assert_eq!(fate, Fate::Late);
        }
        assert_eq!(taken(&mut backlog, now), FEW);
        while backlog.pop(now).is_some() {}
        assert_eq!(taken(&mut backlog, now + STANDING), 100);
    }

    #[test]
    fn a_burst_is_taken_until_it_leaves_no_room_for_what_follows() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        let calls = (0..20_000)
            .filter(|n| backlog.takes_calls(start) && backlog.push(Rank::Call, *n, start));
        assert_eq!(calls.count(), MOST);
        let mut backlog = Backlog::default();
        while backlog.takes_calls(start) {
            assert!(backlog.push(Rank::Call, Heavy, start));
        }
        assert_eq!(backlog.bytes, BYTES / 2);
    }

    #[test]
    fn the_first_call_after_a_quiet_night_may_wait_as_any_other() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        for hours in 1..5 {
            let now = start + Duration::from_secs(hours * 3600);
            backlog.push(Rank::Call, 1, now);
            backlog.push(Rank::Call, 2, now);
            assert_eq!(
                backlog.pop(now + ms(400)),
                Some((Rank::Call, 1, Fate::Handled))
            );
            assert_eq!(
                backlog.pop(now + ms(600)),
                Some((Rank::Call, 2, Fate::Late))
            );
        }
    }

    #[test]
    fn what_follows_is_never_late_and_has_room_when_others_have_none() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        let strangers = (0..20_000).filter(|n| backlog.push(Rank::Stranger, *n, now));
        assert_eq!(strangers.count(), MOST);
        assert!(backlog.push(Rank::Follows, 0, now));
        let later = now + Duration::from_secs(60);
        assert_eq!(backlog.pop(later), Some((Rank::Follows, 0, Fate::Handled)));
        assert_eq!(backlog.pop(later), Some((Rank::Stranger, 0, Fate::Late)));
    }
}
