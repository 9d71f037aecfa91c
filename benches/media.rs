//! One step of a media worker, against copying the packet and reading its header.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use exchange::media::{Agreed, Command, Library, Report, Sink, Worker, Write};
use exchange::model::{Codec, LegId, PlayId};
use exchange::rtp::Header;

fn main() {
    divan::main();
}

/// Sends nothing, and keeps the compiler from noticing.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: Write<'_>) {}

    fn send(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        black_box((leg, to, packet));
    }

    fn report(&mut self, report: Report) {
        black_box(report);
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// 20 ms of G.711.
fn packet(sequence: u16, kind: u8) -> [u8; 172] {
    let mut packet = [0xd5; 172];
    packet[0] = 0x80;
    packet[1] = kind;
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
    packet
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn worker(one: Codec, other: Codec) -> (Worker, Instant) {
    let now = Instant::now();
    let mut worker = Worker::new(now, 1);
    for (leg, codec, port) in [(LegId(1), one, 4000), (LegId(2), other, 4002)] {
        worker.opened(leg, address(port + 1000), &mut Nowhere);
        let agreed = Agreed {
            remote: Some(address(port)),
            codec,
            payload: codec.payload_type(),
            keys: Some(101),
            proposed_keys: None,
            send: true,
            receive: true,
        };
        worker.command(Command::Connect { leg, agreed }, now, &mut Nowhere);
    }
    (worker, now)
}

fn relay(bencher: Bencher<'_, '_>, one: Codec, other: Codec) {
    let (mut worker, now) = worker(one, other);
    let bridge = Command::Bridge {
        one: LegId(1),
        other: LegId(2),
    };
    worker.command(bridge, now, &mut Nowhere);
    let mut sequence = 0_u16;
    bencher.bench_local(move || {
        sequence = sequence.wrapping_add(1);
        let mut packet = packet(sequence, one.payload_type());
        let now = now + Duration::from_millis(20) * u32::from(sequence);
        let from = (LegId(1), address(4000));
        worker.packet(from, &mut packet, now, &mut Nowhere);
    });
}

#[divan::bench]
fn relay_same_law(bencher: Bencher<'_, '_>) {
    relay(bencher, Codec::Pcma, Codec::Pcma);
}

#[divan::bench]
fn relay_law_change(bencher: Bencher<'_, '_>) {
    relay(bencher, Codec::Pcma, Codec::Pcmu);
}

#[divan::bench]
fn play_one_frame(bencher: Bencher<'_, '_>) {
    let (mut worker, now) = worker(Codec::Pcma, Codec::Pcma);
    let music = Library::default().ringing();
    let play = Command::Play {
        leg: LegId(1),
        play: PlayId(1),
        sounds: Arc::new([music]),
        looped: true,
    };
    worker.command(play, now, &mut Nowhere);
    let mut frame = 0;
    bencher.bench_local(move || {
        frame += 1;
        worker.tick(now + Duration::from_millis(20) * frame, &mut Nowhere);
    });
}

/// What a relay costs at the least.
#[divan::bench]
fn copy_and_read_header(bencher: Bencher<'_, '_>) {
    let mut sequence = 0_u16;
    bencher.bench_local(move || {
        sequence = sequence.wrapping_add(1);
        let packet = black_box(packet(sequence, 8));
        black_box(Header::read(&packet).is_some());
    });
}
