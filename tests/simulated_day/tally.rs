//! What a day came to, in the words of those who run call centres.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use exchange::model::{Census, OperatorState, Overtake};

use crate::centre::QUEUES;

/// A call that is answered within this is answered in time.
const IN_TIME: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    pub(crate) calls: usize,
    pub(crate) answered: usize,
    pub(crate) abandoned: usize,
    in_time: usize,
    waited: Duration,
    longest: Duration,
    pub(crate) offers: usize,
    pub(crate) missed: usize,
    /// Of those who may serve it, minute by minute.
    busy: usize,
    working: usize,
}

impl Line {
    pub(crate) fn answered_after(&mut self, waited: Duration) {
        self.answered += 1;
        self.waited += waited;
        self.in_time += usize::from(waited <= IN_TIME);
        self.longest = self.longest.max(waited);
    }

    pub(crate) fn sample(&mut self, census: &Census) {
        self.busy += census.offered + census.talking + census.wrap_up;
        self.working += census.working();
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.abandoned += other.abandoned;
        self.in_time += other.in_time;
        self.waited += other.waited;
        self.longest = self.longest.max(other.longest);
        self.offers += other.offers;
        self.missed += other.missed;
    }

    fn show(&self, name: &str, occupancy: f64, overtakes: &[usize]) -> String {
        let mean = self.waited.as_secs_f64() / self.answered.max(1) as f64;
        let mut text = format!(
            "{name:<10}{:>7}{:>10}{:>11}{:>8.1} %{:>8.1}{:>9.0}{:>10.1} %{:>9.1} %{:>8}{:>8}",
            self.calls,
            self.answered,
            self.abandoned,
            share(self.in_time, self.calls),
            mean,
            self.longest.as_secs_f64(),
            share(self.abandoned, self.calls),
            occupancy,
            self.offers,
            self.missed,
        );
        for count in overtakes {
            write!(text, "{count:>10}").ok();
        }
        text
    }
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// One day.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) queues: [Line; QUEUES.len()],
    pub(crate) overtakes: BTreeMap<(usize, Overtake), usize>,
    pub(crate) spent: BTreeMap<OperatorState, Duration>,
}

impl Tally {
    pub(crate) fn total(&self) -> Line {
        let mut total = Line::default();
        for line in &self.queues {
            total.add(line);
        }
        total
    }

    /// Of the time in which operators took calls, how much they had one, in 100.
    fn occupancy(&self) -> f64 {
        let spent = |state| {
            let spent = self.spent.get(&state).copied();
            spent.unwrap_or_default().as_secs_f64()
        };
        let busy = spent(OperatorState::Offered)
            + spent(OperatorState::Talking)
            + spent(OperatorState::WrapUp);
        100.0 * busy / (busy + spent(OperatorState::Ready)).max(1.0)
    }

    fn overtakes_of(&self, queue: Option<usize>) -> [usize; Overtake::ALL.len()] {
        Overtake::ALL.map(|reason| {
            let all = self.overtakes.iter();
            let these = all
                .filter(|((of, why), _)| *why == reason && queue.is_none_or(|queue| queue == *of));
            these.map(|(_, count)| count).sum()
        })
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:<10}{:>7}{:>10}{:>11}{:>10}{:>8}{:>9}{:>12}{:>11}{:>8}{:>8}",
            "queue",
            "calls",
            "answered",
            "abandoned",
            "in 20 s",
            "ASA s",
            "longest",
            "abandoned",
            "occupancy",
            "offers",
            "missed"
        );
        for reason in Overtake::ALL {
            // What the board calls a race has no reason here.
            let name = match reason {
                Overtake::Race => "no reason",
                Overtake::Missed => "missed",
                Overtake::Priority | Overtake::Skills | Overtake::Preferred => reason.as_str(),
            };
            write!(text, "{name:>10}").ok();
        }
        for (number, (queue, line)) in QUEUES.iter().zip(&self.queues).enumerate() {
            let occupancy = share(line.busy, line.working);
            let overtakes = self.overtakes_of(Some(number));
            write!(text, "\n{}", line.show(queue.name, occupancy, &overtakes)).ok();
        }
        let total = self.total();
        let overtakes = self.overtakes_of(None);
        let last = total.show("in all", self.occupancy(), &overtakes);
        write!(text, "\n{last}").ok();
        text
    }
}
