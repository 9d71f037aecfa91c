//! What a message is, by a look at its lines, before anything is kept or read of it.
//!
//! # Why
//! Who is refused, put off or passed on to another shard is decided by this look: it
//! costs no allocation, and a tenth of a parse.

use std::hash::{DefaultHasher, Hasher};

use crate::model::ShardId;
use crate::sip::Known;
use crate::sip::random::shard_of_token;
use crate::sip::transaction::key::MAGIC_COOKIE;

/// What a message seems to be. Its first line may still turn out to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An answer.
    Response,
    /// A new call, or a new agreement within one.
    Invite,
    /// What follows an answer to an INVITE.
    Ack,
    /// The end of a call.
    Bye,
    /// The end of an INVITE.
    Cancel,
    /// A phone.
    Register,
    /// Another request.
    Other,
    /// No SIP.
    Nonsense,
}

/// A message, seen from afar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniff<'a> {
    /// What it is.
    pub kind: Kind,
    /// The shard that it is for; `None` for what any of them may have.
    pub owner: Option<ShardId>,
    /// Whether it bears a branch or a tag of our making. Whoever knows the shape of them
    /// can make one up: it says where a message goes, and not that it is honest.
    pub is_ours: bool,
    /// What an INVITE and its CANCEL have in common, and others hardly ever (RFC 3261
    /// section 9.1): their branch, hashed.
    pub branch: Option<u64>,
    /// The tag in To, if there is one; of a request.
    pub to_tag: Option<&'a str>,
    /// User-Agent.
    pub agent: Option<&'a str>,
    /// The first Authorization.
    pub proof: Option<&'a [u8]>,
}

impl<'a> Sniff<'a> {
    /// Looks at a message of which one of `shards` is to be the owner.
    ///
    /// A response goes where our branch says, a request inside a dialog where our tag
    /// says, any other where its Call-ID is hashed to: so its ACK, its CANCEL and its
    /// repetitions follow it.
    #[must_use]
    pub fn of(bytes: &'a [u8], shards: u8) -> Self {
        let mut sniff = Self {
            kind: Kind::Nonsense,
            owner: None,
            is_ours: false,
            branch: None,
            to_tag: None,
            agent: None,
            proof: None,
        };
        let mut lines = lines(bytes);
        let Some(first) = lines.find(|line| !line.is_empty()) else {
            return sniff;
        };
        sniff.kind = kind(first);
        let is_response = sniff.kind == Kind::Response;
        let mut is_paired = matches!(sniff.kind, Kind::Invite | Kind::Cancel);
        let mut call_id = None;
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some((name, value)) = header(line) else {
                continue;
            };
            if is_response {
                // Only the topmost Via is ours.
                if name == Known::Via {
                    sniff.claim(after(value, b"branch="), shards);
                    return sniff;
                }
            } else if name == Known::Via && is_paired {
                is_paired = false;
                sniff.branch = after(value, b"branch=").map(hashed);
            } else if name == Known::To && sniff.to_tag.is_none() {
                sniff.to_tag = after(outside(value), b"tag=");
                if sniff.claim(sniff.to_tag, shards) {
                    return sniff;
                }
            } else if name == Known::CallId && call_id.is_none() {
                call_id = Some(value.trim_ascii());
            } else if name == Known::UserAgent && sniff.agent.is_none() {
                sniff.agent = std::str::from_utf8(value.trim_ascii()).ok();
            } else if name == Known::Authorization && sniff.proof.is_none() {
                sniff.proof = Some(value);
            }
        }
        sniff.owner = call_id.and_then(|id| by_hash(id, shards));
        sniff
    }

    fn claim(&mut self, token: Option<&str>, shards: u8) -> bool {
        let token = token.unwrap_or_default();
        let token = token.strip_prefix(MAGIC_COOKIE).unwrap_or(token);
        self.owner = shard_of_token(token).filter(|shard| shard.0 < shards);
        self.is_ours = self.owner.is_some();
        self.is_ours
    }

    /// Whether it follows something that was begun before: such a message goes before
    /// one that begins something.
    #[must_use]
    pub fn follows(&self) -> bool {
        match self.kind {
            Kind::Response | Kind::Ack | Kind::Bye | Kind::Cancel => true,
            Kind::Invite | Kind::Register | Kind::Other => self.to_tag.is_some(),
            Kind::Nonsense => false,
        }
    }

    /// The nonce that it answers.
    #[must_use]
    pub fn nonce(&self) -> Option<&'a str> {
        const NAME: &[u8] = b"nonce=";
        let proof = self.proof?;
        let mut places = memchr::memmem::find_iter(proof, NAME);
        // `cnonce` ends in the same letters.
        let place = places.find(|at| {
            let before = at.checked_sub(1).and_then(|at| proof.get(at));
            before.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b','))
        })?;
        let value = proof.get(place + NAME.len()..)?.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', value)?;
        std::str::from_utf8(value.get(..end)?).ok()
    }

    /// Whether it acknowledges a refusal of which nothing was kept: there is nothing
    /// that could be done with it.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        let digits = |tag: &str| tag.strip_prefix('s').map(str::len);
        self.kind == Kind::Ack && self.to_tag.and_then(digits) == Some(16)
    }
}

