//! A flow, and how it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::Duration;

use cel::Env;

use super::check;
use super::expression::Scope;
use super::known::Known;
use super::prompt::Prompt;
use super::read::{Again, DEFAULT_EXITS, Defaults, Reader};
use super::source::{Cursor, Document};
use super::trial::Trial;
use super::value::{Held, Scalar};
use super::verb::{self, Called, NodeIndex, Verb, fixed};
use crate::model::{Diagnostic, FlowName, Mailbox, NodeName, Severity, Span, limits};

/// What expressions can call, the same for every flow.
static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// Steps of one call, unless the flow says otherwise.
const STEPS: u32 = 1_000;
/// What a caller hears at a limit, unless the flow says otherwise.
const GOODBYE: &str = "goodbye";
/// Minutes of one call in its flow, unless the flow says otherwise.
const MINUTES: u32 = 60;

/// A flow that passed every check: no target is missing, no name is unknown. Shared by
/// the calls that run it.
#[derive(Debug)]
pub struct Flow {
    pub(super) name: FlowName,
    pub(super) revision: String,
    pub(super) languages: Vec<Arc<str>>,
    pub(super) start: NodeIndex,
    pub(super) nodes: Vec<Node>,
    pub(super) answer: bool,
    pub(super) limits: Limits,
    pub(super) vars: BTreeMap<Arc<str>, Scalar>,
    pub(super) tests: Vec<Trial>,
    /// Runs when the caller hangs up.
    pub(super) on_hangup: Option<NodeIndex>,
    /// The flows that it calls, once all are read. Whoever holds the configuration holds
    /// them; flows may call each other, so none holds another.
    pub(super) subs: OnceLock<BTreeMap<FlowName, Weak<Self>>>,
}

/// A named node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: NodeName,
    pub(super) verb: Box<dyn Verb>,
}

/// What ends a call that does not end by itself.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) steps: u32,
    /// Time in queues and on lines does not count.
    pub(super) time: Duration,
    pub(super) on_limit: Option<NodeIndex>,
    /// What the caller hears where there is no `on_limit`.
    pub(super) goodbye: Option<Prompt>,
    /// Whether the flow itself says them: then it may hold a circle that no input paces.
    pub(super) written: bool,
}

impl Flow {
    /// The name in `flow:`.
    #[must_use]
    pub fn name(&self) -> &FlowName {
        &self.name
    }

    /// A digest of its text: a call keeps the revision that it began with.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The languages, the first is the default.
    #[must_use]
    pub fn languages(&self) -> &[Arc<str>] {
        &self.languages
    }

    /// The nodes with their types, in the order of the file.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeName, &'static str)> {
        self.nodes.iter().map(|node| (&node.name, node.verb.name()))
    }

    /// The flows that its nodes call.
    pub(super) fn called(&self) -> impl Iterator<Item = &Called> {
        self.nodes.iter().filter_map(|node| node.verb.calls())
    }

    /// A flow that it calls.
    pub(super) fn sub(&self, name: &FlowName) -> Option<Arc<Self>> {
        self.subs.get()?.get(name)?.upgrade()
    }

    /// Its variables when it begins.
    pub(super) fn first_vars(&self) -> BTreeMap<Arc<str>, Held> {
        let vars = self.vars.iter();
        vars.map(|(name, value)| (Arc::clone(name), Held::open(value.clone())))
            .collect()
    }

    /// How many examples `tests:` has.
    #[must_use]
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }

    /// Where callers can leave messages.
    #[must_use]
    pub fn mailboxes(&self) -> BTreeSet<Mailbox> {
        let verbs = self.nodes.iter().map(|node| &node.verb);
        verbs.filter_map(|verb| verb.mailbox()).cloned().collect()
    }

    /// What its nodes of type `notify` tell, by name.
    #[must_use]
    pub fn tells(&self) -> BTreeSet<&str> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| node.verb.tells()).collect()
    }

    /// What it says that stands in the flow itself: (language, name of the sound, text).
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let prompts = self.nodes.iter().flat_map(|node| node.verb.prompts());
        prompts.flat_map(move |prompt| {
            let languages = self.languages.iter();
            languages.flat_map(move |language| {
                let texts = prompt.texts(language);
                texts.map(move |(name, text)| (&**language, name, text))
            })
        })
    }

    /// Every (language, name) of a sound that it may play; music is of language `music`.
    #[must_use]
    pub fn sounds(&self) -> BTreeSet<(String, String)> {
        let mut sounds = BTreeSet::new();
        for language in &self.languages {
            let prompts = self.nodes.iter().flat_map(|node| node.verb.prompts());
            for prompt in prompts.chain(&self.limits.goodbye) {
                let names = prompt.names(language).into_iter();
                sounds.extend(names.map(|name| (language.to_string(), name)));
            }
            let others = self.nodes.iter();
            sounds.extend(others.flat_map(|node| node.verb.other_sounds(language)));
        }
        sounds
    }
}

