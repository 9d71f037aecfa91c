use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::media::{Agreed, Sound};
use crate::model::{Codec, PlayId};
use crate::rtp::{event_payload, write_header};

#[derive(Default)]
pub(super) struct Seen {
    sent: Vec<(LegId, SocketAddr, Vec<u8>)>,
    reports: Vec<Report>,
    pub(super) written: Vec<(u8, Written)>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Written {
    Begin(usize),
    Samples(u64, Vec<i16>),
    End(u64),
}

impl Sink for Seen {
    fn send(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.sent.push((leg, to, packet.to_vec()));
    }

    fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    fn write(&mut self, write: Write<'_>) {
        self.written.push(match write {
            Write::Begin {
                number, channels, ..
            } => (number, Written::Begin(channels)),
            Write::Samples {
                number,
                at,
                samples,
                ..
            } => (number, Written::Samples(at, samples.to_vec())),
            Write::End { number, frames, .. } => (number, Written::End(frames)),
        });
    }
}

pub(super) const CALLER: LegId = LegId(1);
pub(super) const OPERATOR: LegId = LegId(2);

pub(super) struct World {
    pub(super) worker: Worker,
    pub(super) seen: Seen,
    now: Instant,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let mut world = Self {
            worker: Worker::new(now, 3),
            seen: Seen::default(),
            now,
        };
        for (leg, port, codec) in [(CALLER, 4000, Codec::Pcmu), (OPERATOR, 5000, Codec::Pcma)] {
            world.worker.opened(leg, address(9), &mut world.seen);
            let keys = Some(if leg == CALLER { 96 } else { 101 });
            let agreed = Agreed {
                remote: Some(address(port)),
                codec,
                payload: codec.payload_type(),
                keys,
                proposed_keys: (leg == OPERATOR).then_some(97),
                send: true,
                receive: true,
            };
            world.command(Command::Connect { leg, agreed });
        }
        world.seen.reports.clear();
        world
    }

    pub(super) fn command(&mut self, command: Command) {
        self.worker.command(command, self.now, &mut self.seen);
    }

    pub(super) fn packet(
        &mut self,
        leg: LegId,
        port: u16,
        (payload_type, sequence, timestamp): (u8, u16, u32),
        payload: &[u8],
    ) {
        let mut packet = vec![0; 12];
        packet.extend_from_slice(payload);
        write_header(
            &mut packet,
            &Header {
                marker: false,
                payload_type,
                sequence,
                timestamp,
                ssrc: 77,
            },
        )
        .unwrap();
        self.worker
            .packet((leg, address(port)), &mut packet, self.now, &mut self.seen);
    }

    pub(super) fn pass(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += Duration::from_millis(1);
            self.worker.tick(self.now, &mut self.seen);
        }
    }

    fn headers(&self) -> Vec<Header> {
        self.seen
            .sent
            .iter()
            .map(|(_, _, packet)| Header::read(packet).unwrap().0)
            .collect()
    }
}

pub(super) fn sound(millis: usize) -> Arc<Sound> {
    Arc::new(Sound {
        pcmu: Bytes::from(vec![0x11; millis * 8]),
        pcma: Bytes::from(vec![0x22; millis * 8]),
    })
}

#[test]
fn a_bridge_passes_sound_in_the_law_of_each_side_with_numbers_of_our_own() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    for n in 0..3u16 {
        world.packet(
            CALLER,
            4000,
            (0, 500 + n, 9000 + u32::from(n) * 160),
            &[0xff; 160],
        );
    }
    let (leg, to, packet) = &world.seen.sent[0];
    assert_eq!((*leg, *to, packet[12]), (OPERATOR, address(5000), 0xd5));
    let headers = world.headers();
    assert!(headers.iter().all(|h| h.payload_type == 8 && h.ssrc != 77));
    assert_eq!(headers[2].sequence.wrapping_sub(headers[0].sequence), 2);
    assert_eq!(headers[2].timestamp.wrapping_sub(headers[0].timestamp), 320);
    assert_eq!(world.seen.reports, [Report::FirstPacket { leg: CALLER }]);
}

