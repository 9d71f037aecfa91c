//! More than can be carried, for some seconds: `cargo bench --bench overload` has the
//! figures, this sees that there are any.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::client::{Client, MEDIA, register, sipp};
use crate::crowd::{Crowd, Tally};
use crate::eventually;
use crate::loaded::Server;
use crate::mob::Strangers;
use crate::ports::free_port;
use crate::server::Server as System;

const BINARY: &str = env!("CARGO_BIN_EXE_centrale");
/// Not the usual ones, of which some are those of clients.
const SOUND: &str = "30000-32767";
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

/// Whether something is so, once of some times: a machine that stood still may have had its
/// reasons.
fn sometime(mut so: impl FnMut() -> bool) -> bool {
    (0..3).any(|_| so())
}

/// Whether so many of a hundred.
fn percent(part: u64, whole: u64, least: u64) -> bool {
    part * 100 >= whole * least
}

#[test]
fn under_more_than_it_can_carry_it_goes_on_carrying() {
    let _turn = turn();
    let server = Server::start((BINARY, SOUND), 10_000, 0).unwrap();
    load(&server, 300.0);
    let memory = server.resident();
    for rate in [600.0, 3000.0] {
        let carries = || {
            let (some, many) = (load(&server, 300.0), load(&server, rate));
            println!("{some:?} {many:?}");
            assert!(percent(many.left, many.leaving, 99), "{many:?}");
            assert_eq!(many.told_when, many.refused, "{many:?}");
            percent(many.answered, some.answered.min(many.offered), 60)
        };
        assert!(sometime(carries), "less of {rate} a second");
    }
    eventually("few are all carried", 10, || {
        let few = load(&server, 30.0);
        percent(few.left, few.offered, 99)
    });
    let more = server.resident().saturating_sub(memory) / 1024;
    assert!(more < 128, "{more} MiB");
}

/// Calls a second that the limit lets in: far below what a debug build carries.
const LIMIT: u32 = 60;
/// How long each load is offered, in seconds.
const OFFERED: u32 = 5;
const FLOOR: &str = "queues: {}\noperators: { alice: { secret: alice } }\n";
const PLAYS: &str = "
version: 1
flow: plays
start: talk
languages: [en]
nodes:
  talk: { type: play, prompt: [{silence: 9s}], repeat: 10, next: end }
  end: { type: hangup }
";

/// sipp's callers of one load.
struct Callers {
    sipp: Client,
    log: PathBuf,
}

impl Callers {
    fn come(server: &System, rate: u32, seconds: u32) -> Self {
        let port = free_port();
        let log = server.folder.join(format!("callers-{port}.log"));
        let (path, rate, all) = (
            log.display().to_string(),
            rate.to_string(),
            (rate * seconds).to_string(),
        );
        let more = ["-s", "2000", "-r", &rate, "-m", &all, "-l", "9000"];
        let says = ["-trace_logs", "-log_file", &path];
        let all = [&MEDIA[..], &more, &says].concat();
        let sipp = sipp(server, "caller_of_many", port, &all);
        Self { sipp, log }
    }

    /// Waits until somebody is told so.
    fn hear(&self, word: &str) {
        eventually(word, 10, || {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            log.lines().any(|line| line.starts_with(word))
        });
    }

    /// What became of them, when all have gone.
    fn go(self) -> Fate {
        self.sipp.succeeds(20);
        Fate::read(&fs::read_to_string(&self.log).unwrap())
    }
}

/// What became of the callers of one load.
#[derive(Debug, Default)]
struct Fate {
    /// When each began, by sipp's number and clock, in milliseconds.
    begun: BTreeMap<u32, u64>,
    through: u32,
    /// Whose BYE was answered by 200.
    left: u32,
    refused: u32,
    /// How often each Retry-After was said.
    told: BTreeMap<u32, u32>,
    /// The sum of the times from INVITE to 503.
    held: Duration,
}

impl Fate {
    fn read(log: &str) -> Self {
        let mut fate = Self::default();
        for line in log.lines() {
            let mut words = line.split_whitespace();
            let (Some(word), Some(Ok(call)), Some(Ok(at))) = (
                words.next(),
                words.next().map(str::parse),
                words.next().map(str::parse::<u64>),
            ) else {
                panic!("sipp says {line}");
            };
            match word {
                "begun" => drop(fate.begun.insert(call, at)),
                "through" => fate.through += 1,
                "left" => fate.left += 1,
                "refused" => {
                    fate.refused += 1;
                    fate.held += Duration::from_millis(at - fate.begun[&call]);
                    let after = words.next().and_then(|after| after.parse().ok());
                    *fate.told.entry(after.unwrap_or(0)).or_default() += 1;
                }
                other => panic!("sipp says {other}"),
            }
        }
        fate
    }

    fn offered(&self) -> u32 {
        u32::try_from(self.begun.len()).unwrap()
    }

    /// How many the limit lets in of those who came, when they came: a sipp that was kept
    /// waiting sends what it owes at once, and the limit has room for a quarter of a second.
    fn could(&self) -> u32 {
        let (interval, burst) = (1000.0 / f64::from(LIMIT), 250.0);
        let (mut expected, mut could) = (0.0_f64, 0);
        for at in self.begun.values() {
            let now = Duration::from_millis(*at).as_secs_f64() * 1000.0;
            expected = expected.max(now);
            if expected - now < burst {
                expected += interval;
                could += 1;
            }
        }
        could
    }

