//! What a scrape says after some events.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::metric::sip::{Counts, Direction};
use crate::metric::{Kind, Names, Observer, Recorder, TABLE};
use crate::model::{
    Answer, DequeueReason, Event, FlowFault, Hangup, OfferResult, OperatorState, Outcome,
    RejectReason, Sequence, Stamped, StreamQuality, Surveyed,
};
use crate::record::{Floor, Live};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn names() -> Names {
    Names {
        callbacks: vec!["support".into()],
        lines: vec!["field".into()],
        registers: vec!["carrier".into()],
        probed_lines: vec!["field".into()],
        probed_trunks: vec!["carrier".into()],
        numbers: vec!["1000".into()],
        queues: vec![("support".into(), 2)],
        flows: vec!["welcome".into()],
        mailboxes: vec!["office".into()],
        webhooks: vec!["crm".into()],
    }
}

/// The text of a scrape after these events.
fn scrape(events: Vec<(u64, Event)>) -> String {
    let recorder = Recorder::new().unwrap();
    let floor = Floor {
        queues: vec![std::sync::Arc::new(crate::queue::Settings::named(
            "support".into(),
        ))],
        ..Floor::default()
    };
    let mut live = Live::new(&floor, at(0));
    recorder.within(|| {
        drop(Counts::new());
        let mut observer = Observer::new();
        observer.expect(&names());
        for (seconds, event) in events {
            let stamped = Stamped {
                sequence: Sequence(1),
                at: at(seconds),
                event,
            };
            live.handle(&stamped);
            observer.observe(&stamped);
        }
    });
    recorder.text(&live, at(100))
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(
        text.lines().any(|l| l == line),
        "no line {line:?} in\n{text}"
    );
}

#[test]
fn every_metric_of_the_table_is_there_before_anything_happened() {
    let text = scrape(vec![]);
    for metric in TABLE {
        let (kind, series) = match metric.kind {
            Kind::Counter => ("counter", metric.name.to_owned()),
            Kind::Gauge => ("gauge", metric.name.to_owned()),
            Kind::Histogram(_) => ("histogram", format!("{}_count", metric.name)),
        };
        // Verbs are known to flows only, and so is who asks and what.
        let later = [
            "centrale_flow_steps_total",
            "centrale_flow_http_seconds",
            "centrale_survey_answers_total",
        ];
        if later.contains(&metric.name) {
            continue;
        }
        says(&text, &format!("# HELP {} {}", metric.name, metric.help));
        says(&text, &format!("# TYPE {} {kind}", metric.name));
        assert!(
            text.lines().any(|line| {
                line.strip_prefix(&series)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            }),
            "{series}"
        );
    }
}