/// RFC 3551 section 6: both ways, and into the other law all the same.
#[test]
fn g711_is_passed_on_by_a_dynamic_payload_type() {
    let mut world = World::new();
    for (leg, port, codec, payload) in [
        (CALLER, 4000, Codec::Pcmu, 100),
        (OPERATOR, 5000, Codec::Pcma, 110),
    ] {
        let agreed = Agreed {
            remote: Some(address(port)),
            codec,
            payload,
            keys: None,
            proposed_keys: None,
            send: true,
            receive: true,
        };
        world.command(Command::Connect { leg, agreed });
    }
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    world.packet(CALLER, 4000, (100, 500, 9000), &[0xff; 160]);
    let (leg, _, packet) = &world.seen.sent[0];
    assert_eq!((*leg, packet[12]), (OPERATOR, 0xd5));
    assert_eq!(world.headers()[0].payload_type, 110);
    // Its own number is taken, too, and the other's is not.
    world.packet(CALLER, 4000, (0, 501, 9160), &[0xff; 160]);
    world.packet(CALLER, 4000, (110, 502, 9320), &[0xff; 160]);
    assert_eq!(world.seen.sent.len(), 2);
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(1),
        sounds: Arc::new([sound(20)]),
        looped: false,
    });
    world.pass(20);
    assert_eq!(world.headers().last().unwrap().payload_type, 100);
}

#[test]
fn a_packet_that_is_longer_than_any_is_dropped() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    for (sequence, length) in [
        (1, 160),
        (2, PACKET_BYTES - 12),
        (3, PACKET_BYTES - 11),
        (4, 160),
    ] {
        let at = u32::from(sequence) * 160;
        world.packet(CALLER, 4000, (0, sequence, at), &vec![0xff; length]);
    }
    let lengths: Vec<_> = world
        .seen
        .sent
        .iter()
        .map(|(.., packet)| packet.len())
        .collect();
    assert_eq!(lengths, [172, PACKET_BYTES, 172]);
    world.seen.reports.clear();
    world.command(Command::Close { leg: CALLER });
    let [Report::Closed { quality, .. }] = &world.seen.reports[..] else {
        panic!("{:?}", world.seen.reports);
    };
    assert_eq!((quality.received, quality.lost), (3, 1));
}

#[test]
fn a_key_is_told_once_and_passed_with_the_other_sides_type() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    for n in 0..5u16 {
        world.packet(
            CALLER,
            4000,
            (96, n, 800),
            &event_payload('7', n > 2, 160 * n).unwrap(),
        );
    }
    let keys: Vec<_> = world
        .seen
        .reports
        .iter()
        .filter(|r| matches!(r, Report::Key { .. }))
        .collect();
    assert_eq!(
        keys,
        [&Report::Key {
            leg: CALLER,
            key: '7'
        }]
    );
    assert_eq!(
        world
            .headers()
            .iter()
            .filter(|h| h.payload_type == 101)
            .count(),
        5
    );
}

/// RFC 3264 section 6.1: who answers sends by the number of the proposal; some by their own.
#[test]
fn keys_come_by_the_number_of_the_proposal_and_by_that_of_the_answer() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    for (number, payload_type) in [(0, 101), (1, 97), (2, 98)] {
        let time = u32::from(number) * 8_000;
        let payload = event_payload('7', false, 160).unwrap();
        world.packet(OPERATOR, 5000, (payload_type, number, time), &payload);
    }
    let types = world.headers().into_iter().map(|h| h.payload_type);
    assert_eq!(types.collect::<Vec<_>>(), [96, 96]);
    let is_key = |report: &&Report| matches!(report, Report::Key { .. });
    assert_eq!(world.seen.reports.iter().filter(is_key).count(), 2);
}

