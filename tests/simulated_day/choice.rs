//! Who gets whom, by looking at everybody: the rules that the board is held to.

use std::cmp::Reverse;

use exchange::dispatch::Strategy;
use exchange::model::Overtake;

use crate::agenda::Moment;
use crate::plain::{Pair, Plain, Stage};

/// Where an operator stands for a call, the lowest first: preferred skills that are
/// missing, then what the strategy says, then the operator.
type Rank = (usize, i64, Moment, usize);

impl Plain {
    /// The call that an operator gets who is free: of all who wait and whom the operator
    /// may serve, the highest priority, and of these the oldest.
    pub(crate) fn best_call(&self, operator: usize, now: Moment) -> Option<usize> {
        let served = self.crowded.iter().filter(|c| self.serves(operator, **c));
        let open = served.filter_map(|class| {
            let mut line = self.waiting[*class].iter();
            line.find(|(_, call)| !self.shuns(*call, operator, now))
                .map(|(_, call)| *call)
        });
        let kept = self.kept.iter().copied();
        let kept = kept.filter(|call| self.callers[*call].keeper == Some(operator));
        open.chain(kept).min_by_key(|call| {
            let caller = &self.callers[*call];
            (Reverse(self.classes[caller.class].priority), caller.age)
        })
    }

    /// The operator whom a call gets that begins to wait: of all who are ready and may
    /// serve it, whom its strategy says.
    pub(crate) fn best_operator(&self, call: usize, now: Moment) -> Option<usize> {
        let caller = &self.callers[call];
        if let Some(keeper) = caller.keeper {
            return self.ready.contains(&keeper).then_some(keeper);
        }
        let ready = self.ready.iter().copied();
        ready
            .filter(|operator| self.serves(*operator, caller.class))
            .filter(|operator| caller.shun.is_none() || !self.shuns(call, *operator, now))
            .min_by_key(|operator| self.rank(*operator, caller.class))
    }

    fn rank(&self, number: usize, class: usize) -> Rank {
        let (operator, wants) = (&self.operators[number], &self.classes[class]);
        let training = operator.training.map(|training| &self.trainings[training]);
        let skills = training.map(|training| training.skills).unwrap_or_default();
        let missing = skills.missing(&wants.prefer);
        let idle = operator.since;
        let (first, then) = match wants.strategy {
            Strategy::LongestIdle | Strategy::RingAll => (0, idle),
            Strategy::MostSkilled => (-skills.sum_in(&wants.requires), idle),
            Strategy::LeastSkilled => (skills.sum_in(&wants.requires), idle),
            Strategy::FewestCalls => (i64::from(operator.answered), idle),
            Strategy::RoundRobin => (0, operator.last_offer.unwrap_or_default()),
            Strategy::Ordered => (i64::from(operator.place), Moment::ZERO),
        };
        (missing, first, then, number)
    }

    /// Whether this operator is not to have this call yet, having just missed it.
    fn shuns(&self, call: usize, operator: usize, now: Moment) -> bool {
        let shun = self.callers[call].shun;
        shun.is_some_and(|(who, until)| who == operator && now < until)
    }

    /// Why callers who are older were passed over when the operator was given this call:
    /// the weightiest reason. They are those of the same queue, and of others that the
    /// operator serves. [`Overtake::Race`] is to have no reason.
    pub(crate) fn passed_over(&self, of: Pair, now: Moment) -> Option<Overtake> {
        let caller = &self.callers[of.call];
        let own = &self.classes[caller.class];
        let mut reasons = None;
        for class in &self.crowded {
            let mut older = self.waiting[*class].range(..(caller.age, 0)).peekable();
            let wants = &self.classes[*class];
            let serves = self.serves(of.operator, *class);
            if older.peek().is_none() || !(serves || wants.queue == own.queue) {
                continue;
            }
            let reason = if !serves {
                Overtake::Skills
            } else if wants.priority < own.priority {
                Overtake::Priority
            } else if older.all(|(_, call)| self.shuns(*call, of.operator, now)) {
                Overtake::Missed
            } else {
                Overtake::Race
            };
            reasons = reasons.max(Some(reason));
        }
        let kept = self.kept.iter().map(|call| &self.callers[*call]);
        let older = kept
            .filter(|kept| kept.age < caller.age && self.classes[kept.class].queue == own.queue);
        let kept = older.map(|kept| match kept.keeper == Some(of.operator) {
            true if self.classes[kept.class].priority < own.priority => Overtake::Priority,
            true => Overtake::Race,
            false => Overtake::Preferred,
        });
        reasons.max(kept.max())
    }

    /// A caller who waits beside an operator who is ready and may take the call: there
    /// must be none.
    pub(crate) fn overlooked(&self, now: Moment) -> Option<Pair> {
        let ready = self.ready.iter().copied();
        let pairs = ready.filter_map(|operator| {
            let call = self.best_call(operator, now)?;
            Some(Pair { operator, call })
        });
        pairs
            .into_iter()
            .find(|pair| self.callers[pair.call].stage == Stage::Waiting)
    }
}

#[cfg(test)]
mod tests {
    use exchange::model::OperatorState;

    use crate::skills::{Levels, Wants};

    use super::*;

