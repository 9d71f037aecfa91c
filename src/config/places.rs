//! `numbers`, `hours`, `projects`: what refers to something.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::{Reader, check_name};
use super::types::{NumberEntry, Numbers};
use crate::flow::Flow;
use crate::flow::hours::Calendar;
use crate::flow::source::{Cursor, unknown};
use crate::model::{FlowName, Number, Project};

impl Reader<'_> {
    pub(super) fn numbers(
        &mut self,
        section: Option<Cursor<'_>>,
        flows: &BTreeMap<FlowName, Arc<Flow>>,
        projects: &BTreeMap<Project, String>,
    ) -> Numbers {
        let mut numbers = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (number, value) in entries.unwrap_or_default() {
            if value.map(self.diags).is_none() {
                continue;
            }
            value.unknown_keys(&["flow", "language", "project"], self.diags);
            let flow = value
                .require("flow", self.diags)
                .and_then(|flow| self.one_of(flow, "flow", flows.keys().map(FlowName::as_str)));
            let project = value.get("project").and_then(|project| {
                self.one_of(project, "project", projects.keys().map(Project::as_str))
            });
            let language = value.get("language").and_then(|l| l.string(self.diags));
            let Some(flow) = flow.map(FlowName::from) else {
                continue;
            };
            if let (Some(language), Some(flow)) = (language, flows.get(&flow))
                && !flow.languages().iter().any(|known| **known == *language)
                && let Some(at) = value.get("language")
            {
                let problem = at.error(format!("the flow does not speak `{language}`"));
                let known = flow.languages().iter().map(AsRef::as_ref);
                self.diags.push(unknown(problem, language, known));
            }
            let entry = NumberEntry {
                flow,
                language: language.map(str::to_owned),
                project: project.map(Project::from),
            };
            numbers.insert(Number::from(number), entry);
        }
        Numbers(numbers)
    }

    /// The text of a value that must be one of some names.
    pub(super) fn one_of<'t>(
        &mut self,
        value: Cursor<'t>,
        what: &str,
        known: impl Iterator<Item = impl AsRef<str>>,
    ) -> Option<&'t str> {
        let name = value.string(self.diags)?;
        let known: Vec<_> = known.collect();
        if known.iter().any(|known| known.as_ref() == name) {
            return Some(name);
        }
        let problem = value.error(format!("there is no {what} `{name}`"));
        let known = known.iter().map(AsRef::as_ref);
        self.diags.push(unknown(problem, name, known));
        None
    }

    pub(super) fn hours(&mut self, section: Option<Cursor<'_>>) -> BTreeMap<String, Calendar> {
        let mut calendars = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (name, value) in entries.unwrap_or_default() {
            check_name(value, name, self.diags);
            if let Some(calendar) = Calendar::read(value, self.diags) {
                calendars.insert(name.to_owned(), calendar);
            }
        }
        calendars
    }

    pub(super) fn projects(&mut self, section: Option<Cursor<'_>>) -> BTreeMap<Project, String> {
        let mut projects = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (name, value) in entries.unwrap_or_default() {
            check_name(value, name, self.diags);
            if !value.is_nothing() {
                value.map(self.diags);
                value.unknown_keys(&["name"], self.diags);
            }
            let shown = value.get("name").and_then(|n| n.string(self.diags));
            projects.insert(Project::from(name), shown.unwrap_or(name).to_owned());
        }
        projects
    }
}
