//! More than can be carried, for some seconds: `cargo bench --bench overload` has the
//! figures, this sees that there are any.

use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::crowd::{Crowd, Tally};
use crate::loaded::Server;
use crate::mob::Strangers;

const BINARY: &str = env!("CARGO_BIN_EXE_centrale");
const LASTS: Duration = Duration::from_secs(4);
const FAREWELL: Duration = Duration::from_secs(15);

/// Each has the machine to itself, as far as this program goes.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(server: &Server, rate: f64) -> Tally {
    let mut crowd = Crowd::new(Ipv4Addr::LOCALHOST, server.sip, "1").unwrap();
    crowd.call(rate, LASTS, |_| {});
    crowd.finish(FAREWELL);
    crowd.tally
}

/// Whether so many of a hundred.
fn percent(part: u64, whole: u64, least: u64) -> bool {
    part * 100 >= whole * least
}

#[test]
fn under_more_than_it_can_carry_it_goes_on_carrying() {
    let _turn = turn();
    let server = Server::start(BINARY, 10_000, 0).unwrap();
    let some = load(&server, 300.0);
    let memory = server.resident();
    for rate in [600.0, 3000.0] {
        let many = load(&server, rate);
        let least = some.answered.min(many.offered);
        assert!(percent(many.answered, least, 60), "{some:?} {many:?}");
        assert!(percent(many.left, many.leaving, 99), "{many:?}");
        assert_eq!(many.told_when, many.refused, "{many:?}");
    }
    let few = load(&server, 30.0);
    assert!(percent(few.left, few.offered, 99), "{few:?}");
    let more = server.resident().saturating_sub(memory) / 1024;
    assert!(more < 128, "{more} MiB");
}

#[test]
fn a_limit_is_kept_to_and_most_of_those_over_it_are_turned_away_unread() {
    let _turn = turn();
    let server = Server::start(BINARY, 50, 0).unwrap();
    let many = load(&server, 1000.0);
    let most = 50 * LASTS.as_secs() + 50;
    assert!(
        (50 * LASTS.as_secs() * 9 / 10..most).contains(&many.answered),
        "{many:?}"
    );
    assert!(percent(many.left, many.leaving, 99), "{many:?}");
    assert_eq!(many.told_when, many.refused, "{many:?}");
    assert_eq!(many.refused + many.answered, many.offered, "{many:?}");
    let told_after = many.held / u32::try_from(many.refused).unwrap();
    assert!(told_after < Duration::from_millis(250), "{many:?}");
    let records = server.metric("centrale_calls_total{number=\"1\",outcome=\"rejected\"}");
    assert!(records < 200.0, "{records}");
}

#[test]
fn a_flood_of_strangers_costs_callers_nothing() {
    let _turn = turn();
    let server = Server::start(BINARY, 10_000, 0).unwrap();
    load(&server, 20.0);
    let memory = server.resident();
    let mut crowd = Crowd::new(Ipv4Addr::LOCALHOST, server.sip, "1").unwrap();
    let mut strangers = Strangers::new(server.sip, 256, 5000.0).unwrap();
    crowd.call(20.0, 2 * LASTS, |now| strangers.act(now));
    crowd.finish(FAREWELL);
    let tally = crowd.tally;
    assert!(percent(tally.left, tally.offered, 99), "{tally:?}");
    let more = server.resident().saturating_sub(memory) / 1024;
    assert!(more <= 64, "{more} MiB");
    assert_eq!((tally.failed, tally.given_up), (0, 0), "{tally:?}");
    assert!(tally.longest < Duration::from_secs(2), "{tally:?}");
    let mean = tally.waited / u32::try_from(tally.answered).unwrap();
    assert!(mean < Duration::from_millis(250), "{tally:?}");
    let (sent, again, busy) = (strangers.sent, tally.again, server.busy());
    println!("{sent} of strangers, {again} sent again, {busy:?} on a core");
    assert!(sent > 10_000, "{sent}");
    assert!(server.metric("centrale_sip_dropped_total") > 1000.0);
}