const TOP: &[&str] = &[
    "version",
    "flow",
    "start",
    "languages",
    "answer",
    "defaults",
    "limits",
    "vars",
    "on_hangup",
    "nodes",
    "tests",
];

/// Reads and checks a flow. `None` when there is any error; all of them are in `diags`.
pub fn load(document: &Document, known: &Known<'_>, diags: &mut Vec<Diagnostic>) -> Option<Flow> {
    let root = document.root();
    let before = diags.len();
    root.map(diags)?;
    let languages = languages(root, diags);
    let raw_nodes = root
        .require("nodes", diags)
        .and_then(|nodes| nodes.map(diags))
        .unwrap_or_default();
    let mut reader = Reader {
        known: *known,
        scope: Scope {
            env: Arc::clone(&FUNCTIONS),
            queues: known.queues,
            calendars: known.calendars,
            vars: variables(root, &raw_nodes),
        },
        languages,
        nodes: names(&raw_nodes, diags),
        node: Span::default(),
        expressions: 0,
        lacks: Vec::new(),
        defaults: Defaults::default(),
        most: before + limits::FLOW_PROBLEMS,
        diags,
    };
    reader.fields(root, TOP);
    version(root, reader.diags);
    let name = root
        .require("flow", reader.diags)
        .and_then(|name| name.string(reader.diags));
    let start = root
        .require("start", reader.diags)
        .and_then(|start| reader.target(start));
    let answer = reader.flag(root, "answer", true);
    if let Some(cursor) = root.get("defaults") {
        reader.defaults = defaults(cursor, &mut reader);
    }
    let limits = read_limits(root, &mut reader);
    let vars = root
        .get("vars")
        .map(|vars| initial(vars, &mut reader))
        .unwrap_or_default();
    let on_hangup = root.get("on_hangup").and_then(|to| reader.target(to));
    let nodes = read_nodes(&raw_nodes, &mut reader);
    let tests = Trial::read_all(root, &nodes, &mut reader);
    enough(root, &mut reader)?;
    let languages = reader.languages;
    let flow = Flow {
        name: FlowName::from(name?),
        revision: document.revision(),
        languages,
        start: start?,
        nodes,
        answer,
        limits,
        vars,
        tests,
        on_hangup,
        subs: OnceLock::new(),
    };
    if has_errors(diags, before) {
        return None;
    }
    let cursors: Vec<Cursor<'_>> = raw_nodes.into_iter().map(|(_, cursor)| cursor).collect();
    check::check(&flow, &cursors, diags);
    (!has_errors(diags, before)).then_some(flow)
}

