//! A network that loses, doubles, delays and reorders: no call is lost, and nothing is left.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::relay::Relay;
use crate::server::{DIRECT, Server};
use crate::throng::{Crowd, Patience, socket};
use crate::{SLOWER, eventually};

const OPERATORS: u32 = 150;

fn floor() -> String {
    let mut text = String::from(
        "
queues:
  support: { requires: { support: 1 }, wrap_up: 0s, missed_offer: stay, max_waiting: 1000 }
operators:
",
    );
    for number in 0..OPERATORS {
        let line = "skills: { support: 5 } }";
        writeln!(text, "  op{number}: {{ secret: op{number}, {line}").unwrap();
    }
    text
}

/// `CENTRALE_BAD_NETWORK_CALLS` for more calls than a thousand.
fn calls() -> u32 {
    let more = std::env::var("CENTRALE_BAD_NETWORK_CALLS");
    more.map_or(1_000, |calls| calls.parse().unwrap())
}

/// Until the operators' calls are over, and it is told to end.
fn serve(mut crowd: Crowd, stop: &AtomicBool) -> Crowd {
    let patience = Instant::now() + Duration::from_secs(600);
    while !stop.load(Ordering::Relaxed) && Instant::now() < patience {
        crowd.step();
    }
    crowd
}

/// A hundred calls a second; ends when all of them are over.
fn dial(callers: &mut Crowd, calls: u32) {
    let begin = Instant::now();
    let mut dialled = 0;
    // Who is told that there is no time just then comes again.
    let refused = |callers: &Crowd| callers.told("refused");
    while dialled < calls + refused(callers) || callers.busy() > 0 {
        let due = Duration::from_millis(10) * dialled;
        if dialled < calls + refused(callers) && begin.elapsed() >= due {
            let patience = match dialled % 10 {
                0 => Patience::GivesUp(Duration::from_millis(u64::from(dialled % 100))),
                1 => Patience::Talks(Duration::ZERO),
                _ => Patience::Talks(Duration::from_millis(400)),
            };
            callers.dial("2000", patience);
            dialled += 1;
        }
        let late = due + Duration::from_secs(60 * SLOWER);
        let (busy, tally) = (callers.busy(), &callers.tally);
        assert!(begin.elapsed() < late, "{busy} calls are stuck: {tally:?}");
        callers.step();
    }
}

/// Each call ended in one way, and the server counts as the phones do.
fn check(server: &Server, calls: u32, (callers, operators): (&Crowd, &Crowd)) {
    for crowd in [callers, operators] {
        let tally = (&crowd.tally, &crowd.refusals);
        assert_eq!(crowd.busy(), 0, "{tally:?}");
        for bad in ["unanswered", "no ACK", "unexpected", "unknown BYE"] {
            assert_eq!(crowd.told(bad), 0, "{bad}: {tally:?}");
        }
        assert!(crowd.refusals.iter().all(|code| *code == 503), "{tally:?}");
    }
    let ended = ["hung up", "was hung up", "gave up"].map(|end| callers.told(end));
    let tally = (&callers.tally, &operators.tally);
    assert_eq!(ended.iter().sum::<u32>(), calls, "{tally:?}");
    let rejected = "centrale_calls_total{number=\"2000\",outcome=\"rejected\"";
    let counted = || server.metric("centrale_calls_total") - server.metric(rejected);
    eventually("each call is counted", 10, || {
        (counted() - f64::from(calls)).abs() < 0.1
    });
    assert!(server.metric("centrale_faults_total") == 0.0);
    let ready = "centrale_operators{queue=\"support\",state=\"ready\"}";
    server.counts(ready, f64::from(OPERATORS));
}

#[test]
fn no_call_is_lost_in_a_bad_network_and_nothing_is_left_of_any() {
    let server = Server::wide(&floor(), &[("2000", "direct", DIRECT)], "");
    let address = server.address().parse().unwrap();
    let ((phones, phones_at), (callers, callers_at)) = (socket(), socket());
    let near = Relay::start(phones_at, address, 1);
    let far = Relay::start(callers_at, address, 2);

    let mut operators = Crowd::new(phones, (near.inner, near.outer), 3);
    for number in 0..OPERATORS {
        operators.register(&format!("op{number}"));
    }
    eventually("every phone is registered", 20, || {
        operators.step();
        operators.told("registered") == OPERATORS
    });
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let operators = std::thread::spawn(move || serve(operators, &told));

    let calls = calls();
    let mut callers = Crowd::new(callers, (far.inner, far.outer), 4);
    dial(&mut callers, calls);
    // The other side of the last call ends, too; then transactions run out (32 s).
    let kept = [
        "centrale_sip_transactions",
        "centrale_sip_dialogs",
        "centrale_media_ports",
        "centrale_dispatch_tickets",
        "centrale_calls_active",
    ];
    let held = kept.map(|name| server.metric(name));
    assert!(held[0] > 0.0, "the gauges tell something: {held:?}");
    eventually("nothing is left", 75, || {
        callers.step();
        kept.iter().all(|name| server.metric(name) == 0.0)
    });
    stop.store(true, Ordering::Relaxed);
    let operators = operators.join().unwrap();

    check(&server, calls, (&callers, &operators));
    for relay in [near, far] {
        let of = |count: &AtomicU32| count.load(Ordering::Relaxed);
        let (sent, lost) = (of(&relay.fates.sent), of(&relay.fates.lost));
        assert!(
            lost * 50 > sent && of(&relay.fates.twice) > 0,
            "{lost} of {sent}"
        );
    }
}
