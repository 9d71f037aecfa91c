//! What a line outside is told of the numbers that were dialled first: the one that led here,
//! and before it those that the network had diverted the call from.
//!
//! A trunk is believed in both; what was asked to be private keeps its place without its
//! address, for a count of diversions is what ends a loop (RFC 5806 section 7, RFC 7044
//! section 10.1).

use crate::call::call::Facts;
use crate::config::Divert;
use crate::sip::{Host, Name, NameAddr, Request, Uri};

/// Earlier diversions that go along, the latest ones; more is a loop.
const KEPT: usize = 10;
/// Bytes of one of them; what is longer says more than where a call was.
const LONGEST: usize = 512;
/// RFC 7044 section 10.1.2 and RFC 3323 section 4.1.1.3.
const HIDDEN: &str = "<sip:anonymous@anonymous.invalid>";

/// What the caller's INVITE says of the way that the call took before it came here.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Values of Diversion, the latest first.
    diversions: Vec<String>,
    /// Entries of History-Info, the latest at the end.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    text: String,
    index: String,
    user: Option<String>,
}

impl Way {
    /// Reads the INVITE of a trunk.
    pub(super) fn of(invite: &Request) -> Self {
        let privacy = invite.headers.all(&Name::Privacy);
        let words: Vec<String> = privacy.map(|line| line.to_ascii_lowercase()).collect();
        let has = |word: &str| {
            let mut all = words.iter().flat_map(|line| line.split(';'));
            all.any(|known| known.trim() == word)
        };
        // RFC 7044 section 10.1.2: of all entries. RFC 3323 section 4.2: of all that tells
        // who calls and how.
        let all_hidden = has("history") || has("header");
        let mut diversions = values(invite, &Name::Diversion);
        diversions.truncate(KEPT);
        let diversions = diversions.into_iter();
        let mut entries: Vec<_> = values(invite, &Name::HistoryInfo)
            .into_iter()
            .filter_map(|(text, read)| Entry::of(text, &read, all_hidden))
            .collect();
        entries.drain(..entries.len().saturating_sub(KEPT));
        Self {
            diversions: diversions
                .map(|(text, read)| {
                    let wish = read.params.value("privacy").unwrap_or("off");
                    let open = wish.eq_ignore_ascii_case("off") && !has("header");
                    written(text, open)
                })
                .collect(),
            entries,
        }
    }

    /// Ours stands above those that were before (RFC 5806 section 5.2).
    fn diversion(&self, dialled: &Uri, reason: &str) -> String {
        let ours = format!("<{dialled}>;reason={reason};counter=1");
        let all = std::iter::once(ours).chain(self.diversions.iter().cloned());
        all.collect::<Vec<_>>().join(", ")
    }

    /// The next entries are below the last (RFC 7044 sections 10.2 and 10.3), which is the
    /// number that was dialled here, unless the network said nothing of that.
    fn history(&self, dialled: &Uri, target: &Uri, cause: u16) -> String {
        let mut all: Vec<String> = self.entries.iter().map(|e| e.text.clone()).collect();
        let from = match self.entries.last() {
            Some(last) if last.user == dialled.user => last.index.clone(),
            last => {
                let index = last.map_or_else(|| "1".to_owned(), |last| format!("{}.1", last.index));
                all.push(format!("<{dialled}>;index={index}"));
                index
            }
        };
        all.push(format!("<{target};cause={cause}>;index={from}.1;mp={from}"));
        all.join(", ")
    }
}

impl Entry {
    /// `None` for one that has no place in the order.
    fn of(text: String, read: &NameAddr, all_hidden: bool) -> Option<Self> {
        let index = read.params.value("index")?.to_owned();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !index.split('.').all(is_number) {
            return None;
        }
        let wish = read.uri.header("Privacy");
        let own = wish.is_ok_and(|wish| wish.is_none_or(|word| word.eq_ignore_ascii_case("none")));
        Some(Self {
            text: written(text, own && !all_hidden),
            index,
            user: read.uri.user.clone(),
        })
    }
}

/// The values of a header that can be read and are not overlong.
fn values(invite: &Request, name: &Name) -> Vec<(String, NameAddr)> {
    let mut values = Vec::new();
    for line in invite.headers.all(name) {
        let parts = NameAddr::split(&line);
        let short = parts.filter(|text| text.len() <= LONGEST);
        values.extend(short.filter_map(|text| Some((text.to_owned(), NameAddr::parse(text)?))));
    }
    values
}

/// A value, without its name and address unless it is `open`.
fn written(text: String, open: bool) -> String {
    if open {
        return text;
    }
    let params = text.rsplit_once('>').map_or("", |(_, params)| params);
    format!("{HIDDEN}{params}")
}

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
    write(&facts.way, (&dialled, target), (divert, unanswered))
}