fn read_nodes(raw: &[(&str, Cursor<'_>)], reader: &mut Reader<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (id, cursor) in raw.iter().take(limits::FLOW_NODES) {
        if reader.is_full() {
            break;
        }
        if cursor.map(reader.diags).is_none() {
            continue;
        }
        let verb = verb::read(*cursor, reader);
        nodes.extend(verb.map(|verb| Node {
            name: NodeName::from(*id),
            verb,
        }));
    }
    nodes
}

/// `None` when so much is wrong that the rest was not read, which is told.
fn enough(root: Cursor<'_>, reader: &mut Reader<'_>) -> Option<()> {
    if !reader.is_full() {
        return Some(());
    }
    let most = limits::FLOW_PROBLEMS;
    let place = root.get("flow").unwrap_or(root);
    let problem = place.key_error(format!("more than {most} things are wrong with this flow"));
    let hint = "mend those that are told, the others follow";
    reader.diags.push(problem.hint(hint));
    None
}

fn has_errors(diags: &[Diagnostic], before: usize) -> bool {
    let new = diags.iter().skip(before);
    new.into_iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn version(root: Cursor<'_>, diags: &mut Vec<Diagnostic>) {
    if let Some(version) = root.require("version", diags)
        && version.raw() != Some("1")
    {
        diags.push(
            version
                .error("this version of the language is not known")
                .hint("write version: 1"),
        );
    }
}

fn languages(root: Cursor<'_>, diags: &mut Vec<Diagnostic>) -> Vec<Arc<str>> {
    let Some(cursor) = root.get("languages") else {
        return vec!["en".into()];
    };
    let mut languages: Vec<Arc<str>> = Vec::new();
    let items = cursor.list(diags).unwrap_or_default();
    for item in &items {
        let Some(name) = item.string(diags) else {
            continue;
        };
        if name.is_empty()
            || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            || name == "music"
        {
            diags.push(
                item.error(format!("`{name}` is no language"))
                    .hint("write en or nl"),
            );
        } else if languages.iter().any(|known| **known == *name) {
            diags.push(item.error(format!("`{name}` is written twice")));
        } else {
            languages.push(name.into());
        }
    }
    if items.is_empty() && cursor.is_list() {
        diags.push(cursor.key_error("there is no language").hint("write [en]"));
    }
    if items.len() > limits::FLOW_LANGUAGES {
        let message = format!("a flow has at most {} languages", limits::FLOW_LANGUAGES);
        diags.push(cursor.key_error(message));
        languages.truncate(limits::FLOW_LANGUAGES);
    }
    languages
}

/// Every node's place; nodes that cannot be read keep theirs, so that one mistake does
/// not make its references look wrong.
fn names(nodes: &[(&str, Cursor<'_>)], diags: &mut Vec<Diagnostic>) -> BTreeMap<String, NodeIndex> {
    if let Some((_, cursor)) = nodes.get(limits::FLOW_NODES) {
        let message = format!("a flow has at most {} nodes", limits::FLOW_NODES);
        diags.push(cursor.key_error(message));
    }
    let mut names = BTreeMap::new();
    let most = diags.len() + limits::FLOW_PROBLEMS;
    for (index, (id, cursor)) in nodes.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let fits = (1..=limits::NODE_NAME_CHARS).contains(&id.len()) && *id != "retry";
        if !(fits && id.chars().all(plain)) && diags.len() < most {
            let problem = cursor.key_error(format!("`{id}` is no name of a node"));
            diags.push(problem.hint("letters, digits, - and _, at most 64; not `retry`"));
        }
        names.insert((*id).to_owned(), index);
    }
    names
}

/// Every variable that anything sets.
fn variables(root: Cursor<'_>, nodes: &[(&str, Cursor<'_>)]) -> BTreeSet<String> {
    let mut vars: BTreeSet<String> = BTreeSet::new();
    let sets = nodes.iter().filter_map(|(_, node)| node.get("vars"));
    for map in root.get("vars").into_iter().chain(sets) {
        vars.extend(map.entries().map(|(name, _)| name.to_owned()));
    }
    for save in nodes.iter().filter_map(|(_, node)| node.get("save")) {
        vars.extend(save.raw().map(str::to_owned));
        vars.extend(save.entries().map(|(name, _)| name.to_owned()));
    }
    vars
}

fn initial(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> BTreeMap<Arc<str>, Scalar> {
    let mut vars = BTreeMap::new();
    for (name, value) in cursor.map(reader.diags).unwrap_or_default() {
        let scalar = fixed(value).or_else(|| value.string(reader.diags).map(Scalar::text));
        vars.extend(scalar.map(|scalar| (Arc::from(name), scalar)));
    }
    vars
}

fn defaults(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Defaults {
    let mut defaults = Defaults::default();
    if cursor.map(reader.diags).is_none() {
        return defaults;
    }
    let own = ["timeout", "interdigit", "retries", "barge_in"];
    let allowed: Vec<&str> = own.iter().chain(DEFAULT_EXITS).copied().collect();
    cursor.unknown_keys(&allowed, reader.diags);
    defaults.timeout = reader.duration(cursor, "timeout", defaults.timeout);
    defaults.interdigit = reader.duration(cursor, "interdigit", defaults.interdigit);
    defaults.retries = reader.count(cursor, "retries", 10, defaults.retries);
    defaults.barge_in = cursor
        .get("barge_in")
        .and_then(|flag| flag.bool(reader.diags));
    for name in DEFAULT_EXITS {
        let Some(value) = cursor.get(name) else {
            continue;
        };
        let again = match *name {
            "no_input" | "no_match" => reader.again(value),
            _ => reader.target(value).map(Again::Go),
        };
        defaults.exits.extend(again.map(|again| (*name, again)));
    }
    defaults
}

/// A farewell that needs no mention in the flow, when every language has it.
fn goodbye(reader: &Reader<'_>) -> Option<Prompt> {
    let mut languages = reader.languages.iter();
    let spoken = languages.all(|language| (reader.known.sounds)(language, GOODBYE));
    spoken.then(|| Prompt::named(GOODBYE))
}

fn read_limits(root: Cursor<'_>, reader: &mut Reader<'_>) -> Limits {
    let cursor = root.get("limits");
    let mut limits = Limits {
        steps: STEPS,
        time: Duration::from_secs(60 * u64::from(MINUTES)),
        on_limit: None,
        goodbye: goodbye(reader),
        written: cursor.is_some(),
    };
    let Some(cursor) = cursor else { return limits };
    if cursor.map(reader.diags).is_none() {
        return limits;
    }
    cursor.unknown_keys(&["max_steps", "max_minutes", "on_limit"], reader.diags);
    limits.steps = reader.count(cursor, "max_steps", 100_000, STEPS).max(1);
    let minutes = reader.count(cursor, "max_minutes", 24 * 60, MINUTES).max(1);
    limits.time = Duration::from_secs(60 * u64::from(minutes));
    limits.on_limit = cursor.get("on_limit").and_then(|to| reader.target(to));
    limits.goodbye = limits.goodbye.filter(|_| limits.on_limit.is_none());
    limits
}
