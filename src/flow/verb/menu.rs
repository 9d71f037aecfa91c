//! `menu`: a prompt, then one key.

use std::collections::BTreeMap;

use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use super::question::{OneKey, Question};
use crate::flow::port::Input;
use crate::flow::prompt::Prompt;
use crate::flow::read::{Again, Reader};
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

pub(super) const RETRIES: u32 = 10;

#[derive(Debug)]
pub(crate) struct Menu {
    keys: BTreeMap<char, NodeIndex>,
    tries: Tries,
}

/// What menus and collects have in common: how an input may fail, and what then.
#[derive(Debug)]
pub(super) struct Tries {
    pub(super) question: Question,
    retries: u32,
    no_input: Again,
    no_match: Again,
    on_failure: Option<NodeIndex>,
    /// Where a caller goes whose entries come to nothing.
    pub(super) gives_up: NodeIndex,
}

impl Tries {
    /// The fields of a node that has `more` of its own.
    pub(super) fn fields(more: &[&'static str]) -> Vec<&'static str> {
        let fields = [
            "prompt",
            "reprompt",
            "timeout",
            "retries",
            "barge_in",
            "no_input",
            "no_match",
            "on_failure",
        ];
        fields.into_iter().chain(more.iter().copied()).collect()
    }

    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let question = Question::read(node, reader);
        let retries = reader.count(node, "retries", RETRIES, reader.defaults.retries);
        let mut again = |key: &str| match node.get(key) {
            Some(cursor) => reader.again(cursor),
            None => Some(
                reader
                    .defaults
                    .exits
                    .get(key)
                    .copied()
                    .unwrap_or(Again::Retry),
            ),
        };
        let (no_input, no_match) = (again("no_input"), again("no_match"));
        let (no_input, no_match) = (no_input?, no_match?);
        let on_failure = if no_input == Again::Retry || no_match == Again::Retry {
            Some(reader.exit(node, "on_failure")?)
        } else {
            if let Some(cursor) = node.get("on_failure") {
                let warning = cursor.warning("`on_failure` is never taken");
                reader
                    .diags
                    .push(warning.hint("it follows `retry` in no_input or no_match"));
                reader.target(cursor)?;
            }
            None
        };
        let gives_up = match (on_failure, no_match, no_input) {
            (Some(to), ..) | (None, Again::Go(to), _) | (None, Again::Retry, Again::Go(to)) => to,
            (None, Again::Retry, Again::Retry) => return None,
        };
        Some(Self {
            question: question?,
            gives_up,
            retries,
            no_input,
            no_match,
            on_failure,
        })
    }

    pub(super) fn exits(&self) -> Vec<Exit> {
        let mut exits = Vec::new();
        if let Again::Go(to) = self.no_input {
            exits.push(Exit::instant("no_input", to));
        }
        if let Again::Go(to) = self.no_match {
            exits.push(Exit::paced("no_match", to));
        }
        exits.extend(self.on_failure.map(|to| Exit::instant("on_failure", to)));
        exits
    }

    /// What the caller takes back is asked for again, `retries` times: the number of
    /// failures so far, or a node.
    pub(super) fn corrected(&self, failures: u32) -> Result<u32, NodeIndex> {
        if failures < self.retries {
            Ok(failures + 1)
        } else {
            Err(self.gives_up)
        }
    }

    /// Where to after a failure: the number of failures so far, or a node.
    pub(super) fn failed(&self, heard: bool, failures: u32) -> Result<u32, NodeIndex> {
        match if heard { self.no_match } else { self.no_input } {
            Again::Go(to) => Err(to),
            Again::Retry => match self.on_failure {
                Some(to) if failures >= self.retries => Err(to),
                Some(_) | None => Ok(failures + 1),
            },
        }
    }
}

impl Menu {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &Tries::fields(&["keys"]));
        let keys = node
            .require("keys", reader.diags)
            .and_then(|cursor| keys(cursor, reader));
        let tries = Tries::read(node, reader);
        Some(Self {
            keys: keys?,
            tries: tries?,
        })
    }

    fn failed(&self, heard: bool, failures: u32, turn: &mut Turn<'_>) -> Next {
        // Keys after a wrong one were meant for somewhere else.
        turn.core.ahead.clear();
        match self.tries.failed(heard, failures) {
            Ok(failures) => self.ask(failures, turn),
            Err(to) => Next::Go(to),
        }
    }
}

impl OneKey for Menu {
    fn question(&self) -> &Question {
        &self.tries.question
    }

    fn key(&self, key: char, failures: u32, turn: &mut Turn<'_>) -> Next {
        match self.keys.get(&key) {
            Some(to) => Next::Go(*to),
            None => self.failed(true, failures, turn),
        }
    }

    fn silence(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        self.failed(false, failures, turn)
    }
}

impl Verb for Menu {
    fn name(&self) -> &'static str {
        "menu"
    }

    fn shape(&self) -> Shape {
        Shape::Question
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits: Vec<Exit> = self
            .keys
            .iter()
            .map(|(key, to)| Exit::paced(*key, *to))
            .collect();
        exits.extend(self.tries.exits());
        exits
    }

    fn prompts(&self) -> Vec<&Prompt> {
        self.tries.question.prompts().collect()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.ask(0, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        self.hear(wait, input, turn)
    }
}

/// A map of keys to nodes, of a menu or of a wait.
pub(super) fn keys(
    cursor: Cursor<'_>,
    reader: &mut Reader<'_>,
) -> Option<BTreeMap<char, NodeIndex>> {
    keys_to(cursor, reader, |value, reader| reader.target(value))
}

/// A map of keys to what `read` makes of what stands behind them.
pub(super) fn keys_to<V>(
    cursor: Cursor<'_>,
    reader: &mut Reader<'_>,
    read: impl Fn(Cursor<'_>, &mut Reader<'_>) -> Option<V>,
) -> Option<BTreeMap<char, V>> {
    let mut keys = BTreeMap::new();
    for (text, value) in cursor.map(reader.diags)? {
        if let Some(key) = key(text, value, reader) {
            keys.extend(read(value, reader).map(|read| (key, read)));
        }
    }
    if keys.is_empty() {
        reader
            .diags
            .push(cursor.key_error("there are no keys to press"));
        return None;
    }
    Some(keys)
}

/// A key of a map of keys.
pub(super) fn key(text: &str, value: Cursor<'_>, reader: &mut Reader<'_>) -> Option<char> {
    let key = as_key(text);
    if key.is_none() {
        let problem = value.key_error(format!("`{text}` is no key of a telephone"));
        reader.diags.push(problem.hint(KEYS));
    }
    key
}

/// What to write instead of what is no key.
pub(super) const KEYS: &str = "keys are 0 to 9, \"*\" and \"#\", in quotes";

pub(super) fn as_key(text: &str) -> Option<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Some(key),
        (Some(_) | None, _) => None,
    }
}