#[test]
fn names_keep_to_the_conventions_of_prometheus() {
    for metric in TABLE {
        assert!(metric.name.starts_with("centrale_"), "{}", metric.name);
        let total = metric.name.ends_with("_total");
        assert_eq!(total, metric.kind == Kind::Counter, "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        if let Kind::Histogram(buckets) = metric.kind {
            assert!(buckets.is_sorted_by(|a, b| a < b), "{}", metric.name);
        }
    }
    let mut names: Vec<_> = TABLE.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

fn beginning() -> Vec<(u64, Event)> {
    let call = || "c1".into();
    let started = Event::CallStarted {
        call: call(),
        from: "secret-caller".into(),
        to: "1000".into(),
        number: "1000".into(),
        flow: "welcome".into(),
        project: None,
        trunk: "local".into(),
    };
    let answered = Event::CallAnswered {
        call: call(),
        setup: Duration::from_millis(30),
    };
    let step = Event::FlowStep {
        call: call(),
        flow: "welcome".into(),
        node: "menu".into(),
        verb: "menu",
    };
    let failed = Event::FlowFailed {
        call: call(),
        flow: "welcome".into(),
        node: "menu".into(),
        fault: FlowFault::Sound,
    };
    vec![(0, started), (0, answered), (0, step), (0, failed)]
}

fn waiting() -> Vec<(u64, Event)> {
    let call = || "c1".into();
    let queue = || "support".into();
    let escalated = Event::Escalated {
        call: call(),
        queue: queue(),
        step: 2,
        line: None,
    };
    let offered = Event::Offered {
        call: call(),
        queue: queue(),
        operator: "alice".into(),
        decided_in: Duration::from_micros(3),
        overtook: None,
    };
    let taken = Event::OfferEnded {
        call: call(),
        queue: queue(),
        operator: "alice".into(),
        result: OfferResult::Answered,
        rang: Duration::from_secs(2),
    };
    let dequeued = Event::Dequeued {
        call: call(),
        queue: queue(),
        waited: Duration::from_secs(3),
        exit: DequeueReason::Answered,
    };
    vec![(1, escalated), (1, offered), (3, taken), (3, dequeued)]
}

fn end() -> Vec<(u64, Event)> {
    let stream = Event::StreamEnded {
        call: "c1".into(),
        caller: true,
        quality: StreamQuality {
            received: 300,
            sent: 290,
            lost: 2,
            jitter: Duration::from_millis(3),
            mos: Some(4.35),
        },
    };
    let ended = Event::CallEnded {
        call: "c1".into(),
        outcome: Outcome::Answered,
        hangup: Hangup::Caller,
        cause: None,
        said: crate::model::Said::default(),
        lasted: Duration::from_secs(9),
    };
    vec![(9, stream), (9, ended)]
}

#[test]
fn a_call_is_counted_at_each_edge() {
    let text = scrape([beginning(), waiting(), end()].concat());
    for line in [
        r#"centrale_calls_total{number="1000",outcome="answered"} 1"#,
        r#"centrale_calls_total{number="1000",outcome="abandoned"} 0"#,
        r#"centrale_setup_seconds_bucket{le="0.05"} 1"#,
        r#"centrale_setup_seconds_bucket{le="0.025"} 0"#,
        r#"centrale_flow_steps_total{flow="welcome",verb="menu"} 1"#,
        r#"centrale_flow_errors_total{flow="welcome",reason="sound"} 1"#,
        r#"centrale_queue_escalations_total{queue="support",step="2"} 1"#,
        r#"centrale_queue_escalations_total{queue="support",step="1"} 0"#,
        r#"centrale_dispatch_seconds_bucket{le="0.000005"} 1"#,
        r#"centrale_queue_offers_total{queue="support",result="answered"} 1"#,
        r#"centrale_queue_wait_seconds_bucket{outcome="answered",queue="support",le="5"} 1"#,
        r#"centrale_rtp_packets_total{direction="in"} 300"#,
        r#"centrale_rtp_packets_total{direction="out"} 290"#,
        "centrale_rtp_lost_packets_total 2",
        r#"centrale_rtp_mos_bucket{le="4.3"} 0"#,
        r#"centrale_rtp_mos_bucket{le="4.4"} 1"#,
        r#"centrale_calls_active{state="queued"} 0"#,
        r#"centrale_queue_service_level_ratio{queue="support"} 1"#,
        r#"centrale_operators{queue="support",state="ready"} 0"#,
        "centrale_registrations 0",
    ] {
        says(&text, line);
    }
    assert!(!text.contains("secret-caller"));
}

#[test]
fn handle_time_is_talk_and_wrap_up() {
    let changed = |state| Event::OperatorChanged {
        operator: "alice".into(),
        state,
        reason: None,
        call: None,
    };
    let talk_ended = Event::TalkEnded {
        call: "c1".into(),
        queue: "support".into(),
        operator: "alice".into(),
        talked: Duration::from_secs(20),
    };
    let wrapped = scrape(vec![
        (0, changed(OperatorState::Talking)),
        (20, talk_ended.clone()),
        (20, changed(OperatorState::WrapUp)),
        (28, changed(OperatorState::Ready)),
        (90, changed(OperatorState::Paused)),
    ]);
    says(
        &wrapped,
        r#"centrale_operator_handle_seconds_sum{queue="support"} 28"#,
    );
    let bare = scrape(vec![
        (0, changed(OperatorState::Talking)),
        (20, changed(OperatorState::Ready)),
        (20, talk_ended),
        (90, changed(OperatorState::Paused)),
    ]);
    says(
        &bare,
        r#"centrale_operator_handle_seconds_sum{queue="support"} 20"#,
    );
}

#[test]
fn sip_is_counted_with_bounded_labels() {
    let recorder = Recorder::new().unwrap();
    let live = Live::new(&Floor::default(), at(0));
    recorder.within(|| {
        let counts = Counts::new();
        counts.request("INVITE", Direction::of(true), "UDP");
        counts.request("X-made-up", Direction::In, "carrier pigeon");
        counts.request("another", Direction::In, "carrier pigeon");
        counts.response(486, Direction::Out);
        counts.response(699, Direction::In);
        for nonsense in [0, 99, 700, u16::MAX] {
            counts.response(nonsense, Direction::In);
        }
        counts.retransmission("BYE");
        counts.rejected(RejectReason::UnknownSource);
    });
    let text = recorder.text(&live, at(0));
    for line in [
        r#"centrale_sip_requests_total{direction="in",method="INVITE",transport="udp"} 1"#,
        r#"centrale_sip_requests_total{direction="in",method="other",transport="other"} 2"#,
        r#"centrale_sip_responses_total{code="486",direction="out"} 1"#,
        r#"centrale_sip_responses_total{code="699",direction="in"} 1"#,
        r#"centrale_sip_retransmissions_total{method="BYE"} 1"#,
        r#"centrale_sip_rejected_total{reason="unknown_source"} 1"#,
    ] {
        says(&text, line);
    }
    assert!(!text.contains(r#"code="700""#));
}

/// Every word of a text that looks like a metric of ours.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_lowercase() && c != '_')
        .filter(|word| word.starts_with("centrale_"))
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let texts = [
        include_str!("../../config/prometheus/alerts.yml"),
        include_str!("../../config/grafana/centrale.json"),
    ];
    let mut count = 0;
    for name in texts.iter().copied().flat_map(mentioned) {
        let known = TABLE.iter().any(|metric| {
            let rest = name.strip_prefix(metric.name);
            match metric.kind {
                Kind::Histogram(_) => matches!(rest, Some("_bucket" | "_sum" | "_count")),
                Kind::Counter | Kind::Gauge => rest == Some(""),
            }
        });
        assert!(known, "{name}");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_documentation_has_a_line_for_each_metric() {
    let page = include_str!("../../docs/monitoring.md");
    for metric in TABLE {
        let row = format!("| `{}` |", metric.name);
        let line = page.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("no line for {}", metric.name));
        assert!(line.contains(metric.help), "{}", metric.name);
        for label in metric.labels {
            assert!(line.contains(&format!("`{label}`")), "{}", metric.name);
        }
    }
}

#[test]
fn the_dashboard_shows_each_metric() {
    let dashboard = include_str!("../../config/grafana/centrale.json");
    for metric in TABLE {
        let name = metric.name;
        assert!(dashboard.contains(name), "no panel for {name}");
    }
}

#[test]
fn answers_are_counted_by_project_and_queue() {
    let surveyed = |queue: Option<&str>, answer| {
        let surveyed = Surveyed {
            call: "c1".into(),
            flow: "welcome".into(),
            project: Some("internet".into()),
            queue: queue.map(Into::into),
            operator: Some("alice".into()),
            question: "csat".into(),
            answer,
        };
        (1, Event::Surveyed(surveyed))
    };
    let text = scrape(vec![
        surveyed(Some("support"), Answer::Number(5)),
        surveyed(Some("support"), Answer::Number(5)),
        surveyed(None, Answer::Word("good".into())),
    ]);
    let name = "centrale_survey_answers_total";
    says(
        &text,
        &format!(
            "{name}{{answer=\"5\",project=\"internet\",question=\"csat\",queue=\"support\"}} 2"
        ),
    );
    says(
        &text,
        &format!("{name}{{answer=\"good\",project=\"internet\",question=\"csat\",queue=\"\"}} 1"),
    );
}
