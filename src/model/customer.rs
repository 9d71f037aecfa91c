//! Whom we know: one number of a customer, and what is kept of it.
//!
//! Invariant: a [`Customer`] keeps to the limits below and holds no control character, so
//! that nothing downstream looks again. Its `Debug` says nothing of what it holds: logs are
//! no place for names and notes.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::model::{Number, OperatorName, limits};

/// What stands where a number stood that was erased: calls of it still count, and nobody
/// can tell whose they were, or that two were of the same caller.
pub const ERASED: &str = "erased";

/// A telephone number as it is compared: `+` and digits, or digits alone.
///
/// `+31 6 1234-5678`, `0031612345678` and `31612345678` are one number: what is kept of all
/// of them is the same digits. A number in the national form stays what it is, because
/// nobody says of which nation; trunks rewrite theirs (`caller`), and so must a list of
/// customers.
#[derive(Clone)]
pub struct Telephone {
    /// The digits with `+` or without it.
    written: String,
}

impl Telephone {
    /// Reads a number as people write it: spaces, dots, dashes, slashes and brackets are
    /// left out, `00` before it is `+`, and so is a `(0)` after the country. `None` when
    /// it is no telephone number, or has less than 2 or more than 20 digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > limits::CUSTOMER_TEXT {
            return None;
        }
        let abroad = text.starts_with('+') || text.starts_with("00");
        let text = if abroad {
            text.replacen("(0)", "", 1)
        } else {
            text.to_owned()
        };
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '\u{a0}' | '\t' | '.' | '-' | '/' | '(' | ')'))
            .collect();
        let abroad = plain
            .strip_prefix('+')
            .or_else(|| plain.strip_prefix("00").filter(|_| abroad));
        let digits = abroad.unwrap_or(&plain);
        let fits = limits::CUSTOMER_DIGITS.contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self {
            written: match abroad {
                Some(digits) => ["+", digits].concat(),
                None => digits.to_owned(),
            },
        })
    }

    /// As it is shown and dialled: with `+` when it was written with `+` or `00`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The digits alone, by which numbers are compared.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.written.strip_prefix('+').unwrap_or(&self.written)
    }

    /// Whether a caller has this number.
    #[must_use]
    pub fn is(&self, number: &Number) -> bool {
        self.ways().iter().any(|way| way == number.as_str())
    }

    /// Every way in which a trunk may write it.
    #[must_use]
    pub fn ways(&self) -> [String; 3] {
        let digits = self.digits();
        [
            digits.to_owned(),
            ["+", digits].concat(),
            ["00", digits].concat(),
        ]
    }
}

impl PartialEq for Telephone {
    fn eq(&self, other: &Self) -> bool {
        self.digits() == other.digits()
    }
}

impl Eq for Telephone {}

impl fmt::Debug for Telephone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Serialize for Telephone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

/// What is kept of one number. A person with two numbers has two of them, which the
/// `account` joins.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Customer {
    /// Who calls.
    pub number: Telephone,
    /// Digits that the customer may key in, such as a customer number.
    pub account: Option<String>,
    /// Who it is.
    pub name: Option<String>,
    /// Which language to speak: `nl`, `en-gb`.
    pub language: Option<String>,
    /// Which project the customer belongs to.
    pub project: Option<String>,
    /// What an operator should know.
    pub notes: Option<String>,
    /// Marks, in the order in which they were given, each once.
    pub tags: Vec<String>,
    /// Who talked with the customer last.
    pub last_operator: Option<OperatorName>,
}

impl Customer {
    /// One of whom nothing but the number is known.
    #[must_use]
    pub fn of(number: Telephone) -> Self {
        Self {
            number,
            account: None,
            name: None,
            language: None,
            project: None,
            notes: None,
            tags: Vec::new(),
            last_operator: None,
        }
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a customer)")
    }
}

/// By what a customer is looked up.
#[derive(Clone, PartialEq, Eq)]
pub enum CustomerKey {
    /// The number.
    Number(Telephone),
    /// The digits that a customer keys in; of several numbers the first in order.
    Account(String),
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(_) => "(a number)",
            Self::Account(_) => "(an account)",
        })
    }
}

/// A customer as somebody wrote it, in JSON or in a list.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerDraft {
    /// As [`Customer::number`].
    pub number: Option<String>,
    /// As [`Customer::account`].
    pub account: Option<String>,
    /// As [`Customer::name`].
    pub name: Option<String>,
    /// As [`Customer::language`].
    pub language: Option<String>,
    /// As [`Customer::project`].
    pub project: Option<String>,
    /// As [`Customer::notes`].
    pub notes: Option<String>,
    /// As [`Customer::tags`].
    pub tags: Option<Vec<String>>,
    /// As [`Customer::last_operator`].
    pub last_operator: Option<String>,
}

impl fmt::Debug for CustomerDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a customer as written)")
    }
}

