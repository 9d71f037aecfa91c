//! Flows as scripts: keys and prompts in, what the run says out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use expect_test::{Expect, expect};

use super::hours::Calendar;
use super::source::Document;
use super::{
    Answer, Ask, AskId, Caller, Flow, HttpAnswer, HttpMethod, HttpRequest, Input, Known, LineExit,
    MessageExit, MessageRequest, Origin, Output, QueueExit, QueueRequest, QueueView, Returned, Run,
    Scalar, Spoken, Unanswered, World, load,
};
use crate::model::{
    Customer, CustomerKey, Diagnostic, Epoch, LineName, Number, OperatorName, Project, QueueName,
    Skill, Step, Telephone,
};

mod asks;
mod callbacks;
mod bounds;
mod calls;
mod messages;
mod customers;
mod inputs;
mod lasting;
mod mistakes;
mod nodes;
mod queues;
mod reach;
mod requests;
mod shipped;
mod subflows;
mod surveys;
mod trials;
mod types;

/// The text "Hello" was recorded.
const HELLO: &str = "say/185f8db32271fe25";

/// The queue `tier-2` leads to nodes of its own where a flow says nothing.
pub(super) fn try_load(text: &str) -> Result<Arc<Flow>, Vec<Diagnostic>> {
    let document = Document::parse("f.yaml", text).map_err(|problem| vec![problem])?;
    let queues: BTreeSet<QueueName> = ["support", "billing", "general", "tier-2"]
        .map(QueueName::from)
        .into();
    let callbacks = BTreeSet::from([QueueName::from("support")]);
    let fallbacks = [
        ("no_operators", "nobody"),
        ("full", "later"),
        ("timeout", "later"),
        ("all_paused", "lunch"),
    ];
    let fallbacks = fallbacks.map(|(exit, to)| ((QueueName::from("tier-2"), exit), to.into()));
    let fallbacks = BTreeMap::from(fallbacks);
    let lines: BTreeSet<LineName> = ["field", "tier2"].map(LineName::from).into();
    let operators: BTreeSet<OperatorName> = ["alice", "bob"].map(OperatorName::from).into();
    let skills: BTreeSet<Skill> = ["support", "lang.en", "lang.nl"].map(Skill::new).into();
    let calendars = BTreeSet::from(["office".to_owned()]);
    let projects: BTreeSet<Project> = ["internet"].map(Project::from).into();
    let origins = ["api.example.org", "http://10.0.0.1:8000"];
    let origins = origins.map(|text| Origin::parse(text).unwrap()).into();
    let known = Known {
        queues: &queues,
        callbacks: &callbacks,
        fallbacks: &fallbacks,
        lines: &lines,
        operators: &operators,
        skills: &skills,
        calendars: &calendars,
        projects: &projects,
        origins: &origins,
        signs: !text.contains("# nobody signs"),
        addresses: &|address| {
            address
                .contains(' ')
                .then_some("write \"sip:name@host:5060\"")
        },
        sounds: &|language, name| {
            let said = !name.starts_with("say/") || name == HELLO;
            language != "ru" && !name.contains("missing") && said
        },
        speaks: !text.contains("# nobody speaks"),
    };
    let mut diags = Vec::new();
    match load(&document, &known, &mut diags) {
        Some(flow) if diags.is_empty() => Ok(Arc::new(flow)),
        Some(_) | None => Err(diags),
    }
}

pub(super) fn flow(nodes: &str) -> Arc<Flow> {
    try_load(&whole(nodes)).unwrap_or_else(|diags| {
        let texts: Vec<_> = diags.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    })
}

/// Nodes, with what every flow has around them.
fn whole(nodes: &str) -> String {
    if nodes.contains("nodes:") {
        return nodes.to_owned();
    }
    format!("version: 1\nflow: f\nstart: a\nlanguages: [en, nl]\nnodes:\n{nodes}")
}

