//! Proposal and answer (RFC 3264): what both sides can do with one audio stream.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use crate::model::Codec;
use crate::sdp::{Description, Media};
use crate::sip::digits;

/// Who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// Only the one who says so.
    SendOnly,
    /// Only the other.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// Reads an attribute.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|d| d.as_str() == text)
    }

    /// As an attribute.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The same seen from the other side (RFC 3264 section 6.1).
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same @ (Self::SendRecv | Self::Inactive) => same,
        }
    }

    fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// What the two descriptions agreed on for one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where the peer wants our packets; `None` for the hold with `0.0.0.0` of RFC 3264
    /// section 8.4.
    pub remote: Option<SocketAddr>,
    /// The codec, both ways.
    pub codec: Codec,
    /// Its payload type, both ways: its own, or a dynamic one that the peer gave it
    /// (RFC 3551 section 6).
    pub payload: u8,
    /// The payload type of telephone-event (RFC 4733), when the peer takes it: ours to it.
    pub keys: Option<u8>,
    /// The one that our proposal named for it. The peer is to send by that one, whatever its
    /// answer names (RFC 3264 section 6.1); those who do not send by their own.
    pub proposed_keys: Option<u8>,
    /// Whether we may send.
    pub send: bool,
    /// Whether the peer sends.
    pub receive: bool,
}

/// Our side of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// Where we want the peer's packets.
    pub address: SocketAddr,
    /// What we speak, best first.
    pub codecs: &'a [Codec],
    /// The description's id, the same for a dialog's life.
    pub id: u64,
    /// One higher for each change (RFC 3264 section 8).
    pub version: u64,
}

/// No stream can be agreed on: 488.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no audio over plain RTP.
    #[error("no audio stream over RTP/AVP")]
    NoAudio,
    /// None of its codecs is one of ours.
    #[error("no codec in common")]
    NoCodec,
    /// It names an address that must not be sent to.
    #[error("a media address that nobody may send to")]
    Address,
    /// It names no address to send to, or a host whose name nobody looks up for strangers.
    #[error("no media address but a name, or none")]
    Name,
}

impl Refusal {
    /// The value of a Warning by `host` (RFC 3261 section 20.43).
    #[must_use]
    pub fn warning(self, host: &str) -> String {
        let code = match self {
            Self::NoAudio => 304,
            Self::NoCodec => 305,
            Self::Address => 399,
            // Incompatible network address formats.
            Self::Name => 301,
        };
        format!("{code} {host} \"{self}\"")
    }
}

/// The payload type that we propose for keys.
const OUR_KEYS: u8 = 101;
/// What a description may give any meaning (RFC 3551 section 6).
const DYNAMIC: RangeInclusive<u8> = 96..=127;
/// Neither encrypted nor with feedback. A stream whose peer takes feedback (RTP/AVPF, RFC
/// 4585) is the same to us: we send none.
const PLAIN: &str = "RTP/AVP";

/// Answers a proposal: the text, and what it means.
///
/// # Errors
/// When there is nothing to agree on; the request gets 488.
pub fn answer(proposal: &Description, local: &Local<'_>) -> Result<(String, Agreed), Refusal> {
    let (index, agreed) = pick(proposal, local)?;
    let mut text = head(local);
    for (at, media) in proposal.media.iter().enumerate() {
        if at == index {
            let stream = Stream {
                port: local.address.port(),
                // RFC 3264 section 6.1: the answer goes the way of the proposal.
                protocol: &media.protocol,
                codecs: vec![(agreed.payload, agreed.codec)],
                keys: agreed.keys,
                direction: media.direction.mirrored(),
            };
            stream.write(&mut text);
        } else {
            refuse(media, &mut text);
        }
    }
    Ok((text, agreed))
}

/// Our own proposal.
#[must_use]
pub fn propose(local: &Local<'_>, direction: Direction) -> String {
    let mut text = head(local);
    Stream::proposed(local, PLAIN, direction).write(&mut text);
    text
}

