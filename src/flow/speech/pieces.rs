//! The pieces of each language: their names and what is said in them.

use super::grammar::{Currency, Kind};

/// One piece a line: its name, a space, its text; `#` begins a remark.
const LISTS: [(&str, &str); 4] = [
    (
        "en",
        include_str!("../../../ivr-flows/prompts/pieces/en.txt"),
    ),
    (
        "nl",
        include_str!("../../../ivr-flows/prompts/pieces/nl.txt"),
    ),
    (
        "de",
        include_str!("../../../ivr-flows/prompts/pieces/de.txt"),
    ),
    (
        "ru",
        include_str!("../../../ivr-flows/prompts/pieces/ru.txt"),
    ),
];

/// Name and text of each piece of a language; none when it has no grammar.
pub fn all(language: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let list = LISTS.iter().find(|(known, _)| *known == language);
    let lines = list.map_or("", |(_, list)| list).lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, text)| (name, text.trim()))
}

/// What is said in a piece: `number/3` of `nl` is "drie".
#[must_use]
pub fn text(language: &str, name: &str) -> Option<&'static str> {
    let found = all(language).find(|(known, _)| *known == name);
    found.map(|(_, text)| text)
}

/// Every piece that an item may need.
#[must_use]
pub fn needed(kind: Kind, language: &str) -> Vec<String> {
    let wanted = |name: &str| wants(kind, language, name);
    let pieces = all(language).filter(|(name, _)| wanted(name));
    pieces.map(|(name, _)| name.to_owned()).collect()
}

fn wants(kind: Kind, language: &str, name: &str) -> bool {
    let (folder, rest) = name.split_once('/').unwrap_or((name, ""));
    let number = folder == "number";
    let russian = language == "ru";
    match kind {
        Kind::Number => number,
        Kind::Digits => number && rest.len() == 1,
        Kind::Ordinal => number || folder == "ordinal",
        Kind::Duration => number || folder == "unit",
        Kind::Time => number || folder == "time" || (russian && folder == "unit"),
        Kind::Date { weekday } => match folder {
            "number" | "date" | "month" | "year" => true,
            "ordinal" => language == "en",
            "weekday" => weekday,
            _ => false,
        },
        Kind::Money(currency) => number || is_of(currency, name),
        Kind::Queue => number || folder == "queue" || name.starts_with("unit/minute"),
    }
}

fn is_of(currency: Currency, name: &str) -> bool {
    let (whole, hundredth) = currency.units();
    let forms = [whole, hundredth].map(|unit| [unit.one, unit.few, unit.many]);
    forms.as_flattened().contains(&name)
}
