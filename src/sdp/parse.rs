//! Reading a description: what negotiation needs, unknown lines passed over.

use std::net::IpAddr;

use crate::model::limits;
use crate::sdp::Direction;
use crate::sip::digits;

/// A description that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// It is not UTF-8 where it must be, or has no `v=0`.
    #[error("not a session description")]
    NotSdp,
    /// A `c=` or `m=` line that cannot be read.
    #[error("unreadable {0}= line")]
    Malformed(char),
    /// A stream without a `c=` line of its own or of the session (RFC 8866 section 5.7).
    #[error("a stream without a c= line")]
    NoConnection,
    /// More lines of a kind than a limit.
    #[error("too many {0}= lines")]
    TooMany(char),
}

/// Whether a body of this Content-Type is a description: one without a type is taken for one.
///
/// # Errors
/// The code to refuse with: 493 for one that is encrypted (RFC 3261 section 21.4.26), 415
/// for any other.
pub fn legible(kind: Option<&str>) -> Result<(), u16> {
    let Some(kind) = kind else { return Ok(()) };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is = |known: &str| kind.eq_ignore_ascii_case(known);
    if is("application/sdp") {
        Ok(())
    } else if is("application/pkcs7-mime") || is("application/x-pkcs7-mime") {
        Err(493)
    } else {
        Err(415)
    }
}

/// A whole description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its streams, in order: an answer has the same.
    pub media: Vec<Media>,
}

/// One `m=` line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// 0 when it is refused or off.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// The formats, in the peer's order of preference.
    pub formats: Vec<String>,
    /// Where to send; `None` for one that is refused without a `c=` line, and when there is
    /// a name instead of an address.
    pub address: Option<IpAddr>,
    /// Whether it sends, receives, both or neither, as the peer sees it.
    pub direction: Direction,
    /// Payload type, encoding in lower case, clock rate: the `a=rtpmap` lines.
    pub maps: Vec<(u8, String, u32)>,
}

impl Description {
    /// Reads a body of type `application/sdp`.
    ///
    /// # Errors
    /// When it is no description, a needed line is unreadable, or a limit is passed.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        let text = std::str::from_utf8(body).map_err(|_| SdpError::NotSdp)?;
        let mut lines = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(SdpError::NotSdp);
        }
        let mut session = None;
        let mut direction = Direction::SendRecv;
        let mut media: Vec<Media> = Vec::new();
        // Whether it is known of the last stream where it is.
        let mut connected = Ok(());
        let mut attributes = 0;
        for line in lines {
            let Some((kind, value)) = line.split_once('=') else {
                continue;
            };
            match kind {
                "m" if media.len() == limits::SDP_MEDIA => return Err(SdpError::TooMany('m')),
                "m" => {
                    connected?;
                    let stream = read_media(value, session.flatten(), direction)?;
                    if session.is_none() && stream.port != 0 {
                        connected = Err(SdpError::NoConnection);
                    }
                    media.push(stream);
                }
                "c" => {
                    let read = read_connection(value)?;
                    connected = Ok(());
                    match media.last_mut() {
                        Some(stream) => stream.address = read,
                        None => session = Some(read),
                    }
                }
                "a" => {
                    attributes += 1;
                    if attributes > limits::SDP_ATTRIBUTES {
                        return Err(SdpError::TooMany('a'));
                    }
                    read_attribute(value, media.last_mut(), &mut direction);
                }
                _ => {}
            }
        }
        connected.map(|()| Self { media })
    }
}

fn read_media(
    value: &str,
    address: Option<IpAddr>,
    direction: Direction,
) -> Result<Media, SdpError> {
    let bad = SdpError::Malformed('m');
    let mut words = value.split_ascii_whitespace();
    let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
    else {
        return Err(bad);
    };
    let port = port.split('/').next().and_then(digits).ok_or(bad)?;
    let formats: Vec<_> = words.map(str::to_owned).collect();
    if formats.len() > limits::SDP_FORMATS {
        return Err(SdpError::TooMany('m'));
    }
    Ok(Media {
        kind: kind.to_owned(),
        port,
        protocol: protocol.to_owned(),
        formats,
        address,
        direction,
        maps: Vec::new(),
    })
}

fn read_connection(value: &str) -> Result<Option<IpAddr>, SdpError> {
    let mut words = value.split_ascii_whitespace();
    let (Some("IN"), Some(_), Some(address)) = (words.next(), words.next(), words.next()) else {
        return Err(SdpError::Malformed('c'));
    };
    // A name would have to be looked up for a stranger: it counts as no address.
    Ok(address
        .split('/')
        .next()
        .and_then(|address| address.parse().ok()))
}

fn read_attribute(value: &str, stream: Option<&mut Media>, session: &mut Direction) {
    if let Some(direction) = Direction::parse(value) {
        match stream {
            Some(stream) => stream.direction = direction,
            None => *session = direction,
        }
        return;
    }
    let (Some(stream), Some(map)) = (stream, value.strip_prefix("rtpmap:")) else {
        return;
    };
    let Some((payload, encoding)) = map.split_once(' ') else {
        return;
    };
    let mut parts = encoding.trim().split('/');
    let (Some(name), Some(rate)) = (parts.next(), parts.next().and_then(digits)) else {
        return;
    };
    if let Some(payload) = digits(payload).filter(|payload| *payload < 128) {
        stream.maps.push((payload, name.to_ascii_lowercase(), rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_fit() {
        let read = |lines: &str| {
            Description::parse(format!("v=0\nc=IN IP4 192.0.2.9\n{lines}").as_bytes())
        };
        for port in ["+5", "-5", "0x5", "65536", "٥"] {
            let line = format!("m=audio {port} RTP/AVP 8");
            assert_eq!(read(&line), Err(SdpError::Malformed('m')), "{port}");
        }
        for (map, count) in [
            ("96 x/8000", 1),
            ("+96 x/8000", 0),
            ("96 x/+8000", 0),
            ("128 x/8000", 0),
        ] {
            let lines = format!("m=audio 5 RTP/AVP 96\na=rtpmap:{map}");
            assert_eq!(read(&lines).unwrap().media[0].maps.len(), count, "{map}");
        }
    }

    /// RFC 8866 section 5.7.
    #[test]
    fn a_stream_needs_a_connection() {
        const C: &str = "c=IN IP4 192.0.2.9\n";
        const M: &str = "m=audio 4000 RTP/AVP 8\n";
        for (lines, read) in [
            (format!("{C}{M}{M}"), true),
            (format!("{M}{C}{M}{C}"), true),
            (format!("m=audio 0 RTP/AVP 8\n{M}{C}"), true),
            (format!("{M}c=IN IP4 host.example\n"), true),
            (M.to_owned(), false),
            (format!("{M}{C}{M}"), false),
            (format!("{M}{M}{C}"), false),
        ] {
            let found = Description::parse(format!("v=0\n{lines}").as_bytes());
            let expected = if read {
                None
            } else {
                Some(SdpError::NoConnection)
            };
            assert_eq!(found.err(), expected, "{lines}");
        }
    }

    #[test]
    fn only_descriptions_are_read() {
        for (kind, read) in [
            (None, Ok(())),
            (Some("application/sdp"), Ok(())),
            (Some("Application/SDP ; charset=utf-8"), Ok(())),
            (Some("application/sdpfrag"), Err(415)),
            (Some("text/plain"), Err(415)),
            (Some("multipart/mixed;boundary=x"), Err(415)),
            (
                Some("application/pkcs7-mime; smime-type=enveloped-data"),
                Err(493),
            ),
        ] {
            assert_eq!(legible(kind), read, "{kind:?}");
        }
    }
}
