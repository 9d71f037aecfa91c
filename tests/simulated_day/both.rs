//! Everything is done to the board and to the plain model, and both must say the same.
//!
//! After each step, what it touched is compared; [`crate::check`] compares all. Who was
//! given what is also kept in a ledger of its own, so that the rules hold whatever the
//! plain model believes: an operator has one offer at most, a call is given to one operator
//! at most, no claim comes twice, and nobody is passed over without a reason.

use std::collections::BTreeMap;

use exchange::dispatch::{Abandoned, After, Claim};
use exchange::model::{OperatorState, Overtake};

use crate::agenda::Moment;
use crate::board::{Matched, Real, TELLS_OVERTAKES};
use crate::plain::{Pair, Plain, Stage, Told};
use crate::skills::{Levels, Wants};

/// An operator rings for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) operator: usize,
    pub(crate) call: usize,
    claim: Claim,
    /// Which of the operator's offers, as the plain model counts.
    round: u32,
}

/// All decisions of a day in one number (FNV-1a).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    fn add(&mut self, word: u64) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Who has what, apart from both.
#[derive(Default)]
struct Ledger {
    call_of: Vec<Option<usize>>,
    operator_of: Vec<Option<usize>>,
    generation: Vec<Option<u32>>,
}

pub(crate) struct Both {
    pub(crate) real: Real,
    pub(crate) plain: Plain,
    pub(crate) now: Moment,
    pub(crate) steps: usize,
    pub(crate) digest: Digest,
    /// Offers that passed somebody over, by queue and reason.
    pub(crate) overtakes: BTreeMap<(usize, Overtake), usize>,
    queues: Vec<String>,
    ledger: Ledger,
}

impl Both {
    pub(crate) fn new(queues: &[&str], operators: usize, tickets_per_shard: usize) -> Self {
        Self {
            real: Real::new(operators, tickets_per_shard),
            plain: Plain::default(),
            now: Moment::ZERO,
            steps: 0,
            digest: Digest(0xcbf2_9ce4_8422_2325),
            overtakes: BTreeMap::new(),
            queues: queues.iter().map(|name| (*name).to_owned()).collect(),
            ledger: Ledger::default(),
        }
    }

    /// The class of those who want this.
    pub(crate) fn class(&mut self, wants: &Wants) -> usize {
        let (class, new) = self.plain.class(wants);
        if new {
            self.real.add_class(&self.queues[wants.queue], wants);
        }
        class
    }

    // What happens to callers. The newest call is the last number.

    pub(crate) fn enqueue(
        &mut self,
        wants: &Wants,
        age: Moment,
        keeper: Option<usize>,
    ) -> Option<Offer> {
        let class = self.class(wants);
        self.ledger.operator_of.push(None);
        self.plain.add_caller(class, age, keeper);
        let expected = self.plain.enqueue(self.now);
        let real = self.real.enqueue(class, (age, keeper), self.now);
        let offer = self.agree(real, expected);
        self.compare_call(self.plain.callers.len() - 1);
        offer
    }

    pub(crate) fn reclass(&mut self, call: usize, wants: &Wants) -> Option<Offer> {
        let class = self.class(wants);
        let before = self.plain.callers[call].class;
        let expected = self.plain.reclass(call, class, self.now);
        let real = self.real.reclass(call, class, self.now);
        let offer = self.agree(real, expected);
        self.compare_class(before);
        self.compare_call(call);
        offer
    }

    pub(crate) fn put_back(&mut self, call: usize, shun: Option<(usize, Moment)>) -> Option<Offer> {
        if self.plain.callers[call].stage == Stage::Matched {
            self.ledger.operator_of[call] = None;
        }
        let expected = self.plain.put_back(call, shun, self.now);
        let real = self.real.put_back(call, shun, self.now);
        let offer = self.agree(real, expected);
        self.compare_call(call);
        offer
    }

    pub(crate) fn release_hold(&mut self, call: usize) -> Option<Offer> {
        let expected = self.plain.release_hold(call, self.now);
        let real = self.real.release_hold(call, self.now);
        let offer = self.agree(real, expected);
        self.compare_call(call);
        offer
    }

    pub(crate) fn look(&mut self, call: usize) -> Option<Offer> {
        let expected = self.plain.look(call, self.now);
        let real = self.real.look(call, self.now);
        self.agree(real, expected)
    }

    pub(crate) fn abandon(&mut self, call: usize) -> Abandoned {
        let expected = self.plain.abandon(call);
        let real = self.real.abandon(call);
        assert_eq!(real, expected, "call {call} leaves");
        self.digest.add(u64::from(real == Abandoned::Won));
        self.compare_call(call);
        real
    }

    pub(crate) fn done(&mut self, call: usize) {
        self.plain.done(call);
        self.real.done(call);
        self.ledger.operator_of[call] = None;
        self.compare_call(call);
    }

    // What happens to operators.

    /// A new operator, whose place is the number.
    pub(crate) fn hire(&mut self, skills: Levels) -> Option<Offer> {
        let operator = self.plain.operators.len();
        self.plain.add_operator(u32::try_from(operator).unwrap());
        self.ledger.call_of.push(None);
        self.ledger.generation.push(None);
        self.configure(operator, skills)
    }

    pub(crate) fn configure(&mut self, operator: usize, skills: Levels) -> Option<Offer> {
        let place = self.plain.operators[operator].place;
        let expected = self.plain.configure(operator, skills, self.now);
        let real = self.real.configure(operator, (&skills, place), self.now);
        let offer = self.agree(real, expected);
        self.compare_operator(operator);
        offer
    }

