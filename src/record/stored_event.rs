//! An event as it is kept: a kind, the call, and the rest as JSON.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{CallId, Carried, Event, Recorded, RecordingChange, Stamped, Surveyed};
use crate::record::QualityRecord;
use crate::record::call_record::{moment, seconds};

/// One event in the store, unique by process start and sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its place among all events of the process.
    pub sequence: u64,
    /// When it happened.
    #[serde(with = "moment")]
    pub at: SystemTime,
    /// What happened: `call_started`, `queued`, ….
    pub kind: String,
    /// The call it is about.
    pub call: Option<CallId>,
    /// Everything else it says, as a JSON object.
    pub data: Value,
}

impl From<&Stamped> for StoredEvent {
    fn from(stamped: &Stamped) -> Self {
        Self {
            sequence: stamped.sequence.0,
            at: stamped.at,
            kind: stamped.event.kind().to_owned(),
            call: call(&stamped.event).cloned(),
            data: data(&stamped.event),
        }
    }
}

impl StoredEvent {
    /// The call that an event is about.
    #[must_use]
    pub fn call_of(event: &Event) -> Option<&CallId> {
        call(event)
    }
}

fn call(event: &Event) -> Option<&CallId> {
    match event {
        Event::CallStarted { call, .. }
        | Event::CallRejected { call, .. }
        | Event::CallAnswered { call, .. }
        | Event::FlowStep { call, .. }
        | Event::FlowFailed { call, .. }
        | Event::Notified { call, .. }
        | Event::Queued { call, .. }
        | Event::Dequeued { call, .. }
        | Event::Escalated { call, .. }
        | Event::Offered { call, .. }
        | Event::Prioritized { call, .. }
        | Event::Uncoverable { call, .. }
        | Event::CameBack { call, .. }
        | Event::OfferEnded { call, .. }
        | Event::Talking { call, .. }
        | Event::OnLine { call, .. }
        | Event::LineTried { call, .. }
        | Event::Transferring { call, .. }
        | Event::Transferred { call, .. }
        | Event::Surveyed(Surveyed { call, .. })
        | Event::Carried(Carried { call, .. })
        | Event::Recording(Recorded { call, .. })
        | Event::Held { call, .. }
        | Event::Resumed { call, .. }
        | Event::TalkEnded { call, .. }
        | Event::StreamEnded { call, .. }
        | Event::CallbackPromised { call, .. }
        | Event::CallingBack { call, .. }
        | Event::CallEnded { call, .. } => Some(call),
        Event::OperatorChanged { call, .. } | Event::Fault { call, .. } => call.as_ref(),
        Event::Estimated { .. }
        | Event::LineReach { .. }
        | Event::TrunkReach { .. }
        | Event::TrunkRegistered { .. }
        | Event::Registered { .. }
        | Event::Unregistered { .. }
        | Event::Refused { .. }
        | Event::ShutOut { .. }
        | Event::CallbackEnded { .. }
        | Event::WrongPasswords { .. }
        | Event::HeardAgain { .. } => None,
    }
}

