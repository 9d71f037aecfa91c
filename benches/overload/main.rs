//! The server under more than it can carry: what comes through, what it costs.
//!
//! ```text
//! cargo bench --bench overload                 # all of it, some seven minutes
//! cargo bench --bench overload -- calls        # the most that comes through, then 2, 5 and 10 times as much
//! cargo bench --bench overload -- calls 2000   # as if that were the most: 2, 5 and 10 times it
//! cargo bench --bench overload -- limit        # a configured limit, and 2, 5 and 10 times as much
//! cargo bench --bench overload -- limit 2000   # the same with another limit
//! cargo bench --bench overload -- flood        # 10,000 messages a second of strangers
//! cargo bench --bench overload -- registers    # 10,000 phones refresh within a minute
//! ```
//! The server has the first core, what loads it the last. Exits 1 when a promise of
//! docs/performance.md is not kept.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a bench has a clock and a screen"
)]

mod crowd;
mod phones;
#[path = "../../tests/interop/ports.rs"]
mod ports;
mod server;
mod strangers;

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crowd::{Crowd, Tally};
use phones::Phones;
use server::Server;
use strangers::Strangers;

const BINARY: &str = env!("CARGO_BIN_EXE_centrale");
/// The usual ones.
const SOUND: &str = "10000-29999";
/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(15);
/// How long each load lasts while it is looked what the server can carry.
const SEARCH: Duration = Duration::from_secs(8);
/// Everybody has left by then.
const FAREWELL: Duration = Duration::from_secs(12);
/// Phones that refresh their registration while calls are too many.
const PHONES: usize = 300;