    pub(crate) fn retire(&mut self, operator: usize) -> Told<Offer> {
        let expected = self.plain.retire(operator, self.now);
        let real = self.real.retire(operator, self.now);
        self.told(operator, real, expected)
    }

    pub(crate) fn ready(&mut self, operator: usize) -> Told<Offer> {
        let expected = self.plain.ready(operator, self.now);
        let real = self.real.ready(operator, self.now);
        self.told(operator, real, expected)
    }

    pub(crate) fn stop(&mut self, operator: usize, to: OperatorState) -> Told<Offer> {
        let expected = self.plain.stop(operator, to, self.now);
        let real = self.real.stop(operator, to, self.now);
        self.told(operator, real, expected)
    }

    pub(crate) fn answered(&mut self, offer: &Offer) -> bool {
        let claim = (offer.operator, offer.round);
        let expected = self.plain.answered(claim, self.now);
        let real = self.real.answered(offer.claim, self.now);
        assert_eq!(real, expected, "{offer:?} is answered");
        self.compare_operator(offer.operator);
        real
    }

    pub(crate) fn finished(&mut self, offer: &Offer, then: After) -> Told<Offer> {
        let claim = (offer.operator, offer.round);
        let expected = self.plain.finished(claim, then, self.now);
        let real = self.real.finished(offer.claim, then, self.now);
        if expected.changed {
            let had = self.ledger.call_of[offer.operator].take();
            assert_eq!(had, Some(offer.call), "{offer:?} is over");
        }
        self.told(offer.operator, real, expected)
    }

    pub(crate) fn wrap_up_over(&mut self, offer: &Offer) -> Told<Offer> {
        let claim = (offer.operator, offer.round);
        let expected = self.plain.wrap_up_over(claim, self.now);
        let real = self.real.wrap_up_over(offer.claim, self.now);
        self.told(offer.operator, real, expected)
    }

    // Whether both say the same.

    fn told(&mut self, operator: usize, real: Told<Matched>, expected: Told<Pair>) -> Told<Offer> {
        let matched = self.agree(real.matched, expected.matched);
        assert_eq!(
            (real.state, real.changed),
            (expected.state, expected.changed),
            "operator {operator} at {:?}",
            self.now
        );
        self.digest.add(u64::from(real.changed));
        self.compare_operator(operator);
        Told {
            state: real.state,
            changed: real.changed,
            matched,
        }
    }

    /// The match is the one that the plain model expects, and none of the rules is broken.
    fn agree(&mut self, real: Option<Matched>, expected: Option<Pair>) -> Option<Offer> {
        self.steps += 1;
        let pair = real.map(|Matched { operator, call, .. }| Pair { operator, call });
        assert_eq!(pair, expected, "who gets whom at {:?}", self.now);
        let (real, pair) = real.zip(pair)?;
        assert!(real.of_this_ticket, "{real:?} has another ticket");
        assert_eq!(real.possible_at, self.now, "{real:?}");
        self.enter_in_ledger(&real);
        let reason = self.plain.passed_over(pair, self.now);
        assert_ne!(reason, Some(Overtake::Race), "{real:?}: no reason");
        if TELLS_OVERTAKES {
            assert_eq!(real.overtook, reason, "{real:?}");
        }
        let queue = self.plain.classes[self.plain.callers[pair.call].class].queue;
        if let Some(reason) = reason {
            *self.overtakes.entry((queue, reason)).or_default() += 1;
        }
        let word = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let millis = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        for word in [millis, word(pair.operator), word(pair.call)] {
            self.digest.add(word);
        }
        self.compare_operator(pair.operator);
        Some(Offer {
            operator: pair.operator,
            call: pair.call,
            claim: real.claim,
            round: self.plain.operators[pair.operator].generation,
        })
    }

    fn enter_in_ledger(&mut self, real: &Matched) {
        let ledger = &mut self.ledger;
        let before = ledger.call_of[real.operator].replace(real.call);
        assert_eq!(before, None, "{real:?}: the operator has another call");
        let before = ledger.operator_of[real.call].replace(real.operator);
        assert_eq!(before, None, "{real:?}: another operator has the call");
        let generation = Some(real.claim.generation);
        let before = std::mem::replace(&mut ledger.generation[real.operator], generation);
        assert!(before < generation, "{real:?}: a claim from before");
    }

    pub(crate) fn compare_operator(&self, number: usize) {
        let operator = &self.plain.operators[number];
        let said = (self.real.state(number), self.real.pending(number));
        let expected = (operator.state, operator.mark);
        assert_eq!(said, expected, "operator {number} at {:?}", self.now);
    }

    fn compare_call(&self, call: usize) {
        let caller = &self.plain.callers[call];
        let kept = caller.keeper.is_some() && caller.stage != Stage::Gone;
        assert_eq!(self.real.is_kept(call), kept, "call {call}");
        self.compare_class(caller.class);
    }

    pub(crate) fn compare_class(&self, class: usize) {
        let line = &self.plain.waiting[class];
        let oldest = line.first().map(|(age, _)| *age);
        let said = (self.real.waiting_in(class), self.real.oldest(class));
        assert_eq!(
            said,
            (line.len(), oldest),
            "class {class} at {:?}",
            self.now
        );
    }
}
