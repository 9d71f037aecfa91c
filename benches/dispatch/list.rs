//! Lists of records behind one lock, searched from end to end, as OpenSIPS does: a free
//! operator walks the waiting callers, a new caller looks at every operator. The list of
//! operators is linked, and not in the order in which they lie in memory, as a list is
//! that operators log in to and out of.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use exchange::model::SkillSet;

use crate::floor::{Able, Assigned, Floor, Random, Size, first_callers, profile_of, skills};

pub(crate) struct InList {
    size: Size,
    able: Able,
    lists: Mutex<Lists>,
}

struct Lists {
    waiting: VecDeque<Box<Caller>>,
    operators: Vec<Operator>,
    /// The first of the linked list.
    first: Option<usize>,
}

impl Lists {
    fn in_order(&self) -> impl Iterator<Item = (usize, &Operator)> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            let number = at?;
            let operator = self.operators.get(number)?;
            at = operator.next;
            Some((number, operator))
        })
    }
}

struct Caller {
    class: usize,
}

/// What is looked at of an operator, and what lies around it.
struct Operator {
    /// Since when, when ready.
    ready: Option<Instant>,
    next: Option<usize>,
    profile: usize,
    _skills: SkillSet,
    _name: String,
}

impl InList {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor for InList {
    fn new(size: Size, _: Instant) -> anyhow::Result<Self> {
        let (operators, first) = operators(size);
        Ok(Self {
            size,
            able: Able::new(size),
            lists: Mutex::new(Lists {
                waiting: first_callers(size).map(caller).collect(),
                operators,
                first,
            }),
        })
    }

    fn free(&self, operator: usize, now: Instant) -> Option<Assigned> {
        let profile = profile_of(operator, self.size);
        let mut lists = self.lists();
        let mut all = lists.waiting.iter();
        let found = all.position(|caller| self.able.may(profile, caller.class));
        let taken = found.and_then(|at| lists.waiting.remove(at));
        let Some(class) = taken.map(|caller| caller.class) else {
            if let Some(operator) = lists.operators.get_mut(operator) {
                operator.ready = Some(now);
            }
            return None;
        };
        Some(Assigned {
            operator,
            class,
            matched: None,
        })
    }

    fn answer(&self, _: &Assigned, _: Instant) {}

    fn enqueue(&self, class: usize, _: Instant) {
        let mut lists = self.lists();
        let all = lists.in_order();
        let idle = all.filter_map(|(n, operator)| Some((operator.ready?, n, operator.profile)));
        let able = idle.filter(|(_, _, profile)| self.able.may(*profile, class));
        let best = able.map(|(since, n, _)| (since, n)).min();
        match best.and_then(|(_, number)| lists.operators.get_mut(number)) {
            Some(operator) => operator.ready = None,
            None => lists.waiting.push_back(caller(class)),
        }
    }
}

fn caller(class: usize) -> Box<Caller> {
    Box::new(Caller { class })
}

/// Every operator, and the first of the list.
fn operators(size: Size) -> (Vec<Operator>, Option<usize>) {
    let mut order: Vec<usize> = (0..size.operators).collect();
    let mut random = Random(3);
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at + 1));
    }
    let mut operators: Vec<_> = (0..size.operators).map(|n| operator(n, size)).collect();
    for pair in order.windows(2) {
        if let [one, next] = pair
            && let Some(one) = operators.get_mut(*one)
        {
            one.next = Some(*next);
        }
    }
    (operators, order.first().copied())
}

fn operator(number: usize, size: Size) -> Operator {
    let profile = profile_of(number, size);
    Operator {
        ready: None,
        next: None,
        profile,
        _skills: skills(profile, size),
        _name: format!("operator{number}"),
    }
}
