//! Event and Subscription-State (RFC 6665 sections 8.2.1 and 8.2.3).

use crate::sip::header::Params;
use crate::sip::method::is_token_byte;
use crate::sip::uri::digits;
use crate::sip::{HeaderError, Headers, Name};

/// What a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPackage {
    /// The package, such as `refer`. Case matters (RFC 6665 section 8.2.1).
    pub package: String,
    /// Tells two subscriptions of one dialog apart: for `refer`, the CSeq of its REFER.
    pub id: Option<String>,
}

impl EventPackage {
    /// Reads `refer;id=93809824`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (package, params) = token_and_params(text)?;
        Some(Self {
            package: package.to_owned(),
            id: params.value("id").map(String::from),
        })
    }
}

/// How far a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substate {
    /// Accepted.
    Active,
    /// Not decided yet.
    Pending,
    /// Over.
    Terminated,
    /// A state of an extension.
    Other,
}

/// What a NOTIFY says of its subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// How far it is.
    pub state: Substate,
    /// Seconds that it has left, when said.
    pub expires: Option<u32>,
    /// Why it is over, when said, such as `noresource`.
    pub reason: Option<String>,
}

impl SubscriptionState {
    /// Reads `active;expires=60`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (state, params) = token_and_params(text)?;
        let state = match state.to_ascii_lowercase().as_str() {
            "active" => Substate::Active,
            "pending" => Substate::Pending,
            "terminated" => Substate::Terminated,
            _ => Substate::Other,
        };
        let expires = match params.value("expires") {
            Some(seconds) => Some(digits(seconds)?),
            None => None,
        };
        Some(Self {
            state,
            expires,
            reason: params.value("reason").map(str::to_ascii_lowercase),
        })
    }
}

pub(super) fn token_and_params(text: &str) -> Option<(&str, Params)> {
    let (token, params) = text
        .split_once(';')
        .map_or((text, None), |(token, rest)| (token, Some(rest)));
    let token = token.trim();
    let params = match params {
        Some(text) if text.trim().is_empty() => return None,
        Some(text) => Params::parse(text)?,
        None => Params::default(),
    };
    let whole = !token.is_empty() && token.bytes().all(is_token_byte);
    whole.then_some((token, params))
}

impl Headers {
    /// Event, when there.
    ///
    /// # Errors
    /// When it is repeated or unreadable.
    pub fn event(&self) -> Result<Option<EventPackage>, HeaderError> {
        self.at_most_one(Name::Event, EventPackage::parse)
    }

    /// Subscription-State of a NOTIFY.
    ///
    /// # Errors
    /// When it is missing, repeated or unreadable.
    pub fn subscription_state(&self) -> Result<SubscriptionState, HeaderError> {
        let bad = HeaderError::Malformed(Name::SubscriptionState);
        SubscriptionState::parse(&self.only(Name::SubscriptionState)?).ok_or(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_package_and_perhaps_an_id() {
        for (text, read) in [
            ("refer", Some(("refer", None))),
            ("refer ; ID=93809824", Some(("refer", Some("93809824")))),
            ("dialog.winfo;x", Some(("dialog.winfo", None))),
            ("", None),
            ("refer;", None),
            ("re fer", None),
            ("refer, refer", None),
        ] {
            let event = EventPackage::parse(text);
            let event = event.as_ref().map(|e| (&*e.package, e.id.as_deref()));
            assert_eq!(event, read, "{text}");
        }
        assert_eq!(Headers::default().event(), Ok(None));
    }

    #[test]
    fn a_subscription_tells_its_state() {
        let state = |state, expires, reason: Option<&str>| {
            Some(SubscriptionState {
                state,
                expires,
                reason: reason.map(String::from),
            })
        };
        for (text, read) in [
            ("active;expires=60", state(Substate::Active, Some(60), None)),
            ("Pending", state(Substate::Pending, None, None)),
            (
                "terminated;reason=NoResource",
                state(Substate::Terminated, None, Some("noresource")),
            ),
            ("waiting", state(Substate::Other, None, None)),
            ("active;expires=+6", None),
            ("active;expires=4294967296", None),
            ("active expires=6", None),
            ("", None),
        ] {
            assert_eq!(SubscriptionState::parse(text), read, "{text}");
        }
        let missing = Err(HeaderError::Missing(Name::SubscriptionState));
        assert_eq!(Headers::default().subscription_state(), missing);
    }
}
