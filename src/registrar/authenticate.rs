//! Who may register: digest with SHA-256 or MD5 (RFC 3261 section 22, RFC 8760).
//!
//! # Why
//! A name that does not exist gets the same answer after the same work as one that does
//! with a wrong password, so that names cannot be found by trying.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::OperatorName;
use crate::operator::Secret;
use crate::registrar::{Claim, Guesses, Role};
use crate::sip::digest::{self, Algorithm, Credentials};
use crate::sip::nonce::{Freshness, Nonces};
use crate::sip::{Host, Name, Request, Response, Uri};

/// What nobody's password hashes to: not hexadecimal, and as long as a hash is.
const fn nobody(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "nobody nobody nobody nobody nobo",
        Algorithm::Sha256 => "nobody nobody nobody nobody nobody nobody nobody nobody nobody n",
    }
}

/// What every phone is measured by.
#[derive(Debug)]
pub struct Door<'a> {
    /// The realm of challenges: the domain of the configuration.
    pub realm: &'a str,
    /// The maker and judge of nonces.
    pub nonces: &'a Nonces,
    /// How often passwords were guessed.
    pub guesses: &'a Guesses,
    /// Whose passwords they are.
    pub role: Role,
    /// Where the request comes from.
    pub remote: SocketAddr,
    /// Whether who is named is known to be there.
    pub holds: bool,
    /// The time since 1970.
    pub now: Duration,
}

/// What becomes of a REGISTER.
#[derive(Debug)]
pub enum Verdict {
    /// It is the operator's.
    Accepted,
    /// It is to be asked (again): a 401 with both algorithms, the stronger first.
    Challenge(Response),
    /// The credentials are wrong, for a nonce that went to where they come from: a 403.
    Forbidden(Response),
    /// The credentials are right for another address than the request's: a 400.
    Misdirected(Response),
}

/// Who sent a request, by a name that it gives itself and a secret that goes with it.
#[derive(Debug)]
pub enum Identity<T> {
    /// Whom the secret belongs to.
    Known(T),
    /// It is to be asked (again): a 401 with both algorithms.
    Challenge(Response),
    /// There is no such name, or the secret is another, for a nonce that went to where the
    /// answer comes from: a 403.
    Forbidden(Response),
    /// The credentials are right for another address than the request's: a 400.
    Misdirected(Response),
}

/// Whether a REGISTER comes from `operator`, whose secret is `None` if there is no such
/// operator.
pub fn authenticate(
    request: &Request,
    operator: &OperatorName,
    secret: Option<&Secret>,
    door: &Door<'_>,
) -> Verdict {
    let find = |user: &str| {
        let secret = secret.filter(|_| user == operator.as_str());
        secret.map(|secret| (secret, ()))
    };
    match identify(request, door, find) {
        Identity::Known(()) => Verdict::Accepted,
        Identity::Challenge(response) => Verdict::Challenge(response),
        Identity::Forbidden(response) => Verdict::Forbidden(response),
        Identity::Misdirected(response) => Verdict::Misdirected(response),
    }
}

