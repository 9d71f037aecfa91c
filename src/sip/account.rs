//! Our own credentials with a carrier: the other end of digest (RFC 3261 section 22,
//! RFC 7616, RFC 8760).
//!
//! # Why
//! An answer to a challenge is worth money to whoever gets it. It is given for the realm
//! that is configured and for no other, once, and once more if the nonce was stale; whom
//! it is given to is the caller's to check.

use crate::sip::digest::{Algorithm, Credentials, field};
use crate::sip::header::split_outside;
use crate::sip::{Name, Request, Response};

/// Who we are at a carrier. The password itself is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub username: String,
    /// The only realm whose challenges are answered.
    pub realm: String,
    /// `user:realm:password` by MD5.
    pub md5: String,
    /// The same by SHA-256.
    pub sha256: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({} at {})", self.username, self.realm)
    }
}

/// What of a request, or of the requests of a dialog, was answered already.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The last challenge, to be answered unasked by the next request.
    last: Option<(Challenge, bool)>,
    count: u32,
    /// Challenges since the last request that was let through.
    tries: u8,
}

/// The part of a challenge that its answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    qop: Option<&'static str>,
    stale: bool,
}

impl Challenge {
    /// `None` for another scheme, an unknown hash or an unknown quality of protection.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let parts = split_outside(rest, b',')?;
        let find = |name: &str| field(&parts, name);
        let qop = match find("qop") {
            None => None,
            Some(list) => {
                let offers = |word: &str| {
                    let mut words = list.split(',');
                    words.any(|offered| offered.trim().eq_ignore_ascii_case(word))
                };
                let known = ["auth", "auth-int"].into_iter().find(|word| offers(word));
                Some(known?)
            }
        };
        Some(Self {
            realm: find("realm")?,
            nonce: find("nonce")?,
            opaque: find("opaque"),
            algorithm: Algorithm::parse(find("algorithm"))?,
            qop,
            stale: find("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

impl Account {
    /// Answers a 401 or 407 to `request`, which gets the answer and the next CSeq (RFC
    /// 3261 section 22.2) and is to be sent again. `false`, and nothing is changed, when
    /// there is nothing of ours to answer or it was answered before.
    pub fn answer(
        &self,
        response: &Response,
        request: &mut Request,
        answered: &mut Answered,
        word: u64,
    ) -> bool {
        let (asks, proxy) = match response.code {
            401 => (Name::WwwAuthenticate, false),
            407 => (Name::ProxyAuthenticate, true),
            _ => return false,
        };
        let ours = response
            .headers
            .all(&asks)
            .filter_map(|value| Challenge::parse(&value))
            .filter(|challenge| challenge.realm == self.realm);
        let strength = |challenge: &Challenge| challenge.algorithm == Algorithm::Sha256;
        // The first of the strongest: the server's own order decides among equals.
        let best = ours.fold(None, |best: Option<Challenge>, next| match best {
            Some(best) if strength(&best) || !strength(&next) => Some(best),
            Some(_) | None => Some(next),
        });
        let Some(challenge) = best else {
            return false;
        };
        let again = answered.tries == 1 && challenge.stale;
        if answered.tries > 0 && !again {
            return false;
        }
        let Ok(cseq) = request.headers.cseq() else {
            return false;
        };
        let next = cseq.number.wrapping_add(1) & 0x7fff_ffff;
        let value = format!("{next} {}", cseq.method);
        request.headers.replace_first(&Name::CSeq, value);
        answered.tries += 1;
        answered.count = 0;
        answered.last = Some((challenge, proxy));
        self.write(request, answered, word);
        true
    }

    /// Puts the answer to the last challenge into a request, as it is meant for all of the
    /// realm (RFC 3261 section 22.3). Nothing before the first challenge.
    pub fn write(&self, request: &mut Request, answered: &mut Answered, word: u64) {
        let Some((challenge, proxy)) = &answered.last else {
            return;
        };
        answered.count = answered.count.saturating_add(1);
        let credentials = Credentials {
            username: self.username.clone(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: request.uri.as_str().to_owned(),
            response: String::new(),
            algorithm: challenge.algorithm,
            qop: challenge.qop.map(str::to_owned),
            nc: format!("{:08x}", answered.count),
            cnonce: format!("{word:016x}"),
            opaque: challenge.opaque.clone(),
        };
        let ha1 = match challenge.algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        };
        let value = credentials.answer(ha1, &request.method, &request.body);
        let (name, other) = if *proxy {
            (Name::ProxyAuthorization, Name::Authorization)
        } else {
            (Name::Authorization, Name::ProxyAuthorization)
        };
        request.headers.remove(&other);
        request.headers.set(name, value);
    }
}

impl Answered {
    /// The request was let through: the next challenge is a new one.
    pub fn let_through(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::digest::ha1;
    use crate::sip::{Method, Uri};

    fn account() -> Account {
        Account {
            username: "bob".into(),
            realm: "carrier.example".into(),
            md5: ha1(Algorithm::Md5, "bob", "carrier.example", "zanzibar"),
            sha256: ha1(Algorithm::Sha256, "bob", "carrier.example", "zanzibar"),
        }
    }

    fn invite() -> Request {
        let uri = Uri::parse("sip:bob@biloxi.com").unwrap();
        let mut request = Request::new(Method::Invite, uri);
        request.headers.push(Name::CSeq, "1 INVITE");
        request
    }

    fn asks(code: u16, challenges: &[&str]) -> Response {
        let mut response = Response::to(&invite(), code);
        let name = if code == 407 {
            Name::ProxyAuthenticate
        } else {
            Name::WwwAuthenticate
        };
        for challenge in challenges {
            response.headers.push(name.clone(), *challenge);
        }
        response
    }

    fn answer(code: u16, challenges: &[&str]) -> Option<Request> {
        let mut request = invite();
        let response = asks(code, challenges);
        account()
            .answer(&response, &mut request, &mut Answered::default(), 7)
            .then_some(request)
    }

    const MD5: &str =
        r#"Digest realm="carrier.example", nonce="n1", opaque="o", qop="auth,auth-int""#;
    const SHA: &str =
        r#"Digest realm="carrier.example", nonce="n2", algorithm=SHA-256, qop="auth""#;

    /// RFC 8760 section 2.4.
    #[test]
    fn the_strongest_challenge_of_our_realm_is_answered_and_can_be_verified() {
        let foreign = r#"Digest realm="evil.example", nonce="x", algorithm=SHA-256"#;
        let other = r#"Digest realm="carrier.example", nonce="x", algorithm=SHA-512-256"#;
        for (code, challenges, nonce, name) in [
            (401, vec![MD5], "n1", Name::Authorization),
            (
                407,
                vec![foreign, other, MD5, SHA],
                "n2",
                Name::ProxyAuthorization,
            ),
            (401, vec![SHA, MD5], "n2", Name::Authorization),
        ] {
            let request = answer(code, &challenges).unwrap();
            let value = request.headers.first(&name).unwrap();
            let read = Credentials::parse(&value).unwrap();
            assert_eq!((read.nonce.as_str(), read.nc.as_str()), (nonce, "00000001"));
            assert_eq!(read.opaque.as_deref(), (nonce == "n1").then_some("o"));
            let account = account();
            let ha1 = match read.algorithm {
                Algorithm::Md5 => account.md5,
                Algorithm::Sha256 => account.sha256,
            };
            assert!(read.verify(&ha1, &Method::Invite, b""));
            assert_eq!(request.headers.cseq().unwrap().number, 2);
        }
    }

    /// RFC 3261 section 22.4: without `qop`, as RFC 2069 had it. The vector was made with
    /// md5sum: `MD5(HA1:nonce:MD5(INVITE:sip:bob@biloxi.com))`.
    #[test]
    fn an_old_challenge_is_answered_in_the_old_way() {
        let mut bob = account();
        bob.realm = "biloxi.com".into();
        bob.md5 = ha1(Algorithm::Md5, "bob", "biloxi.com", "zanzibar");
        let old = r#"Digest realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;
        let mut request = invite();
        let mut answered = Answered::default();
        assert!(bob.answer(&asks(401, &[old]), &mut request, &mut answered, 1));
        let value = request.headers.first(&Name::Authorization).unwrap();
        assert!(
            value.contains("bf57e4e0d0bffc0fbaedce64d59add5e"),
            "{value}"
        );
        assert!(!value.contains("cnonce"), "{value}");
    }

    /// RFC 3261 section 22.2.
    #[test]
    fn nothing_else_is_answered() {
        for (code, challenges) in [
            (401, vec![]),
            (403, vec![MD5]),
            (200, vec![MD5]),
            (401, vec![r#"Digest realm="CARRIER.example", nonce="n""#]),
            (
                401,
                vec![r#"Digest realm="carrier.example.evil", nonce="n""#],
            ),
            (
                401,
                vec![r#"Digest realm="carrier.example", nonce="n", qop="new""#],
            ),
            (401, vec![r#"Digest realm="carrier.example""#]),
            (401, vec![r#"Basic realm="carrier.example", nonce="n""#]),
            (
                407,
                vec![r#"Digest realm="carrier.example", nonce="n", algorithm=X"#],
            ),
        ] {
            assert!(answer(code, &challenges).is_none(), "{code} {challenges:?}");
        }
    }

    /// RFC 3261 section 22.2.
    #[test]
    fn a_challenge_is_answered_once_and_a_stale_nonce_once_more() {
        let (account, stale) = (account(), SHA.replace("n2", "n3") + ", stale=TRUE");
        let mut request = invite();
        let mut answered = Answered::default();
        let mut again = |challenge: &str, answered: &mut Answered| {
            account.answer(&asks(401, &[challenge]), &mut request, answered, 7)
        };
        assert!(again(SHA, &mut answered));
        assert!(!again(SHA, &mut answered), "the password is wrong");
        assert!(again(&stale, &mut answered));
        assert!(!again(&stale, &mut answered), "there is an end to it");
        answered.let_through();
        assert!(again(SHA, &mut answered));
        assert_eq!(request.headers.cseq().unwrap().number, 4);
        assert_eq!(request.headers.all(&Name::Authorization).count(), 1);
    }

    /// RFC 7616 section 3.4.
    #[test]
    fn the_next_request_brings_the_answer_and_counts() {
        let mut answered = Answered::default();
        let mut first = invite();
        account().write(&mut first, &mut answered, 1);
        assert_eq!(first.headers.first(&Name::Authorization), None);
        assert!(account().answer(&asks(407, &[SHA]), &mut first, &mut answered, 1));
        let mut bye = Request::new(Method::Bye, invite().uri);
        account().write(&mut bye, &mut answered, 2);
        let value = bye.headers.first(&Name::ProxyAuthorization).unwrap();
        let read = Credentials::parse(&value).unwrap();
        assert_eq!(read.nc, "00000002");
        assert!(read.verify(&account().sha256, &Method::Bye, b""));
    }
}
