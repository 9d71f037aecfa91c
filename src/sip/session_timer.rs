//! Session timers (RFC 4028): a call whose other end vanished does not last for ever.
//!
//! One side refreshes (re-INVITE or UPDATE) at half of the agreed interval. If no
//! refresh succeeds, both sides end the call a little before the interval is over.

use std::time::{Duration, Instant};

use super::{Headers, Name, Request, Response};

/// The smallest interval that may be asked for (RFC 4028 section 4).
pub const LEAST: Duration = Duration::from_secs(90);
/// The interval to ask for: the RFC's own recommendation.
pub const USUAL: Duration = Duration::from_secs(1800);
/// Nobody needs to hold a dead call for longer than a day.
const MOST: Duration = Duration::from_secs(86_400);
/// The longest time before the interval's end at which a call is given up (section 10).
const MARGIN: Duration = Duration::from_secs(32);

/// What we want of session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The interval to ask for, at least 90 s.
    pub interval: Duration,
    /// The smallest interval that we accept, at least 90 s.
    pub least: Duration,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            interval: USUAL,
            least: LEAST,
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Refresh: send a re-INVITE or UPDATE.
    Refresh,
    /// The peer is gone: send BYE.
    Expired,
}

/// The interval asked for is too small: answer 422 with this Min-SE, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer asks for an interval below {min_se} s")]
pub struct TooSmall {
    /// For [`Name::MinSe`].
    pub min_se: u64,
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    interval: Duration,
    /// The smallest interval that the peer, or a proxy, told us of.
    min_se: Duration,
    we_refresh: bool,
    /// Whether the peer knows session timers.
    peer_knows: bool,
    refreshed_at: Instant,
    asked: bool,
}

impl SessionTimer {
    /// Answers an INVITE or UPDATE of the peer (section 9).
    ///
    /// A peer that knows session timers refreshes, unless it asks us to; for one that
    /// does not, we do.
    ///
    /// # Errors
    /// When it asks for less than `wish.least`: 422 with Min-SE.
    pub fn answer(request: &Request, wish: Wish, now: Instant) -> Result<Self, TooSmall> {
        let peer_knows = request
            .headers
            .tokens(&Name::Supported)
            .iter()
            .any(|t| t == "timer");
        let asked = session_expires(&request.headers);
        let min_se = min_se(&request.headers);
        let least = wish.least.max(LEAST);
        // Section 9: a 422 helps only one who knows it. A proxy may have asked for it on
        // behalf of one who does not; then the smallest interval is ours to raise to.
        if peer_knows && asked.is_some_and(|(interval, _)| interval < least) {
            let min_se = least.as_secs();
            return Err(TooSmall { min_se });
        }
        let wanted = asked.map_or(wish.interval, |(interval, _)| interval.min(wish.interval));
        let we_refresh = match asked.and_then(|(_, refresher)| refresher) {
            Some(Refresher::Uas) => true,
            Some(Refresher::Uac) | None => !peer_knows,
        };
        Ok(Self {
            interval: wanted.max(least).max(min_se).min(MOST),
            min_se,
            we_refresh,
            peer_knows,
            refreshed_at: now,
            asked: false,
        })
    }

    /// Reads the 2xx to our own INVITE or UPDATE, which carried [`propose`] (section 7.2).
    ///
    /// A peer that says nothing of it does not know session timers: we refresh, and a
    /// refresh that fails tells that it is gone.
    #[must_use]
    pub fn answered(response: &Response, wish: Wish, now: Instant) -> Self {
        let answer = session_expires(&response.headers);
        let interval = answer.map_or(wish.interval, |(interval, _)| interval);
        let we_refresh = match answer.and_then(|(_, refresher)| refresher) {
            Some(Refresher::Uas) => false,
            Some(Refresher::Uac) | None => true,
        };
        Self {
            interval: interval.clamp(LEAST, MOST),
            min_se: wish.least.max(LEAST),
            we_refresh,
            peer_knows: answer.is_some(),
            refreshed_at: now,
            asked: false,
        }
    }

    /// Writes the headers of our 2xx.
    pub fn write_answer(&self, headers: &mut Headers) {
        let refresher = if self.we_refresh { "uas" } else { "uac" };
        let seconds = self.interval.as_secs();
        headers.push(
            Name::SessionExpires,
            format!("{seconds};refresher={refresher}"),
        );
        if self.peer_knows {
            headers.push(Name::Require, "timer");
        }
    }

