//! What the verbs read their fields with: references are resolved while reading, so
//! that a loaded flow has none that dangles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::expression::{Expression, Scope, Unknown};
use super::known::Known;
use super::source::{Cursor, unknown};
use super::speech::{self, Kind};
use super::template::Template;
use super::verb::NodeIndex;
use crate::model::{Diagnostic, Skill, Span, limits};

/// Missing sounds that are named, of all that are missing.
const FIRST: usize = 3;

/// Exits that `defaults` may give.
pub(super) const DEFAULT_EXITS: &[&str] = &[
    "busy",
    "error",
    "full",
    "no_answer",
    "no_input",
    "no_match",
    "no_operators",
    "on_failure",
];

/// What a node has that does not say so itself.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) timeout: Duration,
    pub(super) interdigit: Duration,
    pub(super) retries: u32,
    pub(super) barge_in: Option<bool>,
    pub(super) exits: BTreeMap<&'static str, Again>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            interdigit: Duration::from_secs(3),
            retries: 2,
            barge_in: None,
            exits: BTreeMap::new(),
        }
    }
}

/// Where a failed input goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The prompt again, `retries` times, then `on_failure`.
    Retry,
    /// A node.
    Go(NodeIndex),
}

pub(super) struct Reader<'a> {
    pub(super) diags: &'a mut Vec<Diagnostic>,
    /// With so many diagnostics it is enough: those of other files and
    /// [`limits::FLOW_PROBLEMS`].
    pub(super) most: usize,
    pub(super) known: Known<'a>,
    pub(super) scope: Scope<'a>,
    pub(super) languages: Vec<Arc<str>>,
    pub(super) nodes: BTreeMap<String, NodeIndex>,
    /// Where the node at hand stands: it has a `type`, the maps within it have not.
    pub(super) node: Span,
    /// Compiled so far.
    pub(super) expressions: usize,
    /// What languages lack for a spoken item, of those that were looked for.
    pub(super) lacks: Vec<(Kind, Vec<Lack>)>,
    pub(super) defaults: Defaults,
}