/// RFC 4733 section 2.5.1.2: all packets of one key have the time of its beginning.
#[test]
fn a_key_of_ours_takes_the_place_of_sound_and_the_numbers_go_on() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    let say = |world: &mut World, number: u16| {
        let time = 9_000 + u32::from(number) * 160;
        world.packet(CALLER, 4000, (0, 500 + number, time), &[0xff; 160]);
    };
    say(&mut world, 0);
    let leg = OPERATOR;
    for key in ['5', 'x'] {
        world.command(Command::Key { leg, key });
    }
    for number in 1..=9 {
        say(&mut world, number);
        world.pass(20);
    }
    world.pass(20);
    say(&mut world, 11);
    assert_eq!(world.worker.deadline(), None, "nothing plays");
    let headers = world.headers();
    let types: Vec<u8> = headers.iter().map(|h| h.payload_type).collect();
    let key = [101; 7];
    assert_eq!(types, [&[8], &key[..], &[8]].concat());
    assert!(headers.is_sorted_by(|a, b| a.sequence.wrapping_add(1) == b.sequence));
    let times = headers
        .iter()
        .map(|h| h.timestamp.wrapping_sub(headers[0].timestamp));
    assert_eq!(
        times.collect::<Vec<_>>(),
        [&[0], &[160; 7][..], &[1_760]].concat()
    );
    assert_eq!((headers[1].marker, headers[2].marker), (true, false));

    // Nobody who takes no events is sent any.
    let agreed = Agreed {
        remote: Some(address(5000)),
        codec: Codec::Pcma,
        payload: 8,
        keys: None,
        proposed_keys: None,
        send: true,
        receive: true,
    };
    world.command(Command::Connect { leg, agreed });
    world.command(Command::Key { leg, key: '5' });
    assert_eq!(world.worker.deadline(), None);
}

/// A packet of another stream from the caller's host.
fn stream_from(world: &mut World, port: u16) {
    let mut packet = vec![0x80, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 99, 0];
    world.worker.packet(
        (CALLER, address(port)),
        &mut packet,
        world.now,
        &mut world.seen,
    );
}

/// A gateway has one address for all its calls.
#[test]
fn the_rest_of_another_call_does_not_keep_the_caller_out() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    let to = |world: &mut World| {
        world.packet(OPERATOR, 5000, (8, 1, 1), &[0; 160]);
        world.seen.sent.pop().map(|(_, to, _)| to)
    };
    stream_from(&mut world, 4500);
    assert_eq!(to(&mut world), Some(address(4500)));
    world.seen.sent.clear();
    // What the description says goes first, whenever it comes, and nothing after it.
    world.packet(CALLER, 4000, (0, 1, 1), &[0; 160]);
    stream_from(&mut world, 4500);
    assert_eq!(world.seen.sent.len(), 1);
    assert_eq!(to(&mut world), Some(address(4000)));
    // It may move; the place that it left is nobody's then.
    world.packet(CALLER, 4010, (0, 2, 161), &[0; 160]);
    world.seen.sent.clear();
    stream_from(&mut world, 4000);
    assert!(world.seen.sent.is_empty());
    assert_eq!(to(&mut world), Some(address(4010)));
}

#[test]
fn a_stranger_is_neither_heard_nor_followed() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 1, 2, 3];
    let stranger = SocketAddr::from(([203, 0, 113, 9], 4000));
    world
        .worker
        .packet((CALLER, stranger), &mut packet, world.now, &mut world.seen);
    assert!(world.seen.sent.is_empty() && world.seen.reports.is_empty());
    // From the right host any port will do, once; then only the same stream may move.
    world.packet(CALLER, 4004, (0, 1, 1), &[0; 160]);
    world.packet(CALLER, 4010, (0, 2, 161), &[0; 160]);
    let other_stream = |world: &mut World| stream_from(world, 4006);
    other_stream(&mut world);
    assert_eq!(world.seen.sent.len(), 2);
    world.packet(OPERATOR, 5000, (8, 1, 1), &[0; 160]);
    assert_eq!(world.seen.sent[2].1, address(4010));
    // However long the caller is silent: nobody else takes the place.
    world.pass(120_000);
    let sent = world.seen.sent.len();
    other_stream(&mut world);
    let mut packet = vec![0x80, 0, 0, 3, 0, 0, 1, 2, 0, 0, 0, 1, 1, 2, 3];
    world
        .worker
        .packet((CALLER, stranger), &mut packet, world.now, &mut world.seen);
    assert_eq!(world.seen.sent.len(), sent);
    world.packet(CALLER, 4010, (0, 3, 400), &[0; 160]);
    assert_eq!(world.seen.sent.len(), sent + 1);
}