/// Our proposal in a session where we said `before`: all its streams in their order, and
/// those that were refused stay so (RFC 3264 section 8).
#[must_use]
pub fn propose_again(before: &Description, local: &Local<'_>, direction: Direction) -> String {
    let mut text = head(local);
    for media in &before.media {
        if media.port == 0 {
            refuse(media, &mut text);
        } else {
            Stream::proposed(local, &media.protocol, direction).write(&mut text);
        }
    }
    text
}

/// What the answer to our proposal means.
///
/// # Errors
/// When it accepts nothing that we proposed.
pub fn agree(answer: &Description, local: &Local<'_>) -> Result<Agreed, Refusal> {
    let (_, agreed) = pick(answer, local)?;
    let proposed_keys = agreed.keys.map(|_| OUR_KEYS);
    Ok(Agreed {
        proposed_keys,
        ..agreed
    })
}

fn pick(description: &Description, local: &Local<'_>) -> Result<(usize, Agreed), Refusal> {
    let audio = |media: &Media| {
        media.kind == "audio"
            && media.port != 0
            && matches!(media.protocol.as_str(), PLAIN | "RTP/AVPF")
    };
    let (index, media) = description
        .media
        .iter()
        .enumerate()
        .find(|(_, m)| audio(m))
        .ok_or(Refusal::NoAudio)?;
    let (payload, codec) = media
        .formats
        .iter()
        .filter_map(|format| digits::<u8>(format))
        .find_map(|payload| {
            let mut codecs = local.codecs.iter().copied();
            let codec = codecs.find(|codec| speaks(media, payload, *codec))?;
            Some((payload, codec))
        })
        .ok_or(Refusal::NoCodec)?;
    let keys = media.maps.iter().find(|(payload, name, rate)| {
        name == "telephone-event"
            && *rate == 8000
            && media.formats.iter().any(|f| *f == payload.to_string())
    });
    let (remote, direction) = match media.address {
        Some(address) if address.is_unspecified() => (None, Direction::SendOnly),
        Some(address) if forbidden(address) => return Err(Refusal::Address),
        Some(address) => (Some(SocketAddr::new(address, media.port)), media.direction),
        None => return Err(Refusal::Name),
    };
    let agreed = Agreed {
        remote,
        codec,
        payload,
        keys: keys.map(|(payload, _, _)| *payload),
        proposed_keys: None,
        send: direction.receives() && remote.is_some(),
        receive: direction.sends(),
    };
    Ok((index, agreed))
}

fn speaks(media: &Media, payload: u8, codec: Codec) -> bool {
    let own = payload == codec.payload_type();
    let mapped = media.maps.iter().find(|(mapped, _, _)| *mapped == payload);
    mapped.map_or(own, |(_, name, rate)| {
        (own || DYNAMIC.contains(&payload))
            && *rate == 8000
            && name.eq_ignore_ascii_case(codec.encoding())
    })
}

/// Addresses that would make us shout at many (broadcast, multicast).
fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_broadcast() || address.is_multicast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

fn head(local: &Local<'_>) -> String {
    let ip = local.address.ip();
    let kind = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let (id, version) = (local.id, local.version);
    format!("v=0\r\no=- {id} {version} IN {kind} {ip}\r\ns=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\n")
}

/// RFC 3264 section 6: a refused stream keeps its place, with port 0.
fn refuse(media: &Media, text: &mut String) {
    let format = media.formats.first().map_or("0", String::as_str);
    // Writing to a String cannot fail, here and below.
    write!(text, "m={} 0 {} {format}\r\n", media.kind, media.protocol).ok();
}

/// A stream of ours.
struct Stream<'a> {
    port: u16,
    protocol: &'a str,
    /// With their payload types.
    codecs: Vec<(u8, Codec)>,
    keys: Option<u8>,
    direction: Direction,
}

impl<'a> Stream<'a> {
    fn proposed(local: &Local<'_>, protocol: &'a str, direction: Direction) -> Self {
        Self {
            port: local.address.port(),
            protocol,
            codecs: local
                .codecs
                .iter()
                .map(|c| (c.payload_type(), *c))
                .collect(),
            keys: Some(OUR_KEYS),
            direction,
        }
    }

