//! What tests look at.

use std::time::Duration;

use crate::model::{Event, OperatorName, OperatorState};
use crate::record::CallRecord;
use crate::sim::phone::Phone;
use crate::sim::{Doing, PhoneId, World};

impl World {
    /// How many answers of the phone were acknowledged by PRACK.
    #[must_use]
    pub fn pracks(&self, phone: PhoneId) -> usize {
        self.phones.get(phone.0).map_or(0, |phone| phone.pracks)
    }

    /// Whether another phone behind the same address is in a call of its own.
    #[must_use]
    pub fn is_forked(&self, phone: PhoneId) -> bool {
        self.phones
            .get(phone.0)
            .is_some_and(|phone| phone.fork.is_some())
    }

    /// Whether the phone has a second call.
    #[must_use]
    pub fn has_second(&self, phone: PhoneId) -> bool {
        let phone = self.phones.get(phone.0);
        phone.is_some_and(|phone| phone.second.is_some())
    }

    /// What the phone was told of its REFERs: status codes of NOTIFYs and of refusals.
    #[must_use]
    pub fn notified(&self, phone: PhoneId) -> Vec<u16> {
        let phone = self.phones.get(phone.0);
        phone.map_or_else(Vec::new, |phone| phone.notified.clone())
    }

    /// What a phone does.
    #[must_use]
    pub fn doing(&self, phone: PhoneId) -> Doing {
        self.phones.get(phone.0).map_or(Doing::Idle, Phone::doing)
    }

    /// Every final code that a phone's own requests got.
    #[must_use]
    pub fn codes(&self, phone: PhoneId) -> &[u16] {
        self.phones.get(phone.0).map_or(&[], |phone| &phone.codes)
    }

    /// How often a phone was in a call.
    #[must_use]
    pub fn talked(&self, phone: PhoneId) -> usize {
        self.phones.get(phone.0).map_or(0, |phone| phone.talked)
    }

    /// Whether two phones hear each other.
    #[must_use]
    pub fn bridged(&self, one: PhoneId, other: PhoneId) -> bool {
        let sound = |phone: PhoneId| self.phones.get(phone.0).map(Phone::sound);
        sound(one)
            .zip(sound(other))
            .is_some_and(|(one, other)| self.booth.bridged(one, other))
    }

    /// The keys that the phone hears as events of ours.
    #[must_use]
    pub fn pressed(&self, phone: PhoneId) -> String {
        let sound = self.phones.get(phone.0).map(Phone::sound);
        sound.map_or_else(String::new, |sound| self.booth.pressed(sound))
    }

    /// What an operator does.
    #[must_use]
    pub fn operator_state(&self, name: &str) -> OperatorState {
        let board = &self.shared.board;
        let id = board.find(&OperatorName::from(name));
        id.map_or(OperatorState::LoggedOut, |id| board.state(id))
    }

    /// Everything that happened, with the time since the beginning.
    #[must_use]
    pub fn events(&self) -> &[(Duration, Event)] {
        &self.events
    }

    /// The records of calls that ended, in order of their ids.
    #[must_use]
    pub fn records(&self) -> Vec<&CallRecord> {
        self.records.values().collect()
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.started
    }

    /// What is still held though nobody calls: empty when all is given back.
    #[must_use]
    pub fn leaks(&self) -> Vec<String> {
        let mut leaks = Vec::new();
        for shard in &self.shards {
            if !shard.is_clean() {
                leaks.push(format!("{} calls", shard.calls()));
            }
            if shard.transactions() > 0 {
                leaks.push(format!("{} transactions", shard.transactions()));
            }
        }
        if self.booth.open() > 0 {
            leaks.push(format!("{} streams", self.booth.open()));
        }
        if self.shared.gates.count("calls") > 0 {
            leaks.push(format!("{} permits", self.shared.gates.count("calls")));
        }
        if !self.shared.stopping.is_empty() {
            leaks.push("phones that are to stop ringing".to_owned());
        }
        if !self.shared.waiting.is_empty() {
            leaks.push(format!("{} waiting calls", self.shared.waiting.len()));
        }
        leaks
    }

    /// How many wait in a queue.
    #[must_use]
    pub fn waiting(&self, queue: &str) -> usize {
        self.shared.hall.waiting(&queue.into())
    }
}