#[test]
fn sounds_play_one_after_another_in_even_packets_and_then_it_is_told() {
    let mut world = World::new();
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(5),
        sounds: [sound(50), sound(50)].into(),
        looped: false,
    });
    world.pass(200);
    assert_eq!(world.seen.sent.len(), 5);
    let headers = world.headers();
    assert!(headers[0].marker && headers.iter().skip(1).all(|h| !h.marker));
    assert!(
        headers
            .windows(2)
            .all(|w| w[1].sequence == w[0].sequence.wrapping_add(1)
                && w[1].timestamp == w[0].timestamp.wrapping_add(160))
    );
    assert!(
        world
            .seen
            .sent
            .iter()
            .all(|(_, to, packet)| *to == address(4000) && packet[12..].iter().all(|b| *b == 0x11))
    );
    assert_eq!(
        world.seen.reports,
        [Report::Played {
            leg: CALLER,
            play: PlayId(5)
        }]
    );
    assert_eq!(world.worker.deadline(), None);
}

#[test]
fn music_goes_round_until_it_is_stopped() {
    let mut world = World::new();
    world.command(Command::Play {
        leg: OPERATOR,
        play: PlayId(1),
        sounds: [sound(30)].into(),
        looped: true,
    });
    world.pass(399);
    world.command(Command::Stop { leg: OPERATOR });
    world.pass(400);
    assert_eq!(world.seen.sent.len(), 20);
    assert!(
        world
            .seen
            .sent
            .iter()
            .all(|(_, _, packet)| packet[12..].iter().all(|b| *b == 0x22))
    );
    assert!(world.seen.reports.is_empty());
    world.command(Command::Play {
        leg: OPERATOR,
        play: PlayId(2),
        sounds: [sound(0)].into(),
        looped: true,
    });
    world.pass(40);
    assert_eq!(
        world.seen.reports,
        [Report::Played {
            leg: OPERATOR,
            play: PlayId(2)
        }]
    );
}

#[test]
fn a_stall_is_caught_up_by_three_packets_at_most() {
    let mut world = World::new();
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(1),
        sounds: [sound(5000)].into(),
        looped: false,
    });
    world.pass(20);
    let before = world.seen.sent.len();
    world.now += Duration::from_secs(2);
    world.worker.tick(world.now, &mut world.seen);
    assert!(
        (1..=4).contains(&(world.seen.sent.len() - before)),
        "{}",
        world.seen.sent.len() - before
    );
}

#[test]
fn silence_is_told_once_and_so_is_its_end() {
    let mut world = World::new();
    world.command(Command::Watch {
        leg: CALLER,
        silence: Some(Duration::from_millis(100)),
    });
    world.pass(90);
    world.packet(CALLER, 4000, (0, 1, 1), &[0; 160]);
    world.pass(300);
    world.packet(CALLER, 4000, (0, 2, 161), &[0; 160]);
    assert_eq!(
        world.seen.reports,
        [
            Report::FirstPacket { leg: CALLER },
            Report::Silent { leg: CALLER },
            Report::Heard { leg: CALLER }
        ]
    );
}

#[test]
fn a_closed_leg_leaves_nothing_behind() {
    let mut world = World::new();
    world.command(Command::Bridge {
        one: CALLER,
        other: OPERATOR,
    });
    world.command(Command::Play {
        leg: CALLER,
        play: PlayId(1),
        sounds: [sound(500)].into(),
        looped: true,
    });
    world.packet(CALLER, 4000, (0, 1, 1), &[0; 160]);
    world.command(Command::Close { leg: CALLER });
    world.command(Command::Close { leg: CALLER });
    world.packet(OPERATOR, 5000, (8, 1, 1), &[0; 160]);
    world.pass(40);
    world.command(Command::Close { leg: OPERATOR });
    let closed: Vec<_> = world
        .seen
        .reports
        .iter()
        .filter(|r| matches!(r, Report::Closed { .. }))
        .map(Report::leg)
        .collect();
    assert_eq!(closed, [CALLER, OPERATOR]);
    assert!(world.worker.is_empty());
    assert_eq!(world.worker.deadline(), None);
}