pub(super) fn calendars() -> Arc<BTreeMap<String, Calendar>> {
    let text =
        "zone: Europe/Amsterdam\nopen: { mon-fri: \"09:00-17:30\" }\nholidays: [2026-12-25]\n";
    let document = Document::parse("hours.yaml", text).unwrap();
    let calendar = Calendar::read(document.root(), &mut Vec::new()).unwrap();
    Arc::new(BTreeMap::from([("office".to_owned(), calendar)]))
}

pub(super) fn caller() -> Caller {
    Caller::of(Number::from("+31612345678"), Number::from("1000"))
}

struct Busy;

impl World for Busy {
    fn queue(&self, name: &QueueName) -> QueueView {
        QueueView {
            waiting: name.as_str().len(),
            longest_wait: Duration::from_secs(90),
            ready: 0,
            staffed: true,
        }
    }

    fn estimated_wait(&self, _: &QueueName) -> Option<Duration> {
        None
    }

    fn may_call_back(&self, _: Option<&QueueName>, number: &str) -> bool {
        number.starts_with("+31") || number.starts_with("06")
    }
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
pub(super) fn any_instant() -> Instant {
    Instant::now()
}

/// A call; a Monday at 10:15 in Amsterdam.
pub(super) struct Call {
    pub(super) run: Run,
    pub(super) now: Instant,
    /// Of its last ask.
    asked: AskId,
}

impl Call {
    pub(super) fn new(flow: Arc<Flow>) -> Self {
        Self::at(flow, any_instant())
    }

    pub(super) fn at(flow: Arc<Flow>, now: Instant) -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_442_900);
        let epoch = Epoch { instant: now, wall };
        Self {
            run: Run::new(flow, caller(), calendars(), epoch),
            now,
            asked: AskId(0),
        }
    }

    pub(super) fn say(&mut self, input: Input) -> String {
        let mut out = Vec::new();
        self.run.handle(input, self.now, &Busy, &mut out);
        for output in &out {
            if let Output::Ask(asked) = output {
                self.asked = asked.number;
            }
        }
        let texts: Vec<String> = out.iter().map(show).collect();
        texts.join(" ")
    }
}

fn found(call: &Call, customer: Option<Customer>) -> Input {
    let answer = Answer::Customer(customer.map(Box::new));
    Input::Returned(Returned::Reply(call.asked, Ok(answer)))
}

fn zoe() -> Customer {
    let number = Telephone::read("+31612345678").unwrap();
    Customer {
        name: Some("Zoe".into()),
        language: Some("nl".into()),
        tags: vec!["vip".into(), "late".into()],
        notes: Some("x".repeat(300)),
        last_operator: Some("alice".into()),
        ..Customer::of(number)
    }
}

fn replied(call: &Call, status: u16, saved: Vec<Scalar>) -> Input {
    let answer = Answer::Http(HttpAnswer { status, saved });
    Input::Returned(Returned::Reply(call.asked, Ok(answer)))
}

/// What the last word of a script makes of a call.
fn ends(nodes: &str, script: &str) -> String {
    let story = story(nodes, script);
    let last = story.lines().last().unwrap_or_default();
    let word = script.split_whitespace().last().unwrap_or_default();
    let said = last
        .strip_prefix(word)
        .and_then(|said| said.strip_prefix(':'));
    said.unwrap().trim().to_owned()
}

/// `begin`, `up`, `heard`, `+5s`, `queue:timeout`, `queue:paused`, `line:busy`, or keys.
fn check(nodes: &str, script: &str, expected: &Expect) {
    expected.assert_eq(&story(nodes, script));
}

fn story(nodes: &str, script: &str) -> String {
    tell(&mut Call::new(flow(nodes)), script)
}

