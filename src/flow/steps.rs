//! Steps of escalation as they are written: of a queue, or of a flow's node in their
//! place. Both are read here, so that they mean the same and have the same mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Cursor, unknown};
use crate::model::{Action, Diagnostic, Level, LineName, Requirement, Skill, Step, limits};

const ACTIONS: &[&str] = &["after", "relax", "also", "priority", "line"];

/// The value of `escalate`: steps, which must stand in order of time.
pub fn steps(
    value: Cursor<'_>,
    lines: &BTreeSet<LineName>,
    diags: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for value in value.list(diags).unwrap_or_default() {
        value.map(diags);
        value.unknown_keys(ACTIONS, diags);
        let after = value
            .require("after", diags)
            .and_then(|after| after.duration(diags));
        let action = action(value, lines, diags);
        let (Some(after), Some(action)) = (after, action) else {
            continue;
        };
        if steps.last().is_some_and(|last| last.after > after) {
            let problem = value.error("this step comes before the one above it");
            diags.push(problem.hint("write the steps in order of `after`"));
        }
        steps.push(Step { after, action });
    }
    steps
}

fn action(
    step: Cursor<'_>,
    lines: &BTreeSet<LineName>,
    diags: &mut Vec<Diagnostic>,
) -> Option<Action> {
    let found: Vec<&str> = step
        .entries()
        .map(|(key, _)| key)
        .filter(|key| *key != "after" && ACTIONS.contains(key))
        .collect();
    let [key] = found.as_slice() else {
        let problem = step.error("a step does exactly one thing");
        diags.push(problem.hint("write one of `relax`, `also`, `priority`, `line` beside `after`"));
        return None;
    };
    let value = step.get(key)?;
    match *key {
        "relax" => Some(Action::Relax(levels(value, 0, diags))),
        "also" => Some(Action::Also(requirement(value, diags))),
        "priority" => {
            let text = value.word(diags)?;
            let digits = text.strip_prefix('+').unwrap_or(text);
            let added = digits.parse().ok();
            let added = added.filter(|added| limits::PRIORITY.contains(added));
            if added.is_none() {
                let problem = value.error(format!("`{text}` is no change of priority"));
                diags.push(problem.hint("write +20; from -100 to +100"));
            }
            added.map(Action::Priority)
        }
        _ => {
            let name = value.string(diags)?;
            if !lines.contains(name) {
                let problem = value.error(format!("there is no line `{name}`"));
                let lines = lines.iter().map(LineName::as_str);
                diags.push(unknown(problem, name, lines));
            }
            Some(Action::Line(LineName::from(name)))
        }
    }
}

/// `{skill: level}`.
pub fn requirement(value: Cursor<'_>, diags: &mut Vec<Diagnostic>) -> Requirement {
    let levels = levels(value, 1, diags).into_iter();
    levels
        .filter_map(|(skill, level)| Some((skill, level?)))
        .collect()
}

/// `{skill: level}` with levels from `least` to 10; 0 is `None`.
pub fn levels(
    value: Cursor<'_>,
    least: i64,
    diags: &mut Vec<Diagnostic>,
) -> BTreeMap<Skill, Option<Level>> {
    let mut levels = BTreeMap::new();
    for (name, value) in value.map(diags).unwrap_or_default() {
        if let Some(level) = value.integer(least..=10, diags) {
            let level = u8::try_from(level).ok().and_then(Level::new);
            levels.insert(Skill::new(name), level);
        }
    }
    levels
}