/// The lines of a message, without what stands before them, and without the end of those
/// that are empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = ends.next()?;
        let line = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        // Few lines begin with a space.
        let blank = line.first().is_some_and(u8::is_ascii_whitespace);
        Some(if blank { line.trim_ascii_start() } else { line })
    })
}

fn kind(first: &[u8]) -> Kind {
    if first.starts_with(b"SIP/") {
        return Kind::Response;
    }
    let mut words = first.trim_ascii_end().split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    if !words.next_back().is_some_and(|w| w.starts_with(b"SIP/")) {
        return Kind::Nonsense;
    }
    match method {
        b"INVITE" => Kind::Invite,
        b"ACK" => Kind::Ack,
        b"BYE" => Kind::Bye,
        b"CANCEL" => Kind::Cancel,
        b"REGISTER" => Kind::Register,
        _ => Kind::Other,
    }
}

/// A line's name, if it may be one that is looked at, and its value.
fn header(line: &[u8]) -> Option<(Known, &[u8])> {
    // Most are passed over by their first letters.
    match line.first()?.to_ascii_lowercase() {
        b'v' | b't' | b'c' | b'i' | b'u' => {}
        b'a' if matches!(line.get(1)?, b'u' | b'U') => {}
        _ => return None,
    }
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let known = Known::read(line, name.trim_ascii_end().len())?;
    Some((known, value.get(1..)?))
}

fn by_hash(call_id: &[u8], shards: u8) -> Option<ShardId> {
    if shards <= 1 {
        return Some(ShardId(0));
    }
    let shard = hashed(call_id) % u64::from(shards.max(1));
    u8::try_from(shard).ok().map(ShardId)
}

fn hashed(bytes: impl AsRef<[u8]>) -> u64 {
    let mut hash = DefaultHasher::new();
    hash.write(bytes.as_ref());
    hash.finish()
}

