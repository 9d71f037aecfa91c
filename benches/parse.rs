//! Reading and writing an INVITE, against rsip in the same run, with what each allocates;
//! and the whole way of a datagram through an endpoint.
//!
//! Reading must not allocate more than it does: the bench fails then. What it takes, beside
//! rsip, is a line to look at, for the machine may be busy.

#![expect(clippy::print_stdout, reason = "a bench prints")]

mod invite;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, black_box};
use exchange::model::ShardId;
use exchange::sip::endpoint::{self, Event, Input, Output, TurnedAway};
use exchange::sip::{Advertise, Endpoint, Message, Peer, owner};
use invite::INVITE;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// The most that `read` may allocate, one more than it needs: it shares, and copies nothing.
const ALLOCATIONS_OF_READ: f64 = 3.0;
/// In the environment of the run that measures.
const MEASURES: &str = "CENTRALE_BENCH_MEASURES";

/// divan only prints what it finds, so it does in a process of its own, which is read.
fn main() -> io::Result<ExitCode> {
    if std::env::var_os(MEASURES).is_some() {
        // One reading is too short to be timed alone.
        divan::Divan::from_args().sample_size(100).main();
        return Ok(ExitCode::SUCCESS);
    }
    let measured = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .args(["--color", "never"])
        .env(MEASURES, "")
        .stderr(Stdio::inherit())
        .output()?;
    io::stdout().write_all(&measured.stdout)?;
    let good = measured.status.success() && judge(&String::from_utf8_lossy(&measured.stdout));
    Ok(ExitCode::from(u8::from(!good)))
}

/// Whether `read`, if it was measured, is within its bounds.
fn judge(table: &str) -> bool {
    let rows = rows(table);
    let of = |name: &str| rows.iter().find(|row| row.name == name);
    let Some(read) = of("read") else {
        return true;
    };
    if let (Some(ours), Some(theirs)) = (
        read.nanoseconds,
        of("rsip_read").and_then(|r| r.nanoseconds),
    ) {
        let verdict = if ours < theirs {
            ""
        } else {
            ": SLOWER than rsip"
        };
        println!("read: {ours:.0} ns at the median, rsip {theirs:.0} ns{verdict}");
    }
    let Some(allocations) = read.allocations else {
        // A run that measures nothing, such as with --test.
        return read.nanoseconds.is_none();
    };
    let good = allocations <= ALLOCATIONS_OF_READ;
    let verdict = if good { "" } else { ": TOO MANY" };
    println!("read: {allocations} allocations, {ALLOCATIONS_OF_READ} at the most{verdict}");
    good
}

/// What divan's table says of one function, at the median.
struct Row<'a> {
    name: &'a str,
    nanoseconds: Option<f64>,
    allocations: Option<f64>,
}

/// The columns are those of divan 0.1: fastest, slowest, median, …; what was allocated is
/// under the function's own line, its number under the word.
fn rows(table: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut counts = false;
    for line in table.lines() {
        let median = line.split('│').map(str::trim).rev().nth(3);
        if let Some((_, row)) = line.split_once("├─ ").or_else(|| line.split_once("╰─ ")) {
            rows.push(Row {
                name: row.split_whitespace().next().unwrap_or_default(),
                nanoseconds: median.and_then(nanoseconds),
                allocations: None,
            });
        } else if let (true, Some(row)) = (counts, rows.last_mut()) {
            row.allocations = median.and_then(|count| count.parse().ok());
        }
        counts = line.trim_start_matches(['│', ' ']).starts_with("alloc:");
    }
    rows
}

fn nanoseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let unit = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}

/// As a shard holds a datagram: in bytes that others may share.
fn datagram() -> Bytes {
    let bytes = Bytes::copy_from_slice(INVITE.as_bytes());
    drop(bytes.clone());
    bytes
}

fn an_endpoint() -> Endpoint {
    Endpoint::new(endpoint::Settings {
        shard: ShardId(0),
        seed: 1,
        advertise: Advertise::at(SocketAddr::from(([192, 0, 2, 1], 5060))),
        product: "Centrale".into(),
        max_transactions: 10_000,
    })
}

fn received(bytes: &Bytes) -> Input {
    Input::Received {
        bytes: bytes.clone(),
        peer: Peer::udp(([203, 0, 113, 7], 5060).into()),
    }
}

