//! The RTP header (RFC 3550 section 5.1).

/// A header without contributing sources or extension.
pub const HEADER_BYTES: usize = 12;

/// What the header of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet after silence, or first of a key.
    pub marker: bool,
    /// 0..=127.
    pub payload_type: u8,
    /// One higher for each packet, wrapping.
    pub sequence: u16,
    /// In samples, wrapping.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

impl Header {
    /// Reads a packet: the header, and where its payload lies. `None` for what is not
    /// RTP version 2, or promises more than it holds.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<(Self, std::ops::Range<usize>)> {
        let fixed: &[u8; HEADER_BYTES] = packet.first_chunk()?;
        let [
            first,
            second,
            seq_high,
            seq_low,
            t0,
            t1,
            t2,
            t3,
            s0,
            s1,
            s2,
            s3,
        ] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        // RFC 5761 section 4: 64 to 95 there is RTCP.
        let payload_type = second & 0x7f;
        if (64..96).contains(&payload_type) {
            return None;
        }
        let mut start = HEADER_BYTES + usize::from(first & 0x0f) * 4;
        if first & 0x10 != 0 {
            let extension = packet.get(start..start + 4)?;
            let [_, _, high, low] = *extension.first_chunk()?;
            start += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        let padding = if first & 0x20 == 0 {
            0
        } else {
            usize::from(*packet.last()?).max(1)
        };
        let end = packet.len().checked_sub(padding)?;
        let header = Self {
            marker: second & 0x80 != 0,
            payload_type,
            sequence: u16::from_be_bytes([seq_high, seq_low]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        };
        (start <= end).then_some((header, start..end))
    }
}

/// Writes a header at the front of a buffer; `None` when it is too short.
pub fn write_header(buffer: &mut [u8], header: &Header) -> Option<()> {
    let fixed: &mut [u8; HEADER_BYTES] = buffer.first_chunk_mut()?;
    let [s0, s1] = header.sequence.to_be_bytes();
    let [t0, t1, t2, t3] = header.timestamp.to_be_bytes();
    let [c0, c1, c2, c3] = header.ssrc.to_be_bytes();
    let second = (u8::from(header.marker) << 7) | (header.payload_type & 0x7f);
    *fixed = [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
    Some(())
}

/// Rewrites who sends what in a packet that was read before, leaving its flags,
/// extension and payload; `None` when it is too short.
pub fn rewrite(packet: &mut [u8], header: &Header) -> Option<()> {
    let flags = *packet.first()?;
    write_header(packet, header)?;
    *packet.first_mut()? = flags;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header = Header {
        marker: true,
        payload_type: 8,
        sequence: 65_535,
        timestamp: 4_000_000_000,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn a_written_header_reads_back() {
        let mut packet = [0xd5; 172];
        write_header(&mut packet, &HEADER).unwrap();
        assert_eq!(Header::read(&packet), Some((HEADER, 12..172)));
        assert_eq!(write_header(&mut packet[..11], &HEADER), None);
    }

    #[test]
    fn sources_extension_and_padding_are_stepped_over() {
        let mut packet = vec![0xb2, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        packet.extend([1, 2, 3, 0, 0, 3]);
        let (header, payload) = Header::read(&packet).unwrap();
        assert_eq!((header.ssrc, &packet[payload]), (3, &[1, 2, 3][..]));
        rewrite(&mut packet, &HEADER).unwrap();
        let (header, payload) = Header::read(&packet).unwrap();
        assert_eq!((header, &packet[payload]), (HEADER, &[1, 2, 3][..]));
    }

    #[test]
    fn what_is_not_rtp_is_refused() {
        let good = [0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        assert!(Header::read(&good).is_some());
        for (at, byte) in [
            (0, 0x40),
            (0, 0x00),
            (0, 0x81),
            (0, 0x90),
            (1, 72),
            (1, 200),
        ] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Header::read(&bad), None, "{at} {byte:#x}");
        }
        assert_eq!(Header::read(&good[..11]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(packet in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, payload)) = Header::read(&packet) {
                prop_assert!(payload.end <= packet.len());
            }
        }
    }
}
