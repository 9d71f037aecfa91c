//! What queueing theory says of one queue with equal operators.
//!
//! Calls come at random (Poisson), talks last exponentially. Erlang C: everybody waits as
//! long as it takes. Erlang A (Palm): everybody's patience is exponential too. Loads are in
//! erlangs: calls that would go on at once if there were operators without end.

/// One queue. Times are means, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trunk {
    pub(crate) operators: usize,
    pub(crate) load: f64,
    pub(crate) talk: f64,
    /// `None` for callers who never leave.
    pub(crate) patience: Option<f64>,
}

/// What can be known of it, of all callers together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The share that has to wait.
    pub(crate) waits: f64,
    /// Seconds, of those who do not wait too.
    pub(crate) mean_wait: f64,
    /// The share that leaves before it is answered.
    pub(crate) abandons: f64,
}

impl Trunk {
    /// Calls a second.
    pub(crate) fn arrivals(&self) -> f64 {
        self.load / self.talk
    }

    pub(crate) fn expected(&self) -> Expected {
        match self.patience {
            None => self.erlang_c(),
            Some(patience) => self.erlang_a(patience),
        }
    }

    fn erlang_c(&self) -> Expected {
        let waits = erlang_c(self.operators, self.load);
        Expected {
            waits,
            mean_wait: waits * self.talk / (self.operators as f64 - self.load),
            abandons: 0.0,
        }
    }

    /// The share that is answered within so many seconds, when nobody leaves: who waits,
    /// waits exponentially.
    pub(crate) fn within(&self, seconds: f64) -> f64 {
        let spare = (self.operators as f64 - self.load) / self.talk;
        1.0 - erlang_c(self.operators, self.load) * (-spare * seconds).exp()
    }

    /// From the stationary distribution of how many calls there are: it is born at the rate
    /// of arrivals, and dies as talks end and those who wait lose patience. Those who leave
    /// in a second are those who wait, over their patience; the mean wait is Little's law.
    fn erlang_a(&self, patience: f64) -> Expected {
        let (mut weight, mut total) = (1.0, 1.0);
        let (mut all_busy, mut waiting) = (0.0, 0.0);
        let mut calls = 0;
        while calls < self.operators || weight > total * 1e-15 {
            calls += 1;
            let talking = calls.min(self.operators);
            let behind = (calls - talking) as f64;
            let ends = talking as f64 / self.talk + behind / patience;
            weight *= self.arrivals() / ends;
            total += weight;
            waiting += behind * weight;
            if talking == self.operators {
                all_busy += weight;
            }
        }
        let waiting = waiting / total;
        Expected {
            waits: all_busy / total,
            mean_wait: waiting / self.arrivals(),
            abandons: waiting / patience / self.arrivals(),
        }
    }
}

/// The share of calls that find everybody busy, when those are lost.
fn erlang_b(operators: usize, load: f64) -> f64 {
    (1..=operators).fold(1.0, |lost, n| load * lost / (n as f64 + load * lost))
}

/// The share of calls that wait, when none is lost.
fn erlang_c(operators: usize, load: f64) -> f64 {
    let lost = erlang_b(operators, load);
    let busy = load / operators as f64;
    lost / (1.0 - busy * (1.0 - lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() <= within, "{a} is not {b}");
    }

    /// As Erlang wrote it: a sum of powers over factorials.
    fn erlang_c_by_sum(operators: usize, load: f64) -> f64 {
        let (mut term, mut sum) = (1.0, 0.0);
        for n in 1..=operators {
            sum += term;
            term *= load / n as f64;
        }
        let all_busy = term / (1.0 - load / operators as f64);
        all_busy / (sum + all_busy)
    }

    /// The values are in every table of Erlang's formulas, for instance R. B. Cooper,
    /// Introduction to Queueing Theory (1981), chapter 3 and its appendix.
    #[test]
    fn erlang_c_is_as_in_the_tables() {
        for (operators, load, table) in [
            (1, 0.5, 0.5),
            (2, 1.0, 0.3333),
            (3, 2.0, 0.4444),
            (5, 3.0, 0.2362),
            (5, 4.0, 0.5541),
            (10, 8.0, 0.4092),
            (15, 10.0, 0.1020),
        ] {
            near(erlang_c(operators, load), table, 5e-5);
            let sum = erlang_c_by_sum(operators, load);
            near(erlang_c(operators, load), sum, 1e-12);
        }
        for (operators, load, table) in [(1, 1.0, 0.5), (5, 3.0, 0.1101), (10, 10.0, 0.2146)] {
            near(erlang_b(operators, load), table, 5e-5);
        }
    }

    /// One operator, and two: the formulas that fit on a line.
    #[test]
    fn small_queues_are_as_by_hand() {
        for tenths in 1..10 {
            let busy = f64::from(tenths) / 10.0;
            near(erlang_c(1, busy), busy, 1e-12);
            let two = 2.0 * busy * busy / (1.0 + busy);
            near(erlang_c(2, 2.0 * busy), two, 1e-12);
        }
        // With patience as long as a talk, all calls leave at the same rate, waiting or
        // not: their number is Poisson.
        let trunk = Trunk {
            operators: 1,
            load: 1.0,
            talk: 60.0,
            patience: Some(60.0),
        };
        let none = (-1.0_f64).exp();
        let expected = trunk.expected();
        near(expected.waits, 1.0 - none, 1e-12);
        near(expected.abandons, none, 1e-12);
    }

    /// 48 calls a minute, talks of one minute, 50 operators, without impatience and with a
    /// patience of two minutes: the example of O. Garnett, A. Mandelbaum and M. Reiman,
    /// Designing a Call Center with Impatient Customers (2002), told again in N. Gans,
    /// G. Koole and A. Mandelbaum, Telephone Call Centers (2003).
    #[test]
    fn impatience_shortens_waits_as_in_the_papers() {
        let trunk = |patience| Trunk {
            operators: 50,
            load: 48.0,
            talk: 60.0,
            patience,
        };
        let patient = trunk(None);
        near(patient.expected().mean_wait, 20.8, 0.05);
        near(patient.within(58.1), 0.9, 5e-4);
        let expected = trunk(Some(120.0)).expected();
        near(expected.abandons, 0.031, 5e-4);
        near(expected.mean_wait, 3.7, 0.05);
        let busy = 48.0 * (1.0 - expected.abandons) / 50.0;
        near(busy, 0.93, 5e-3);
    }

    /// Patience without end is Erlang C.
    #[test]
    fn erlang_a_ends_in_erlang_c() {
        let trunk = |patience| Trunk {
            operators: 10,
            load: 8.0,
            talk: 180.0,
            patience,
        };
        let (a, c) = (trunk(Some(1e9)).expected(), trunk(None).expected());
        near(a.waits, c.waits, 1e-5);
        near(a.mean_wait / c.mean_wait, 1.0, 1e-5);
        near(a.abandons, 0.0, 1e-5);
    }
}
