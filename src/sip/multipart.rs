//! Bodies that are more than a description: several parts (RFC 2046 section 5.1, RFC 5621),
//! and those that need not be understood (RFC 3261 section 20.11).
//!
//! [`Request::unpack`] and [`Response::unpack`] leave what the rest of the house knows: a
//! description, nothing, or a body that is to be refused as it came.
//!
//! # Why
//! - A part that says nothing of how it is to be handled has to be understood; one with a
//!   Content-ID is there for a header that names it (RFC 5621 section 9.1, for example
//!   Geolocation of RFC 6442), and goes with that header, which nobody here reads.
//! - One container within another is looked into, and none within that.

use bytes::Bytes;

use crate::model::limits;
use crate::sip::header::{RawParams, parts};
use crate::sip::parse::read_part;
use crate::sip::{Headers, Name, Request, Response};

const SDP: &str = "application/sdp";
/// Octets that go as they are (RFC 2045 section 6.2).
const UNCODED: [&str; 3] = ["7bit", "8bit", "binary"];

impl Request {
    /// Leaves of a body the description alone, or nothing when there is none and nothing has
    /// to be understood; a body that cannot be used stays as it is, with its type.
    pub fn unpack(&mut self) {
        unpack(&mut self.headers, &mut self.body);
    }
}

impl Response {
    /// As [`Request::unpack`].
    pub fn unpack(&mut self) {
        unpack(&mut self.headers, &mut self.body);
    }
}

/// What a body, or a part of one, is for us.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Description(Bytes),
    /// It may be passed over.
    Nothing,
    /// It would have to be understood, and is not.
    Unknown,
}

/// How the parts of a body belong together; any other way counts as the first
/// (RFC 2046 section 5.1.7).
#[derive(Clone, Copy)]
enum Kind {
    Mixed,
    /// All say the same, the last best.
    Alternative,
}

struct Container {
    kind: Kind,
    boundary: String,
}

fn unpack(headers: &mut Headers, body: &mut Bytes) {
    let plain = body.is_empty()
        || headers
            .first(&Name::ContentType)
            .is_none_or(|kind| essence(&kind).eq_ignore_ascii_case(SDP));
    if plain {
        return;
    }
    let mut room = limits::BODY_PARTS;
    let look = |headers: &Headers, body: &Bytes, room: &mut usize| {
        container(headers, body, room, |headers, body, _| part(headers, body))
    };
    match container(headers, body, &mut room, look) {
        Meaning::Description(description) => {
            headers.set(Name::ContentType, SDP);
            *body = description;
        }
        Meaning::Nothing => {
            headers.remove(&Name::ContentType);
            *body = Bytes::new();
        }
        Meaning::Unknown => {}
    }
}

/// A body that may have parts, which are for `look`.
fn container(
    headers: &Headers,
    body: &Bytes,
    room: &mut usize,
    look: impl Fn(&Headers, &Bytes, &mut usize) -> Meaning,
) -> Meaning {
    let Some(container) = Container::of(headers) else {
        return part(headers, body);
    };
    let meaning = container.meaning(body, room, look);
    if meaning == Meaning::Unknown && is_optional(headers) {
        Meaning::Nothing
    } else {
        meaning
    }
}

fn part(headers: &Headers, body: &Bytes) -> Meaning {
    if is_description(headers) {
        Meaning::Description(body.clone())
    } else if is_optional(headers) {
        Meaning::Nothing
    } else {
        Meaning::Unknown
    }
}

impl Container {
    fn of(headers: &Headers) -> Option<Self> {
        let line = headers.first(&Name::ContentType)?;
        let (kind, params) = value_and_params(&line);
        let (main, sub) = kind.split_once('/')?;
        if !main.eq_ignore_ascii_case("multipart") {
            return None;
        }
        let kind = if sub.eq_ignore_ascii_case("alternative") {
            Kind::Alternative
        } else {
            Kind::Mixed
        };
        let boundary = params?.value("boundary")?;
        let graphic = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let fits = (1..=limits::BOUNDARY_CHARS).contains(&boundary.len())
            && boundary.bytes().all(graphic)
            && !boundary.ends_with(' ');
        fits.then(|| Self {
            kind,
            boundary: boundary.to_owned(),
        })
    }

