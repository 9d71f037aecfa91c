//! Who calls, and whom, as a trunk says it.
//!
//! # Why
//! A trunk is somebody who was let in by an address or a secret, so it is believed in what
//! it asserts (RFC 3325 section 5); From is what the caller's phone made up. What a caller
//! wants hidden (RFC 3323) is hidden here, once: records, pages and phones never see it.

use crate::config::Trunk;
use crate::model::Number;
use crate::sip::{Name, NameAddr, Request, Scheme, Uri};

/// What a number or a name may be long; more is none.
const LONGEST: usize = 64;
const ANONYMOUS: &str = "anonymous";

/// What was dialled, as we write numbers.
pub(super) fn dialled(request: &Request, trunk: &Trunk) -> String {
    trunk.called.apply(&number_of(&request.uri))
}

/// Who dials, and the name shown with it.
pub(super) fn caller(request: &Request, trunk: &Trunk) -> (Number, Option<String>) {
    let anonymous = || (Number::from(ANONYMOUS), None);
    if wants_privacy(request) {
        return anonymous();
    }
    let asserted = asserted(request);
    let shown = asserted.or_else(|| request.headers.from().ok());
    let Some(shown) = shown else {
        return anonymous();
    };
    let number = trunk.caller.apply(&number_of(&shown.uri));
    let number = if number.is_empty() {
        Number::from(ANONYMOUS)
    } else {
        Number::new(number.chars().take(LONGEST).collect::<String>())
    };
    let display = shown.display.filter(|name| !name.trim().is_empty());
    let display = display.map(|name| name.chars().take(LONGEST).collect());
    (number, display)
}

/// The identity that the trunk vouches for (RFC 3325 section 9.1): of two, the one with a
/// number.
fn asserted(request: &Request) -> Option<NameAddr> {
    let mut all = request.headers.addresses(&Name::PAssertedIdentity).ok()?;
    let telephone = |identity: &NameAddr| {
        let number = number_of(&identity.uri);
        number.bytes().any(|b| b.is_ascii_digit())
    };
    let best = all.iter().position(telephone).unwrap_or(0);
    (best < all.len()).then(|| all.swap_remove(best))
}

/// RFC 3323 section 4.2 and RFC 3325 section 9.3: what asks that the caller is not shown.
fn wants_privacy(request: &Request) -> bool {
    let privacy = Name::Privacy;
    let wishes = request.headers.all(&privacy);
    wishes.into_iter().any(|line| {
        let mut words = line.split(';');
        words.any(|word| {
            let word = word.trim().to_ascii_lowercase();
            matches!(word.as_str(), "id" | "user" | "header")
        })
    })
}

/// The number in an address: what stands before `;`, and of a telephone number (RFC 3966
/// section 5.1.1) without the signs that only make it easier to read.
fn number_of(uri: &Uri) -> String {
    let user = uri.user.as_deref().unwrap_or_default();
    let user = user.split(';').next().unwrap_or_default();
    let phone = uri.param("user");
    let telephone =
        uri.scheme == Scheme::Tel || phone.is_some_and(|kind| kind.eq_ignore_ascii_case("phone"));
    if telephone {
        let separator = |c: &char| matches!(c, '-' | '.' | '(' | ')');
        user.chars().filter(|c| !separator(c)).collect()
    } else {
        user.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Method;

    /// RFC 3966 section 5.1.
    #[test]
    fn a_number_is_read_without_what_decorates_it() {
        for (uri, number) in [
            ("sip:1000@h", "1000"),
            ("tel:+31-20-123.45(67);phone-context=x", "+31201234567"),
            ("sip:+31-20;isub=1@h;user=phone", "+3120"),
            ("sip:help-desk@h", "help-desk"),
            ("sip:h", ""),
        ] {
            assert_eq!(number_of(&Uri::parse(uri).unwrap()), number, "{uri}");
        }
    }

    /// RFC 3325 section 9.1, RFC 3323 section 4.2.
    #[test]
    fn the_asserted_identity_is_the_caller_unless_it_is_private() {
        let pai = "P-Asserted-Identity";
        let from = ("From", "\"Eve\" <sip:0666@h>;tag=1");
        for (headers, number, name) in [
            (vec![from], "0666", Some("Eve")),
            (
                vec![from, (pai, "\"Anna\" <sip:+3120@c>")],
                "+3120",
                Some("Anna"),
            ),
            (
                vec![from, (pai, "<sip:anna@c>"), (pai, "<tel:+31-20-1>")],
                "+31201",
                None,
            ),
            (
                vec![from, (pai, "<sip:anna@c>, <tel:+31201>")],
                "+31201",
                None,
            ),
            (vec![from, (pai, "nonsense <<")], "0666", Some("Eve")),
            (
                vec![from, (pai, "<sip:+3120@c>"), ("Privacy", "id;critical")],
                "anonymous",
                None,
            ),
            (vec![from, ("Privacy", "none")], "0666", Some("Eve")),
            (
                vec![from, ("P-Preferred-Identity", "<sip:1@c>")],
                "0666",
                Some("Eve"),
            ),
            (
                vec![("From", "<sip:anonymous.invalid>;tag=1")],
                "anonymous",
                None,
            ),
            (vec![], "anonymous", None),
        ] {
            let mut request = Request::new(Method::Invite, Uri::parse("sip:1@h").unwrap());
            for (name, value) in &headers {
                request.headers.push(Name::parse(name), *value);
            }
            let (from, display) = caller(&request, &Trunk::default());
            let shown = (from.as_str(), display.as_deref());
            assert_eq!(shown, (number, name), "{headers:?}");
        }
    }
}