fn tell(call: &mut Call, script: &str) -> String {
    let mut story = String::new();
    for word in script.split_whitespace() {
        let inputs = match word {
            "begin" => vec![Input::Begin],
            "up" => vec![Input::Answered],
            "heard" => vec![Input::Played],
            "queue:answered" => vec![Input::Returned(Returned::Queue(QueueExit::Answered))],
            "queue:full" => vec![Input::Returned(Returned::Queue(QueueExit::Full))],
            "queue:timeout" => vec![Input::Returned(Returned::Queue(QueueExit::Timeout))],
            "queue:error" => vec![Input::Returned(Returned::Queue(QueueExit::Error))],
            "queue:empty" => vec![Input::Returned(Returned::Queue(QueueExit::NoOperators))],
            "queue:paused" => vec![Input::Returned(Returned::Queue(QueueExit::AllPaused))],
            "queue:2" => vec![Input::Returned(Returned::Queue(QueueExit::Key('2')))],
            "queue:1" => vec![Input::Returned(Returned::Queue(QueueExit::Key('1')))],
            "message:kept" => vec![Input::Returned(Returned::Message(MessageExit::Kept))],
            "message:empty" => vec![Input::Returned(Returned::Message(MessageExit::Empty))],
            "message:failed" => vec![Input::Returned(Returned::Message(MessageExit::Failed))],
            "http:200" => vec![replied(call, 200, vec![Scalar::Number(7)])],
            "http:404" => vec![replied(call, 404, Vec::new())],
            "http:418" => vec![replied(call, 418, Vec::new())],
            "http:500" => vec![replied(call, 500, Vec::new())],
            "back:yes" => vec![Input::Returned(Returned::Callback(true))],
            "back:no" => vec![Input::Returned(Returned::Callback(false))],
            "customer:zoe" => vec![found(call, Some(zoe()))],
            "customer:nobody" => vec![found(call, None)],
            "http:late" => vec![Input::Returned(Returned::Reply(
                AskId(0),
                Ok(Answer::Http(HttpAnswer {
                    status: 200,
                    saved: Vec::new(),
                })),
            ))],
            "http:none" => vec![Input::Returned(Returned::Reply(
                call.asked,
                Err(Unanswered::Unreachable),
            ))],
            "line:answered" => vec![Input::Returned(Returned::Line(LineExit::Answered))],
            "line:busy" => vec![Input::Returned(Returned::Line(LineExit::Busy))],
            "line:none" => vec![Input::Returned(Returned::Line(LineExit::NoAnswer))],
            "line:error" => vec![Input::Returned(Returned::Line(LineExit::Error))],
            _ => match word.strip_prefix('+') {
                Some(time) => {
                    call.now += crate::model::parse_duration(time).unwrap();
                    let due = call.run.deadline().is_some_and(|at| at <= call.now);
                    let said = call.say(Input::Tick);
                    assert!(due || said.is_empty(), "{word}, and nobody asked: {said}");
                    story.push_str(format!("{word}: {said}").trim_end());
                    story.push('\n');
                    continue;
                }
                None => word.chars().map(Input::Key).collect(),
            },
        };
        for input in inputs {
            let said = call.say(input);
            story.push_str(format!("{word}: {said}").trim_end());
            story.push('\n');
        }
    }
    story
}

fn show(output: &Output) -> String {
    match output {
        Output::Answer => "answer".into(),
        Output::Early => "early".into(),
        Output::Play(sounds) => {
            let names: Vec<String> = sounds.iter().map(sound).collect();
            format!("play({})", names.join(" "))
        }
        Output::StopPlaying => "stop".into(),
        Output::Queue(request) => queue(request),
        Output::Line(line) => format!("line({line})"),
        Output::Callback(request) => {
            let queue = request.queue.as_ref().map_or("last", |q| q.as_str());
            format!("callback({queue} {})", request.number)
        }
        Output::Survey { question, answer } => format!("survey({question} {answer})"),
        Output::Message(MessageRequest {
            mailbox,
            max,
            silence,
        }) => {
            let show = crate::model::show_duration;
            format!("message({mailbox} {} {})", show(*max), show(*silence))
        }
        Output::EndMessage => "end".into(),
        Output::Recording(action) => format!("recording({action:?})").to_lowercase(),
        Output::Secret(true) => "secret".into(),
        Output::Secret(false) => "open".into(),
        Output::Notify { name, data, .. } => format!("notify({name} {data})"),
        Output::Ask(asked) => ask(&asked.ask),
        Output::Operator(request) => {
            let ring = request.ring.map(crate::model::show_duration);
            format!(
                "operator({} {})",
                request.operator,
                ring.unwrap_or_default()
            )
        }
        Output::Dial(request) => {
            let how = if request.together {
                "together"
            } else {
                "in turn"
            };
            let ring = crate::model::show_duration(request.ring);
            format!("dial({} {how} {ring})", request.to.join(" "))
        }
        Output::Reject(code) => format!("reject({code})"),
        Output::Hangup { cause: None } => "hangup".into(),
        Output::Hangup { cause: Some(cause) } => format!("hangup({})", cause.number()),
        Output::Step { node, .. } => format!("[{node}]"),
        Output::Fault { node, fault, .. } => format!("fault({node} {})", fault.as_str()),
    }
}

