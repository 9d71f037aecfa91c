//! A folder's texts to a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::house::House;
use super::merge::{merge, parse};
use super::queues::Around;
use super::reader::Reader;
use super::types::{Config, Paths};
use crate::flow::source::{Cursor, Document};
use crate::flow::{self, Flow, Known};
use crate::model::{Diagnostic, FlowName, LineName, NodeName, Project, QueueName, Severity, Skill};
use crate::sip::Host;

/// What was read from disk.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The `*.yaml` of the configuration: the name as the user would open it, the text.
    pub config: Vec<(String, String)>,
    /// The flows, likewise.
    pub flows: Vec<(String, String)>,
    /// Sounds, as (language, name).
    pub sounds: BTreeSet<(String, String)>,
}

const MINUTE: Duration = Duration::from_secs(60);

/// Reads a configuration: `None` when there is any error. `folder` is where it stands,
/// and what relative paths start at.
#[must_use]
pub fn load(
    files: &Files,
    environment: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> (Option<Config>, Vec<Diagnostic>) {
    let mut diags = Vec::new();
    let documents = parse(&files.config, environment, &mut diags);
    let sections = merge(&documents, &mut diags);
    let config = read(&sections, files, folder, &mut diags);
    diags.sort_by(|one, other| (&one.file, one.span).cmp(&(&other.file, other.span)));
    let broken = diags.iter().any(|d| d.severity == Severity::Error);
    ((!broken).then_some(config), diags)
}

/// Where flows and sounds are, which must be known before they can be read. What is wrong
/// with the files is said by [`load`].
#[must_use]
pub fn paths(
    config: &[(String, String)],
    environment: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Paths {
    let mut unheard = Vec::new();
    let documents = parse(config, environment, &mut unheard);
    let sections = merge(&documents, &mut unheard);
    read_paths(sections.get("paths").copied(), folder, &mut unheard)
}

fn read_paths(section: Option<Cursor<'_>>, folder: &Path, diags: &mut Vec<Diagnostic>) -> Paths {
    if let Some(section) = section {
        section.map(diags);
        section.unknown_keys(&["flows", "prompts", "recordings"], diags);
    }
    let mut path = |key, usual| {
        let written = section.and_then(|section| section.get(key));
        let written = written.and_then(|value| value.string(diags));
        folder.join(written.unwrap_or(usual))
    };
    Paths {
        flows: path("flows", "../ivr-flows"),
        prompts: path("prompts", "../ivr-flows/prompts"),
        recordings: path("recordings", "../var/recordings"),
    }
}

/// Reads every section, those that are referred to before those that refer to them.
fn read(
    sections: &BTreeMap<&str, Cursor<'_>>,
    files: &Files,
    folder: &Path,
    diags: &mut Vec<Diagnostic>,
) -> Config {
    let section = |key: &str| sections.get(key).copied();
    let domain = domain(section("domain"), diags);
    let paths = read_paths(section("paths"), folder, diags);
    let names = |key| {
        section(key)
            .into_iter()
            .flat_map(|s| s.entries())
            .map(|(name, _)| name)
    };
    let line_names: BTreeSet<LineName> = names("lines").map(LineName::from).collect();
    let queue_names: BTreeSet<QueueName> = names("queues").map(QueueName::from).collect();
    let mut reader = Reader { diags };
    let around = Around {
        lines: &line_names,
        sounds: &files.sounds,
    };
    let queues = reader.queues(section("queues"), &around);
    let sip = reader.sip(section("sip"), &domain, folder);
    let known = super::lines::Known {
        queues: &queue_names,
        trunks: &sip.trunks.keys().cloned().collect(),
    };
    let lines = reader.lines(section("lines"), &known);
    let operators = reader.operators(section("operators"), &domain);
    let calendars = reader.hours(section("hours"));
    let projects = reader.projects(section("projects"));
    let mut config = Config {
        sip,
        media: reader.media(section("media")),
        http: reader.http(section("http")),
        requests: reader.requests(section("requests"), folder),
        webhooks: reader.webhooks(section("webhooks")),
        storage: reader.storage(section("storage"), folder),
        limits: reader.limits(section("limits")),
        recordings: reader.recordings(section("recordings")),
        drain: drain(section("drain"), reader.diags),
        domain,
        paths,
        numbers: super::Numbers::default(),
        queues,
        lines,
        operators,
        calendars: Arc::new(calendars),
        projects,
        flows: BTreeMap::new(),
        house: House::default(),
        speech: reader.speech(section("speech"), folder),
    };
    unserved(&config, section("queues"), diags);
    super::callbacks::check(&config, section("queues"), diags);
    (config.flows, config.house) = read_flows(&config, files, diags);
    super::webhooks::unheard(&config, section("webhooks"), diags);
    super::spoken::announcements(&config, files, section("queues"), diags);
    let mut reader = Reader { diags };
    config.numbers = reader.numbers(section("numbers"), &config.flows, &config.projects);
    if section("numbers").is_none() {
        let problem = Diagnostic::file(
            folder.display().to_string(),
            "no `numbers`: nobody could call",
        );
        diags.push(problem.hint("write `numbers: {\"1000\": {flow: …}}`"));
    }
    config
}

fn domain(section: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) -> String {
    const USUAL: &str = "centrale.localhost";
    let Some(value) = section else {
        return USUAL.to_owned();
    };
    let Some(text) = value.string(diags) else {
        return USUAL.to_owned();
    };
    if Host::parse(text).is_none() {
        let problem = value.error(format!("`{text}` is no domain"));
        diags.push(problem.hint("write a host name, such as calls.example.com"));
    }
    text.to_owned()
}

fn drain(section: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) -> Duration {
    section
        .and_then(|value| value.duration(diags))
        .unwrap_or(MINUTE)
}

/// A queue that no operator could ever take a call of is most likely a mistake, and can
/// still be one that is to be staffed.
fn unserved(config: &Config, section: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) {
    for (name, value) in section.into_iter().flat_map(|section| section.entries()) {
        let Some(queue) = config.queues.get(name) else {
            continue;
        };
        let mut operators = config.operators.values();
        if !operators.any(|operator| queue.requires.is_met_by(&operator.skills)) {
            diags.push(value.warning(format!(
                "no operator has the skills that queue `{name}` requires"
            )));
        }
    }
}

/// What `empty: {to: …}` and its like say, by the flow's exit that each stands for.
fn fallbacks(config: &Config) -> BTreeMap<(QueueName, &'static str), NodeName> {
    let mut fallbacks = BTreeMap::new();
    for queue in config.queues.values() {
        let exits = [
            ("no_operators", &queue.empty),
            ("full", &queue.full),
            ("timeout", &queue.timeout),
            ("all_paused", &queue.all_paused),
        ];
        for (exit, to) in exits {
            fallbacks.extend(to.iter().map(|to| ((queue.name.clone(), exit), to.clone())));
        }
    }
    fallbacks
}

fn read_flows(
    config: &Config,
    files: &Files,
    diags: &mut Vec<Diagnostic>,
) -> (BTreeMap<FlowName, Arc<Flow>>, House) {
    let of_operators = config.operators.values().flat_map(|o| o.skills.iter());
    let of_queues = config.queues.values().flat_map(|q| q.requires.iter());
    let skills: BTreeSet<Skill> = of_operators
        .chain(of_queues)
        .map(|(skill, _)| skill.clone())
        .collect();
    let queues = config.queues.keys().cloned().collect();
    let callbacks = config.queues.values();
    let callbacks = callbacks.filter(|queue| queue.callback.is_some());
    let callbacks = callbacks.map(|queue| queue.name.clone()).collect();
    let lines = config.lines.keys().cloned().collect();
    let operators = config.operators.keys().cloned().collect();
    let calendars = config.calendars.keys().cloned().collect();
    let projects: BTreeSet<Project> = config.projects.keys().cloned().collect();
    let fallbacks = fallbacks(config);
    let speaks = config.speech.is_some();
    let known = Known {
        queues: &queues,
        callbacks: &callbacks,
        fallbacks: &fallbacks,
        lines: &lines,
        operators: &operators,
        skills: &skills,
        calendars: &calendars,
        projects: &projects,
        sounds: &|language, name| {
            let key = (language.to_owned(), name.to_owned());
            files.sounds.contains(&key) || (speaks && flow::speech::text(language, name).is_some())
        },
        origins: &config.requests.allow,
        signs: config.requests.secret.is_some(),
        addresses: &|address| super::trunks::address(address).err(),
        speaks,
    };
    let mut flows: BTreeMap<FlowName, Arc<Flow>> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (name, text) in &files.flows {
        let document = match Document::parse(name, text) {
            Ok(document) => document,
            Err(problem) => {
                diags.push(problem);
                continue;
            }
        };
        let name_there = document.root().get("flow").and_then(|name| name.raw());
        names.extend(name_there.map(FlowName::from));
        let Some(flow) = flow::load(&document, &known, diags) else {
            continue;
        };
        if flows.contains_key(flow.name()) {
            let message = format!("the flow `{}` is in another file too", flow.name());
            diags.push(Diagnostic::file(name.as_str(), message));
        }
        flows.insert(flow.name().clone(), Arc::new(flow));
    }
    flow::join(&flows, &names, diags);
    (flows, House::build(config, &known))
}
