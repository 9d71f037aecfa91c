//! The record of a call that the process did not live to end.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::model::{Hangup, QueueName};
use crate::record::ledger::{OFFERS, PATH, blank};
use crate::record::{CallRecord, OfferRecord, StoredEvent};

/// A call that the process did not live to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// Its record: it failed by a fault of ours.
    pub record: CallRecord,
    /// When the caller was first queued, if the caller waited or talked when it was lost.
    pub queued: Option<SystemTime>,
}

/// What is known of a call from its events, in order, of which the last was the last that
/// was kept. `None` when its beginning is not among them.
#[must_use]
pub fn lost(events: &[StoredEvent]) -> Option<Lost> {
    let begun = events.iter().find(|event| event.kind == "call_started")?;
    let mut record = CallRecord {
        from: said(begun, "from")?,
        to: said(begun, "to")?,
        flow: said(begun, "flow"),
        project: said(begun, "project"),
        trunk: said(begun, "trunk"),
        hangup: Some(Hangup::Fault),
        ..blank(begun.call.clone()?, said(begun, "number")?, begun.at)
    };
    let (mut waits_since, mut talks_since) = (None, None);
    for event in events {
        record.ended = record.ended.max(event.at);
        note(&mut record, event, (&mut waits_since, &mut talks_since));
    }
    record.waited += past(waits_since, record.ended);
    record.talked += past(talks_since, record.ended);
    let first = events.iter().find(|event| event.kind == "queued");
    let cut = waits_since.or(talks_since);
    Some(Lost {
        queued: cut.and(first).map(|event| event.at),
        record,
    })
}

fn past(since: Option<SystemTime>, until: SystemTime) -> Duration {
    since.map_or(Duration::ZERO, |since| {
        until.duration_since(since).unwrap_or_default()
    })
}

/// As the ledger does, from what is kept of an event.
fn note(
    record: &mut CallRecord,
    event: &StoredEvent,
    (waits_since, talks_since): (&mut Option<SystemTime>, &mut Option<SystemTime>),
) {
    match event.kind.as_str() {
        "call_answered" => record.answered = Some(event.at),
        "flow_step" if record.path.len() < PATH => record.path.extend(said(event, "node")),
        "queued" => {
            *waits_since = Some(event.at);
            record.queue = said(event, "queue");
        }
        "dequeued" => {
            *waits_since = None;
            record.waited += seconds(event, "waited_s");
        }
        "offer_ended" if record.offers.len() < OFFERS => record.offers.extend(offer(event)),
        "talking" => {
            *talks_since = Some(event.at);
            record.queue = said(event, "queue").or_else(|| record.queue.take());
            record.operator = said(event, "operator");
        }
        "on_line" => {
            *talks_since = Some(event.at);
            record.line = said(event, "line");
        }
        "talk_ended" => {
            *talks_since = None;
            record.talked += seconds(event, "talked_s");
        }
        "callback_promised" | "calling_back" => record.callback = said(event, "callback"),
        "carried" => {
            record.tags = said(event, "tags").unwrap_or_default();
            record.vars = said(event, "vars").unwrap_or_default();
        }
        _ => {}
    }
}

fn offer(event: &StoredEvent) -> Option<OfferRecord> {
    let queue: QueueName = said(event, "queue")?;
    Some(OfferRecord {
        operator: said(event, "operator")?,
        queue,
        result: said(event, "result")?,
        rang: seconds(event, "rang_s"),
    })
}

/// What an event says under a name; nothing when a later version says it otherwise.
fn said<T: DeserializeOwned>(event: &StoredEvent, name: &str) -> Option<T> {
    let value = event.data.get(name)?;
    serde_json::from_value(value.clone()).ok()
}

fn seconds(event: &StoredEvent, name: &str) -> Duration {
    let seconds = said(event, name).map(Duration::try_from_secs_f64);
    seconds.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::model::{Event, OfferResult, Outcome, Sequence, Stamped};
    use crate::record::Ledger;

    fn story() -> Vec<Stamped> {
        let call = || "c1".into();
        let events = [
            Event::CallStarted {
                call: call(),
                from: "+3120".into(),
                to: "1000".into(),
                number: "1000".into(),
                flow: "welcome".into(),
                project: Some("shop".into()),
                trunk: "local".into(),
            },
            Event::CallAnswered {
                call: call(),
                setup: Duration::from_millis(3),
            },
            Event::FlowStep {
                call: call(),
                flow: "welcome".into(),
                node: "menu".into(),
                verb: "menu",
            },
            Event::Queued {
                call: call(),
                queue: "support".into(),
                priority: 0,
            },
            Event::OfferEnded {
                call: call(),
                queue: "support".into(),
                operator: "ann".into(),
                result: OfferResult::Missed,
                rang: Duration::from_millis(1_500),
            },
            Event::Dequeued {
                call: call(),
                queue: "support".into(),
                waited: Duration::from_secs(2),
                exit: crate::model::DequeueReason::Answered,
            },
            Event::Talking {
                call: call(),
                queue: "support".into(),
                operator: "bob".into(),
                waited: Duration::from_secs(2),
            },
            Event::Held {
                call: call(),
                by_caller: true,
            },
        ];
        let stamped = events.into_iter().zip(0..).map(|(event, second)| Stamped {
            sequence: Sequence(second),
            at: UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second),
            event,
        });
        stamped.collect()
    }

    /// What the ledger would have said if the call had ended with its last event.
    #[test]
    fn a_lost_call_has_the_record_that_its_end_would_have_made() {
        let story = story();
        for length in 1..=story.len() {
            let story = &story[..length];
            let kept: Vec<StoredEvent> = story.iter().map(StoredEvent::from).collect();
            let mut ledger = Ledger::new();
            for stamped in story {
                assert_eq!(ledger.handle(stamped), None);
            }
            let last = story.last().unwrap().at;
            let ended = ledger.handle(&Stamped {
                sequence: Sequence(99),
                at: last,
                event: Event::CallEnded {
                    call: "c1".into(),
                    outcome: Outcome::Failed,
                    hangup: Hangup::Fault,
                    cause: None,
                    said: crate::model::Said::default(),
                    lasted: Duration::ZERO,
                },
            });
            let Lost { mut record, queued } = lost(&kept).unwrap();
            // The wait ended with the sixth event, and the talk began with the seventh.
            let waited_or_talked = length >= 4 && length != 6;
            assert_eq!(
                queued,
                waited_or_talked.then(|| story[3].at),
                "{length} events"
            );
            // The ledger counts waits and talks at their end only, which these have not.
            let mut ended = ended.unwrap();
            if length == 5 {
                assert_eq!(record.waited, Duration::from_secs(1));
                record.waited = Duration::ZERO;
            }
            if length == 8 {
                assert_eq!(record.talked, Duration::from_secs(1));
                (record.talked, ended.talked) = (Duration::ZERO, Duration::ZERO);
            }
            assert_eq!(record, ended, "{length} events");
        }
        assert_eq!(lost(&[]), None);
    }
}