    fn write(&self, text: &mut String) {
        write!(text, "m=audio {} {}", self.port, self.protocol).ok();
        for (payload, _) in &self.codecs {
            write!(text, " {payload}").ok();
        }
        if let Some(keys) = self.keys {
            write!(text, " {keys}").ok();
        }
        text.push_str("\r\n");
        for (payload, codec) in &self.codecs {
            write!(text, "a=rtpmap:{payload} {}/8000\r\n", codec.encoding()).ok();
        }
        if let Some(keys) = self.keys {
            let map = format_args!("a=rtpmap:{keys} telephone-event/8000\r\n");
            write!(text, "{map}a=fmtp:{keys} 0-15\r\n").ok();
        }
        write!(text, "a=ptime:20\r\na={}\r\n", self.direction.as_str()).ok();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    fn local() -> Local<'static> {
        Local {
            address: "192.0.2.1:10000".parse().unwrap(),
            codecs: &CODECS,
            id: 7,
            version: 1,
        }
    }

    fn description(lines: &str) -> Description {
        let text =
            format!("v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n{lines}");
        Description::parse(text.as_bytes()).unwrap()
    }

    /// RFC 3264 section 6.
    #[test]
    fn the_first_common_codec_of_the_proposal_is_taken_with_its_keys() {
        let proposal = description(
            "m=audio 4000 RTP/AVP 9 0 8 96\na=rtpmap:96 telephone-event/8000\nm=video 4002 RTP/AVP 31",
        );
        let (text, agreed) = answer(&proposal, &local()).unwrap();
        assert_eq!(
            agreed,
            Agreed {
                remote: "192.0.2.9:4000".parse().ok(),
                codec: Codec::Pcmu,
                payload: 0,
                keys: Some(96),
                proposed_keys: None,
                send: true,
                receive: true
            }
        );
        assert!(text.contains("m=audio 10000 RTP/AVP 0 96\r\n"), "{text}");
        assert!(
            text.ends_with("a=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"),
            "{text}"
        );
    }

    /// RFC 3264 section 6.1: the answer keeps the number that the proposal gave.
    #[test]
    fn g711_may_have_a_dynamic_payload_type() {
        for (lines, agreed) in [
            ("100\na=rtpmap:100 PCMU/8000", Ok((100, Codec::Pcmu))),
            ("100 8\na=rtpmap:100 pcma/8000/1", Ok((100, Codec::Pcma))),
            ("100 8\na=rtpmap:100 PCMU/16000", Ok((8, Codec::Pcma))),
            ("50\na=rtpmap:50 PCMU/8000", Err(Refusal::NoCodec)),
            ("8\na=rtpmap:8 PCMU/8000", Err(Refusal::NoCodec)),
            ("100", Err(Refusal::NoCodec)),
        ] {
            let proposal = description(&format!("m=audio 4000 RTP/AVP {lines}"));
            let answer = answer(&proposal, &local());
            let found = answer.as_ref().map(|(_, a)| (a.payload, a.codec));
            assert_eq!(found.map_err(|refusal| *refusal), agreed, "{lines}");
            if let Ok((text, Agreed { payload, codec, .. })) = answer {
                let map = format!("a=rtpmap:{payload} {}/8000\r\n", codec.encoding());
                assert!(
                    text.contains(&format!("RTP/AVP {payload}\r\n{map}")),
                    "{text}"
                );
            }
        }
    }

