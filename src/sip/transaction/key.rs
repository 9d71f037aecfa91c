//! Which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3).
//!
//! A request with the magic cookie is known by branch, sent-by and method. One without
//! (RFC 2543) is known by what that RFC compared: Request-URI, From tag, Call-ID,
//! CSeq and the whole top Via. A merged request (section 8.2.2.2) is known by From tag,
//! Call-ID and CSeq.
//!
//! # Why
//! A key is a 128-bit keyed hash and not the texts: it costs no allocation, keeps no
//! datagram alive for 32 s, and a stranger who does not know the seed cannot make two
//! requests collide.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// What starts a branch that is unique by itself (RFC 3261 section 8.1.1.7).
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

/// A transaction, or the request that it may be a second copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u128);

impl Key {
    /// 64 of its bits, for a tag that is the same for each copy of a request.
    pub(crate) fn low_bits(self) -> u64 {
        u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or_default()
    }
}

/// Makes keys; two makers with different seeds make different ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    seeds: [u64; 2],
}

/// What tells server transactions apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestMark<'a> {
    /// The method's name; `INVITE` for an ACK and for what a CANCEL cancels.
    pub(crate) method: &'a str,
    /// The top Via's branch.
    pub(crate) branch: Option<&'a str>,
    /// The top Via's host, in any case.
    pub(crate) host: &'a str,
    /// The top Via's port as written.
    pub(crate) port: Option<u16>,
    /// The whole top Via as it came, without what we add to it.
    pub(crate) via: &'a str,
    /// The Request-URI.
    pub(crate) uri: &'a str,
    /// The From tag.
    pub(crate) from_tag: &'a str,
    /// The Call-ID.
    pub(crate) call_id: &'a str,
    /// The CSeq number.
    pub(crate) cseq: u32,
}

impl RequestMark<'_> {
    /// Whether the sender's branch is unique by itself.
    pub(crate) fn is_rfc3261(&self) -> bool {
        self.branch.is_some_and(|branch| {
            branch.len() > MAGIC_COOKIE.len()
                && branch
                    .get(..MAGIC_COOKIE.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        })
    }
}

impl Keys {
    /// From two random words.
    pub(crate) fn new(seeds: [u64; 2]) -> Self {
        Self { seeds }
    }

    /// The key of a server transaction.
    ///
    /// Without the cookie the To tag is left out of it: the INVITE has none, the ACK
    /// has ours, and whoever finds the transaction compares it there.
    pub(crate) fn server(&self, mark: &RequestMark<'_>) -> Key {
        self.key(|hash| {
            text(hash, mark.method);
            match mark.branch {
                Some(branch) if mark.is_rfc3261() => {
                    text(hash, branch);
                    text(hash, &lower(mark.host));
                    hash.write_u16(mark.port.unwrap_or(0));
                }
                Some(_) | None => {
                    for part in [mark.via, mark.uri, mark.from_tag, mark.call_id] {
                        text(hash, part);
                    }
                    hash.write_u32(mark.cseq);
                }
            }
        })
    }

    /// What two copies of one request that came by different ways have in common.
    pub(crate) fn merge(&self, mark: &RequestMark<'_>) -> Key {
        self.key(|hash| {
            for part in ["merged", mark.method, mark.from_tag, mark.call_id] {
                text(hash, part);
            }
            hash.write_u32(mark.cseq);
        })
    }

    /// One walk over the text: the second half goes on where the first one ends.
    fn key(&self, write: impl FnOnce(&mut DefaultHasher)) -> Key {
        let [first, second] = self.seeds;
        let mut hash = DefaultHasher::new();
        hash.write_u64(first);
        write(&mut hash);
        let high = hash.finish();
        hash.write_u64(second);
        Key((u128::from(high) << 64) | u128::from(hash.finish()))
    }
}

fn lower(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// With an end mark, so that "ab" + "c" is not "a" + "bc".
fn text(hash: &mut DefaultHasher, text: &str) {
    hash.write(text.as_bytes());
    hash.write_u8(0xff);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: RequestMark<'static> = RequestMark {
        method: "INVITE",
        branch: Some("z9hG4bKabc"),
        host: "Phone.example",
        port: None,
        via: "SIP/2.0/UDP Phone.example;branch=z9hG4bKabc",
        uri: "sip:100@example",
        from_tag: "f",
        call_id: "c",
        cseq: 1,
    };

    fn same(a: &RequestMark<'_>, b: &RequestMark<'_>) -> bool {
        let keys = Keys::new([1, 2]);
        keys.server(a) == keys.server(b)
    }

    /// RFC 3261 section 17.2.3.
    #[test]
    fn with_the_cookie_branch_sent_by_and_method_decide() {
        let other = |change: fn(&mut RequestMark<'static>)| {
            let mut mark = MARK;
            change(&mut mark);
            same(&MARK, &mark)
        };
        assert!(other(|m| m.host = "phone.EXAMPLE"));
        assert!(other(|m| m.call_id = "d"));
        assert!(!other(|m| m.branch = Some("z9hG4bKabd")));
        assert!(!other(|m| m.port = Some(5070)));
        assert!(!other(|m| m.host = "phone2.example"));
        assert!(!other(|m| m.method = "BYE"));
    }

    /// RFC 3261 section 17.2.3.
    #[test]
    fn without_the_cookie_the_old_comparison_holds() {
        for branch in [None, Some("1"), Some("z9hG4bK")] {
            let old = RequestMark { branch, ..MARK };
            assert!(!old.is_rfc3261());
            assert!(same(&old, &RequestMark { branch, ..MARK }));
            for other in [
                RequestMark { cseq: 2, ..old },
                RequestMark {
                    call_id: "d",
                    ..old
                },
                RequestMark {
                    from_tag: "g",
                    ..old
                },
                RequestMark {
                    uri: "sip:101@example",
                    ..old
                },
                RequestMark {
                    via: "SIP/2.0/UDP h",
                    ..old
                },
                RequestMark {
                    method: "BYE",
                    ..old
                },
            ] {
                assert!(!same(&old, &other), "{other:?}");
            }
        }
    }

    /// RFC 3261 section 8.2.2.2.
    #[test]
    fn copies_by_two_ways_merge_whatever_their_branches() {
        let keys = Keys::new([1, 2]);
        let copy = RequestMark {
            branch: Some("z9hG4bKother"),
            ..MARK
        };
        assert_eq!(keys.merge(&MARK), keys.merge(&copy));
        assert_ne!(
            keys.merge(&MARK),
            keys.merge(&RequestMark { cseq: 2, ..MARK })
        );
    }

    #[test]
    fn another_seed_makes_other_keys() {
        assert_ne!(
            Keys::new([1, 2]).server(&MARK),
            Keys::new([3, 4]).server(&MARK)
        );
    }
}