impl CustomerDraft {
    /// The customer. What is empty, or nothing but spaces, counts as left out.
    ///
    /// # Errors
    /// Every problem, as a sentence for whoever wrote it; no sentence repeats a value.
    pub fn check(self) -> Result<Customer, Vec<String>> {
        let mut problems = Vec::new();
        let number = self.number.as_deref().and_then(Telephone::read);
        if number.is_none() {
            problems.push(match self.number {
                Some(_) => NUMBER.to_owned(),
                None => "`number` is missing".to_owned(),
            });
        }
        let mut line = |name, text, most| plain((name, most), text, false, &mut problems);
        let account = line("account", self.account, limits::CUSTOMER_ACCOUNT);
        let name = line("name", self.name, limits::CUSTOMER_TEXT);
        let language = line("language", self.language, limits::CUSTOMER_LANGUAGE);
        let project = line("project", self.project, limits::CUSTOMER_TEXT);
        let last_operator = line("last_operator", self.last_operator, limits::CUSTOMER_TEXT);
        let notes = ("notes", limits::CUSTOMER_NOTES);
        let notes = plain(notes, self.notes, true, &mut problems);
        let tags = tags(self.tags.unwrap_or_default(), &mut problems);
        if let Some(account) = &account
            && !account.bytes().all(|byte| byte.is_ascii_digit())
        {
            problems.push("`account` is digits alone: a caller keys it in".to_owned());
        }
        let language = language.map(|language| language.to_ascii_lowercase());
        if let Some(language) = &language
            && !language.bytes().all(is_of_a_language)
        {
            problems
                .push("`language` is letters, digits and dashes, such as `nl` or `en-gb`".into());
        }
        match number {
            Some(number) if problems.is_empty() => Ok(Customer {
                number,
                account,
                name,
                language,
                project,
                notes,
                tags,
                last_operator: last_operator.map(OperatorName::new),
            }),
            Some(_) | None => Err(problems),
        }
    }
}

/// What a number is, for whoever wrote one that is not.
const NUMBER: &str = "`number` is no telephone number: write 2 to 20 digits, best with `+` and the country, such as `+31201234567`";

fn is_of_a_language(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// One text, trimmed, within its bound and without control characters.
fn plain(
    (field, most): (&str, usize),
    text: Option<String>,
    lines: bool,
    problems: &mut Vec<String>,
) -> Option<String> {
    let text = text?;
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.chars().count() > most {
        problems.push(format!("`{field}` has more than {most} characters"));
    }
    let allowed = |c: char| !c.is_control() || (lines && matches!(c, '\n' | '\r' | '\t'));
    if !text.chars().all(allowed) {
        problems.push(format!("`{field}` has control characters"));
    }
    Some(text.to_owned())
}

fn tags(tags: Vec<String>, problems: &mut Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = plain(("tags", limits::CUSTOMER_TAG), Some(tag), false, problems);
        if let Some(tag) = tag.filter(|tag| !kept.contains(tag)) {
            if tag.contains(';') {
                problems.push("a tag has no `;`, which stands between tags in a list".to_owned());
            }
            kept.push(tag);
        }
        if kept.len() > limits::CUSTOMER_TAGS {
            problems.push(format!("`tags` are more than {}", limits::CUSTOMER_TAGS));
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (text, expected) in [
            ("+31 6 1234-5678", Some(("+31612345678", "31612345678"))),
            ("0031612345678", Some(("+31612345678", "31612345678"))),
            (
                "+31 (0)6 12.34.56.78",
                Some(("+31612345678", "31612345678")),
            ),
            ("31612345678", Some(("31612345678", "31612345678"))),
            ("(020) 123/4567", Some(("0201234567", "0201234567"))),
            (
                "\u{a0}+44\u{a0}20 7946 0000 ",
                Some(("+442079460000", "442079460000")),
            ),
            ("1000", Some(("1000", "1000"))),
            ("0 012", Some(("0012", "0012"))),
            ("+1234567890123456789012", None),
            ("1", None),
            ("", None),
            ("anonymous", None),
            ("+31x6", None),
            ("*31#", None),
            ("++31612345678", None),
            ("\u{661}\u{662}\u{663}", None),
        ] {
            let read = Telephone::read(text);
            let read = read.as_ref().map(|read| (read.as_str(), read.digits()));
            assert_eq!(read, expected, "{text}");
        }
    }

    fn draft(json: &str) -> CustomerDraft {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_customer_is_trimmed_and_what_is_empty_is_left_out() {
        let json = r#"{"number": "0031 6 1234 5678", "name": " Zoë ", "language": "NL",
            "notes": "first\nsecond", "tags": ["vip", " ", "vip", "late payer"], "project": ""}"#;
        let expected = r#"{"number":"+31612345678","account":null,"name":"Zoë","language":"nl","project":null,"notes":"first\nsecond","tags":["vip","late payer"],"last_operator":null}"#;
        let customer = draft(json).check().unwrap();
        assert_eq!(serde_json::to_string(&customer).unwrap(), expected);
        assert_eq!(format!("{customer:?}"), "(a customer)");
    }

    #[test]
    fn every_problem_is_said_and_no_value_repeated() {
        let long = "secret".repeat(50);
        let json = format!(
            r#"{{"number": "secret", "account": "12a", "name": "{long}", "language": "nl_NL",
            "project": "a\u0007", "tags": ["secret;a"], "last_operator": "a\nb"}}"#
        );
        let problems = draft(&json).check().unwrap_err().join("\n");
        assert!(!problems.contains("secret"), "{problems}");
        expect_test::expect![[r#"
            `number` is no telephone number: write 2 to 20 digits, best with `+` and the country, such as `+31201234567`
            `name` has more than 200 characters
            `project` has control characters
            `last_operator` has control characters
            a tag has no `;`, which stands between tags in a list
            `account` is digits alone: a caller keys it in
            `language` is letters, digits and dashes, such as `nl` or `en-gb`"#]].assert_eq(&problems);
        let many: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
        let many = CustomerDraft {
            tags: Some(many),
            ..CustomerDraft::default()
        };
        let problems = many.check().unwrap_err().join("\n");
        assert_eq!(problems, "`number` is missing\n`tags` are more than 32");
    }
}