    /// What came through, in percent of what the limit lets in.
    fn goodput(&self) -> f64 {
        100.0 * f64::from(self.through) / f64::from(self.could())
    }

    /// Prints it; whether so many percent came through as have to at the least. What holds
    /// of every load is asserted.
    fn judge(&self, times: u32, least: f64) -> bool {
        let (offered, goodput) = (self.offered(), self.goodput());
        let Self {
            through,
            left,
            refused,
            told,
            held,
            ..
        } = self;
        println!(
            "{times:>2} times the limit: {offered:>4} offered, {through:>3} through, {refused:>4} refused by 503 with Retry-After {told:?}, goodput {goodput:.1} %"
        );
        assert!(goodput < 110.0, "more than the limit lets in");
        assert_eq!(through + refused, offered);
        assert_eq!(left, through, "each BYE is answered");
        let good = told.keys().all(|after| (1..=10).contains(after));
        assert!(good, "{told:?}");
        let many = *refused >= 100;
        assert!(!many || told.len() >= 5, "{told:?}");
        let promptly = !many || *held / *refused < Duration::from_millis(250);
        promptly && goodput >= least
    }
}

/// A caller who shows every half second to be there still.
fn who_stays(server: &System) -> (Client, PathBuf) {
    let log = server.folder.join("stays.log");
    let path = log.display().to_string();
    let more = ["-s", "2000", "-trace_logs", "-log_file", &path];
    let stays = sipp(
        server,
        "caller_stays",
        free_port(),
        &[&MEDIA[..], &more].concat(),
    );
    eventually("the caller is in the call", 10, || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("alive"))
    });
    (stays, log)
}

#[test]
fn ten_times_what_the_limit_lets_in_leaves_it_what_it_lets_in() {
    let _turn = turn();
    let limits = format!("limits: {{ calls: 2000, calls_per_second: {LIMIT} }}");
    let server = System::wide(FLOOR, &[("2000", "plays", PLAYS)], &limits);
    let phone = free_port();
    register(&server, "alice", phone, 600);
    for (times, least) in [(1, 95.0), (2, 95.0), (5, 90.0)] {
        let offer = || Callers::come(&server, times * LIMIT, OFFERED).go();
        let good = sometime(|| offer().judge(times, least));
        assert!(good, "less than {least} % at {times} times the limit");
    }

    let (stays, alive) = who_stays(&server);
    let many = Callers::come(&server, 10 * LIMIT, OFFERED);
    many.hear("refused");
    register(&server, "alice", phone, 600);
    let again = || Callers::come(&server, 10 * LIMIT, OFFERED).go();
    let good = many.go().judge(10, 80.0) || sometime(|| again().judge(10, 80.0));
    assert!(good, "less than 80 % at 10 times the limit");

    eventually("all of a few come through", 10, || {
        let few = Callers::come(&server, LIMIT * 8 / 10, 2).go();
        few.through == few.offered()
    });
    stays.succeeds(10);
    let alive = fs::read_to_string(alive).unwrap();
    assert_eq!(alive.matches("alive").count(), 14);
    server.has_phones("alice", 1);
    // Most are turned away unread, which makes no record.
    let records = server.metric("centrale_calls_total{number=\"2000\",outcome=\"rejected\"}");
    assert!(records < 1_000.0, "{records} of some 4,000");
}

#[test]
fn a_flood_of_strangers_costs_callers_nothing() {
    let _turn = turn();
    let server = Server::start((BINARY, SOUND), 10_000, 0).unwrap();
    load(&server, 20.0);
    let memory = server.resident();
    let calm = sometime(|| flooded(&server, memory));
    assert!(calm, "callers suffer from strangers");
    eventually("strangers are turned away unread", 10, || {
        server.metric("centrale_sip_dropped_total") > 1000.0
    });
}

/// Callers beside a flood of strangers; whether all came through, and none waited for long.
fn flooded(server: &Server, memory: u64) -> bool {
    let mut crowd = Crowd::new(Ipv4Addr::LOCALHOST, server.sip, "1").unwrap();
    let mut strangers = Strangers::new(server.sip, 256, 5000.0).unwrap();
    crowd.call(20.0, 2 * LASTS, |now| strangers.act(now));
    crowd.finish(FAREWELL);
    let tally = crowd.tally;
    let more = server.resident().saturating_sub(memory) / 1024;
    assert!(more <= 64, "{more} MiB");
    assert_eq!((tally.failed, tally.given_up), (0, 0), "{tally:?}");
    let (sent, again, busy) = (strangers.sent, tally.again, server.busy());
    println!("{sent} of strangers, {again} sent again, {busy:?} on a core");
    assert!(sent > 10_000, "{sent}");
    let mean = tally.waited / u32::try_from(tally.answered).unwrap();
    println!("{mean:?}, and {:?} at most", tally.longest);
    percent(tally.left, tally.offered, 99)
        && mean < Duration::from_millis(250)
        && tally.longest < Duration::from_secs(2)
}