    /// RFC 3264 section 6.1.
    #[test]
    fn an_answer_names_the_transport_of_its_proposal() {
        for protocol in ["RTP/AVP", "RTP/AVPF"] {
            let proposal = description(&format!("m=audio 4000 {protocol} 8"));
            let (text, _) = answer(&proposal, &local()).unwrap();
            let line = format!("\r\nm=audio 10000 {protocol} 8\r\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    /// RFC 3264 section 8.
    #[test]
    fn a_proposal_within_a_session_has_all_its_streams_in_order() {
        let lines = "m=video 4002 RTP/AVP 96\nm=audio 4000 RTP/AVPF 8\nm=audio 4004 RTP/AVP 0";
        let (said, _) = answer(&description(lines), &local()).unwrap();
        let said = Description::parse(said.as_bytes()).unwrap();
        let text = propose_again(&said, &local(), Direction::SendRecv);
        let streams: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
        let expected = [
            "m=video 0 RTP/AVP 96",
            "m=audio 10000 RTP/AVPF 8 0 101",
            "m=audio 0 RTP/AVP 0",
        ];
        assert_eq!(streams, expected);
    }

    /// RFC 3264 section 5.
    #[test]
    fn our_proposal_answered_is_agreed_on_by_both() {
        let proposal =
            Description::parse(propose(&local(), Direction::SendRecv).as_bytes()).unwrap();
        let peer = Local {
            address: "192.0.2.2:20000".parse().unwrap(),
            codecs: &[Codec::Pcmu],
            id: 1,
            version: 1,
        };
        let (text, theirs) = answer(&proposal, &peer).unwrap();
        let ours = agree(&Description::parse(text.as_bytes()).unwrap(), &local()).unwrap();
        assert_eq!(
            (ours.codec, ours.keys, ours.remote),
            (theirs.codec, theirs.keys, Some(peer.address))
        );
    }

    /// RFC 3264 section 6.1: whoever answers sends by the proposal's numbers.
    #[test]
    fn keys_may_have_another_number_in_the_answer() {
        for (keys, numbers) in [
            (
                "8 97\na=rtpmap:97 telephone-event/8000",
                (Some(97), Some(101)),
            ),
            (
                "8 101\na=rtpmap:101 telephone-event/8000",
                (Some(101), Some(101)),
            ),
            ("8", (None, None)),
        ] {
            let answer = description(&format!("m=audio 4000 RTP/AVP {keys}"));
            let agreed = agree(&answer, &local()).unwrap();
            assert_eq!((agreed.keys, agreed.proposed_keys), numbers, "{keys}");
        }
    }

    /// RFC 3264 section 8.4.
    #[test]
    fn each_way_to_hold_stops_our_sending() {
        for (lines, send, receive, ours) in [
            (
                "m=audio 4000 RTP/AVP 8\na=sendonly",
                false,
                true,
                "a=recvonly",
            ),
            (
                "m=audio 4000 RTP/AVP 8\na=inactive",
                false,
                false,
                "a=inactive",
            ),
            (
                "m=audio 4000 RTP/AVP 8\na=recvonly",
                true,
                false,
                "a=sendonly",
            ),
            (
                "m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0",
                false,
                true,
                "a=sendrecv",
            ),
        ] {
            let (text, agreed) = answer(&description(lines), &local()).unwrap();
            assert_eq!((agreed.send, agreed.receive), (send, receive), "{lines}");
            assert!(text.contains(ours), "{lines}: {text}");
        }
    }

    /// RFC 3264 section 6.
    #[test]
    fn what_cannot_be_agreed_on_is_refused() {
        for (lines, refusal) in [
            (
                "m=audio 4000 RTP/AVP 99\na=rtpmap:99 foo/8000",
                Refusal::NoCodec,
            ),
            (
                "m=audio 4000 RTP/AVP 0\na=rtpmap:0 opus/48000",
                Refusal::NoCodec,
            ),
            ("m=audio 4000 RTP/AVP +8", Refusal::NoCodec),
            ("m=audio 4000 RTP/AVP 264", Refusal::NoCodec),
            ("m=audio 0 RTP/AVP 0", Refusal::NoAudio),
            ("m=audio 4000 RTP/SAVP 0", Refusal::NoAudio),
            ("m=video 4000 RTP/AVP 0", Refusal::NoAudio),
            (
                "m=audio 4000 RTP/AVP 0\nc=IN IP4 255.255.255.255",
                Refusal::Address,
            ),
            (
                "m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127",
                Refusal::Address,
            ),
            (
                "m=audio 4000 RTP/AVP 0\nc=IN IP4 media.example",
                Refusal::Name,
            ),
        ] {
            assert_eq!(
                answer(&description(lines), &local()).map(|(_, a)| a),
                Err(refusal),
                "{lines}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Description::parse(&body));
        }

        #[test]
        fn any_lines_are_answered_or_refused(lines in "(([mca])=[ -~]{0,40}\n){0,12}") {
            if let Ok(read) = Description::parse(format!("v=0\nc=IN IP4 192.0.2.9\n{lines}").as_bytes()) {
                drop(answer(&read, &local()));
            }
        }
    }
}
