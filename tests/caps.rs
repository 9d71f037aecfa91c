//! Each cap on what is read holds exactly: as much as it says passes, one more does not.

use bytes::Bytes;
use exchange::model::limits;
use exchange::sdp::Description;
use exchange::sip::{Frame, FrameError, Message, ParseError, StreamFramer};

/// An INVITE with more headers and a body.
fn invite(uri: &str, more: &str, body: &str) -> String {
    format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

/// The headers of [`invite`] itself.
const HEADERS: usize = 6;

fn answer(message: &str) -> u16 {
    match Message::parse(&Bytes::copy_from_slice(message.as_bytes())) {
        Ok(_) => 200,
        Err(ParseError::Refuse(refusal)) => refusal.code,
        Err(ParseError::Ignore(_)) => 0,
    }
}

#[test]
fn each_cap_of_a_message_holds() {
    const URI: &str = "sip:c@d";
    let more = |more: String| invite(URI, &more, "");
    type Case<'a> = (&'a str, usize, u16, &'a dyn Fn(usize) -> String);
    let cases: &[Case<'_>] = &[
        ("headers", limits::HEADERS, 400, &|count| {
            more("X: y\r\n".repeat(count - HEADERS))
        }),
        ("a value", limits::HEADER_BYTES, 400, &|size| {
            more(format!("X:  {} \r\n", "y".repeat(size)))
        }),
        ("a folded value", limits::HEADER_BYTES, 400, &|size| {
            more(format!("X: {}\r\n y\r\n", "y".repeat(size - 2)))
        }),
        ("lines of Via", limits::VIAS, 400, &|count| {
            more("Via: SIP/2.0/UDP h\r\n".repeat(count - 1))
        }),
        ("values of Via", limits::VIAS, 400, &|count| {
            more(format!(
                "Via: SIP/2.0/UDP h{}\r\n",
                ", SIP/2.0/UDP h".repeat(count - 2)
            ))
        }),
        ("contacts", limits::CONTACTS, 400, &|count| {
            more("m: <sip:a@b>\r\n".repeat(count))
        }),
        ("parameters", limits::PARAMETERS, 400, &|count| {
            more(format!("m: <sip:a@b>{}\r\n", ";x".repeat(count)))
        }),
        ("an address", limits::ADDRESS_BYTES, 400, &|size| {
            more(format!("m: <sip:{}@b>\r\n", "a".repeat(size - 8)))
        }),
        (
            "the request's address",
            limits::HEADER_BYTES,
            414,
            &|size| invite(&format!("sip:{}@d", "a".repeat(size - 6)), "", ""),
        ),
        ("the body", limits::BODY_BYTES, 413, &|size| {
            invite(URI, "", &"y".repeat(size))
        }),
    ];
    for (what, cap, beyond, build) in cases {
        assert_eq!(answer(&build(*cap)), 200, "{what}: {cap}");
        assert_eq!(
            answer(&build(*cap + 1)),
            *beyond,
            "{what}: one more than {cap}"
        );
    }
    // The first line of all is capped, too, however long it is.
    assert_eq!(answer(&invite(&"x".repeat(60_000), "", "")), 414);
    let via = |size: usize| {
        let message = invite(URI, "", "");
        message.replace(
            "z9hG4bKa",
            &"z".repeat(size - "SIP/2.0/UDP h;branch=".len()),
        )
    };
    assert_eq!(answer(&via(limits::VIA_BYTES)), 200);
    assert_eq!(answer(&via(limits::VIA_BYTES + 1)), 400);
}

#[test]
fn each_cap_of_a_description_holds() {
    let head = "v=0\r\nc=IN IP4 192.0.2.1\r\n";
    let read = |text: String| Description::parse(text.as_bytes()).is_ok();
    type Case<'a> = (&'a str, usize, &'a dyn Fn(usize) -> String);
    let cases: &[Case<'_>] = &[
        ("streams", limits::SDP_MEDIA, &|count| {
            "m=audio 1 RTP/AVP 0\r\n".repeat(count)
        }),
        ("formats", limits::SDP_FORMATS, &|count| {
            format!("m=audio 1 RTP/AVP{}\r\n", " 0".repeat(count))
        }),
        ("attributes", limits::SDP_ATTRIBUTES, &|count| {
            format!("m=audio 1 RTP/AVP 0\r\n{}", "a=x\r\n".repeat(count))
        }),
    ];
    for (what, cap, build) in cases {
        assert!(read(format!("{head}{}", build(*cap))), "{what}: {cap}");
        assert!(
            !read(format!("{head}{}", build(*cap + 1))),
            "{what}: one more"
        );
    }
}

#[test]
fn each_cap_of_a_body_of_parts_holds() {
    let is_read = |kind: &str, body: &str| {
        let headers = format!("Content-Type: {kind}\r\n");
        let message = invite("sip:c@d", &headers, body);
        match Message::parse(&Bytes::from(message)) {
            Ok(Message::Request(mut request)) => {
                request.unpack();
                &request.body[..] == b"v=0"
            }
            other => panic!("{other:?}"),
        }
    };
    let sdp = "Content-Type: application/sdp\r\n\r\nv=0";
    let other = "Content-Type: x/y\r\nContent-Disposition: x;handling=optional\r\n\r\nz";
    let parts = |boundary: &str, others: usize| {
        let other = format!("--{boundary}\r\n{other}\r\n").repeat(others);
        format!("{other}--{boundary}\r\n{sdp}\r\n--{boundary}--\r\n")
    };
    // Those within a part count, too.
    let within = |others: usize| {
        let head = "Content-Type: multipart/mixed;boundary=c\r\n\r\n";
        format!("--b\r\n{head}{}\r\n--b--\r\n", parts("c", others))
    };
    let kind = "multipart/mixed;boundary=b";
    let most = limits::BODY_PARTS;
    for (body, read) in [
        (parts("b", most - 1), true),
        (parts("b", most), false),
        (within(most - 2), true),
        (within(most - 1), false),
    ] {
        assert_eq!(is_read(kind, &body), read, "{body}");
    }
    for (length, read) in [
        (limits::BOUNDARY_CHARS, true),
        (limits::BOUNDARY_CHARS + 1, false),
    ] {
        let boundary = "b".repeat(length);
        let kind = format!("multipart/mixed;boundary={boundary}");
        assert_eq!(is_read(&kind, &parts(&boundary, 1)), read, "{length}");
    }
}

#[test]
fn a_message_on_a_stream_is_capped() {
    let next = |size: usize| {
        let head = "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 130000\r\nX: ";
        let padding = "y".repeat(size - 130_000 - head.len() - 4);
        let mut framer = StreamFramer::default();
        framer.push(format!("{head}{padding}\r\n\r\n{}", "z".repeat(130_000)).as_bytes());
        framer.next_frame()
    };
    let whole = next(limits::STREAM_MESSAGE_BYTES);
    assert!(matches!(whole, Ok(Some(Frame::Message(bytes))) if bytes.len() == 128 * 1024));
    assert_eq!(
        next(limits::STREAM_MESSAGE_BYTES + 1),
        Err(FrameError::TooLarge)
    );
}
