//! `numbers`, `lines`, `hours`, `projects`: what refers to something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::reader::{Reader, check_name};
use super::types::{Line, NumberEntry, Numbers};
use crate::flow::Flow;
use crate::flow::hours::Calendar;
use crate::flow::source::{Cursor, unknown};
use crate::model::{FlowName, LineName, Number, Project, QueueName};
use crate::sip::{Scheme, Transport, Uri};

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
    fn one_of<'t>(
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

    pub(super) fn lines(
        &mut self,
        section: Option<Cursor<'_>>,
        queues: &BTreeSet<QueueName>,
    ) -> BTreeMap<LineName, Line> {
        let mut lines = BTreeMap::new();
        let entries = section.and_then(|section| section.map(self.diags));
        for (name, value) in entries.unwrap_or_default() {
            check_name(value, name, self.diags);
            if value.map(self.diags).is_none() {
                continue;
            }
            value.unknown_keys(&["queue", "uri", "max_calls"], self.diags);
            if let Some(line) = self.line(value, queues) {
                lines.insert(LineName::from(name), line);
            }
        }
        lines
    }

    fn line(&mut self, value: Cursor<'_>, queues: &BTreeSet<QueueName>) -> Option<Line> {
        match (value.get("queue"), value.get("uri")) {
            (Some(queue), None) => {
                if let Some(value) = value.get("max_calls") {
                    self.diags
                        .push(value.warning("a queue has its own `max_waiting`"));
                }
                let known = queues.iter().map(QueueName::as_str);
                let queue = self.one_of(queue, "queue", known)?;
                Some(Line::Queue(QueueName::from(queue)))
            }
            (None, Some(uri)) => {
                let text = uri.string(self.diags)?;
                let parsed = Uri::parse(text).ok();
                let is_sip = |uri: &Uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips);
                let parsed = parsed.filter(|uri| is_sip(uri) && uri.host.is_some());
                if let Some(uri_of) = &parsed
                    && Transport::of(uri_of).is_none_or(Transport::is_websocket)
                {
                    let problem = uri.error(format!("`{text}` cannot be dialled"));
                    self.diags
                        .push(problem.hint("`transport` is udp, tcp or tls; `sips:` goes by TLS"));
                    return None;
                }
                let max_calls = self.count(value, "max_calls");
                let Some(parsed) = parsed else {
                    let problem = uri.error(format!("`{text}` is no SIP address"));
                    self.diags
                        .push(problem.hint("write \"sip:name@host:5060\""));
                    return None;
                };
                Some(Line::Outside {
                    uri: parsed,
                    max_calls,
                })
            }
            (Some(_), Some(_)) | (None, None) => {
                let problem = value.key_error("a line is a queue or an address");
                self.diags
                    .push(problem.hint("write `queue: …` or `uri: \"sip:…\"`"));
                None
            }
        }
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