/// The parameters of an address, without those of the URI in its brackets.
fn outside(value: &[u8]) -> &[u8] {
    let close = value.iter().rposition(|byte| *byte == b'>');
    close.and_then(|at| value.get(at..)).unwrap_or(value)
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
    use super::*;

    fn sniffed(text: &str) -> String {
        let text = text.replace('\n', "\r\n");
        let sniff = Sniff::of(text.as_bytes(), 4);
        let follows = if sniff.follows() { " follows" } else { "" };
        let ours = if sniff.is_ours { " ours" } else { "" };
        let forgotten = if sniff.is_forgotten() {
            " forgotten"
        } else {
            ""
        };
        let agent = sniff.agent.map(|agent| format!(" by {agent}"));
        let agent = agent.unwrap_or_default();
        format!("{:?}{ours}{follows}{forgotten}{agent}", sniff.kind)
    }

    /// RFC 3261 section 9.1: the CANCEL has the INVITE's topmost Via.
    #[test]
    fn an_invite_and_its_cancel_are_seen_to_belong_together() {
        let branch = |method: &str, vias: &str| {
            let text = format!("{method} sip:a@b SIP/2.0\r\n{vias}\r\nTo: <sip:a@b>\r\n\r\n");
            Sniff::of(text.as_bytes(), 1).branch
        };
        let top = "SIP/2.0/UDP h;rport;branch=z9hG4bKa";
        let below = "SIP/2.0/UDP h;branch=z9hG4bKb";
        let invite = branch("INVITE", &format!("Via: {top}, {below}"));
        assert!(invite.is_some());
        for (method, vias, same) in [
            ("INVITE", format!("v: {top}\r\nVia: {below}"), true),
            ("CANCEL", format!("Via: {top}"), true),
            ("CANCEL", format!("Via: {below}"), false),
            ("BYE", format!("Via: {top}"), false),
            ("OPTIONS", format!("Via: {top}"), false),
        ] {
            assert_eq!(branch(method, &vias) == invite, same, "{method} {vias}");
        }
        // One of before RFC 3261 has none.
        assert_eq!(branch("CANCEL", "Via: SIP/2.0/UDP h"), None);
    }

    #[test]
    fn a_look_finds_the_nonce_that_is_answered() {
        for (proof, nonce) in [
            (
                "Authorization: Digest nonce=\"1.2.3\", cnonce=\"x\"",
                Some("1.2.3"),
            ),
            (
                "AUTHORIZATION : Digest a=1,cnonce=\"x\",nonce=\"4\"",
                Some("4"),
            ),
            ("Authorization: Digest cnonce=\"x\"", None),
            ("Authorization: Digest nonce=\"x", None),
            ("Authorization: Digest nonce=x", None),
            ("Authorization:", None),
            ("Allow: nonce=\"1\"", None),
            ("", None),
        ] {
            let text = format!("REGISTER sip:b SIP/2.0\r\nTo: <sip:a@b>\r\n{proof}\r\n\r\n");
            assert_eq!(Sniff::of(text.as_bytes(), 1).nonce(), nonce, "{proof}");
        }
    }

    #[test]
    fn a_look_tells_what_a_message_is() {
        for (text, seen) in [
            ("", "Nonsense"),
            ("\n\n", "Nonsense"),
            ("GET / HTTP/1.1\n\n", "Nonsense"),
            ("INVITE sip:a@b\n\n", "Nonsense"),
            (
                "INVITE sip:a@b SIP/2.0\nTo: <sip:a@b;tag=x>\nUser-Agent:  sipcli/1 \n\n",
                "Invite by sipcli/1",
            ),
            (
                "INVITE sip:a@b SIP/2.0\nt: <sip:a@b>;tag=x\n\n",
                "Invite follows",
            ),
            ("REGISTER sip:b SIP/2.0\nTo: <sip:a@b>\n\n", "Register"),
            (
                "OPTIONS sip:b SIP/2.0\nTo: <sip:a@b>\n\nUser-Agent: body",
                "Other",
            ),
            (
                "BYE sip:b SIP/2.0\nTo: <sip:a@b>;tag=c020000000000000007\n\n",
                "Bye ours follows",
            ),
            (
                "ACK sip:b SIP/2.0\nTo: <sip:a@b>;tag=s0000000000000007\n\n",
                "Ack follows forgotten",
            ),
            (
                "ACK sip:b SIP/2.0\nTo: <sip:a@b>;tag=sip\n\n",
                "Ack follows",
            ),
            (
                "SIP/2.0 200 OK\nUser-Agent: x\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\n\n",
                "Response follows",
            ),
            (
                "SIP/2.0 200 OK\nv: SIP/2.0/UDP h;branch=z9hG4bKc020000000000000007\n\n",
                "Response ours follows",
            ),
        ] {
            assert_eq!(sniffed(text), seen, "{text}");
        }
    }
}