/// A datagram comes in and its request is told.
#[divan::bench]
fn receive(bencher: Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let bytes = datagram();
    bencher
        .with_inputs(|| (an_endpoint(), Vec::with_capacity(8)))
        .bench_values(|(mut endpoint, mut out)| {
            endpoint.handle(received(black_box(&bytes)), now, &mut out);
            let told = |output: &Output| matches!(output, Output::Event(Event::Request { .. }));
            assert!(out.iter().any(told), "an INVITE is told");
            (endpoint, out)
        });
}

/// The same datagram comes once more and is answered again.
#[divan::bench]
fn receive_again(bencher: Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let bytes = datagram();
    let (mut endpoint, mut out) = (an_endpoint(), Vec::with_capacity(8));
    endpoint.handle(received(&bytes), now, &mut out);
    for output in std::mem::take(&mut out) {
        if let Output::Event(Event::Request { tx, request, .. }) = output {
            let ringing = exchange::sip::Response::to(&request, 180);
            endpoint.respond(tx, &ringing, now, &mut out);
        }
    }
    bencher.bench_local(|| {
        out.clear();
        endpoint.handle(received(black_box(&bytes)), now, &mut out);
        let sent = |output: &Output| matches!(output, Output::Transmit { .. });
        assert!(out.iter().any(sent), "a repetition is answered");
    });
}

/// A call for which there is no time.
#[divan::bench]
fn turn_away(bencher: Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let (mut endpoint, mut out) = (an_endpoint(), Vec::with_capacity(8));
    let peer = Peer::udp(SocketAddr::from(([203, 0, 113, 7], 5060)));
    bencher.bench_local(|| {
        let message = (black_box(INVITE.as_bytes()), peer);
        // What is sent is let go of, which is a part of what it costs.
        drop(black_box(endpoint.turn_away(
            message,
            TurnedAway::Overload,
            now,
            &mut out,
        )));
    });
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let bytes = datagram();
    bencher.bench(|| Message::parse(black_box(&bytes)).is_ok());
}

#[divan::bench]
fn read_with_five_typed_headers(bencher: Bencher<'_, '_>) {
    let bytes = datagram();
    bencher.bench(|| {
        let message = Message::parse(black_box(&bytes)).ok();
        message.is_some_and(|message| {
            let headers = message.headers();
            headers.via().is_ok()
                && headers.from().is_ok()
                && headers.to().is_ok()
                && headers.cseq().is_ok()
                && headers.contacts().is_ok()
        })
    });
}

#[divan::bench]
fn find_its_shard(bencher: Bencher<'_, '_>) {
    bencher.bench(|| owner(black_box(INVITE.as_bytes()), 8));
}

#[divan::bench]
fn write(bencher: Bencher<'_, '_>) {
    let bytes = datagram();
    let Ok(message) = Message::parse(&bytes) else {
        return;
    };
    bencher.bench(|| black_box(&message).write());
}

#[divan::bench]
fn rsip_read(bencher: Bencher<'_, '_>) {
    bencher.bench(|| rsip::SipMessage::try_from(black_box(INVITE.as_bytes())).is_ok());
}

#[divan::bench]
fn rsip_read_with_five_typed_headers(bencher: Bencher<'_, '_>) {
    use rsip::prelude::{HeadersExt as _, ToTypedHeader as _};
    bencher.bench(|| {
        let message = rsip::SipMessage::try_from(black_box(INVITE.as_bytes())).ok();
        message.is_some_and(|message| {
            message.via_header().is_ok_and(|h| h.typed().is_ok())
                && message.from_header().is_ok_and(|h| h.typed().is_ok())
                && message.to_header().is_ok_and(|h| h.typed().is_ok())
                && message.cseq_header().is_ok_and(|h| h.typed().is_ok())
                && message.contact_header().is_ok_and(|h| h.typed().is_ok())
        })
    });
}

#[divan::bench]
fn rsip_write(bencher: Bencher<'_, '_>) {
    let Ok(message) = rsip::SipMessage::try_from(INVITE.as_bytes()) else {
        return;
    };
    bencher.bench(|| black_box(&message).to_string());
}

/// What every message costs at the least: a copy of its bytes.
#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Bytes::copy_from_slice(black_box(INVITE.as_bytes())));
}
