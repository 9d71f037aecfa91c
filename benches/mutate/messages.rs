//! Broken messages without end, each from a good or bad one of `tests/corpus`.

use std::path::Path;

/// A splitmix64 generator: the same seed, the same messages.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next 64 bits.
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `end`; 0 when that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.word() % (end.max(1) as u64)).unwrap_or_default()
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// The messages of `tests/corpus`, in order, as on the wire.
#[must_use]
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let list = std::fs::read_dir(folder).expect("the folder").flatten();
    let mut files: Vec<_> = list.map(|file| file.path()).collect();
    files.sort();
    let message = |file| {
        let text = std::fs::read_to_string(file).expect("a message");
        let (_, message) = text.split_once('\n').expect("two parts");
        message.replace('\n', "\r\n").into_bytes()
    };
    files.into_iter().map(message).collect()
}

const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "+5",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "1e9",
    "0x10",
    "٣",
    "",
];
const PIECES: &[&str] = &[
    "\"",
    "\\",
    "<",
    ">",
    ";",
    ",",
    ":",
    "=",
    "@",
    "%",
    "%zz",
    "[",
    "]",
    "/",
    "*",
    "?",
    " ",
    "\t",
    "\0",
    "\u{fffd}",
    ";tag=",
    ";branch=z9hG4bK",
    "<sip:a@b>",
    "Via: ",
    "sips:",
    "z9hG4bKq7",
];
const BREAKS: &[&str] = &[
    "\n", "\r", "\r\r\n", "\r\n ", "\r\n\t", "\r\n\r\n", "\n\n", "", "\0\r\n",
];
const LINES: &[&str] = &[
    "Contact: <sip:a@b>;expires=1\r\n",
    "Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\n",
    "To: <sip:a@b>;tag=c00\r\n",
    "Content-Length: 1\r\n",
    "l: 9\r\n",
    "Require: a,b,c\r\n",
    "Route: <sip:a;lr>\r\n",
    "Max-Forwards: 0\r\n",
    "Replaces: a;to-tag=1;from-tag=2\r\n",
    "Refer-To: <sip:a@b?Replaces=a%3Bto-tag%3D1>\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Session-Expires: 90;refresher=uac\r\n",
    "Event: refer;id=1\r\n",
    "a=rtpmap:0 PCMU/8000\r\n",
    "m=audio 1 RTP/AVP 0\r\n",
    "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"d\", response=\"e\"\r\n",
];
/// No datagram is longer.
const LONGEST: usize = 65_535;

/// One more broken message.
pub(crate) fn next(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, random, seeds);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, random: &mut Random, seeds: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    match random.below(11) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..(at + random.below(40)).min(bytes.len()))),
        3 => {
            let other = &seeds[random.below(seeds.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len())..]);
        }
        4 => insert(bytes, at, random.of(PIECES).as_bytes()),
        5 => {
            let line = random
                .of(LINES)
                .repeat(1 + random.below(300) * random.below(2));
            insert(bytes, line_at(bytes, at), line.as_bytes());
        }
        6 => {
            let many = [1, 10, 300, 9_000, 66_000][random.below(5)];
            insert(bytes, at, random.of(PIECES).repeat(many).as_bytes());
        }
        7 => {
            let digits = |from: usize| bytes.iter().skip(from).position(u8::is_ascii_digit);
            let start = digits(at).map_or(at, |more| at + more);
            let rest = bytes.iter().skip(start);
            let end = start + rest.take_while(|byte| byte.is_ascii_digit()).count();
            let number = random.of(NUMBERS).bytes();
            drop(bytes.splice(start..end, number));
        }
        8 => {
            let start = line_at(bytes, at).saturating_sub(2);
            let end = (start + 2).min(bytes.len());
            drop(bytes.splice(start..end, random.of(BREAKS).bytes()));
        }
        9 => {
            let (start, end) = (line_at(bytes, at), line_at(bytes, at + 1));
            let line = bytes
                .get(start..end.max(start))
                .unwrap_or_default()
                .to_vec();
            let line = line.repeat(1 + random.below(80));
            insert(bytes, start, &line);
        }
        _ => {
            let from = random.below(bytes.len());
            let piece = bytes[from..(from + random.below(200)).min(bytes.len())].to_vec();
            insert(bytes, at, &piece);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let at = at.min(bytes.len());
    drop(bytes.splice(at..at, piece.iter().copied()));
}

/// Where the line after `at` begins.
fn line_at(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.iter().skip(at);
    let end = rest.take_while(|byte| **byte != b'\n').count();
    (at + end + 1).min(bytes.len())
}
