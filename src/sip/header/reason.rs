//! Reason (RFC 3326): why a call is cancelled, hung up, or refused (RFC 6432).

use crate::model::{Cause, Said};
use crate::sip::header::event::token_and_params;
use crate::sip::header::parts;
use crate::sip::uri::digits;
use crate::sip::{Headers, Name};

/// Values that are looked at; two protocols are known.
const VALUES: usize = 8;

impl Headers {
    /// The causes that Reason gives. The header explains and no more: a value that cannot be
    /// read, or is of another protocol, says nothing, and the first of a protocol counts.
    #[must_use]
    pub fn reason(&self) -> Said {
        let mut said = Said::default();
        for line in self.all(&Name::Reason).take(VALUES) {
            for value in parts(&line, b',').take(VALUES).flatten() {
                note(value, &mut said);
            }
        }
        said
    }
}

fn note(value: &str, said: &mut Said) {
    let Some((protocol, params)) = token_and_params(value) else {
        return;
    };
    let Some(cause) = params.sole("cause").and_then(digits::<u16>) else {
        return;
    };
    if protocol.eq_ignore_ascii_case("SIP") {
        let code = Some(cause).filter(|code| (100..700).contains(code));
        said.sip = said.sip.or(code);
    } else if protocol.eq_ignore_ascii_case("Q.850") {
        let number = u8::try_from(cause).ok().and_then(Cause::new);
        said.q850 = said.q850.or(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_readable_cause_of_each_protocol_counts() {
        for (lines, sip, q850) in [
            (
                vec!["SIP;cause=200;text=\"Call completed elsewhere\""],
                Some(200),
                None,
            ),
            (vec!["sip ;cause = 487"], Some(487), None),
            (vec!["Q.850;cause=16;text=\"Terminated\""], None, Some(16)),
            (
                vec!["q.850;text=x;cause=17, SIP;cause=486"],
                Some(486),
                Some(17),
            ),
            (vec!["Q.850;cause=17", "Q.850;cause=31"], None, Some(17)),
            // What quotes hold is text.
            (
                vec!["X;text=\"a, SIP;cause=200\", Q.850;cause=1"],
                None,
                Some(1),
            ),
            (vec!["preemption;cause=1;text=\"UA\""], None, None),
            (vec!["SIP;cause=+200"], None, None),
            (vec!["SIP;cause=0200000000000"], None, None),
            (
                vec!["SIP;cause=20", "SIP;cause=700", "Q.850;cause=0"],
                None,
                None,
            ),
            (vec!["Q.850;cause=128", "Q.850;cause=272"], None, None),
            (vec!["SIP;cause=200;cause=486"], None, None),
            (
                vec!["SIP;cause", "SIP;cause=", "SIP;", "SIP", ";cause=200", ""],
                None,
                None,
            ),
            (vec!["SIP;cause=200;text=\"open"], None, None),
            (vec![",,,;;;===\"", "\u{fffd}", "SIP cause=200"], None, None),
            // One that cannot be read does not spoil the next.
            (vec!["SIP;cause=x,SIP;cause=600"], Some(600), None),
        ] {
            let mut headers = Headers::default();
            for line in &lines {
                headers.push(Name::Reason, line);
            }
            let said = headers.reason();
            let found = (said.sip, said.q850.map(Cause::number));
            assert_eq!(found, (sip, q850), "{lines:?}");
        }
    }
}