/// Whether its promises are kept; a rate that was given is not looked for.
type Mode = fn(Option<f64>) -> io::Result<bool>;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let given = wanted.iter().find_map(|word| word.parse().ok());
    let modes: [(&str, Mode); 4] = [
        ("calls", calls),
        ("limit", limit),
        ("flood", |_| flood()),
        ("registers", |_| registers()),
    ];
    let mut good = true;
    for (name, mode) in modes {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        match mode(given) {
            Ok(kept) => good &= kept,
            Err(error) => {
                println!("{name}: {error}");
                good = false;
            }
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn crowd(server: &Server) -> io::Result<Crowd> {
    Crowd::new(Ipv4Addr::LOCALHOST, server.sip, "1")
}

/// One load, and what became of it.
fn load(crowd: &mut Crowd, rate: f64, lasts: Duration) -> (Tally, f64) {
    load_beside(crowd, rate, lasts, |_| {})
}

/// One load, what is done beside it, and what became of the load.
fn load_beside(
    crowd: &mut Crowd,
    rate: f64,
    lasts: Duration,
    meanwhile: impl FnMut(Instant),
) -> (Tally, f64) {
    let before = crowd.tally;
    crowd.tally.longest = Duration::ZERO;
    crowd.call(rate, lasts, meanwhile);
    let through = crowd.tally.answered - before.answered;
    crowd.finish(FAREWELL);
    (crowd.tally - before, through as f64 / lasts.as_secs_f64())
}

fn line(name: &str, tally: &Tally, goodput: f64, server: &Server) {
    let mean = |sum: Duration, of: u64| sum.as_secs_f64() * 1000.0 / of.max(1) as f64;
    println!(
        "{name:<22} {goodput:>7.0} {:>8} {:>8} {:>8} {:>6.1} {:>6} {:>7} {:>7.3} {:>7.1} {:>7.0} {:>7}",
        tally.offered,
        tally.answered,
        tally.refused,
        mean(tally.held, tally.refused),
        tally.given_up + tally.failed,
        tally.again,
        tally.left as f64 * 100.0 / tally.leaving.max(1) as f64,
        mean(tally.waited, tally.answered),
        tally.longest.as_secs_f64() * 1000.0,
        server.resident() / 1024,
    );
}

fn head(title: &str) {
    println!(
        "\n{title}\n{:<22} {:>7} {:>8} {:>8} {:>8} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7}",
        "",
        "calls/s",
        "offered",
        "through",
        "503",
        "in ms",
        "lost",
        "resent",
        "BYE %",
        "mean ms",
        "most ms",
        "MiB"
    );
}

/// Whether a promise is kept; said when not.
fn kept(what: &str, so: bool) -> bool {
    if !so {
        println!("NOT KEPT: {what}");
    }
    so
}

/// The most calls a second that come through, whatever is offered: twice as many are
/// offered until some are refused, then a tenth more at a time from the last load that was
/// carried whole, until it gets no better.
fn most(server: &Server) -> io::Result<f64> {
    let mut crowd = crowd(server)?;
    load(&mut crowd, 100.0, Duration::from_secs(2));
    let (mut most, mut whole) = (0.0, 200.0);
    let mut offer = |rate: f64| {
        let (tally, goodput) = load(&mut crowd, rate, SEARCH);
        line(&format!("{rate:.0} offered"), &tally, goodput, server);
        (is_whole(&tally), goodput)
    };
    while whole < 20_000.0 {
        let (all, goodput) = offer(whole * 2.0);
        most = f64::max(most, goodput);
        if !all {
            break;
        }
        whole *= 2.0;
    }
    let (mut rate, mut worse) = (whole, 0);
    while worse < 2 {
        rate *= 1.1;
        let (all, goodput) = offer(rate);
        worse = if all || goodput > most { 0 } else { worse + 1 };
        most = most.max(goodput);
        whole = if all { rate } else { whole };
    }
    println!("carried whole: {whole:.0} calls a second; the most that came through: {most:.0}");
    Ok(most)
}

/// Whether all but one in a hundred came through.
fn is_whole(tally: &Tally) -> bool {
    tally.answered as f64 >= 0.99 * tally.offered as f64
}

fn calls(given: Option<f64>) -> io::Result<bool> {
    let server = Server::start((BINARY, SOUND), 10_000, PHONES)?;
    let mut phones = Phones::new(server.sip, PHONES)?;
    phones.refresh(Duration::from_secs(2));
    head("Calls: INVITE, 200, 100 ms, BYE");
    let most = match given {
        Some(rate) => rate,
        None => most(&server)?,
    };
    let memory = server.resident();
    let mut good = true;
    let loads = [(2.0, 0.95), (5.0, 0.9), (10.0, 0.8)];
    let mut through = Vec::new();
    for (times, _) in loads {
        let mut crowd = crowd(&server)?;
        phones.begin(Instant::now(), LASTS - Duration::from_secs(1));
        let meanwhile = |now| phones.act(now);
        let (tally, goodput) = load_beside(&mut crowd, most * times, LASTS, meanwhile);
        line(&format!("{times} times"), &tally, goodput, &server);
        through.push(goodput);
        good &= kept("BYE", tally.left as f64 >= 0.999 * tally.leaving as f64);
        good &= kept("Retry-After", tally.told_when == tally.refused);
        let (there, again) = (phones.there, phones.again);
        println!(
            "{:<22} {there} of {PHONES} phones refreshed, {again} sent again",
            ""
        );
        good &= kept("registrations", there == PHONES);
    }
    // More may come through than while it was looked for.
    let most_of_all = through.iter().copied().fold(most, f64::max);
    for ((times, least), goodput) in loads.into_iter().zip(through) {
        let part = goodput / most_of_all;
        let percent = part * 100.0;
        println!("at {times} times {percent:.0} % of the most at any load, {most_of_all:.0}");
        good &= kept("goodput", part >= least);
    }
    let mut crowd = crowd(&server)?;
    let (tally, goodput) = load(&mut crowd, most * 0.8, Duration::from_secs(8));
    line("0.8 times, at once", &tally, goodput, &server);
    let (tally, goodput) = load(&mut crowd, most * 0.8, Duration::from_secs(5));
    line("0.8 times, after 10 s", &tally, goodput, &server);
    good &= kept("recovery", is_whole(&tally));
    let more = server.resident().saturating_sub(memory) / 1024;
    println!("memory above that at the most: {more} MiB");
    Ok(good)
}

fn limit(given: Option<f64>) -> io::Result<bool> {
    let most: u32 = given.map_or(200, |rate| rate as u32);
    let server = Server::start((BINARY, SOUND), most, 0)?;
    head(&format!("A limit of {most} calls a second"));
    let mut good = true;
    for times in [0.9, 2.0, 5.0, 10.0] {
        let rate = f64::from(most) * times;
        let mut crowd = crowd(&server)?;
        let busy = server.busy();
        let (tally, goodput) = load(&mut crowd, rate, LASTS);
        line(&format!("{rate:.0} offered"), &tally, goodput, &server);
        let busy = (server.busy() - busy).as_secs_f64() / LASTS.as_secs_f64();
        println!("{:<22} {:.0} % of a core", "", busy * 100.0);
        good &= kept("the limit", goodput >= 0.97 * rate.min(f64::from(most)));
        good &= kept("BYE", tally.left as f64 >= 0.999 * tally.leaving as f64);
    }
    Ok(good)
}

fn flood() -> io::Result<bool> {
    let server = Server::start((BINARY, SOUND), 10_000, 0)?;
    head("Strangers: 10,000 messages a second from 512 addresses, 50 calls a second beside them");
    let mut crowd = crowd(&server)?;
    let (tally, goodput) = load(&mut crowd, 50.0, Duration::from_secs(5));
    line("without them", &tally, goodput, &server);
    let memory = server.resident();
    let mut strangers = Strangers::new(server.sip, 512, 10_000.0)?;
    let (before, busy) = (crowd.tally, server.busy());
    let lasts = Duration::from_secs(60);
    crowd.call(50.0, lasts, |now| strangers.act(now));
    let busy = (server.busy() - busy).as_secs_f64() / lasts.as_secs_f64();
    crowd.finish(FAREWELL);
    let tally = crowd.tally - before;
    line("with them", &tally, tally.answered as f64 / 60.0, &server);
    let more = server.resident().saturating_sub(memory) / 1024;
    println!(
        "sent by strangers: {}, dropped: {}, shut out: {}; {:.0} % of a core; {more} MiB more",
        strangers.sent,
        server.metric("centrale_sip_dropped_total"),
        server.metric("centrale_sip_shut_out "),
        busy * 100.0,
    );
    Ok(kept("the flood itself", strangers.sent >= 500_000)
        & kept("memory", more <= 64)
        & kept("calls", is_whole(&tally)))
}

fn registers() -> io::Result<bool> {
    let server = Server::start((BINARY, SOUND), 500, 10_000)?;
    let mut phones = Phones::new(server.sip, 10_000)?;
    println!("\nPhones: 10,000, each REGISTER challenged");
    let there = phones.refresh(Duration::from_secs(20));
    println!("registered: {there}, sent again: {}", phones.again);
    let busy = server.busy();
    let lasts = Duration::from_secs(60);
    let stayed = phones.refresh(lasts);
    let busy = (server.busy() - busy).as_secs_f64() / lasts.as_secs_f64();
    println!(
        "refreshed within a minute: {stayed}, sent again: {}; {:.1} % of a core, {} MiB",
        phones.again,
        busy * 100.0,
        server.resident() / 1024
    );
    Ok(kept("registrations", there == 10_000 && stayed == 10_000) & kept("CPU", busy < 0.6))
}
