//! Which shard a message belongs to, without reading it whole.

use crate::model::ShardId;
use crate::sip::random::shard_of_token;
use crate::sip::sniff::Sniff;

/// The shard, of `shards`, that owns what a datagram is about; `None` for what is no
/// message of either kind; any shard may refuse it. [`Sniff`] tells more.
#[must_use]
pub fn owner(bytes: &[u8], shards: u8) -> Option<ShardId> {
    Sniff::of(bytes, shards).owner
}

/// The shard, of `shards`, that gave a tag; `None` for a tag that is not ours.
#[must_use]
pub fn tag_owner(tag: &str, shards: u8) -> Option<ShardId> {
    shard_of_token(tag).filter(|shard| shard.0 < shards)
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