fn write(
    way: &Way,
    (dialled, target): (&Uri, &Uri),
    (divert, unanswered): (Divert, bool),
) -> Vec<(Name, String)> {
    let mut headers = Vec::new();
    // RFC 4458 section 6: the causes of a line that does not answer, and of any other.
    let (reason, cause) = if unanswered {
        ("no-answer", 408)
    } else {
        ("unconditional", 302)
    };
    if matches!(divert, Divert::Diversion | Divert::Both) {
        headers.push((Name::Diversion, way.diversion(dialled, reason)));
    }
    if matches!(divert, Divert::HistoryInfo | Divert::Both) {
        headers.push((Name::HistoryInfo, way.history(dialled, target, cause)));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Method;

    fn told(way: &Way, (divert, unanswered): (Divert, bool)) -> Vec<String> {
        let (dialled, line) = (
            "sip:1000@calls.example",
            "sip:field@192.0.2.1;transport=tcp",
        );
        let (dialled, line) = (Uri::parse(dialled).unwrap(), Uri::parse(line).unwrap());
        let headers = write(way, (&dialled, &line), (divert, unanswered));
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        lines.collect()
    }

    fn way(headers: &[(Name, &str)]) -> Way {
        let mut invite = Request::new(Method::Invite, Uri::parse("sip:1000@h").unwrap());
        for (name, value) in headers {
            invite.headers.push(name.clone(), *value);
        }
        Way::of(&invite)
    }

    /// RFC 5806, RFC 7044 section 5.
    #[test]
    fn a_line_is_told_what_was_dialled_as_it_wants_to_hear_it() {
        let told = |divert, unanswered| told(&Way::default(), (divert, unanswered));
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

    /// RFC 5806 section 5.2: the latest on top, and each keeps its counter.
    #[test]
    fn earlier_diversions_stay_below_ours() {
        let ours = "<sip:1000@calls.example>;reason=no-answer;counter=1";
        let one = "<sip:+3199@p>;reason=user-busy;counter=2";
        let hidden = "\"Anna\" <sip:+3177@p>;reason=away;privacy=full";
        for (headers, kept) in [
            (vec![(Name::Diversion, one)], format!(", {one}")),
            (
                vec![(Name::Diversion, hidden), (Name::Diversion, one)],
                format!(", {HIDDEN};reason=away;privacy=full, {one}"),
            ),
            (
                vec![(Name::Diversion, one), (Name::Privacy, "header;id")],
                format!(", {HIDDEN};reason=user-busy;counter=2"),
            ),
            (vec![(Name::Diversion, "nonsense <<")], String::new()),
        ] {
            let sent = told(&way(&headers), (Divert::Diversion, true));
            assert_eq!(sent, [format!("Diversion: {ours}{kept}")], "{headers:?}");
        }
    }

    /// RFC 7044 sections 10.1.2, 10.2 and 10.3.
    #[test]
    fn earlier_entries_of_history_stay_and_ours_are_below_the_last() {
        let field = "<sip:field@192.0.2.1;transport=tcp;cause=408>";
        let first = "<sip:+3199@p>;index=1";
        let here = "<sip:1000@c;cause=486>;index=1.1;mp=1";
        let private = "<sip:+3199@p?Privacy=history>;index=1";
        for (history, privacy, sent) in [
            (
                vec![first, here],
                "none",
                format!("{first}, {here}, {field};index=1.1.1;mp=1.1"),
            ),
            (
                vec![first],
                "id",
                format!("{first}, <sip:1000@calls.example>;index=1.1, {field};index=1.1.1;mp=1.1"),
            ),
            (
                vec![private, here],
                "",
                format!("{HIDDEN};index=1, {here}, {field};index=1.1.1;mp=1.1"),
            ),
            (
                vec![first, here],
                "history",
                format!("{HIDDEN};index=1, {HIDDEN};index=1.1;mp=1, {field};index=1.1.1;mp=1.1"),
            ),
            (
                vec!["<sip:a@p>;index=+1", "<sip:a@p>"],
                "",
                format!("<sip:1000@calls.example>;index=1, {field};index=1.1;mp=1"),
            ),
        ] {
            let list = history.join(", ");
            let way = way(&[(Name::HistoryInfo, &list), (Name::Privacy, privacy)]);
            let told = told(&way, (Divert::HistoryInfo, true));
            assert_eq!(told, [format!("History-Info: {sent}")], "{list} {privacy}");
        }
    }

    #[test]
    fn no_more_goes_along_than_a_path_has() {
        let many: Vec<String> = (0..40)
            .map(|n| format!("<sip:{n}@p>;index=1.{n}"))
            .collect();
        let list = many.join(", ");
        let long = format!("<sip:{}@p>;index=9", "x".repeat(LONGEST));
        let all = [
            (Name::Diversion, list.as_str()),
            (Name::HistoryInfo, &list),
            (Name::HistoryInfo, &long),
            (Name::Diversion, &long),
        ];
        let way = way(&all);
        assert_eq!((way.diversions.len(), way.entries.len()), (KEPT, KEPT));
        assert_eq!(way.diversions[0], many[0]);
        assert_eq!(
            way.entries.last().map(|e| e.text.as_str()),
            Some(many[39].as_str())
        );
    }
}
