//! Which shard a message belongs to, without reading it whole.

use std::hash::{DefaultHasher, Hasher};

use crate::model::ShardId;
use crate::sip::Name;
use crate::sip::random::shard_of_token;
use crate::sip::transaction::key::MAGIC_COOKIE;

/// The shard, of `shards`, that owns what a datagram is about.
///
/// A response goes where our branch says, a request inside a dialog where our tag says,
/// any other where its Call-ID is hashed to: so its ACK, its CANCEL and its repetitions
/// follow it. `None` for what is no message of either kind; any shard may refuse it.
#[must_use]
pub fn owner(bytes: &[u8], shards: u8) -> Option<ShardId> {
    let mut ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
    let mut start = 0;
    let mut lines = std::iter::from_fn(|| {
        let end = ends.next()?;
        let line = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        Some(line.trim_ascii())
    });
    let first = lines.find(|line| !line.is_empty())?;
    let response = first.starts_with(b"SIP/");
    let mut call_id = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        // Via, To, Call-ID, v, t, i: all others are passed over by their first letter.
        if !matches!(line.first(), Some(first) if b"vtci".contains(&first.to_ascii_lowercase())) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name.trim_ascii_end()) else {
            continue;
        };
        let token = if response {
            Name::Via.is_called(name).then(|| after(value, b"branch="))
        } else {
            Name::To.is_called(name).then(|| after(value, b"tag="))
        };
        if let Some(token) = token {
            let token = token.unwrap_or_default();
            let token = token.strip_prefix(MAGIC_COOKIE).unwrap_or(token);
            let ours = shard_of_token(token).filter(|shard| shard.0 < shards);
            // Only the topmost Via is ours.
            if ours.is_some() || response {
                return ours;
            }
        } else if call_id.is_none() && Name::CallId.is_called(name) {
            call_id = Some(value.trim_ascii());
        }
    }
    let mut hash = DefaultHasher::new();
    hash.write(call_id?);
    let shard = hash.finish() % u64::from(shards.max(1));
    u8::try_from(shard).ok().map(ShardId)
}

/// The token after `key`, which stands after a `;`.
fn after<'a>(value: &'a [u8], key: &[u8]) -> Option<&'a str> {
    value.split(|byte| *byte == b';').skip(1).find_map(|part| {
        let part = part.trim_ascii();
        let (name, rest) = part.split_at_checked(key.len())?;
        if !name.eq_ignore_ascii_case(key) {
            return None;
        }
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b' ' | b'>'));
        std::str::from_utf8(rest.get(..end.unwrap_or(rest.len()))?).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sip::random::shard_token;

    fn shard(text: &str) -> Option<u8> {
        owner(text.replace('\n', "\r\n").as_bytes(), 4).map(|shard| shard.0)
    }

    #[test]
    fn what_is_ours_comes_home() {
        let token = shard_token(ShardId(3), 42);
        for text in [
            format!("SIP/2.0 200 OK\nVia: SIP/2.0/UDP h;branch=z9hG4bK{token};rport=1\n\n"),
            format!(
                "SIP/2.0 200 OK\nv : SIP/2.0/UDP h;rport;Branch=z9hG4bK{token}, SIP/2.0/UDP i\n\n"
            ),
            format!("BYE sip:a@b SIP/2.0\nCall-ID: x\nTo: <sip:a@b;tag=c00>;tag={token}\n\n"),
            format!("\nBYE sip:a@b SIP/2.0\nt: \"A\" <sip:a@b> ;x=y; tag={token}\n\n"),
        ] {
            assert_eq!(shard(&text), Some(3), "{text}");
        }
        let elsewhere = shard_token(ShardId(9), 42);
        assert_eq!(
            shard(&format!(
                "SIP/2.0 200 OK\nVia: a;branch=z9hG4bK{elsewhere}\n\n"
            )),
            None
        );
    }

    #[test]
    fn a_call_stays_with_its_shard() {
        for id in 0..50 {
            let invite = shard(&format!("INVITE sip:a@b SIP/2.0\nCall-ID: {id}\nTo: x\n\n"));
            let cancel = shard(&format!("CANCEL sip:a@b SIP/2.0\nTo: x\ni:  {id} \n\n"));
            let ack = shard(&format!(
                "ACK sip:a@b SIP/2.0\nTo: x;tag=s1\ncall-id:{id}\n\n"
            ));
            assert!(invite.is_some());
            assert_eq!((invite, invite), (cancel, ack), "{id}");
        }
        let spread: std::collections::BTreeSet<_> = (0..50)
            .map(|id| shard(&format!("INVITE sip:a@b SIP/2.0\nCall-ID: {id}\n\n")))
            .collect();
        assert_eq!(spread.len(), 4);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..400), shards in 0..8u8) {
            if let Some(ShardId(shard)) = owner(&bytes, shards) {
                prop_assert!(shard < shards.max(1));
            }
        }
    }
}
