//! One step of a flow: a caller presses a key of the shipped menu.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use exchange::flow::hours::Calendar;
use exchange::flow::source::Document;
use exchange::flow::{Caller, Flow, Input, Known, Output, QueueView, Run, World, load};
use exchange::model::{Epoch, LineName, Number, OperatorName, Project, QueueName, Skill};

fn main() {
    divan::main();
}

const WELCOME: &str = include_str!("../ivr-flows/welcome.yaml");
const HOURS: &str = "zone: Europe/Amsterdam\nopen: { mon-sun: \"00:00-24:00\" }\n";

struct Quiet;

impl World for Quiet {
    fn queue(&self, _: &QueueName) -> QueueView {
        QueueView::default()
    }

    fn estimated_wait(&self, _: &QueueName) -> Option<Duration> {
        None
    }
}

fn read(text: &str) -> Option<Flow> {
    let queues: BTreeSet<QueueName> = ["support", "billing", "general"]
        .map(QueueName::from)
        .into();
    let (lines, operators) = (BTreeSet::<LineName>::new(), BTreeSet::<OperatorName>::new());
    let skills = BTreeSet::<Skill>::new();
    let (calendars, projects) = (
        BTreeSet::from(["office".to_owned()]),
        BTreeSet::<Project>::new(),
    );
    let known = Known {
        queues: &queues,
        callbacks: &BTreeSet::new(),
        fallbacks: &BTreeMap::new(),
        lines: &lines,
        operators: &operators,
        skills: &skills,
        calendars: &calendars,
        projects: &projects,
        sounds: &|_, _| true,
        origins: &BTreeSet::new(),
        signs: false,
        addresses: &|_| None,
        speaks: true,
    };
    let document = Document::parse("welcome.yaml", text).ok()?;
    load(&document, &known, &mut Vec::new())
}

fn calendars() -> Option<Arc<BTreeMap<String, Calendar>>> {
    let document = Document::parse("hours.yaml", HOURS).ok()?;
    let calendar = Calendar::read(document.root(), &mut Vec::new())?;
    Some(Arc::new(BTreeMap::from([("office".to_owned(), calendar)])))
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn any_instant() -> Instant {
    Instant::now()
}

/// A call that stands at `main`, after these keys.
fn at_menu(flow: &Arc<Flow>, calendars: &Arc<BTreeMap<String, Calendar>>, now: Instant) -> Run {
    let caller = Caller {
        from: Number::from("+31612345678"),
        name: None,
        called: Number::from("1000"),
        language: None,
        project: None,
    };
    let epoch = Epoch {
        instant: now,
        wall: SystemTime::UNIX_EPOCH,
    };
    let mut run = Run::new(Arc::clone(flow), caller, Arc::clone(calendars), epoch);
    let mut out = Vec::new();
    for input in [Input::Begin, Input::Answered, Input::Played, Input::Played] {
        run.handle(input, now, &Quiet, &mut out);
    }
    run
}

fn step(bencher: divan::Bencher<'_, '_>, key: char) {
    let (Some(flow), Some(calendars)) = (read(WELCOME).map(Arc::new), calendars()) else {
        return;
    };
    let now = any_instant();
    bencher
        .with_inputs(|| {
            (
                at_menu(&flow, &calendars, now),
                Vec::<Output>::with_capacity(8),
            )
        })
        .bench_local_refs(|(run, out)| run.handle(Input::Key(key), now, &Quiet, out));
}

/// The key of a queue.
#[divan::bench]
fn menu_key_to_queue(bencher: divan::Bencher<'_, '_>) {
    step(bencher, '1');
}

/// A key that sets the language by an expression, and plays the menu again.
#[divan::bench]
fn menu_key_with_expression(bencher: divan::Bencher<'_, '_>) {
    step(bencher, '3');
}

/// Reading and checking the whole file.
#[divan::bench]
fn load_welcome() -> Option<Flow> {
    read(divan::black_box(WELCOME))
}