fn ask(ask: &Ask) -> String {
    let request = match ask {
        Ask::Http(request) => request,
        Ask::Speech(_) => return "ask(speech)".into(),
        Ask::Customer(CustomerKey::Number(number)) => {
            return format!("ask(who has {})", number.as_str());
        }
        Ask::Customer(CustomerKey::Account(account)) => {
            return format!("ask(whose account is {account})");
        }
    };
    let mut text = format!("{:?} {}", request.method, request.url);
    for (name, value) in &request.headers {
        write!(text, " {name}: {value}").unwrap();
    }
    if let Some(body) = &request.body {
        write!(text, " {body}").unwrap();
    }
    format!("ask({text})")
}

fn queue(request: &QueueRequest) -> String {
    let mut text = format!("queue({} {}", request.queue, request.priority);
    for (word, skills) in [("", &request.require), ("~", &request.prefer)] {
        for (skill, level) in skills.iter() {
            write!(text, " {word}{skill}>={}", u8::from(level)).unwrap();
        }
    }
    if let Some(preferred) = &request.preferred {
        let hold_for = crate::model::show_duration(preferred.hold_for);
        write!(text, " for {} {hold_for}", preferred.operator).unwrap();
    }
    if request.leaves_paused {
        text.push_str(" leaves paused");
    }
    if let Some(steps) = &request.escalate {
        let of = |step: &Step| format!("{:?} {:?}", step.after, step.action);
        let steps: Vec<String> = steps.iter().map(of).collect();
        write!(text, " escalate({})", steps.join(", ")).unwrap();
    }
    for message in request.comfort.iter() {
        let names: Vec<String> = message.sounds.iter().map(sound).collect();
        let (after, every) = (message.after, message.every);
        write!(text, " comfort({} {after:?} {every:?})", names.join(" ")).unwrap();
    }
    for (key, sounds) in &request.asides {
        let names: Vec<String> = sounds.iter().map(sound).collect();
        write!(text, " {key}({})", names.join(" ")).unwrap();
    }
    text + ")"
}

fn sound(spoken: &Spoken) -> String {
    match spoken {
        Spoken::Sound { language, name } => format!("{language}/{name}"),
        Spoken::Tone => "tone".into(),
        Spoken::Said(said) => format!("{}/{}:{:?}", said.language, said.name, said.text),
        Spoken::Silence(length) => format!("silence:{}", crate::model::show_duration(*length)),
    }
}

fn mistakes(text: &str, expected: &Expect) {
    let said = match try_load(&whole(text)) {
        Ok(_) => String::new(),
        Err(diags) => {
            let texts: Vec<_> = diags.iter().map(brief).collect();
            texts.join("\n")
        }
    };
    expected.assert_eq(&said);
}

fn brief(diagnostic: &Diagnostic) -> String {
    let hint = diagnostic.hint.as_ref().map(|hint| format!(" ({hint})"));
    let (line, column) = (diagnostic.span.line, diagnostic.span.column);
    format!(
        "{line}:{column} {}{}",
        diagnostic.message,
        hint.unwrap_or_default()
    )
}

#[test]
fn a_whole_flow_has_no_mistakes() {
    mistakes(
        "  a: { type: hangup, prompt: [bye, { silence: 500ms }] }\n",
        &expect![[""]],
    );
}
