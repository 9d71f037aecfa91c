//! The board that Centrale uses.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use exchange::dispatch::{
    Abilities, After, Board, Capacity, Claim, ClassId, ClassKey, Match, OperatorId, Strategy,
};
use exchange::model::{CallKey, OperatorName, QueueName, Requirement, ShardId};

use crate::floor::{
    Assigned, Floor, Size, first_callers, is_in_vain, profile_of, profiles, requirement, skills,
};

pub(crate) struct OnBoard {
    pub(crate) board: Board,
    classes: Vec<ClassId>,
    /// The claim of each operator, which only the operator's thread touches.
    claims: Vec<Mutex<Option<Claim>>>,
    by_id: Vec<OperatorId>,
    calls: AtomicU64,
    class_of_calls: Vec<AtomicU64>,
}

pub(crate) fn capacity(size: Size) -> Capacity {
    Capacity {
        operators: size.operators,
        more_calls: 0,
        tickets_per_shard: size.waiting + 64,
        shards: 1,
        classes: size.classes,
        profiles: profiles(size),
    }
}

pub(crate) fn class_key(class: usize) -> ClassKey {
    ClassKey {
        queue: QueueName::new(format!("queue{}", class / 10)),
        requires: requirement(class),
        also: Vec::new(),
        prefer: Requirement::default(),
        strategy: Strategy::LongestIdle,
        priority: 0,
    }
}

pub(crate) fn operators(
    board: &Board,
    count: usize,
    size: Size,
    now: Instant,
) -> anyhow::Result<Vec<OperatorId>> {
    (0..count)
        .map(|number| {
            let name = OperatorName::new(format!("operator{number}"));
            let abilities = Abilities {
                skills: skills(profile_of(number, size), size),
                ..Abilities::default()
            };
            let (id, _nobody) = board.operator(&name, &abilities, now)?;
            Ok(id)
        })
        .collect()
}

impl OnBoard {
    fn queue(&self, class: usize, now: Instant) -> Option<Match> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let slot = usize::try_from(call).unwrap_or(0) % self.class_of_calls.len();
        if let Some(of) = self.class_of_calls.get(slot) {
            of.store(class as u64, Ordering::Relaxed);
        }
        let class = *self.classes.get(class)?;
        let key = CallKey::new(ShardId(0), call);
        self.board.enqueue(key, class, now, now).ok()?.1
    }

    fn class_of(&self, matched: &Match) -> usize {
        let slot = usize::try_from(matched.call.to_bits()).unwrap_or(0) % self.class_of_calls.len();
        let class = self.class_of_calls.get(slot);
        usize::try_from(class.map_or(0, |class| class.load(Ordering::Relaxed))).unwrap_or(0)
    }

    fn claim(&self, operator: usize) -> Option<Claim> {
        let claim = self.claims.get(operator)?;
        *claim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Floor for OnBoard {
    fn new(size: Size, start: Instant) -> anyhow::Result<Self> {
        let board = Board::new(capacity(size), start);
        let classes = (0..size.classes).map(|class| board.class(&class_key(class)));
        let classes = classes.collect::<Result<Vec<_>, _>>()?;
        let by_id = operators(&board, size.operators, size, start)?;
        let floor = Self {
            classes,
            claims: (0..size.operators).map(|_| Mutex::new(None)).collect(),
            calls: AtomicU64::new(0),
            class_of_calls: (0..size.waiting * 2 + 1024)
                .map(|_| AtomicU64::new(0))
                .collect(),
            by_id,
            board,
        };
        // As many as there are operators come and are answered; the others wait.
        for (number, operator) in floor.by_id.iter().enumerate() {
            let (skill, level) = crate::floor::levels(profile_of(number, size), size)[0];
            let top = skill * 10 + usize::from(level) - 1;
            let class = if is_in_vain(top) { top - 1 } else { top };
            let _waits = floor.queue(class, start);
            let matched = floor.board.ready(*operator, start).matched;
            let matched = matched.ok_or_else(|| anyhow::anyhow!("nobody for {number}"))?;
            floor.answer(
                &Assigned {
                    operator: number,
                    class: 0,
                    matched: Some(matched),
                },
                start,
            );
        }
        for (number, class) in first_callers(size).enumerate() {
            let number = u64::try_from(number).unwrap_or(0);
            floor.enqueue(class, start + Duration::from_nanos(number));
        }
        Ok(floor)
    }

    fn free(&self, operator: usize, now: Instant) -> Option<Assigned> {
        let claim = self.claim(operator)?;
        let matched = self.board.finished(&claim, After::Ready, now).matched?;
        Some(Assigned {
            operator,
            class: self.class_of(&matched),
            matched: Some(matched),
        })
    }

    fn answer(&self, assigned: &Assigned, now: Instant) {
        let Some(matched) = assigned.matched else {
            return;
        };
        self.board.answered(&matched.claim, now);
        self.board.done(matched.ticket);
        if let Some(claim) = self.claims.get(assigned.operator) {
            *claim.lock().unwrap_or_else(PoisonError::into_inner) = Some(matched.claim);
        }
    }

    fn enqueue(&self, class: usize, now: Instant) {
        // Somebody became ready for want of a caller: the call is theirs.
        if let Some(matched) = self.queue(class, now) {
            let operator = self
                .by_id
                .iter()
                .position(|id| *id == matched.claim.operator);
            let assigned = Assigned {
                operator: operator.unwrap_or(0),
                class,
                matched: Some(matched),
            };
            self.answer(&assigned, now);
        }
    }
}