    const S: usize = 0;
    const T: usize = 1;

    fn at(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    /// Four operators, ready one after the other at seconds 1 to 4.
    fn plain() -> Plain {
        let mut plain = Plain::default();
        let skills: [&[(usize, u8)]; 4] = [
            &[(S, 5)],
            &[(S, 9), (T, 1)],
            &[(S, 5), (T, 7)],
            &[(S, 2), (T, 9)],
        ];
        for (number, skills) in skills.into_iter().enumerate() {
            plain.add_operator([3, 2, 1, 0][number]);
            assert_eq!(plain.configure(number, Levels::of(skills), at(0)), None);
        }
        for (number, now) in (0..4).zip(1..) {
            assert_eq!(plain.ready(number, at(now)).state, OperatorState::Ready);
        }
        plain
    }

    fn class(plain: &mut Plain, strategy: Strategy, priority: i16) -> usize {
        let wants = Wants {
            queue: 0,
            requires: Levels::of(&[(S, 2)]),
            also: Vec::new(),
            prefer: Levels::default(),
            strategy,
            priority,
        };
        plain.class(&wants).0
    }

    fn call(plain: &mut Plain, class: usize, now: u64) -> Option<Pair> {
        plain.add_caller(class, at(now), None);
        plain.enqueue(at(now))
    }

    #[test]
    fn each_strategy_has_its_own_favourite() {
        for (strategy, favourite) in [
            (Strategy::LongestIdle, 0),
            (Strategy::MostSkilled, 1),
            (Strategy::LeastSkilled, 3),
            (Strategy::FewestCalls, 0),
            (Strategy::RoundRobin, 0),
            (Strategy::Ordered, 3),
        ] {
            let mut plain = plain();
            let class = class(&mut plain, strategy, 0);
            let first = call(&mut plain, class, 10).unwrap();
            assert_eq!(first.operator, favourite, "{strategy:?}");
        }
    }

    #[test]
    fn who_has_answered_less_and_who_was_asked_longer_ago_come_first() {
        for (strategy, favourite) in [(Strategy::FewestCalls, 1), (Strategy::RoundRobin, 1)] {
            let mut plain = plain();
            let class = class(&mut plain, strategy, 0);
            for now in [10, 20] {
                let pair = call(&mut plain, class, now).unwrap();
                let claim = (pair.operator, 1);
                assert_eq!(pair.operator, if now == 10 { 0 } else { favourite });
                assert!(plain.answered(claim, at(now + 1)));
                let told = plain.finished(claim, exchange::dispatch::After::Ready, at(now + 2));
                assert!(told.changed);
            }
        }
    }

    #[test]
    fn preferred_skills_come_before_the_strategy() {
        let mut plain = plain();
        let wants = Wants {
            queue: 0,
            requires: Levels::of(&[(S, 2)]),
            also: Vec::new(),
            prefer: Levels::of(&[(T, 7)]),
            strategy: Strategy::LongestIdle,
            priority: 0,
        };
        let class = plain.class(&wants).0;
        let order = [10, 11, 12].map(|now| call(&mut plain, class, now).map(|p| p.operator));
        assert_eq!(order, [Some(2), Some(3), Some(0)]);
    }

    #[test]
    fn who_is_passed_over_has_a_reason() {
        let mut plain = plain();
        let (low, high) = (
            class(&mut plain, Strategy::LongestIdle, 0),
            class(&mut plain, Strategy::LongestIdle, 5),
        );
        for now in 10..14 {
            assert!(call(&mut plain, low, now).is_some());
        }
        assert_eq!(call(&mut plain, low, 20), None);
        assert_eq!(call(&mut plain, high, 21), None);
        let [older, younger] = [4, 5].map(|call| Pair { operator: 0, call });
        assert_eq!(plain.passed_over(older, at(22)), None);
        let reason = plain.passed_over(younger, at(22));
        assert_eq!(reason, Some(Overtake::Priority));
        assert_eq!(plain.best_call(0, at(22)), Some(5));
        assert_eq!(call(&mut plain, high, 23), None);
        let race = Pair {
            operator: 0,
            call: 6,
        };
        assert_eq!(plain.passed_over(race, at(24)), Some(Overtake::Race));
    }

    #[test]
    fn who_missed_a_call_does_not_have_it_next_nor_who_is_not_preferred() {
        let mut plain = plain();
        let class = class(&mut plain, Strategy::Ordered, 0);
        assert_eq!(call(&mut plain, class, 10).unwrap().operator, 3);
        let again = plain.put_back(0, Some((3, at(60))), at(20)).unwrap();
        assert_eq!(again.operator, 2);
        plain.add_caller(class, at(30), Some(2));
        assert_eq!(plain.enqueue(at(30)), None);
        assert_eq!(plain.best_call(2, at(31)), Some(1));
        assert_eq!(plain.best_call(1, at(31)), None);
        assert_eq!(plain.overlooked(at(31)), None);
        let younger = call(&mut plain, class, 32).unwrap();
        let reason = plain.passed_over(younger, at(32));
        assert_eq!(reason, Some(Overtake::Preferred));
        assert_eq!(plain.release_hold(1, at(40)).unwrap().operator, 0);
    }
}