impl Reader<'_> {
    /// Whether so much is wrong that the rest would not be read.
    pub(super) fn is_full(&self) -> bool {
        self.diags.len() >= self.most
    }

    /// The fields that a node of a type has, besides `type`, or a map within it.
    pub(super) fn fields(&mut self, node: Cursor<'_>, allowed: &[&str]) {
        for (key, value) in node.entries() {
            let is_type = key == "type" && node.span() == self.node;
            if is_type || allowed.contains(&key) {
                continue;
            }
            if self.is_full() {
                return;
            }
            let problem = value.key_error(format!("unknown key `{key}`"));
            let problem = unknown(problem, key, allowed.iter().copied());
            self.diags.push(problem);
        }
    }

    fn uncompiled(&mut self, cursor: Cursor<'_>, why: Unknown) {
        let problem = cursor.error(why.message);
        self.diags.push(Diagnostic {
            hint: why.hint,
            ..problem
        });
    }

    /// Whether another expression, or some of them, may be compiled.
    fn may_compile(&mut self, cursor: Cursor<'_>, expressions: usize) -> bool {
        let before = self.expressions;
        self.expressions += expressions;
        let (most, enough) = (limits::FLOW_EXPRESSIONS, self.expressions);
        if before <= most && enough > most {
            let message = format!("a flow has at most {most} expressions");
            self.diags.push(cursor.error(message));
        }
        enough <= most
    }

    pub(super) fn expression(&mut self, cursor: Cursor<'_>) -> Option<Expression> {
        let text = cursor.word(self.diags)?;
        self.compiled(cursor, text)
    }

    /// An expression that is not written but meant.
    pub(super) fn compiled(&mut self, cursor: Cursor<'_>, text: &str) -> Option<Expression> {
        if !self.may_compile(cursor, 1) {
            return None;
        }
        match Expression::compile(text, &self.scope) {
            Ok(expression) => Some(expression),
            Err(why) => {
                self.uncompiled(cursor, why);
                None
            }
        }
    }

    /// An expression that is true or false.
    pub(super) fn condition(&mut self, cursor: Cursor<'_>) -> Option<Expression> {
        let expression = self.expression(cursor)?;
        self.of_kind(cursor, expression.kind().check_condition())?;
        Some(expression)
    }

    /// An expression that is a whole number.
    pub(super) fn number(&mut self, cursor: Cursor<'_>) -> Option<Expression> {
        let expression = self.expression(cursor)?;
        self.of_kind(cursor, expression.kind().check_number())?;
        Some(expression)
    }

    fn of_kind(&mut self, cursor: Cursor<'_>, kind: Result<(), Unknown>) -> Option<()> {
        match kind {
            Ok(()) => Some(()),
            Err(why) => {
                self.uncompiled(cursor, why);
                None
            }
        }
    }

    pub(super) fn template(&mut self, cursor: Cursor<'_>, text: &str) -> Option<Template> {
        if !self.may_compile(cursor, text.matches("${").count()) {
            return None;
        }
        match Template::compile(text, &self.scope) {
            Ok(template) => Some(template),
            Err(why) => {
                self.uncompiled(cursor, why);
                None
            }
        }
    }

    /// The node that a value names.
    pub(super) fn target(&mut self, cursor: Cursor<'_>) -> Option<NodeIndex> {
        let name = cursor.word(self.diags)?;
        let found = self.nodes.get(name).copied();
        if found.is_none() && !self.is_full() {
            let problem = cursor.error(format!("there is no node `{name}`"));
            self.diags.push(unknown(
                problem,
                name,
                self.nodes.keys().map(String::as_str),
            ));
        }
        found
    }

    /// A node or `retry`.
    pub(super) fn again(&mut self, cursor: Cursor<'_>) -> Option<Again> {
        if cursor.raw() == Some("retry") {
            return Some(Again::Retry);
        }
        self.target(cursor).map(Again::Go)
    }

    /// A mandatory exit: of the node, or of `defaults`.
    pub(super) fn exit(&mut self, node: Cursor<'_>, name: &str) -> Option<NodeIndex> {
        if let Some(found) = self.optional_exit(node, name) {
            return found;
        }
        let verb = node
            .get("type")
            .and_then(|kind| kind.raw())
            .unwrap_or_default();
        let problem = node.key_error(format!("this {verb} has no exit `{name}`"));
        let hint = if DEFAULT_EXITS.contains(&name) {
            format!("add `{name}: <node>` here or in `defaults`")
        } else {
            format!("add `{name}: <node>`")
        };
        self.diags.push(problem.hint(hint));
        None
    }

    /// `None` when neither the node nor `defaults` has it; `Some(None)` when what is
    /// written there is wrong.
    pub(super) fn optional_exit(
        &mut self,
        node: Cursor<'_>,
        name: &str,
    ) -> Option<Option<NodeIndex>> {
        if let Some(cursor) = node.get(name) {
            return Some(self.target(cursor));
        }
        match self.defaults.exits.get(name) {
            Some(Again::Go(to)) => Some(Some(*to)),
            Some(Again::Retry) | None => None,
        }
    }

    pub(super) fn duration(
        &mut self,
        node: Cursor<'_>,
        key: &str,
        otherwise: Duration,
    ) -> Duration {
        let written = node.get(key).and_then(|cursor| cursor.duration(self.diags));
        written.unwrap_or(otherwise)
    }

    pub(super) fn flag(&mut self, node: Cursor<'_>, key: &str, otherwise: bool) -> bool {
        let written = node.get(key).and_then(|cursor| cursor.bool(self.diags));
        written.unwrap_or(otherwise)
    }

    pub(super) fn count(
        &mut self,
        node: Cursor<'_>,
        key: &str,
        highest: u32,
        otherwise: u32,
    ) -> u32 {
        let written = node
            .get(key)
            .and_then(|cursor| cursor.integer(0..=i64::from(highest), self.diags));
        written
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(otherwise)
    }

    /// The key that ends an entry or a message; `Some(None)` is none.
    pub(super) fn end_key(&mut self, cursor: Cursor<'_>) -> Option<Option<char>> {
        match cursor.raw() {
            Some("#") => Some(Some('#')),
            Some("*") => Some(Some('*')),
            Some("none") => Some(None),
            Some(_) | None => {
                self.diags
                    .push(cursor.error("`end_key` is \"#\", \"*\" or none"));
                None
            }
        }
    }

    /// Says when nobody has a skill; `value` is what stands after its name.
    pub(super) fn known_skill(&mut self, value: Cursor<'_>, skill: &str) {
        if self.known.skills.contains(&Skill::new(skill)) {
            return;
        }
        let problem = value.key_error(format!("no operator and no queue has the skill `{skill}`"));
        let skills = self.known.skills.iter().map(Skill::as_str);
        self.diags.push(unknown(problem, skill, skills));
    }

    /// Says which languages lack a sound.
    pub(super) fn sound_in_each_language(&mut self, cursor: Cursor<'_>, name: &str) {
        if !is_sound_name(name) {
            let problem = cursor.error(format!("`{name}` is no name of a sound"));
            self.diags
                .push(problem.hint("small letters, digits, - and _, with / for folders"));
            return;
        }
        for language in &self.languages {
            if !(self.known.sounds)(language, name) && !self.is_full() {
                let problem = cursor.error(format!("there is no sound `{name}` in `{language}`"));
                let hint = format!("record prompts/{language}/{name}.wav");
                self.diags.push(problem.hint(hint));
            }
        }
    }

    /// Says which languages have no grammar for a spoken item, or lack pieces that it may
    /// need: once for each language, however many are missing.
    pub(super) fn sounds_of_speech(&mut self, cursor: Cursor<'_>, kind: Kind) {
        if !self.lacks.iter().any(|(known, _)| *known == kind) {
            let languages = self.languages.iter();
            let lacks = languages.filter_map(|language| lack(kind, language, self.known.sounds));
            self.lacks.push((kind, lacks.collect()));
        }
        let lacks = self.lacks.iter().filter(|(known, _)| *known == kind);
        for lack in lacks.flat_map(|(_, lacks)| lacks) {
            let problem = cursor.error(lack.message.as_str());
            self.diags.push(problem.hint(lack.hint.as_str()));
        }
    }
}

/// Why a language cannot say something.
pub(super) struct Lack {
    message: String,
    hint: String,
}

fn lack(kind: Kind, language: &str, sounds: &dyn Fn(&str, &str) -> bool) -> Option<Lack> {
    if !speech::LANGUAGES.contains(&language) {
        return Some(Lack {
            message: format!("numbers cannot be said in `{language}`"),
            hint: format!("they can in {}", speech::LANGUAGES.join(", ")),
        });
    }
    let mut missing = speech::needed(kind, language);
    missing.retain(|name| !sounds(language, name));
    if missing.is_empty() {
        return None;
    }
    let count = missing.len();
    let first = missing.iter().take(FIRST);
    let first: Vec<String> = first.map(|name| format!("{name}.wav")).collect();
    let more = if count > FIRST { " …" } else { "" };
    let first = first.join(", ");
    Some(Lack {
        message: format!("{count} sounds that this needs are missing in `{language}`"),
        hint: format!("record prompts/{language}/{first}{more}, or configure `speech`"),
    })
}

fn is_sound_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    name.len() <= 100
        && name
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(plain))
}
