//! What a waiting caller hears: music, and what is said between it.
//!
//! # Why
//! What was said of the wait is remembered, from wait to wait in one queue: a caller who
//! hears "two minutes" and later "four" is told that it takes longer than was said, and
//! where the numbers do not get worse nothing is said about them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::call::in_queue::outlook;
use crate::flow::{Spoken, speech};
use crate::media::{Command, Sound};
use crate::model::QueueName;
use crate::queue::Estimate;

/// Messages that wait for the one before to end.
const UNSAID: usize = 4;
/// So much later than was said is not worth a word.
const GRACE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// What a caller was last told of the wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    queue: QueueName,
    /// Then the longest wait that was said is over.
    until: Instant,
    said_at: Instant,
}

impl Promise {
    /// What is told at this moment, and whether it is worse than what was told before.
    fn renew(
        before: Option<&Self>,
        queue: &QueueName,
        estimate: Estimate,
        now: Instant,
    ) -> (Self, bool) {
        let said = now + in_minutes(estimate.most);
        let anew = |until| Self {
            queue: queue.clone(),
            until,
            said_at: now,
        };
        let Some(before) = before.filter(|before| before.queue == *queue) else {
            return (anew(said), false);
        };
        // Said in whole minutes, a wait looks a little longer than it is.
        let grace = now.saturating_duration_since(before.said_at).min(GRACE);
        let left = before.until.saturating_duration_since(now);
        let worse = in_minutes(estimate.most) > in_minutes(left + grace);
        let until = if worse { said } else { said.min(before.until) };
        (anew(until), worse)
    }
}

/// As it is said: rounded up, and never nothing.
fn in_minutes(wait: Duration) -> Duration {
    MINUTE * u32::try_from(wait.as_secs().div_ceil(60).max(1)).unwrap_or(u32::MAX)
}

impl Call {
    /// Plays the queue's music, from its beginning. Who rings one operator hears that.
    pub(super) fn music(&mut self, floor: &mut Floor<'_>) {
        self.playing = None;
        let Some(queue) = self.queued() else { return };
        let (named, music) = (queue.is_named(), queue.music.clone());
        let sounds = &self.facts.snapshot.sounds;
        let sound = if named {
            Some(sounds.ringing())
        } else {
            music.and_then(|name| sounds.sound("music", &name))
        };
        if let Some(sound) = sound {
            self.loop_sound(self.leg.id, &sound, floor);
        }
    }

    /// Tells the place in line, and how long it may take if anybody can say.
    pub(super) fn announce(&mut self, position: bool, estimated_wait: bool, floor: &mut Floor<'_>) {
        let language = self.run.language().to_owned();
        let Some(queue) = self.queued() else { return };
        let (ticket, settings) = (queue.ticket, Arc::clone(&queue.settings));
        let mut spoken = Vec::new();
        if position {
            let ahead = floor.shared.board.ahead(ticket);
            let place = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
            spoken.extend(speech::position(place, &language));
        }
        let estimate = estimated_wait.then(|| outlook(ticket, &settings, floor));
        if let Some(estimate) = estimate.flatten() {
            let before = self.story.promise.as_ref();
            let (promise, worse) = Promise::renew(before, &settings.name, estimate, floor.now);
            if worse {
                spoken.extend(speech::waiting_longer(&language));
            }
            let Estimate { likely, most } = estimate;
            spoken.extend(speech::wait_between(likely, most, &language));
            self.story.promise = Some(promise);
        }
        self.tell_waiting(&spoken, floor);
    }

    /// One of the messages between the music.
    pub(super) fn comfort(&mut self, message: usize, floor: &mut Floor<'_>) {
        let Some(queue) = self.queued() else { return };
        let message = queue.comfort.get(message);
        let spoken = message.map(|message| message.sounds.clone());
        self.tell_waiting(&spoken.unwrap_or_default(), floor);
    }

