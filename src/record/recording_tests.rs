//! What is kept of recordings and messages, and what is shown of them.

use std::time::Duration;

use serde_json::json;

use super::tests::{at, fold, stamped, started};
use crate::model::{Event, Hangup, Outcome, Recorded, RecordingChange, RecordingResult};
use crate::record::{Floor, Ledger, Live};

fn recording(millis: u64, mailbox: Option<&str>, change: RecordingChange) -> (u64, Event) {
    let recorded = Recorded {
        call: "c1".into(),
        recording: "c1-1".into(),
        mailbox: mailbox.map(Into::into),
        from: "+31612345678".into(),
        change,
    };
    (millis, Event::Recording(recorded))
}

const KEPT: RecordingChange = RecordingChange::Ended {
    result: RecordingResult::Kept,
    length: Duration::from_millis(61_500),
};

#[test]
fn a_message_whose_file_is_closed_after_the_call_is_in_the_record() {
    let mut ledger = Ledger::new();
    let ended = Event::CallEnded {
        call: "c1".into(),
        outcome: Outcome::EndedInFlow,
        hangup: Hangup::Caller,
        cause: None,
        said: crate::model::Said::default(),
        lasted: Duration::from_secs(70),
    };
    let records = fold(
        &mut ledger,
        vec![
            (0, started("c1")),
            recording(2_000, Some("office"), RecordingChange::Started),
            (70_000, ended),
            recording(70_100, Some("office"), KEPT),
            recording(70_200, None, RecordingChange::Paused),
        ],
    );
    let shown: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.revision,
                serde_json::to_value(&record.recordings).unwrap(),
            )
        })
        .collect();
    let of = |duration: f64, result: Option<&str>| {
        json!([{
            "id": "c1-1", "mailbox": "office", "started": "2023-11-14T22:13:22.000Z",
            "duration_s": duration, "result": result,
        }])
    };
    assert_eq!(shown, [(0, of(0.0, None)), (1, of(61.5, Some("kept")))]);
}

#[test]
fn a_live_call_shows_whether_it_is_recorded() {
    let mut live = Live::new(&Floor::default(), at(0));
    live.handle(&stamped(0, started("c1")));
    for (change, shown) in [
        (None, None),
        (Some(RecordingChange::Started), Some("on")),
        (Some(RecordingChange::Paused), Some("paused")),
        (Some(RecordingChange::Resumed), Some("on")),
        (Some(KEPT), None),
    ] {
        if let Some(change) = change {
            let (millis, event) = recording(1, None, change);
            live.handle(&stamped(millis, event));
        }
        assert_eq!(
            live.call("c1", at(2)).unwrap().recording,
            shown,
            "{change:?}"
        );
    }
}