/// Who sent a request: `find` gives the secret that belongs to a name, if there is one.
pub fn identify<'a, T>(
    request: &Request,
    door: &Door<'_>,
    find: impl FnOnce(&str) -> Option<(&'a Secret, T)>,
) -> Identity<T> {
    let ours = request
        .headers
        .all(&Name::Authorization)
        .filter_map(|value| Credentials::parse(&value))
        .find(|credentials| credentials.realm == door.realm);
    let Some(credentials) = ours else {
        return Identity::Challenge(challenge(request, door, false));
    };
    let again = |stale| Identity::Challenge(challenge(request, door, stale));
    let source = door.remote.ip();
    let freshness = door.nonces.check(&credentials.nonce, source, door.now);
    // Old phones that know nothing else answer without a quality of protection.
    let is_weak = credentials.qop.is_none() && credentials.algorithm != Algorithm::Md5;
    let claim = Claim {
        role: door.role,
        user: &credentials.username,
        remote: door.remote,
        freshness,
    };
    let may_try = || door.holds || door.guesses.may_try(claim, door.now);
    if freshness == Freshness::Forged || is_weak || !may_try() {
        return again(false);
    }
    let known = find(&credentials.username);
    let exists = known.is_some();
    let secret = known.as_ref().map(|(secret, _)| *secret);
    let nobody = nobody(credentials.algorithm);
    let ha1 = secret.map_or(nobody, |secret| match credentials.algorithm {
        Algorithm::Md5 => secret.md5.as_str(),
        Algorithm::Sha256 => secret.sha256.as_str(),
    });
    // Both are asked, so that a name that does not exist takes as long.
    let right = credentials.verify(ha1, &request.method, &request.body);
    let Some((_, who)) = known.filter(|_| right) else {
        door.guesses.wrong(claim, exists, door.now);
        if freshness != Freshness::Fresh {
            return again(false);
        }
        door.nonces.spoil(&credentials.nonce, door.now);
        return Identity::Forbidden(Response::to(request, 403));
    };
    // What somebody changed on the way uses nothing up.
    if freshness == Freshness::Fresh && !means(&credentials.uri, &request.uri, door.realm) {
        return Identity::Misdirected(Response::to(request, 400));
    }
    match door.nonces.spend(&credentials, source, door.now) {
        Freshness::Fresh => {
            door.guesses.right(claim);
            Identity::Known(who)
        }
        Freshness::Stale => again(true),
        Freshness::Forged => again(false),
    }
}

