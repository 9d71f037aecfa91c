//! Whom a caller asks a queue for: operators by skill.

use crate::flow::expression::{Name, Template};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::model::{Level, Requirement, Skill};

/// Skills, each perhaps a template, with their lowest levels.
type Levels = Vec<(Template, Level)>;

#[derive(Debug, Default)]
pub(super) struct Whom {
    require: Levels,
    prefer: Levels,
}

impl Whom {
    /// `skills: {require: {skill: level}, prefer: {skill: level}}` of a node.
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let Some(cursor) = node.get("skills") else {
            return Self::default();
        };
        if cursor.map(reader.diags).is_none() {
            return Self::default();
        }
        cursor.unknown_keys(&["require", "prefer"], reader.diags);
        let mut levels = |key| {
            let written = cursor.get(key);
            written.map(|map| levels(map, reader)).unwrap_or_default()
        };
        Self {
            require: levels("require"),
            prefer: levels("prefer"),
        }
    }

    pub(super) fn require(&self, turn: &mut Turn<'_>) -> Requirement {
        fill(&self.require, turn)
    }

    pub(super) fn prefer(&self, turn: &mut Turn<'_>) -> Requirement {
        fill(&self.prefer, turn)
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
