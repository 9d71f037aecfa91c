//! What flows cost: a step, a call that stands in a menu, a file to read, a thousand of
//! them, and files that were written to hurt.

#[path = "../tests/hostile/files.rs"]
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use exchange::flow::hours::Calendar;
use exchange::flow::source::Document;
use exchange::flow::{Caller, Flow, Input, Known, Output, QueueView, Run, World, load};
use exchange::model::{Epoch, Number, QueueName};

/// Calls that stand in a menu at once, for what one of them takes.
const CALLERS: u64 = 10_000;

#[expect(clippy::print_stdout, reason = "a bench prints what it measures")]
fn main() {
    match in_menus() {
        Some(bytes) => println!("Memory: {bytes} bytes a caller in a menu (resident)"),
        None => println!("Memory: not measured, there is no /proc/self/statm"),
    }
    divan::main();
}

fn in_menus() -> Option<u64> {
    let (flow, calendars) = (Arc::new(read(WELCOME)?), calendars()?);
    let now = any_instant();
    // What the first call touches is not its own.
    let mut calls = Vec::with_capacity(usize::try_from(CALLERS).ok()? + 1);
    calls.push(at_menu(&flow, &calendars, now));
    let before = resident()?;
    calls.extend((0..CALLERS).map(|_| at_menu(&flow, &calendars, now)));
    let bytes = resident()?.saturating_sub(before) / CALLERS;
    drop(calls);
    Some(bytes)
}

/// What the process has in memory, in bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
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
    let known = Known {
        queues: &queues,
        calendars: &BTreeSet::from(["office".to_owned()]),
        sounds: &|_, _| true,
        speaks: true,
        ..Known::nothing()
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
    let caller = Caller::of(Number::from("+31612345678"), Number::from("1000"));
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

/// A flow of 50 nodes: menus, queues, conditions, prompts.
fn fifty(number: usize) -> String {
    let head = format!(
        "version: 1\nflow: f{number}\nstart: n0\nlanguages: [en, nl]\ndefaults: {{ on_failure: end, error: end, full: end, no_operators: end }}\nnodes:\n  end: {{ type: hangup, prompt: [goodbye] }}\n"
    );
    head + &(0..49).map(node).collect::<String>()
}

fn node(number: usize) -> String {
    let next = match number {
        48 => "end".to_owned(),
        _ => format!("n{}", number + 1),
    };
    match number % 5 {
        0 => format!(
            "  n{number}: {{ type: play, prompt: [welcome, {{ silence: 500ms }}], next: {next} }}\n"
        ),
        1 => format!(
            "  n{number}:\n    type: menu\n    prompt: [main-menu, other-language]\n    keys: {{ \"1\": {next}, \"2\": end, \"9\": n{number} }}\n    no_input: {next}\n"
        ),
        2 => format!(
            "  n{number}: {{ type: branch, when: [{{ if: 'queue.support.waiting > 10 && caller.number.startsWith(\"+31\")', then: end }}], else: {next} }}\n"
        ),
        3 => format!(
            "  n{number}: {{ type: queue, queue: support, waiting: {{ announce: {{ position: true }} }}, max_wait: 10m, answered: end, timeout: {next} }}\n"
        ),
        _ => format!(
            "  n{number}: {{ type: set, tags: [step], vars: {{ last: 'n ${{language}}' }}, next: {next} }}\n"
        ),
    }
}

/// Reading and checking a thousand flows of fifty nodes each.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn load_1000_flows_of_50_nodes(bencher: divan::Bencher<'_, '_>) {
    let texts: Vec<String> = (0..1_000).map(fifty).collect();
    bencher.bench_local(|| {
        let flows: Vec<Flow> = texts.iter().filter_map(|text| read(text)).collect();
        assert_eq!(flows.len(), texts.len());
        flows
    });
}

fn hostile() -> &'static [files::Hostile] {
    static FILES: OnceLock<Vec<files::Hostile>> = OnceLock::new();
    FILES.get_or_init(files::files)
}

/// A file that was written to hurt.
#[divan::bench(args = hostile().iter().map(|(name, _)| *name), sample_count = 3, sample_size = 1)]
fn hostile_file(bencher: divan::Bencher<'_, '_>, wanted: &str) {
    let text = hostile().iter().find(|(name, _)| *name == wanted);
    bencher.bench_local(|| read(text.map_or("", |(_, text)| text)));
}
