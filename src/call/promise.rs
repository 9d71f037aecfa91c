//! A caller is promised to be called back, or comes back by phone before that.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::call::call::Call;
use crate::call::callbacks::{Callback, CallbackKey, Doing, Keep, Pending, Promised};
use crate::call::floor::{Floor, Output};
use crate::flow::{self, CallbackRequest};
use crate::model::{CallId, CallbackResult, Event, Number, QueueName, Requirement};

/// What the caller asked of the last queue: whoever calls back must be able to help too.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) queue: QueueName,
    pub(super) require: Requirement,
    pub(super) prefer: Requirement,
    pub(super) priority: i16,
}

impl Call {
    /// The flow's `callback`: makes the promise and says whether it is made.
    pub(super) fn promise(&mut self, request: &CallbackRequest, floor: &mut Floor<'_>) {
        let made = self.try_promise(request, floor).is_some();
        let returned = flow::Returned::Callback(made);
        self.drive(flow::Input::Returned(returned), floor);
    }

    fn try_promise(&mut self, request: &CallbackRequest, floor: &mut Floor<'_>) -> Option<()> {
        let wanted = self.story.wanted.as_ref();
        let queue = request.queue.as_ref();
        let queue = queue
            .or_else(|| wanted.map(|wanted| &wanted.queue))?
            .clone();
        let wanted = wanted.filter(|wanted| wanted.queue == queue).cloned();
        let settings = self.facts.snapshot.config.queues.get(&queue)?;
        let back = settings.callback.as_ref()?;
        if !back.allows(&request.number) {
            return None;
        }
        let now = floor.now;
        let age = self.story.queued_first.unwrap_or(now);
        let promised_ms = floor.wall_ms();
        let waited = now.saturating_duration_since(age);
        self.promises += 1;
        let callback = Callback {
            id: CallId::new(format!("{}.{}", self.facts.id, self.promises)),
            queue,
            number: Number::new(request.number.as_str()),
            called: self.facts.to.clone(),
            project: self.facts.project.clone(),
            require: wanted
                .as_ref()
                .map(|w| w.require.clone())
                .unwrap_or_default(),
            prefer: wanted
                .as_ref()
                .map(|w| w.prefer.clone())
                .unwrap_or_default(),
            priority: wanted.map_or_else(|| self.run.priority(), |w| w.priority),
            since_ms: promised_ms.saturating_sub(millis(waited)),
            promised_ms,
            next_ms: promised_ms,
            attempts: 0,
        };
        let pending = Pending {
            callback: callback.clone(),
            age,
            home: floor.shard,
            doing: Doing::Rests,
        };
        match floor.shared.callbacks.promise(pending, back).ok()? {
            Promised::Made => {
                let key = callback.key();
                let id = callback.id.clone();
                floor.tell(Event::CallbackPromised {
                    call: self.facts.id.clone(),
                    callback: id,
                    queue: callback.queue.clone(),
                    number: callback.number.clone(),
                });
                floor.out.push(Output::Keep {
                    keep: Keep::Pending(callback),
                    asks: false,
                });
                floor.out.push(Output::Look { key, at: now });
            }
            Promised::Known(_) => {}
        }
        Some(())
    }

    /// A caller who was promised a call, or was lost with an earlier process, and waits
    /// again is in the old place: when the call was first queued, the oldest of all.
    pub(super) fn takes_place_back(
        &mut self,
        queue: &QueueName,
        age: Instant,
        floor: &mut Floor<'_>,
    ) -> Instant {
        if self.facts.made_by.is_some() {
            return age;
        }
        let key = CallbackKey {
            queue: queue.clone(),
            number: self.facts.from.clone(),
        };
        let lost = floor.shared.comebacks.take(&key, floor.wall_ms());
        if lost.is_some() {
            floor.tell(Event::CameBack {
                call: self.facts.id.clone(),
                queue: queue.clone(),
            });
        }
        let promised = floor.shared.callbacks.take(&key).map(|pending| {
            if let Doing::Waits(call) = pending.doing {
                floor.out.push(Output::Withdraw(call));
            }
            floor.callback_over(pending.callback, CallbackResult::CalledIn);
            pending.age
        });
        let Some(before) = lost.into_iter().chain(promised).min() else {
            return age;
        };
        let age = age.min(before);
        self.story.queued_first = Some(age);
        age
    }
}

impl Floor<'_> {
    /// Tells that a callback is over, and has it kept so. It is out of the book already.
    pub fn callback_over(&mut self, callback: Callback, result: CallbackResult) {
        self.tell(Event::CallbackEnded {
            callback: callback.id.clone(),
            queue: callback.queue.clone(),
            result,
            attempts: callback.attempts,
        });
        self.out.push(Output::Keep {
            keep: Keep::Over(callback),
            asks: false,
        });
    }

    /// The wall clock, in milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        wall_ms(self.shared.epoch.wall_at(self.now))
    }
}

/// Milliseconds since 1970; times before count as 0.
#[must_use]
pub fn wall_ms(at: SystemTime) -> u64 {
    millis(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
