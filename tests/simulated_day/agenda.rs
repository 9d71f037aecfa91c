//! What will happen, in order of time.
//!
//! No two things happen at the same moment. A board that is asked twice in one moment may
//! take callers of it for equally old; a day in which everything has an age and an order of
//! its own leaves one right answer to each question.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Since midnight.
pub(crate) type Moment = Duration;

/// Between one moment and the next: clocks of threads differ by less.
const TICK_MS: u64 = 4;
pub(crate) const TICK: Duration = Duration::from_millis(TICK_MS);

pub(crate) struct Agenda<E> {
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// By the order in which they were added; what happened is gone.
    events: Vec<Option<E>>,
    now: Moment,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self {
            due: BinaryHeap::new(),
            events: Vec::new(),
            now: Moment::ZERO,
        }
    }

    /// What is due earlier, or was added earlier, happens earlier.
    pub(crate) fn add(&mut self, at: Moment, event: E) {
        self.due.push(Reverse((ticks(at), self.events.len())));
        self.events.push(Some(event));
    }

    pub(crate) fn next(&mut self) -> Option<(Moment, E)> {
        let Reverse((ticks, number)) = self.due.pop()?;
        self.now = at_tick(ticks).max(self.now + TICK);
        Some((self.now, self.events.get_mut(number)?.take()?))
    }
}

/// The nearest tick.
pub(crate) fn on_the_tick(at: Moment) -> Moment {
    at_tick(ticks(at))
}

fn ticks(at: Moment) -> u64 {
    // To the nearest: what always came a little early would be a little more load.
    let nearest = at + TICK / 2;
    u64::try_from(nearest.as_millis()).unwrap_or(u64::MAX) / TICK_MS
}

fn at_tick(ticks: u64) -> Moment {
    Moment::from_millis(ticks * TICK_MS)
}

#[test]
fn everything_has_a_moment_of_its_own_in_order() {
    let mut agenda = Agenda::new();
    let at = Moment::from_millis;
    for (due, event) in [(49, 'c'), (9, 'a'), (49, 'd'), (10, 'b')] {
        agenda.add(at(due), event);
    }
    let mut order = Vec::new();
    while let Some((now, event)) = agenda.next() {
        order.push((now, event));
    }
    let expected = [(8, 'a'), (12, 'b'), (48, 'c'), (52, 'd')];
    assert_eq!(order, expected.map(|(due, event)| (at(due), event)));
}
