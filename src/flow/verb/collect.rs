//! `collect`: a prompt, then digits into a variable, perhaps said back to be confirmed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::confirm::{Confirm, Confirming, Said};
use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use super::menu::Tries;
use crate::flow::expression::Expression;
use crate::flow::port::{Input, Output};
use crate::flow::prompt::Prompt;
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::flow::value::{Held, Scalar};

/// Digits of one entry; account and card numbers have fewer.
const DIGITS: i64 = 32;

#[derive(Debug)]
pub(crate) struct Collect {
    tries: Tries,
    min: usize,
    max: usize,
    end_key: Option<char>,
    save: Arc<str>,
    check: Option<Expression>,
    confirm: Option<Confirm>,
    sensitive: bool,
    interdigit: Duration,
    ok: NodeIndex,
}

const OWN: &[&str] = &[
    "digits",
    "save",
    "check",
    "confirm",
    "sensitive",
    "interdigit",
    "ok",
];

/// Digits so far; never shown, since they may be a secret.
#[derive(Default)]
pub(crate) struct Digits(String);

impl Digits {
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    pub(super) fn push(&mut self, digit: char) {
        self.0.push(digit);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} digits)", self.0.len())
    }
}

/// A collect that plays its prompt (`until` is `None`) or waits for the next digit.
#[derive(Debug)]
pub(crate) struct Entry {
    failures: u32,
    digits: Digits,
    pub(super) until: Option<Instant>,
}

impl Collect {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, &Tries::fields(OWN));
        let digits = node
            .require("digits", reader.diags)
            .and_then(|cursor| length(cursor, reader));
        let save = node
            .require("save", reader.diags)
            .and_then(|cursor| cursor.string(reader.diags));
        let check = node.get("check").map(|cursor| reader.condition(cursor));
        let sensitive = reader.flag(node, "sensitive", false);
        let confirm = node
            .get("confirm")
            .and_then(|cursor| Confirm::read(cursor, save.filter(|_| !sensitive), reader));
        let interdigit = reader.duration(node, "interdigit", reader.defaults.interdigit);
        let ok = reader.exit(node, "ok");
        let tries = Tries::read(node, reader);
        let (min, max, end_key) = digits?;
        Some(Self {
            tries: tries?,
            min,
            max,
            end_key,
            save: save?.into(),
            check: match check {
                Some(compiled) => Some(compiled?),
                None => None,
            },
            confirm,
            sensitive,
            interdigit,
            ok: ok?,
        })
    }

    fn ask(&self, failures: u32, turn: &mut Turn<'_>) -> Next {
        let entry = Entry {
            failures,
            digits: Digits::default(),
            until: None,
        };
        let question = &self.tries.question;
        let typed = question.barge_in && !turn.core.ahead.is_empty();
        if !typed && question.play(failures, turn) {
            return Next::Stay(Wait::Collect(entry));
        }
        self.listen(entry, turn)
    }

    /// Takes what was typed ahead, then waits.
    fn listen(&self, mut entry: Entry, turn: &mut Turn<'_>) -> Next {
        while let Some(key) = turn.core.ahead.pop() {
            if self.take(key, &mut entry) {
                return self.entered(entry, turn);
            }
        }
        let patience = if entry.digits.0.is_empty() {
            self.tries.question.timeout
        } else {
            self.interdigit
        };
        entry.until = Some(turn.now + patience);
        Next::Stay(Wait::Collect(entry))
    }

    /// Whether the entry is complete.
    fn take(&self, key: char, entry: &mut Entry) -> bool {
        if Some(key) == self.end_key {
            return true;
        }
        if key.is_ascii_digit() {
            entry.digits.0.push(key);
        } else {
            // A star or a hash that does not end the entry begins it again.
            entry.digits.0.clear();
        }
        entry.digits.0.len() >= self.max
    }

    fn entered(&self, entry: Entry, turn: &mut Turn<'_>) -> Next {
        if entry.digits.0.len() < self.min {
            return self.failed(true, entry.failures, turn);
        }
        let value = Scalar::text(&entry.digits.0);
        let held = Held {
            value,
            sensitive: self.sensitive,
        };
        let before = turn.core.vars.insert(Arc::clone(&self.save), held);
        if self.check.as_ref().is_none_or(|check| turn.holds(check)) {
            return match &self.confirm {
                Some(confirm) => confirm.ask(Confirming::of(entry.failures, before), turn),
                None => Next::Go(self.ok),
            };
        }
        self.forget(before, turn);
        self.failed(true, entry.failures, turn)
    }

    /// The variable is what it was before the entry.
    fn forget(&self, before: Option<Held>, turn: &mut Turn<'_>) {
        match before {
            Some(before) => turn.core.vars.insert(Arc::clone(&self.save), before),
            None => turn.core.vars.remove(&self.save),
        };
    }

    /// What the caller says to the digits that were said back.
    fn confirming(
        &self,
        confirm: &Confirm,
        confirming: Confirming,
        input: Input,
        turn: &mut Turn<'_>,
    ) -> Next {
        match confirm.handle(confirming, input, &self.tries.question, turn) {
            Said::Nothing(confirming) => Next::Stay(Wait::Confirm(confirming)),
            Said::Yes => Next::Go(self.ok),
            Said::No(confirming) => {
                self.forget(confirming.before, turn);
                match self.tries.corrected(confirming.failures) {
                    Ok(failures) => self.ask(failures, turn),
                    Err(to) => Next::Go(to),
                }
            }
            Said::Unclear(confirming) => {
                if self.tries.corrected(confirming.asked).is_ok() {
                    return confirm.ask(confirming.again(), turn);
                }
                self.forget(confirming.before, turn);
                Next::Go(self.tries.gives_up)
            }
        }
    }

    fn failed(&self, heard: bool, failures: u32, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        match self.tries.failed(heard, failures) {
            Ok(failures) => self.ask(failures, turn),
            Err(to) => Next::Go(to),
        }
    }
}

