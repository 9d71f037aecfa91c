//! Whom a caller asks a queue for: operators by skill, or one of them by name.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::flow::expression::Name;
use crate::flow::port::Preferred;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::template::Template;
use crate::flow::turn::Turn;
use crate::model::{Level, OperatorName, Requirement, Skill, show_duration};

/// How long a call may be held for one operator while others are free.
const HOLD: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// Skills, each perhaps a template, with their lowest levels.
type Levels = Vec<(Template, Level)>;

#[derive(Debug)]
pub(super) struct Whom {
    require: Levels,
    prefer: Levels,
    operator: Option<Operator>,
}

/// `preferred_operator`.
#[derive(Debug)]
struct Operator {
    id: Template,
    hold_for: Duration,
}

impl Whom {
    /// Of a node: `skills: {require: {skill: level}, prefer: {skill: level}}` and
    /// `preferred_operator: {id, hold_for}`.
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let skills = node.get("skills").and_then(|cursor| {
            cursor.map(reader.diags)?;
            cursor.unknown_keys(&["require", "prefer"], reader.diags);
            Some(cursor)
        });
        let mut of = |key| {
            let written = skills.and_then(|skills| skills.get(key));
            written.map(|map| levels(map, reader)).unwrap_or_default()
        };
        let (require, prefer) = (of("require"), of("prefer"));
        let operator = node
            .get("preferred_operator")
            .and_then(|cursor| Operator::read(cursor, reader));
        Self {
            require,
            prefer,
            operator,
        }
    }

    pub(super) fn require(&self, turn: &mut Turn<'_>) -> Requirement {
        fill(&self.require, turn)
    }

    pub(super) fn prefer(&self, turn: &mut Turn<'_>) -> Requirement {
        fill(&self.prefer, turn)
    }

    /// Nobody when the name comes out empty: a variable that was never set, such as that
    /// of a caller who was not here before.
    pub(super) fn operator(&self, turn: &mut Turn<'_>) -> Option<Preferred> {
        let Operator { id, hold_for } = self.operator.as_ref()?;
        let name = turn.fill(id)?.shown()?.to_string();
        let name = name.trim();
        (!name.is_empty()).then(|| Preferred {
            operator: OperatorName::from(name),
            hold_for: *hold_for,
        })
    }
}

impl Operator {
    fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        cursor.map(reader.diags)?;
        cursor.unknown_keys(&["id", "hold_for"], reader.diags);
        let id = cursor
            .require("id", reader.diags)
            .and_then(|cursor| operator_id(cursor, reader));
        let hold_for = cursor.require("hold_for", reader.diags).and_then(|cursor| {
            let hold_for = cursor.duration(reader.diags)?;
            if !HOLD.contains(&hold_for) {
                let (least, most) = HOLD.into_inner();
                let (least, most) = (show_duration(least), show_duration(most));
                let problem = cursor.error(format!("`hold_for` is between {least} and {most}"));
                reader.diags.push(problem);
            }
            Some(hold_for)
        });
        Some(Self {
            id: id?,
            hold_for: hold_for?,
        })
    }
}

/// An operator's name, or a template of one.
pub(super) fn operator_id(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let text = cursor.word(reader.diags)?;
    let template = reader.template(cursor, text)?;
    if let Some(name) = template.literal() {
        known_operator(cursor, name, reader);
    }
    Some(template)
}

fn known_operator(cursor: Cursor<'_>, name: &str, reader: &mut Reader<'_>) {
    let operators = reader.known.operators;
    if !operators.contains(name) {
        let problem = cursor.error(format!("there is no operator `{name}`"));
        let names = operators.iter().map(OperatorName::as_str);
        reader.diags.push(unknown(problem, name, names));
    }
}

fn fill(levels: &Levels, turn: &mut Turn<'_>) -> Requirement {
    let mut filled = Vec::new();
    for (template, level) in levels {
        if let Some(skill) = turn.fill(template).and_then(|held| held.shown()) {
            filled.push((Skill::new(skill.to_string()), *level));
        }
    }
    filled.into_iter().collect()
}

fn levels(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Levels {
    let mut skills = Vec::new();
    for (text, value) in cursor.map(reader.diags).unwrap_or_default() {
        let level = value.integer(1..=10, reader.diags);
        let level = level
            .and_then(|n| u8::try_from(n).ok())
            .and_then(Level::new);
        let template = reader.template(value, text);
        if let Some(template) = &template {
            known(value, template, text, reader);
        }
        skills.extend(template.zip(level));
    }
    skills
}

/// A skill that is a template of nothing but the language is checked in every language.
fn known(value: Cursor<'_>, template: &Template, text: &str, reader: &mut Reader<'_>) {
    if !template.names().all(|name| *name == Name::Language) {
        return;
    }
    for language in reader.languages.clone() {
        reader.known_skill(value, &text.replace("${language}", &language));
        if template.literal().is_some() {
            return;
        }
    }
}
