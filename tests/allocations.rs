//! What may be allocated for each datagram and each packet, counted; what that costs in
//! time is for `cargo bench --bench parse` and `--bench media`.

#[path = "../benches/invite.rs"]
mod invite;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bytes::Bytes;
use exchange::media::{Agreed, Command, Report, Sink, Worker, Write};
use exchange::model::{Codec, LegId, ShardId};
use exchange::sip::endpoint::{self, TurnedAway};
use exchange::sip::{Advertise, Endpoint, Message, Peer, owner};
use invite::INVITE;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now() -> Instant {
    Instant::now()
}

/// A list of headers, and one that a header with a list in it takes.
#[test]
fn an_invite_is_read_with_three_allocations_at_the_most() {
    let bytes = Bytes::copy_from_slice(INVITE.as_bytes());
    // The first of those who share makes room for the count.
    drop(bytes.clone());
    let read = measure(|| assert!(Message::parse(&bytes).is_ok()));
    assert!(read.count_total <= 3, "{read:?}");
    let found = measure(|| assert!(owner(INVITE.as_bytes(), 8).is_some()));
    assert_eq!(found.count_total, 0, "{found:?}");
}

/// Under overload this is done for each INVITE that comes: the answer, and nothing else.
#[test]
fn a_call_is_turned_away_with_one_allocation() {
    let mut endpoint = Endpoint::new(endpoint::Settings {
        shard: ShardId(0),
        seed: 1,
        advertise: Advertise::at(address(5060)),
        product: "Centrale".into(),
        max_transactions: 10_000,
    });
    let now = now();
    let peer = Peer::udp(address(5062));
    let mut out = Vec::with_capacity(8);
    let mut refuse = || {
        endpoint.turn_away(
            (INVITE.as_bytes(), peer),
            TurnedAway::Overload,
            now,
            &mut out,
        );
        out.clear();
    };
    refuse();
    let refused = measure(|| (0..100).for_each(|_| refuse()));
    assert_eq!(refused.count_total, 100, "{refused:?}");
}

struct Nowhere(usize);

impl Sink for Nowhere {
    fn write(&mut self, _: Write<'_>) {}

    fn send(&mut self, _: LegId, _: SocketAddr, _: &[u8]) {
        self.0 += 1;
    }

    fn report(&mut self, _: Report) {}
}

/// Two who talk, in the same or in different laws.
#[test]
fn a_packet_is_passed_on_without_allocation() {
    const SECONDS: u16 = 10;
    for other in [Codec::Pcma, Codec::Pcmu] {
        let (now, mut sink) = (now(), Nowhere(0));
        let mut worker = Worker::new(now, 1);
        for (leg, codec, port) in [(LegId(1), Codec::Pcma, 4000), (LegId(2), other, 4002)] {
            worker.opened(leg, address(port + 1000), &mut sink);
            let agreed = Agreed {
                remote: Some(address(port)),
                codec,
                payload: codec.payload_type(),
                keys: Some(101),
                proposed_keys: None,
                send: true,
                receive: true,
            };
            worker.command(Command::Connect { leg, agreed }, now, &mut sink);
        }
        let (one, other) = (LegId(1), LegId(2));
        worker.command(Command::Bridge { one, other }, now, &mut sink);
        let mut pass = |from: u16, to: u16, sink: &mut Nowhere| {
            // One who speaks hears a key meanwhile.
            let press = Command::Key { leg: one, key: '5' };
            let time = Duration::from_millis(20) * u32::from(from);
            worker.command(press, now + time, sink);
            for sequence in from..to {
                let mut packet = [0xd5; 172];
                packet[0] = 0x80;
                packet[1] = Codec::Pcma.payload_type();
                packet[2..4].copy_from_slice(&sequence.to_be_bytes());
                packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
                let now = now + Duration::from_millis(20) * u32::from(sequence);
                worker.packet((one, address(4000)), &mut packet, now, sink);
                worker.tick(now, sink);
            }
        };
        // Whatever is made once for a talk is made in its first second.
        pass(0, 50, &mut sink);
        let passed = measure(|| pass(50, 50 * SECONDS, &mut sink));
        assert_eq!(passed.count_total, 0, "{other:?}: {passed:?}");
        let keys = 2 * 7;
        assert_eq!(sink.0, usize::from(50 * SECONDS) + keys, "{other:?}");
    }
}
