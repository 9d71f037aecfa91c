//! The question by which a phone keeps its way through a NAT open: a STUN Binding request
//! on the SIP port (RFC 5626 sections 4.4.2 and 8, RFC 8489).
//!
//! # Why
//! A phone that is promised `outbound` over UDP asks so every half a minute, and takes its
//! flow for dead when nobody answers. Of STUN it is this one question and its answer;
//! nothing is kept.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut as _, Bytes, BytesMut};

const BINDING: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const FAILURE: u16 = 0x0111;
const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes below have to be understood.
const OPTIONAL: u16 = 0x8000;
/// Unknown ones that are named in an answer.
const NAMED: usize = 8;

/// The answer to a Binding request that came from `from`: what the sender looks like from
/// here, or 420 for what has to be understood and is not. `None` for anything else.
pub(crate) fn answer(datagram: &[u8], from: SocketAddr) -> Option<Bytes> {
    let (head, mut rest) = datagram.split_at_checked(HEADER)?;
    let (kind, length) = (word(head, 0)?, word(head, 2)?);
    let cookie = COOKIE.to_be_bytes();
    let transaction = head.get(4..)?;
    if kind != BINDING || usize::from(length) != rest.len() || !transaction.starts_with(&cookie) {
        return None;
    }
    let mut unknown = Vec::new();
    while !rest.is_empty() {
        let (attribute, length) = (word(rest, 0)?, word(rest, 2)?);
        if attribute < OPTIONAL && unknown.len() < NAMED {
            unknown.push(attribute);
        }
        rest = rest.get(4 + usize::from(length).next_multiple_of(4)..)?;
    }
    Some(if unknown.is_empty() {
        message(SUCCESS, transaction, |out| mapped(out, transaction, from))
    } else {
        message(FAILURE, transaction, |out| not_understood(out, &unknown))
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    bytes.try_into().ok().map(u16::from_be_bytes)
}

fn message(kind: u16, transaction: &[u8], body: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut attributes = BytesMut::new();
    body(&mut attributes);
    let mut out = BytesMut::with_capacity(HEADER + attributes.len());
    out.put_u16(kind);
    out.put_u16(u16::try_from(attributes.len()).unwrap_or(0));
    out.put_slice(transaction);
    out.put_slice(&attributes);
    out.freeze()
}

/// XOR-MAPPED-ADDRESS (RFC 8489 section 14.2): a NAT that changes addresses which it sees
/// does not see this one.
fn mapped(out: &mut BytesMut, transaction: &[u8], from: SocketAddr) {
    let ip = from.ip().to_canonical();
    let (family, bytes) = match ip {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    out.put_u16(XOR_MAPPED_ADDRESS);
    out.put_u16(u16::try_from(4 + bytes.len()).unwrap_or(0));
    out.put_u16(family);
    let [high, low, ..] = COOKIE.to_be_bytes();
    out.put_u16(from.port() ^ u16::from_be_bytes([high, low]));
    out.extend(
        bytes
            .iter()
            .zip(transaction)
            .map(|(one, other)| one ^ other),
    );
}

/// ERROR-CODE and UNKNOWN-ATTRIBUTES (sections 14.8 and 14.13).
fn not_understood(out: &mut BytesMut, unknown: &[u16]) {
    out.put_u16(ERROR_CODE);
    out.put_u16(4);
    out.put_slice(&[0, 0, 4, 20]);
    out.put_u16(UNKNOWN_ATTRIBUTES);
    out.put_u16(u16::try_from(unknown.len() * 2).unwrap_or(0));
    for attribute in unknown {
        out.put_u16(*attribute);
    }
    if unknown.len() % 2 == 1 {
        out.put_u16(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction of the examples in RFC 5769.
    const TRANSACTION: [u8; 12] = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];

    fn request(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let mut out = kind.to_be_bytes().to_vec();
        out.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        out.extend(COOKIE.to_be_bytes());
        out.extend(TRANSACTION);
        out.extend(attributes);
        out
    }

    /// RFC 5626 section 8.
    #[test]
    fn a_phone_learns_what_it_looks_like_from_here() {
        // RFC 5769 sections 2.2 and 2.3.
        let v4: &[u8] = &[0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let v6: &[u8] = &[
            0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
            0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        for (from, address) in [
            ("192.0.2.1:32853", v4),
            ("[::ffff:192.0.2.1]:32853", v4),
            ("[2001:db8:1234:5678:11:2233:4455:6677]:32853", v6),
        ] {
            // SOFTWARE, of three bytes, need not be understood.
            let optional = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
            for attributes in [&[][..], &optional] {
                let answer = answer(&request(BINDING, attributes), from.parse().unwrap());
                let answer = answer.unwrap();
                assert_eq!(answer[..2], SUCCESS.to_be_bytes());
                assert_eq!(usize::from(answer[3]), answer.len() - HEADER);
                assert_eq!(answer[8..20], TRANSACTION);
                let length = u8::try_from(address.len()).unwrap();
                assert_eq!(answer[20..24], [0, 0x20, 0, length]);
                assert_eq!(&answer[24..], address, "{from}");
            }
        }
    }

    /// RFC 5626 section 8.
    #[test]
    fn what_has_to_be_understood_and_is_not_is_named() {
        let attributes = [0, 0x24, 0, 1, 9, 0, 0, 0, 0x7f, 0xff, 0, 0];
        let answer = answer(
            &request(BINDING, &attributes),
            "192.0.2.1:9".parse().unwrap(),
        );
        let told: &[u8] = &[0, 9, 0, 4, 0, 0, 4, 20, 0, 10, 0, 4, 0, 0x24, 0x7f, 0xff];
        let answer = answer.unwrap();
        assert_eq!(answer[..2], FAILURE.to_be_bytes());
        assert_eq!(&answer[HEADER..], told);
    }

    /// RFC 5626 section 8.
    #[test]
    fn what_is_no_question_of_this_kind_has_no_answer() {
        let good = request(BINDING, &[]);
        let mut other = good.clone();
        other[4] = 0;
        for bytes in [
            &good[..19],
            &[&good[..], &[0]].concat(),
            &other,
            &request(SUCCESS, &[]),
            &request(0x0011, &[]),
            // An attribute that is longer than the rest.
            &request(BINDING, &[0x80, 0x22, 0, 5, 1, 2, 3, 4]),
            b"\r\n\r\n",
            b"",
        ] {
            assert_eq!(
                answer(bytes, "192.0.2.1:9".parse().unwrap()),
                None,
                "{bytes:?}"
            );
        }
    }
}