impl Verb for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn shape(&self) -> Shape {
        Shape::Question
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits = vec![Exit::paced("ok", self.ok)];
        exits.extend(self.tries.exits());
        exits
    }

    fn prompts(&self) -> Vec<&Prompt> {
        let question = self.tries.question.prompts();
        question
            .chain(self.confirm.as_ref().map(Confirm::prompt))
            .collect()
    }

    fn is_secret(&self) -> bool {
        self.sensitive
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.ask(0, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let mut entry = match (wait, &self.confirm) {
            (Wait::Collect(entry), _) => entry,
            (Wait::Confirm(confirming), Some(confirm)) => {
                return self.confirming(confirm, confirming, input, turn);
            }
            (wait, _) => return Next::Stay(wait),
        };
        match (input, entry.until) {
            (Input::Key(key), None) if !self.tries.question.barge_in => {
                turn.core.ahead.push(key);
                Next::Stay(Wait::Collect(entry))
            }
            (Input::Key(key), until) => {
                if until.is_none() {
                    turn.out.push(Output::StopPlaying);
                }
                if self.take(key, &mut entry) {
                    return self.entered(entry, turn);
                }
                self.listen(entry, turn)
            }
            (Input::Played, None) => self.listen(entry, turn),
            (Input::Tick, Some(at)) if turn.now >= at => {
                if entry.digits.0.is_empty() {
                    return self.failed(false, entry.failures, turn);
                }
                self.entered(entry, turn)
            }
            (
                Input::Played | Input::Tick | Input::Begin | Input::Answered | Input::Returned(_),
                _,
            ) => Next::Stay(Wait::Collect(entry)),
        }
    }
}

/// `{min, max, end_key}`.
fn length(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<(usize, usize, Option<char>)> {
    cursor.map(reader.diags)?;
    cursor.unknown_keys(&["min", "max", "end_key"], reader.diags);
    let max = cursor
        .require("max", reader.diags)?
        .integer(1..=DIGITS, reader.diags)?;
    let min = match cursor.get("min") {
        Some(min) => min.integer(0..=max, reader.diags)?,
        None => 1,
    };
    let end_key = match cursor.get("end_key") {
        None => Some('#'),
        Some(key) => reader.end_key(key)?,
    };
    Some((
        usize::try_from(min).ok()?,
        usize::try_from(max).ok()?,
        end_key,
    ))
}