#[expect(clippy::too_many_lines, reason = "one short arm for each event")]
fn data(event: &Event) -> Value {
    match event {
        Event::CallStarted {
            from,
            to,
            number,
            flow,
            project,
            trunk,
            ..
        } => json!({
            "from": from, "to": to, "number": number, "flow": flow,
            "project": project, "trunk": trunk,
        }),
        Event::CallRejected {
            from,
            to,
            number,
            code,
            ..
        } => json!({ "from": from, "to": to, "number": number, "code": code }),
        Event::CallAnswered { setup, .. } => json!({ "setup_s": seconds::of(*setup) }),
        Event::FlowStep {
            flow, node, verb, ..
        } => json!({ "flow": flow, "node": node, "verb": verb }),
        Event::Notified {
            flow,
            node,
            name,
            data,
            ..
        } => json!({ "flow": flow, "node": node, "name": name, "data": data }),
        Event::FlowFailed {
            flow, node, fault, ..
        } => json!({ "flow": flow, "node": node, "fault": fault }),
        Event::Queued {
            queue, priority, ..
        } => json!({ "queue": queue, "priority": priority }),
        Event::Dequeued {
            queue,
            waited,
            exit,
            ..
        } => json!({ "queue": queue, "waited_s": seconds::of(*waited), "exit": exit }),
        Event::Escalated {
            queue, step, line, ..
        } => json!({ "queue": queue, "step": step, "line": line }),
        Event::Offered {
            queue,
            operator,
            decided_in,
            overtook,
            ..
        } => json!({
            "queue": queue, "operator": operator, "decided_in_s": decided_in.as_secs_f64(),
            "overtook": overtook,
        }),
        Event::Prioritized {
            queue, priority, ..
        } => json!({ "queue": queue, "priority": priority }),
        Event::Uncoverable { queue, .. } | Event::CameBack { queue, .. } => {
            json!({ "queue": queue })
        }
        Event::Estimated { queue, error } => {
            json!({ "queue": queue, "error_s": seconds::of(*error) })
        }
        Event::OfferEnded {
            queue,
            operator,
            result,
            rang,
            ..
        } => json!({
            "queue": queue, "operator": operator, "result": result,
            "rang_s": seconds::of(*rang),
        }),
        Event::Talking {
            queue,
            operator,
            waited,
            ..
        } => json!({ "queue": queue, "operator": operator, "waited_s": seconds::of(*waited) }),
        Event::LineTried { line, result, .. } => json!({ "line": line, "result": result }),
        Event::LineReach { line, up } => json!({ "line": line, "up": up }),
        Event::TrunkReach { trunk, up } => json!({ "trunk": trunk, "up": up }),
        Event::TrunkRegistered {
            trunk,
            registered,
            code,
        } => json!({ "trunk": trunk, "registered": registered, "code": code }),
        Event::OnLine { line, .. } | Event::Transferring { line, .. } => json!({ "line": line }),
        Event::Transferred {
            by,
            kind,
            to,
            attended,
            code,
            ..
        } => json!({ "by": by, "kind": kind, "to": to, "attended": attended, "code": code }),
        Event::Carried(carried) => json!({ "tags": carried.tags, "vars": carried.vars }),
        Event::Surveyed(surveyed) => json!({
            "flow": surveyed.flow, "project": surveyed.project, "queue": surveyed.queue,
            "operator": surveyed.operator, "question": surveyed.question,
            "answer": surveyed.answer,
        }),
        Event::Recording(recorded) => recording(recorded),
        Event::Held { by_caller, .. } | Event::Resumed { by_caller, .. } => {
            json!({ "by_caller": by_caller })
        }
        Event::TalkEnded {
            queue,
            operator,
            talked,
            ..
        } => json!({ "queue": queue, "operator": operator, "talked_s": seconds::of(*talked) }),
        Event::StreamEnded {
            caller, quality, ..
        } => json!({ "caller": caller, "quality": QualityRecord::from(*quality) }),
        Event::CallEnded {
            outcome,
            hangup,
            cause,
            lasted,
            ..
        } => {
            let lasted_s = seconds::of(*lasted);
            json!({ "outcome": outcome, "hangup": hangup, "cause": cause, "lasted_s": lasted_s })
        }
        Event::OperatorChanged {
            operator,
            state,
            reason,
            ..
        } => json!({ "operator": operator, "state": state, "reason": reason }),
        Event::Registered {
            operator,
            contact,
            remote,
            refresh,
        } => json!({
            "operator": operator, "contact": contact, "remote": remote, "refresh": refresh,
        }),
        Event::Unregistered {
            operator,
            contact,
            vanished,
        } => json!({ "operator": operator, "contact": contact, "vanished": vanished }),
        Event::Refused { reason, source } => json!({ "reason": reason, "source": source }),
        Event::ShutOut {
            source,
            lasts,
            shut,
        } => json!({ "source": source, "lasts_s": lasts.as_secs(), "shut": shut.as_str() }),
        Event::HeardAgain { source } => json!({ "source": source }),
        Event::WrongPasswords {
            account,
            source,
            count,
        } => json!({ "account": account, "source": source, "count": count }),
        Event::CallbackPromised {
            callback,
            queue,
            number,
            ..
        } => json!({ "callback": callback, "queue": queue, "number": number }),
        Event::CallingBack {
            callback,
            queue,
            operator,
            line,
            attempt,
            waited,
            ..
        } => json!({
            "callback": callback, "queue": queue, "operator": operator, "line": line,
            "attempt": attempt, "waited_s": seconds::of(*waited),
        }),
        Event::CallbackEnded {
            callback,
            queue,
            result,
            attempts,
        } => json!({
            "callback": callback, "queue": queue, "result": result, "attempts": attempts,
        }),
        Event::Fault { what, .. } => json!({ "what": what }),
    }
}

/// Who is recorded stands with the call and with the recording itself, and nowhere else.
fn recording(recorded: &Recorded) -> Value {
    let (id, mailbox) = (&recorded.recording, &recorded.mailbox);
    match recorded.change {
        RecordingChange::Ended { result, length } => json!({
            "recording": id, "mailbox": mailbox, "result": result,
            "duration_s": seconds::of(length),
        }),
        RecordingChange::Started | RecordingChange::Paused | RecordingChange::Resumed => {
            json!({ "recording": id, "mailbox": mailbox })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::{DequeueReason, Sequence};

    #[test]
    fn an_event_reads_back_from_its_stored_form() {
        let stored = StoredEvent::from(&Stamped {
            sequence: Sequence(7),
            at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
            event: Event::Dequeued {
                call: "c1".into(),
                queue: "support".into(),
                waited: Duration::from_millis(12_345),
                exit: DequeueReason::NoOperators,
            },
        });
        let text = serde_json::to_string(&stored).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"sequence":7,"at":"2023-11-14T22:13:20.250Z","kind":"dequeued","call":"c1","#,
                r#""data":{"exit":"no_operators","queue":"support","waited_s":12.345}}"#
            )
        );
        assert_eq!(serde_json::from_str::<StoredEvent>(&text).unwrap(), stored);
    }
}