    /// Says something between the music: after what is being said, and not to somebody for
    /// whom a phone rings.
    fn tell_waiting(&mut self, spoken: &[Spoken], floor: &mut Floor<'_>) {
        if self.queued().is_none_or(|queue| !queue.offers.is_empty()) {
            return;
        }
        let sounds = self.sounds(spoken, floor);
        if sounds.is_empty() {
            return;
        }
        if self.playing.is_none() {
            return self.play_waiting(sounds, floor);
        }
        if let Some(queue) = self.queued()
            && queue.unsaid.len() < UNSAID
        {
            queue.unsaid.push_back(sounds);
        }
    }

    /// Plays what a key asks for to a caller who keeps the place, at once.
    pub(super) fn aside(&mut self, key: char, floor: &mut Floor<'_>) -> bool {
        let spoken = self
            .queued()
            .and_then(|queue| queue.asides.get(&key).cloned());
        let Some(spoken) = spoken else { return false };
        let sounds = self.sounds(&spoken, floor);
        if !sounds.is_empty() {
            self.play_waiting(sounds, floor);
        }
        true
    }

    fn play_waiting(&mut self, sounds: Arc<[Arc<Sound>]>, floor: &mut Floor<'_>) {
        let play = self.next_play();
        self.playing = Some(play);
        floor.media(Command::Play {
            leg: self.leg.id,
            play,
            sounds,
            looped: false,
        });
    }

    /// What was said is over: what waits to be said, or the music again.
    pub(super) fn said(&mut self, floor: &mut Floor<'_>) {
        match self.queued().and_then(|queue| queue.unsaid.pop_front()) {
            Some(sounds) => self.play_waiting(sounds, floor),
            None => self.music(floor),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "any moment serves as the beginning"
    )]

    use super::*;

    /// What is told at some seconds with some seconds at most to wait: `+` where the caller
    /// is told that it takes longer.
    fn told(estimates: &[(u64, u64)]) -> String {
        let start = Instant::now();
        let mut before = None;
        let mut words = Vec::new();
        for (at, most) in estimates {
            let most = Duration::from_secs(*most);
            let estimate = Estimate {
                likely: most / 2,
                most,
            };
            let now = start + Duration::from_secs(*at);
            let queue = QueueName::from("support");
            let (promise, worse) = Promise::renew(before.as_ref(), &queue, estimate, now);
            let minutes = in_minutes(most).as_secs() / 60;
            words.push(format!("{}{minutes}", if worse { "+" } else { "" }));
            before = Some(promise);
        }
        words.join(" ")
    }

    #[test]
    fn a_wait_that_is_worse_than_was_said_is_told_so() {
        for (estimates, expected) in [
            // Just as was said, and better.
            (vec![(0, 300), (60, 240), (120, 180), (180, 30)], "5 4 3 1"),
            // It does not get shorter for a while: the same number, then a word of regret.
            (vec![(0, 290), (30, 290), (120, 290)], "5 5 +5"),
            // Better, then worse than that, though not than at first.
            (vec![(0, 600), (60, 120), (90, 240)], "10 2 +4"),
            // After the word of regret the longer wait is what was said.
            (vec![(0, 60), (45, 300), (90, 290), (105, 240)], "1 +5 5 4"),
            // A little more, soon after: no number that is heard is worse in silence.
            (vec![(0, 60), (10, 61)], "1 +2"),
        ] {
            assert_eq!(told(&estimates), expected, "{estimates:?}");
        }
    }

    #[test]
    fn no_number_gets_worse_in_silence() {
        for first in (0..900).step_by(7) {
            for later in 10..200 {
                for most in (0..900).step_by(11) {
                    let told = told(&[(0, first), (later, most)]);
                    let (one, other) = told.split_once(' ').unwrap();
                    let worse = other.parse::<u64>().is_ok_and(|n| n > one.parse().unwrap());
                    assert!(!worse || other.starts_with('+'), "{told}");
                }
            }
        }
    }

    #[test]
    fn another_queue_is_another_matter() {
        let now = Instant::now();
        let estimate = |most| Estimate {
            likely: MINUTE,
            most,
        };
        let (before, _) = Promise::renew(None, &"a".into(), estimate(MINUTE), now);
        let later = estimate(9 * MINUTE);
        assert!(!Promise::renew(Some(&before), &"b".into(), later, now).1);
        assert!(Promise::renew(Some(&before), &"a".into(), later, now).1);
    }
}