/// Whether the address in credentials may be the request's (RFC 7616 section 3.4.6). A proxy
/// may have put another name of ours in its place, but not another user. Who names no user
/// (sipp does not), or an IPv6 address without its brackets, has chosen not to protect it.
fn means(written: &str, asked: &Uri, domain: &str) -> bool {
    let Ok(written) = Uri::parse(written) else {
        return written.starts_with("sip:");
    };
    let is_ours = |uri: &Uri| match &uri.host {
        Some(Host::Name(name)) => name.eq_ignore_ascii_case(domain),
        Some(Host::Address(_)) => true,
        None => false,
    };
    let same_host = match (&written.host, &asked.host) {
        (Some(Host::Name(one)), Some(Host::Name(other))) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    let ports = written.port.zip(asked.port);
    let same_place = same_host && ports.is_none_or(|(one, other)| one == other);
    let same_user = written.user.is_none() || written.user == asked.user;
    same_user && (same_place || (is_ours(&written) && is_ours(asked)))
}

/// A 401 with a nonce of its own for each algorithm.
pub(crate) fn challenge(request: &Request, door: &Door<'_>, stale: bool) -> Response {
    let mut response = Response::to(request, 401);
    for algorithm in offered(request) {
        let nonce = door.nonces.issue(door.remote.ip(), door.now);
        let value = digest::challenge(algorithm, door.realm, &nonce, stale);
        response.headers.push(Name::WwwAuthenticate, value);
    }
    response
}

/// What is offered, best first. RFC 8760 section 2.4 has phones pass over an algorithm
/// that they do not know. Old ones do not: some give up at the sight of it, some look at
/// the first challenge only. The former name themselves; the latter are simple enough to
/// have no name. They lose nothing that they could have had.
fn offered(request: &Request) -> Vec<Algorithm> {
    let gives_up = ["baresip v0.", "baresip v1."];
    match request.headers.first(&Name::UserAgent).as_deref() {
        None => vec![Algorithm::Md5, Algorithm::Sha256],
        Some(name) if gives_up.iter().any(|known| name.starts_with(known)) => {
            vec![Algorithm::Md5]
        }
        Some(_) => vec![Algorithm::Sha256, Algorithm::Md5],
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::sip::Method;
    use crate::sip::digest::ha1;

    const REALM: &str = "centrale.localhost";
    const NOW: Duration = Duration::from_secs(1_000_000);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn secret() -> Secret {
        Secret {
            md5: ha1(Algorithm::Md5, "alice", REALM, "pass"),
            sha256: ha1(Algorithm::Sha256, "alice", REALM, "pass"),
        }
    }

    fn register(headers: &[(Name, String)]) -> Request {
        let mut request = Request::new(Method::Register, Uri::parse("sip:a").unwrap());
        for (name, value) in headers {
            request.headers.push(name.clone(), value.clone());
        }
        request
    }

    fn answered(algorithm: Algorithm, nonce: &str, user: &str, password: &str) -> Request {
        proof(algorithm, nonce, (user, password), Some("auth"))
    }

    fn proof(
        algorithm: Algorithm,
        nonce: &str,
        (user, password): (&str, &str),
        qop: Option<&str>,
    ) -> Request {
        let credentials = Credentials {
            username: user.to_owned(),
            realm: REALM.to_owned(),
            nonce: nonce.to_owned(),
            uri: "sip:a".to_owned(),
            response: String::new(),
            algorithm,
            qop: qop.map(str::to_owned),
            nc: "00000001".to_owned(),
            cnonce: "c".to_owned(),
            opaque: None,
        };
        let secret = ha1(algorithm, user, REALM, password);
        let value = credentials.answer(&secret, &Method::Register, b"");
        register(&[(Name::Authorization, value)])
    }

    /// What a request as `user` gets, in a word.
    fn verdict(request: &Request, user: &str, now: Duration) -> String {
        verdict_of(&Nonces::new([1; 32]), request, user, now)
    }

    fn verdict_of(nonces: &Nonces, request: &Request, user: &str, now: Duration) -> String {
        verdict_at((nonces, &Guesses::default()), request, user, now)
    }

    fn verdict_at(
        (nonces, guesses): (&Nonces, &Guesses),
        request: &Request,
        user: &str,
        now: Duration,
    ) -> String {
        let door = Door {
            realm: REALM,
            nonces,
            guesses,
            role: Role::Operator,
            remote: SocketAddr::new(HERE, 5060),
            holds: false,
            now,
        };
        let secret = secret();
        let known = (user == "alice").then_some(&secret);
        match authenticate(request, &OperatorName::from(user), known, &door) {
            Verdict::Accepted => "accepted".to_owned(),
            Verdict::Forbidden(response) => format!("forbidden {}", response.code),
            Verdict::Misdirected(response) => format!("misdirected {}", response.code),
            Verdict::Challenge(response) => {
                let mut said = response.code.to_string();
                for challenge in response.headers.all(&Name::WwwAuthenticate) {
                    let (_, rest) = challenge.split_once("algorithm=").unwrap();
                    write!(said, " {}", rest.split(',').next().unwrap()).unwrap();
                    if rest.contains("stale=true") {
                        said.push_str(" stale");
                    }
                }
                said
            }
        }
    }

    /// RFC 3261 section 22.1.
    #[test]
    fn the_right_password_opens_by_either_algorithm() {
        let nonce = Nonces::new([1; 32]).issue(HERE, NOW);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let right = answered(algorithm, &nonce, "alice", "pass");
            assert_eq!(verdict(&right, "alice", NOW), "accepted");
            for (user, password) in [("alice", "wrong"), ("nobody", "pass")] {
                let wrong = answered(algorithm, &nonce, user, password);
                assert_eq!(verdict(&wrong, user, NOW), "forbidden 403", "{user}");
            }
            // Somebody else's credentials do not open.
            let stolen = answered(algorithm, &nonce, "bob", "pass");
            assert_eq!(verdict(&stolen, "alice", NOW), "forbidden 403");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_as_much_work() {
        let nonce = Nonces::new([1; 32]).issue(HERE, NOW);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut work = Vec::new();
            for user in ["alice", "alibi"] {
                let wrong = answered(algorithm, &nonce, user, "wrong");
                digest::work::done();
                assert_eq!(verdict(&wrong, user, NOW), "forbidden 403");
                work.push(digest::work::done());
            }
            // Making the operator's own secret is part of either.
            assert!(work[0].len() >= 2, "{work:?}");
            assert_eq!(work[0], work[1]);
        }
    }

    /// RFC 7616 section 3.3.
    #[test]
    fn an_old_nonce_is_asked_again_and_a_forged_one_from_the_start() {
        let nonce = Nonces::new([1; 32]).issue(HERE, NOW);
        let right = answered(Algorithm::Md5, &nonce, "alice", "pass");
        let later = NOW + crate::sip::nonce::NONCE_TIME + Duration::from_secs(1);
        assert_eq!(
            verdict(&right, "alice", later),
            "401 MD5 stale SHA-256 stale"
        );
        let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));
        let elsewhere = Nonces::new([1; 32]).issue(elsewhere, NOW);
        let earlier = Nonces::new([2; 32]).issue(HERE, NOW);
        let (stale, anew) = ("401 MD5 stale SHA-256 stale", "401 MD5 SHA-256");
        for (nonce, password, at, said) in [
            (nonce.as_str(), "wrong", later, anew),
            (&elsewhere, "pass", NOW, stale),
            (&elsewhere, "wrong", NOW, anew),
            // The process has another key since.
            (&earlier, "pass", NOW, stale),
            (&earlier, "wrong", NOW, anew),
            ("7ypf/xlj9XXwfDPEoM4URrv", "pass", NOW, anew),
        ] {
            for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
                let proof = answered(algorithm, nonce, "alice", password);
                assert_eq!(verdict(&proof, "alice", at), said, "{nonce} {password}");
            }
        }
    }

    #[test]
    fn a_stale_nonce_is_no_way_to_guess() {
        let (nonces, guesses) = (Nonces::new([1; 32]), Guesses::default());
        let earlier = Nonces::new([2; 32]).issue(HERE, NOW);
        let verdict = |nonce: &str, password| {
            let proof = answered(Algorithm::Md5, nonce, "alice", password);
            verdict_at((&nonces, &guesses), &proof, "alice", NOW)
        };
        assert_eq!(verdict(&earlier, "pass"), "401 MD5 stale SHA-256 stale");
        for _ in 0..10 {
            assert_eq!(verdict(&earlier, "wrong"), "401 MD5 SHA-256");
        }
        assert_eq!(verdict(&earlier, "pass"), "401 MD5 SHA-256");
        // What can be forged keeps nobody out.
        assert_eq!(verdict(&nonces.issue(HERE, NOW), "pass"), "accepted");
    }

    /// RFC 7616 section 3.4.
    #[test]
    fn what_was_said_once_opens_once() {
        for (qop, algorithm) in [
            (Some("auth"), Algorithm::Sha256),
            (Some("auth-int"), Algorithm::Sha256),
            (Some("auth"), Algorithm::Md5),
            (None, Algorithm::Md5),
        ] {
            let nonces = Nonces::new([1; 32]);
            let nonce = nonces.issue(HERE, NOW);
            let right = proof(algorithm, &nonce, ("alice", "pass"), qop);
            let verdict = |request| verdict_of(&nonces, request, "alice", NOW);
            assert_eq!(verdict(&right), "accepted");
            assert_eq!(verdict(&right), "401 MD5 stale SHA-256 stale");
        }
    }

    #[test]
    fn a_wrong_answer_uses_its_nonce_up() {
        for (user, algorithm) in [("alice", Algorithm::Md5), ("alibi", Algorithm::Sha256)] {
            let nonces = Nonces::new([1; 32]);
            let nonce = nonces.issue(HERE, NOW);
            let verdict = |request: &Request| verdict_of(&nonces, request, user, NOW);
            let wrong = answered(algorithm, &nonce, user, "wrong");
            assert_eq!(verdict(&wrong), "forbidden 403");
            let again = answered(algorithm, &nonce, user, "wrong");
            assert_eq!(verdict(&again), "401 MD5 SHA-256", "{user}");
            if user == "alice" {
                let right = answered(algorithm, &nonce, user, "pass");
                assert_eq!(verdict(&right), "401 MD5 stale SHA-256 stale");
            }
        }
    }

    #[test]
    fn after_some_wrong_answers_no_more_are_looked_at_for_a_while() {
        let (nonces, guesses) = (Nonces::new([1; 32]), Guesses::default());
        for user in ["alice", "alibi"] {
            let try_one = |password, at| {
                let nonce = nonces.issue(HERE, at);
                let proof = answered(Algorithm::Md5, &nonce, user, password);
                verdict_at((&nonces, &guesses), &proof, user, at)
            };
            for _ in 0..10 {
                assert_eq!(try_one("wrong", NOW), "forbidden 403");
            }
            for password in ["wrong", "pass"] {
                assert_eq!(try_one(password, NOW), "401 MD5 SHA-256");
            }
            let later = NOW + Duration::from_secs(3);
            assert_eq!(try_one("wrong", later), "forbidden 403");
            assert_eq!(try_one("wrong", later), "401 MD5 SHA-256");
        }
    }

    /// RFC 7616 section 3.4.6.
    #[test]
    fn credentials_are_good_for_the_address_that_they_name() {
        for (written, asked, is_meant) in [
            ("sip:h.example", "sip:h.example", true),
            ("sip:H.example", "sip:h.example:5060;transport=tcp", true),
            ("sip:h.example:5061", "sip:h.example:5060", false),
            ("sip:1@h.example", "sip:1@h.example", true),
            ("sip:%31@h.example", "sip:1@h.example", true),
            ("sip:2@h.example", "sip:1@h.example", false),
            ("sip:h.example", "sip:1@h.example", true),
            ("sip:192.0.2.1:5060", "sip:1@192.0.2.1:5060", true),
            ("sip:::1:5060", "sip:1@[::1]:5060", true),
            ("sip:other.example", "sip:1@h.example", false),
            ("sip:1@other.example", "sip:1@h.example", false),
            ("sip:1@centrale.localhost", "sip:1@192.0.2.1:5060", true),
            ("sip:1@192.0.2.1", "sip:1@Centrale.localhost", true),
            ("sip:2@centrale.localhost", "sip:1@192.0.2.1", false),
            ("tel:+31201", "tel:+31201", true),
            ("*", "sip:h.example", false),
            ("", "sip:h.example", false),
        ] {
            let asked = Uri::parse(asked).unwrap();
            assert_eq!(
                means(written, &asked, REALM),
                is_meant,
                "{written} {asked:?}"
            );
        }
        let nonces = Nonces::new([1; 32]);
        let mut right = answered(Algorithm::Md5, &nonces.issue(HERE, NOW), "alice", "pass");
        let asked = std::mem::replace(&mut right.uri, Uri::parse("sip:b").unwrap());
        let found = verdict_of(&nonces, &right, "alice", NOW);
        assert_eq!(found, "misdirected 400");
        right.uri = asked;
        let found = verdict_of(&nonces, &right, "alice", NOW);
        assert_eq!(found, "accepted", "nothing is used up");
    }

    /// RFC 3261 section 22.4.
    #[test]
    fn only_old_phones_answer_without_quality() {
        let nonce = Nonces::new([1; 32]).issue(HERE, NOW);
        let proof = proof(Algorithm::Sha256, &nonce, ("alice", "pass"), None);
        assert_eq!(verdict(&proof, "alice", NOW), "401 MD5 SHA-256");
    }

    /// RFC 8760 section 2.3.
    #[test]
    fn each_phone_is_offered_what_it_can_take() {
        for (name, offered) in [
            (None, "401 MD5 SHA-256"),
            (Some("Linphone/5.1"), "401 SHA-256 MD5"),
            (Some("baresip v1.0.0 (x86_64/linux)"), "401 MD5"),
            (Some("baresip v3.5.0"), "401 SHA-256 MD5"),
        ] {
            let headers = name.map(|name| (Name::UserAgent, name.to_owned()));
            let request = register(headers.as_slice());
            assert_eq!(verdict(&request, "alice", NOW), offered);
            assert_eq!(verdict(&request, "nobody", NOW), offered, "known to nobody");
        }
    }
}