    fn meaning(
        &self,
        body: &Bytes,
        room: &mut usize,
        look: impl Fn(&Headers, &Bytes, &mut usize) -> Meaning,
    ) -> Meaning {
        let Some(cut) = cut(body, &self.boundary, room) else {
            return Meaning::Unknown;
        };
        let mut meanings = cut.iter().map(|part| match read_part(part) {
            Some((headers, body)) => look(&headers, &body, room),
            None => Meaning::Unknown,
        });
        match self.kind {
            Kind::Mixed => meanings.try_fold(Meaning::Nothing, both),
            Kind::Alternative => Ok(meanings.fold(Meaning::Unknown, better)),
        }
        .unwrap_or(Meaning::Unknown)
    }
}

/// What two parts are together; `Err` when that cannot be understood. A call has one
/// description.
fn both(one: Meaning, other: Meaning) -> Result<Meaning, ()> {
    match (one, other) {
        (Meaning::Unknown, _)
        | (_, Meaning::Unknown)
        | (Meaning::Description(_), Meaning::Description(_)) => Err(()),
        (Meaning::Nothing, meaning) | (meaning, Meaning::Nothing) => Ok(meaning),
    }
}

/// RFC 2046 section 5.1.4: the last that is understood.
fn better(so_far: Meaning, next: Meaning) -> Meaning {
    match (so_far, next) {
        (_, Meaning::Description(description)) => Meaning::Description(description),
        (Meaning::Unknown, next) => next,
        (so_far, Meaning::Nothing | Meaning::Unknown) => so_far,
    }
}

/// The parts between the delimiters; `None` when there is none, there are too many, or the
/// last delimiter is missing.
fn cut(body: &Bytes, boundary: &str, room: &mut usize) -> Option<Vec<Bytes>> {
    let dashes = format!("--{boundary}");
    let mut list = Vec::new();
    let mut next = Delimiter::find(body, dashes.as_bytes(), 0)?;
    while !next.closes {
        let begin = next.end;
        next = Delimiter::find(body, dashes.as_bytes(), begin)?;
        *room = room.checked_sub(1)?;
        // The line end before a delimiter belongs to it, and may be the one before it, too.
        list.push(body.slice(begin..next.start.max(begin)));
    }
    (!list.is_empty()).then_some(list)
}

/// A line that parts.
struct Delimiter {
    start: usize,
    end: usize,
    closes: bool,
}

impl Delimiter {
    /// The first at or after `at`.
    fn find(body: &[u8], dashes: &[u8], mut at: usize) -> Option<Self> {
        loop {
            let found = at + memchr::memmem::find(body.get(at..)?, dashes)?;
            at = found + dashes.len();
            let rest = body.get(at..)?;
            let (closes, rest) = match rest.strip_prefix(b"--") {
                Some(rest) => (true, rest),
                None => (false, rest),
            };
            let start = line_start(body.get(..found)?);
            if let (Some(start), Some(rest)) = (start, line_end(rest)) {
                let end = body.len() - rest.len();
                return Some(Self { start, end, closes });
            }
        }
    }
}

