//! What a line outside is told of the number that was dialled first.

use crate::call::call::Facts;
use crate::config::Divert;
use crate::sip::{Host, Name, Uri};

/// Diversion (RFC 5806) and History-Info (RFC 7044) of a call that is sent to `target`,
/// `unanswered` when nobody of a queue came in time, else by the flow's word.
pub(super) fn headers(
    facts: &Facts,
    target: &Uri,
    (divert, unanswered): (Divert, bool),
) -> Vec<(Name, String)> {
    let domain = &facts.snapshot.config.domain;
    let host = Host::parse(domain).unwrap_or_else(|| Host::Name("invalid".into()));
    let dialled = Uri::sip(Some(facts.to.as_str()), &host, None);
    write(&dialled, target, (divert, unanswered))
}

fn write(dialled: &Uri, target: &Uri, (divert, unanswered): (Divert, bool)) -> Vec<(Name, String)> {
    let mut headers = Vec::new();
    // RFC 4458 section 6: the causes of a line that does not answer, and of any other.
    let (reason, cause) = if unanswered {
        ("no-answer", 408)
    } else {
        ("unconditional", 302)
    };
    if matches!(divert, Divert::Diversion | Divert::Both) {
        let value = format!("<{dialled}>;reason={reason};counter=1");
        headers.push((Name::Diversion, value));
    }
    if matches!(divert, Divert::HistoryInfo | Divert::Both) {
        let value = format!("<{dialled}>;index=1, <{target};cause={cause}>;index=1.1;mp=1");
        headers.push((Name::HistoryInfo, value));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5806, RFC 7044 section 5.
    #[test]
    fn a_line_is_told_what_was_dialled_as_it_wants_to_hear_it() {
        let (dialled, line) = (
            "sip:1000@calls.example",
            "sip:field@192.0.2.1;transport=tcp",
        );
        let (dialled, line) = (Uri::parse(dialled).unwrap(), Uri::parse(line).unwrap());
        let told = |divert, unanswered| {
            let headers = write(&dialled, &line, (divert, unanswered));
            let lines = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"));
            lines.collect::<Vec<_>>()
        };
        let diversion = "Diversion: <sip:1000@calls.example>;reason=no-answer;counter=1";
        let history = "History-Info: <sip:1000@calls.example>;index=1, \
                       <sip:field@192.0.2.1;transport=tcp;cause=408>;index=1.1;mp=1";
        assert_eq!(told(Divert::Both, true), [diversion, history]);
        assert_eq!(told(Divert::Diversion, true), [diversion]);
        assert_eq!(told(Divert::HistoryInfo, true), [history]);
        assert_eq!(told(Divert::Off, true), [""; 0]);
        let sent = told(Divert::Diversion, false).join("");
        assert!(sent.contains("reason=unconditional"), "{sent}");
    }
}