    /// Writes the headers of our next re-INVITE or UPDATE; the refresher stays who it is.
    pub fn write_refresh(&self, headers: &mut Headers) {
        // We are the one who sends, so `uac` means us.
        let refresher = if self.we_refresh { "uac" } else { "uas" };
        let seconds = self.interval.as_secs();
        headers.push(Name::Supported, "timer");
        headers.push(
            Name::SessionExpires,
            format!("{seconds};refresher={refresher}"),
        );
        headers.push(Name::MinSe, self.min_se.as_secs().to_string());
    }

    /// Takes the interval that a 422 to our refresh wants; whether there is a use in trying
    /// again.
    pub fn raise(&mut self, response: &Response) -> bool {
        let wish = Wish {
            interval: self.interval,
            least: self.min_se,
        };
        let Some(wish) = after_422(response, wish) else {
            return false;
        };
        (self.interval, self.min_se) = (wish.interval, wish.least);
        true
    }

    /// A refresh of ours succeeded: the interval and the refresher are those of its 2xx
    /// (section 7.2). A peer that says nothing of them leaves them as they are.
    pub fn refreshed(&mut self, response: &Response, now: Instant) {
        self.refreshed_at = now;
        self.asked = false;
        let Some((interval, refresher)) = session_expires(&response.headers) else {
            return;
        };
        self.peer_knows = true;
        self.interval = interval.clamp(LEAST, MOST);
        match refresher {
            Some(Refresher::Uac) => self.we_refresh = true,
            Some(Refresher::Uas) => self.we_refresh = false,
            None => {}
        }
    }

    /// Whether a refresh that is put off until `at` still comes in time.
    #[must_use]
    pub fn lives_until(&self, at: Instant) -> bool {
        at < self.expires_at()
    }

    /// When something is due.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        if self.we_refresh && !self.asked {
            self.refreshed_at + self.interval / 2
        } else {
            self.expires_at()
        }
    }

    /// What is due. A refresh is said once; if it does not succeed, the end follows.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        if now >= self.expires_at() {
            return Some(Due::Expired);
        }
        if self.we_refresh && !self.asked && now >= self.deadline() {
            self.asked = true;
            return Some(Due::Refresh);
        }
        None
    }

    /// The agreed interval.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether we are the one who refreshes.
    #[must_use]
    pub fn we_refresh(&self) -> bool {
        self.we_refresh
    }

    /// Section 10: the smaller of 32 s and a third of the interval before its end.
    fn expires_at(&self) -> Instant {
        self.refreshed_at + (self.interval - MARGIN.min(self.interval / 3))
    }
}

/// Writes the headers of our INVITE (section 7.1): the peer chooses who refreshes.
pub fn propose(headers: &mut Headers, wish: Wish) {
    headers.push(Name::Supported, "timer");
    propose_again(headers, wish);
}

/// Writes another wish into an INVITE that is sent again.
pub fn propose_again(headers: &mut Headers, wish: Wish) {
    headers.set(Name::SessionExpires, wish.interval.as_secs().to_string());
    headers.set(Name::MinSe, wish.least.max(LEAST).as_secs().to_string());
}

/// What to propose after a 422 (section 7.4); `None` when it asks for more than a day,
/// or for nothing new.
#[must_use]
pub fn after_422(response: &Response, wish: Wish) -> Option<Wish> {
    let least = min_se(&response.headers);
    (least > wish.interval && least <= MOST).then_some(Wish {
        interval: least,
        least,
    })
}

/// Who refreshes, in the words of Session-Expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresher {
    Uac,
    Uas,
}

/// Session-Expires, when it stands once and can be read (RFC 4028 section 4).
fn session_expires(headers: &Headers) -> Option<(Duration, Option<Refresher>)> {
    let value = headers.only(Name::SessionExpires).ok()?;
    let (seconds, params) = value.split_once(';').unwrap_or((&value, ""));
    let seconds = whole(seconds)?;
    let refresher = params.split(';').find_map(|param| {
        let (name, who) = param.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("refresher") {
            return None;
        }
        match who.trim().to_ascii_lowercase().as_str() {
            "uac" => Some(Refresher::Uac),
            "uas" => Some(Refresher::Uas),
            _ => None,
        }
    });
    Some((seconds, refresher))
}

/// Digits only: Rust's own reading takes a sign.
fn whole(text: &str) -> Option<Duration> {
    let seconds: u32 = crate::sip::uri::digits(text.trim())?;
    Some(Duration::from_secs(seconds.into()))
}

