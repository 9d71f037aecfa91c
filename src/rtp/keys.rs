//! Keys as telephone events (RFC 4733).

/// The payload of one event packet.
pub const EVENT_BYTES: usize = 4;

/// The key of an event code, `None` for tones that are no keys.
#[must_use]
pub fn key_of(event: u8) -> Option<char> {
    char::from_digit(u32::from(event), 10).or(match event {
        10 => Some('*'),
        11 => Some('#'),
        12 => Some('A'),
        13 => Some('B'),
        14 => Some('C'),
        15 => Some('D'),
        _ => None,
    })
}

/// The payload of an event packet: `None` for what is no key. The duration is in samples.
#[must_use]
pub fn event_payload(key: char, end: bool, duration_samples: u16) -> Option<[u8; EVENT_BYTES]> {
    let event = (0..16u8).find(|event| key_of(*event) == Some(key))?;
    let [high, low] = duration_samples.to_be_bytes();
    // Volume -10 dBm0, as telephones send it.
    Some([event, (u8::from(end) << 7) | 10, high, low])
}

/// Tells each key once, whatever packets of its event are lost or repeated.
///
/// All packets of one event carry the timestamp of its beginning (RFC 4733 section
/// 2.5.1.2), so a new timestamp is a new key.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyReader {
    last: Option<u32>,
}

impl KeyReader {
    /// Takes an event packet; gives its key when it is a new one.
    pub fn take(&mut self, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, _, _, _] = *payload.first_chunk::<EVENT_BYTES>()?;
        let key = key_of(event)?;
        // A packet that comes late belongs to a key that was told already.
        if self.last.is_some_and(|last| {
            timestamp.wrapping_sub(last) == 0 || timestamp.wrapping_sub(last) > u32::MAX / 2
        }) {
            return None;
        }
        self.last = Some(timestamp);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_writes_and_reads_back() {
        for key in "0123456789*#ABCD".chars() {
            let payload = event_payload(key, false, 160).unwrap();
            assert_eq!(KeyReader::default().take(1, &payload), Some(key));
        }
        assert_eq!(event_payload('x', false, 160), None);
        assert_eq!(KeyReader::default().take(1, &[16, 10, 0, 160]), None);
        assert_eq!(KeyReader::default().take(1, &[1, 10, 0]), None);
    }

    #[test]
    fn a_key_is_told_once_though_packets_are_lost_late_and_repeated() {
        let mut reader = KeyReader::default();
        let five = event_payload('5', true, 800).unwrap();
        let told: Vec<_> = [
            u32::MAX - 10,
            u32::MAX - 10,
            1_000,
            1_000,
            u32::MAX - 10,
            1_000,
            2_600,
        ]
        .into_iter()
        .map(|timestamp| reader.take(timestamp, &five).is_some())
        .collect();
        assert_eq!(told, [true, false, true, false, false, false, true]);
    }
}