/// Where the end of the line before stands, if a line ends there.
fn line_start(before: &[u8]) -> Option<usize> {
    match before {
        [] => Some(0),
        [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => Some(line.len()),
        _ => None,
    }
}

/// What follows a line of which only spaces are left.
fn line_end(rest: &[u8]) -> Option<&[u8]> {
    let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    match rest.get(spaces.count()..)? {
        [] => Some(&[]),
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// An SDP of the session, as it is.
fn is_description(headers: &Headers) -> bool {
    let first = |name: &Name| headers.first(name);
    let kind = first(&Name::ContentType);
    let about = first(&Name::ContentDisposition);
    let coded = first(&Name::Other("Content-Transfer-Encoding".into()));
    let packed = headers.tokens(&Name::ContentEncoding);
    kind.is_some_and(|kind| essence(&kind).eq_ignore_ascii_case(SDP))
        && about.is_none_or(|about| essence(&about).eq_ignore_ascii_case("session"))
        && coded.is_none_or(|coded| {
            let mut known = UNCODED.iter();
            known.any(|known| essence(&coded).eq_ignore_ascii_case(known))
        })
        && packed.iter().all(|how| how == "identity")
}

/// Whether it need not be understood.
fn is_optional(headers: &Headers) -> bool {
    let Some(line) = headers.first(&Name::ContentDisposition) else {
        return headers.first(&Name::Other("Content-ID".into())).is_some();
    };
    let (about, params) = value_and_params(&line);
    let handling = params.and_then(|params| params.value("handling"));
    match handling {
        Some(handling) => handling.eq_ignore_ascii_case("optional"),
        None => about.eq_ignore_ascii_case("by-reference"),
    }
}

/// A value without its parameters.
fn essence(line: &str) -> &str {
    value_and_text(line).0
}

/// A value and its parameters, `None` for unreadable ones.
fn value_and_params(line: &str) -> (&str, Option<RawParams<'_>>) {
    let (value, text) = value_and_text(line);
    (value, RawParams::read(text))
}

fn value_and_text(line: &str) -> (&str, &str) {
    let value = parts(line, b';').next().flatten().unwrap_or(line);
    let rest = line.get(value.len()..).unwrap_or_default();
    (value.trim_ascii(), rest.strip_prefix(';').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DESCRIPTION: &str = "v=0\r\ns=--b\r\n";
    const SESSION: &str = "Content-Type: application/sdp\r\n";
    const ISUP: &str = "Content-Type: application/ISUP;version=itu-t92+;base=itu-t92+\r\n";
    const OPTIONAL: &str = "Content-Disposition: signal ;handling=Optional\r\n";
    const PIDF: &str = "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n";

    fn message(text: &str) -> (Headers, Bytes) {
        read_part(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    /// What is left of a body with these headers; `None` when it stays as it came.
    fn left(headers: &str, body: &str) -> Option<String> {
        let (mut headers, mut left) = message(&format!("{headers}\r\n{body}"));
        unpack(&mut headers, &mut left);
        let kind = headers.first(&Name::ContentType);
        if &left[..] == body.as_bytes() && kind.as_deref() != Some(SDP) {
            return None;
        }
        assert_eq!(kind.as_deref(), (!left.is_empty()).then_some(SDP));
        Some(String::from_utf8_lossy(&left).into_owned())
    }

    /// A body of parts, each its headers and what they are about.
    fn several(boundary: &str, parts: &[(&str, &str)]) -> String {
        let part =
            |(headers, body): &(&str, &str)| format!("--{boundary}\r\n{headers}\r\n{body}\r\n");
        let parts: String = parts.iter().map(part).collect();
        format!("{parts}--{boundary}--\r\n")
    }

    fn kind(sub: &str) -> String {
        format!("Content-Type: multipart/{sub}; boundary=\"b\"\r\n")
    }

    /// RFC 5621 section 3.1, RFC 3261 section 20.11.
    #[test]
    fn of_several_parts_the_description_is_left_if_the_rest_may_be_passed_over() {
        let sdp = (SESSION, DESCRIPTION);
        let session = format!("{SESSION}Content-Disposition: session;handling=required\r\n");
        let early = format!("{SESSION}Content-Disposition: early-session\r\n");
        let coded = format!("{SESSION}Content-Transfer-Encoding: base64\r\n");
        let isup = format!("{ISUP}{OPTIONAL}");
        let folded = "Content-Type: application/sdp;\r\n charset=utf-8\r\n";
        for (parts, taken) in [
            (&[sdp][..], Some(DESCRIPTION)),
            (&[(&session, DESCRIPTION)], Some(DESCRIPTION)),
            (&[(folded, DESCRIPTION)], Some(DESCRIPTION)),
            (&[sdp, (&isup, "\x01\0")], Some(DESCRIPTION)),
            (&[(&isup, "\x01\0"), sdp], Some(DESCRIPTION)),
            (&[(&isup, "\x01\0")], Some("")),
            (&[sdp, (PIDF, "<x/>")], Some(DESCRIPTION)),
            (&[sdp, (ISUP, "\x01\0")], None),
            (&[sdp, ("", "text")], None),
            (&[sdp, sdp], None),
            (&[(&early, DESCRIPTION)], None),
            (&[(&coded, "dj0w")], None),
        ] {
            let body = several("b", parts);
            let taken = taken.map(str::to_owned);
            assert_eq!(left(&kind("mixed"), &body), taken, "{body}");
            assert_eq!(left(&kind("related"), &body), taken, "{body}");
        }
    }

    /// RFC 2046 section 5.1.4.
    #[test]
    fn of_alternatives_the_last_that_is_known_is_taken() {
        let (one, other) = ((SESSION, "v=0\r\ns=1\r\n"), (SESSION, "v=0\r\ns=2\r\n"));
        let optional = format!("Content-Type: text/plain\r\n{OPTIONAL}");
        for (parts, taken) in [
            (&[one, other][..], Some(other.1)),
            (&[one, (ISUP, "x")], Some(one.1)),
            (&[(ISUP, "x"), one, (&optional, "x")], Some(one.1)),
            (&[(ISUP, "x"), (&optional, "x")], Some("")),
            (&[(ISUP, "x")], None),
        ] {
            let body = several("b", parts);
            let taken = taken.map(str::to_owned);
            assert_eq!(left(&kind("alternative"), &body), taken, "{body}");
        }
    }

    #[test]
    fn a_container_in_a_container_is_looked_into_and_none_in_that() {
        let within = |inner: &str, boundary: &str| {
            let headers = format!("Content-Type: multipart/mixed;boundary={boundary}\r\n");
            several("b", &[(&headers, inner)])
        };
        let inner = several("c", &[(SESSION, DESCRIPTION)]);
        let outer = within(&inner, "c");
        assert_eq!(left(&kind("mixed"), &outer).as_deref(), Some(DESCRIPTION));
        let deeper = several("d", &[(&kind("mixed").replace("\"b\"", "c"), &inner)]);
        assert_eq!(left(&kind("mixed"), &within(&deeper, "d")), None);
    }

    /// RFC 3261 section 20.11.
    #[test]
    fn a_body_that_is_optional_is_passed_over() {
        let text = "Content-Type: text/plain\r\n";
        for (headers, taken) in [
            (format!("{text}{OPTIONAL}"), Some("")),
            (
                format!("{text}Content-Disposition: icon;handling=required\r\n"),
                None,
            ),
            (format!("{text}Content-Disposition: icon\r\n"), None),
            (text.to_owned(), None),
            (format!("{}{OPTIONAL}", kind("mixed")), Some("")),
        ] {
            assert_eq!(left(&headers, "hello").as_deref(), taken, "{headers}");
        }
    }

    /// RFC 2046 section 5.1.1.
    #[test]
    fn only_whole_lines_part() {
        let part = format!("{SESSION}\r\n{DESCRIPTION}");
        for (body, taken) in [
            (
                format!("before\r\n--b \t\r\n{part}\r\n--b--\r\nbehind"),
                true,
            ),
            (format!("--b\n{part}\n--b--"), true),
            (format!("--b\r\n{part}\r\n--bc\r\n--b--"), false),
            (format!("--b\r\n{part}\r\n--b"), false),
            (format!("--b\r\n{part}\r\n"), false),
            (format!("x--b\r\n{part}\r\n--b--"), false),
            ("--b--".to_owned(), false),
            ("--b\r\n--b--".to_owned(), false),
        ] {
            let found = left(&kind("mixed"), &body);
            assert_eq!(found.as_deref() == Some(DESCRIPTION), taken, "{body}");
        }
        for boundary in ["", "\"\"", "\"b \"", "\"\u{e9}\""] {
            let headers = format!("Content-Type: multipart/mixed;boundary={boundary}\r\n");
            let boundary = boundary.trim_matches('"');
            let body = several(boundary, &[(SESSION, DESCRIPTION)]);
            assert_eq!(left(&headers, &body), None, "{boundary}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_was_there_or_is_nothing(
            sub in "mixed|alternative|x",
            lines in proptest::collection::vec(
                "--b|--b--|--c|--c--|Content-Type: (application/sdp|multipart/mixed;boundary=c)|\
                 Content-Disposition: [a-z]{1,4};handling=(optional|required)|v=0|\r?|[ -~]{0,9}",
                0..40,
            ),
            end in "\r\n|\n",
        ) {
            let text = format!("{}\r\n{}", kind(&sub), lines.join(&end));
            let (mut headers, body) = message(&text);
            let mut left = body.clone();
            unpack(&mut headers, &mut left);
            let text = String::from_utf8_lossy(&left).into_owned();
            prop_assert!(String::from_utf8_lossy(&body).contains(&text));
            let once = left.clone();
            unpack(&mut headers, &mut left);
            prop_assert_eq!(once, left);
        }
    }
}