fn min_se(headers: &Headers) -> Duration {
    let value = headers.first(&Name::MinSe);
    let seconds = value.and_then(|value| whole(value.split(';').next().unwrap_or_default()));
    seconds.map_or(LEAST, |seconds| seconds.max(LEAST))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::sip::{Method, Uri};

    fn invite(headers: &[(Name, &str)]) -> Request {
        let mut request = Request::new(Method::Invite, Uri::parse("sip:a@b").unwrap());
        for (name, value) in headers {
            request.headers.push(name.clone(), *value);
        }
        request
    }

    fn answer(headers: &[(Name, &str)]) -> Response {
        let mut response = Response::to(&invite(&[]), 200);
        for (name, value) in headers {
            response.headers.push(name.clone(), *value);
        }
        response
    }

    fn written(timer: &SessionTimer) -> (String, bool) {
        let mut response = answer(&[]);
        timer.write_answer(&mut response.headers);
        let value = response
            .headers
            .first(&Name::SessionExpires)
            .unwrap()
            .into_owned();
        (value, response.headers.first(&Name::Require).is_some())
    }

    /// RFC 4028 section 9.
    #[test]
    fn who_refreshes_follows_table_2_of_the_rfc() {
        let now = Instant::now();
        let knows = (Name::Supported, "timer");
        let expires = |value| (Name::SessionExpires, value);
        for (headers, expected, required) in [
            (vec![], "1800;refresher=uas", false),
            (vec![knows.clone()], "1800;refresher=uac", true),
            (
                vec![knows.clone(), expires("600")],
                "600;refresher=uac",
                true,
            ),
            (
                vec![knows.clone(), expires("600;refresher=uac")],
                "600;refresher=uac",
                true,
            ),
            (
                vec![knows.clone(), expires("600;refresher=uas")],
                "600;refresher=uas",
                true,
            ),
            (
                vec![knows.clone(), expires("7200")],
                "1800;refresher=uac",
                true,
            ),
            (
                vec![knows.clone(), expires("7200"), (Name::MinSe, "3600")],
                "3600;refresher=uac",
                true,
            ),
            (vec![expires("30")], "90;refresher=uas", false),
        ] {
            let timer = SessionTimer::answer(&invite(&headers), Wish::default(), now).unwrap();
            assert_eq!(
                written(&timer),
                (expected.to_owned(), required),
                "{headers:?}"
            );
        }
    }

    /// RFC 4028 section 9.
    #[test]
    fn too_small_an_interval_is_refused_to_one_who_knows_422() {
        let request = invite(&[(Name::Supported, "timer"), (Name::SessionExpires, "60")]);
        let refused = SessionTimer::answer(&request, Wish::default(), Instant::now());
        assert_eq!(refused, Err(TooSmall { min_se: 90 }));
    }

    /// RFC 4028 section 7.
    #[test]
    fn after_a_422_the_interval_asked_for_rises() {
        let wish = Wish::default();
        let least = Duration::from_secs(2400);
        let risen = Wish {
            interval: least,
            least,
        };
        assert_eq!(
            after_422(&answer(&[(Name::MinSe, "2400")]), wish),
            Some(risen)
        );
        for useless in ["1800", "90", "+2400", "", "999999"] {
            assert_eq!(
                after_422(&answer(&[(Name::MinSe, useless)]), wish),
                None,
                "{useless}"
            );
        }
    }

    /// RFC 4028 section 10.
    #[test]
    fn the_refresher_asks_at_half_time_and_ends_without_success() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let response = answer(&[(Name::SessionExpires, "600;refresher=uac")]);
        let mut timer = SessionTimer::answered(&response, Wish::default(), start);
        assert!(timer.we_refresh());
        assert_eq!(timer.deadline(), start + second * 300);
        assert_eq!(timer.due(start + second * 299), None);
        assert_eq!(timer.due(start + second * 300), Some(Due::Refresh));
        assert_eq!(timer.due(start + second * 301), None);
        assert_eq!(timer.deadline(), start + second * 568);
        timer.refreshed(&answer(&[]), start + second * 301);
        assert_eq!(timer.deadline(), start + second * 601);
        assert_eq!(timer.due(start + second * 601), Some(Due::Refresh));
        assert_eq!(timer.due(start + second * (301 + 568)), Some(Due::Expired));
    }

    /// RFC 4028 section 7.
    #[test]
    fn the_answer_to_a_refresh_says_how_it_goes_on() {
        let start = Instant::now();
        let agreed = answer(&[(Name::SessionExpires, "600;refresher=uac")]);
        for (says, interval, we_refresh) in [
            (None, 600, true),
            (Some("200;refresher=uac"), 200, true),
            (Some("300;refresher=uas"), 300, false),
            (Some("900"), 900, true),
            (Some("1;refresher=uas"), 90, false),
            (Some("soon;refresher=uas"), 600, true),
        ] {
            let mut timer = SessionTimer::answered(&agreed, Wish::default(), start);
            assert_eq!(timer.due(start + timer.interval() / 2), Some(Due::Refresh));
            let headers = says.map(|value| (Name::SessionExpires, value));
            timer.refreshed(&answer(headers.as_slice()), start);
            let agreed = (timer.interval().as_secs(), timer.we_refresh());
            assert_eq!(agreed, (interval, we_refresh), "{says:?}");
        }
    }

    /// RFC 4028 section 10.
    #[test]
    fn the_other_side_waits_until_shortly_before_the_end() {
        let start = Instant::now();
        let response = answer(&[(Name::SessionExpires, "90;refresher=uas")]);
        let mut timer = SessionTimer::answered(&response, Wish::default(), start);
        assert!(!timer.we_refresh());
        assert_eq!(timer.deadline(), start + Duration::from_secs(60));
        assert_eq!(
            timer.due(start + Duration::from_secs(60)),
            Some(Due::Expired)
        );
    }

    /// RFC 4028 section 10.
    #[test]
    fn a_peer_that_says_nothing_is_refreshed_by_us() {
        let timer = SessionTimer::answered(&answer(&[]), Wish::default(), Instant::now());
        assert!(timer.we_refresh());
        assert_eq!(timer.interval(), USUAL);
        let mut headers = invite(&[]).headers;
        timer.write_refresh(&mut headers);
        assert_eq!(
            headers.first(&Name::SessionExpires).as_deref(),
            Some("1800;refresher=uac")
        );
    }

    /// What two sides may agree on, of whatever a peer may ask or answer.
    fn agreed() -> impl Strategy<Value = SessionTimer> {
        let refresher = prop::sample::select(vec!["", ";refresher=uas", ";refresher=uac"]);
        let header = (0..200_000_u32, refresher).prop_map(|(s, who)| format!("{s}{who}"));
        let peer = (any::<bool>(), prop::option::of(header), 0..20_000_u32);
        (peer, any::<bool>()).prop_map(|((knows, expires, min_se), asks)| {
            let min_se = min_se.to_string();
            let mut headers = vec![(Name::MinSe, min_se.as_str())];
            headers.extend(knows.then_some((Name::Supported, "timer")));
            headers.extend(expires.as_deref().map(|e| (Name::SessionExpires, e)));
            let (wish, now) = (Wish::default(), Instant::now());
            let answered = SessionTimer::answered(&answer(&headers), wish, now);
            if asks {
                SessionTimer::answer(&invite(&headers), wish, now).unwrap_or(answered)
            } else {
                answered
            }
        })
    }

    proptest! {
        /// RFC 4028 section 10; ticks come when they like, early, late and twice.
        #[test]
        fn a_refresh_is_said_once_at_half_time_and_never_after_the_end(
            timer in agreed(),
            steps in vec((0..1000_u32, prop::bool::weighted(0.2)), 1..60),
        ) {
            let mut timer = timer;
            let (mut now, mut since, mut said) = (timer.refreshed_at, timer.refreshed_at, false);
            let interval = timer.interval();
            prop_assert!(interval >= LEAST && interval <= MOST);
            let end = interval - MARGIN.min(interval / 3);
            for (permille, refreshes) in steps {
                now += interval * permille / 1500;
                if refreshes {
                    timer.refreshed(&answer(&[]), now);
                    (since, said) = (now, false);
                }
                let lasts = now - since;
                let due = timer.due(now);
                if lasts >= end {
                    prop_assert_eq!(due, Some(Due::Expired));
                    prop_assert_eq!(timer.due(now + interval), Some(Due::Expired));
                    return Ok(());
                }
                let wants = timer.we_refresh() && !said && lasts >= interval / 2;
                prop_assert_eq!(due, wants.then_some(Due::Refresh));
                said |= wants;
                prop_assert!(timer.deadline() > now, "a tick has always done what was due");
            }
        }

        /// RFC 4028 section 10, whoever refreshes: each refresh is late by so much of what
        /// there is to spare.
        #[test]
        fn a_call_that_is_refreshed_in_time_never_ends(
            timer in agreed(),
            late in vec(0..1000_u32, 1..60),
        ) {
            let mut timer = timer;
            for permille in late {
                let mut asked = timer.refreshed_at;
                if timer.we_refresh() {
                    asked = timer.deadline();
                    prop_assert_eq!(timer.due(asked), Some(Due::Refresh));
                }
                // Once it was asked for, the end is what comes next.
                let spare = timer.deadline() - asked;
                let then = asked + spare * permille / 1000;
                prop_assert_eq!(timer.due(then), None);
                timer.refreshed(&answer(&[]), then);
            }
        }
    }
}
