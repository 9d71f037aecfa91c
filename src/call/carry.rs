//! What the flow gathered goes with the call: to the operator's phone, to those who look,
//! and into the record.

use std::fmt::Write as _;

use crate::call::call::Call;
use crate::call::floor::Floor;
use crate::model::{Carried, Event};
use crate::sip::Name;

/// Characters of one header: room for what an operator can take in at a glance.
const HEADER: usize = 1_024;

impl Call {
    fn carried(&self) -> Carried {
        Carried {
            call: self.facts.id.clone(),
            tags: self.run.tags().iter().cloned().collect(),
            vars: self.run.shown_vars(),
        }
    }

    /// Tells what the call carries, if that is not what was told before.
    pub(super) fn tell_carried(&mut self, floor: &mut Floor<'_>) {
        let carried = self.carried();
        let told = self.story.carried.as_ref();
        let nothing = told.is_none() && carried.tags.is_empty() && carried.vars.is_empty();
        if nothing || told == Some(&carried) {
            return;
        }
        self.story.carried = Some(carried.clone());
        floor.tell(Event::Carried(carried));
    }

    /// The same for the phone that rings: `X-Centrale-Tags: complaint, appointment` and
    /// `X-Centrale-Vars: order=123456; house=7`.
    pub(super) fn carried_headers(&self) -> Vec<(Name, String)> {
        let carried = self.carried();
        let tags = carried.tags.iter().map(|tag| escape(tag));
        let vars = carried.vars.iter();
        let vars = vars.map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let headers = [
            ("X-Centrale-Tags", joined(tags, ", ")),
            ("X-Centrale-Vars", joined(vars, "; ")),
        ];
        let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
        headers
            .map(|(name, value)| (Name::Other(name.into()), value))
            .collect()
    }
}

/// As many as there is room for.
fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    let mut text = String::new();
    for part in parts {
        if text.len() + by.len() + part.len() > HEADER {
            break;
        }
        if !text.is_empty() {
            text.push_str(by);
        }
        text.push_str(&part);
    }
    text
}

/// Percent-encoded (RFC 3986): nothing that a caller says can end a value or a header.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // A String takes all that is written.
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_carries_cannot_end_it() {
        assert_eq!(escape("a b;c=d\r\nVia: x"), "a%20b%3Bc%3Dd%0D%0AVia%3A%20x");
        assert_eq!(escape("Zoë +31"), "Zo%C3%AB%20+31");
        let long = std::iter::repeat_n("x".repeat(100), 50);
        assert_eq!(joined(long, ", ").len(), 10 * 100 + 9 * 2);
    }
}
