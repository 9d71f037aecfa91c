//! `centrale flow run`: a flow in the terminal, without a phone.

use std::collections::VecDeque;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use exchange::config::Config;
use exchange::flow::{Caller, Flow, Moment, Rehearsal, Stage, Wants};
use exchange::model::{Epoch, Number};

use crate::server::clock;

/// What is typed on one line.
const LONGEST: u64 = 1024;

/// The call.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The moment of the call, for opening hours: 2026-03-02T10:15:00+01:00.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The caller's number.
    #[arg(long, value_name = "NUMBER", default_value = "anonymous")]
    caller: String,
    /// The number that was dialled.
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    called: String,
    /// The language to begin with; the flow's first when absent.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
}

/// Plays the flow: prompts as text, keys from standard input, a line each time the flow
/// listens.
pub(super) fn run(
    config: &Config,
    flow: &Arc<Flow>,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let entry = config.numbers.find(&options.called);
    let caller = Caller {
        from: Number::from(options.caller.as_str()),
        name: None,
        called: Number::from(options.called.as_str()),
        language: language(flow, options)?,
        project: entry.and_then(|(_, entry)| entry.project.clone()),
    };
    let epoch = Epoch {
        instant: clock::now(),
        wall: moment(options.at.as_deref())?,
    };
    let call = Rehearsal::new(flow, caller, &config.calendars, epoch, Stage::default());
    Terminal::new(call).play()
}

fn language(flow: &Flow, options: &Options) -> anyhow::Result<Option<String>> {
    let Some(language) = &options.language else {
        return Ok(None);
    };
    let known = flow.languages();
    if !known.iter().any(|known| **known == **language) {
        let (name, known) = (flow.name(), known.join(", "));
        bail!("the flow {name} does not speak {language}; it speaks {known}");
    }
    Ok(Some(language.clone()))
}

fn moment(text: Option<&str>) -> anyhow::Result<SystemTime> {
    let Some(text) = text else {
        return Ok(clock::wall());
    };
    let parsed: Option<jiff::Timestamp> = text.parse().ok();
    let moment = parsed.and_then(|moment| SystemTime::try_from(moment).ok());
    moment.ok_or_else(|| anyhow!("{text} is no moment; write --at 2026-03-02T10:15:00+01:00"))
}

/// A call, what has been shown of it, and keys that were typed and not pressed yet.
struct Terminal {
    call: Rehearsal,
    shown: usize,
    keys: VecDeque<char>,
    /// What is typed is seen by itself; from a file or a pipe it is not.
    echo: bool,
}

impl Terminal {
    fn new(call: Rehearsal) -> Self {
        Self {
            call,
            shown: 0,
            keys: VecDeque::new(),
            echo: !std::io::stdin().is_terminal(),
        }
    }

    fn play(&mut self) -> anyhow::Result<ExitCode> {
        loop {
            let wants = self.call.go_on();
            self.show()?;
            let goes_on = match wants {
                Wants::Keys => self.press()?,
                Wants::Return => self.come_back()?,
                Wants::Nothing => false,
                Wants::End => bail!("the call does not come to an end"),
            };
            if !goes_on {
                self.show()?;
                return self.outcome(wants);
            }
        }
    }

    fn show(&mut self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let all = self.call.moments();
        for moment in all.get(self.shown..).unwrap_or_default() {
            if let Moment::Step { node, verb } = moment {
                writeln!(out, "{node} ({verb})")?;
            } else if !matches!(moment, Moment::Pressed(_)) {
                // Keys were typed, and stand there.
                writeln!(out, "    {moment}")?;
            }
        }
        self.shown = all.len();
        Ok(())
    }

    fn press(&mut self) -> anyhow::Result<bool> {
        if self.keys.is_empty() {
            let Some(line) = self.ask("    keys (none: wait, end of input: hang up)> ")? else {
                return Ok(false);
            };
            let is_key = |key: &char| key.is_ascii_digit() || matches!(key, '*' | '#');
            let (keys, others): (Vec<char>, Vec<char>) =
                line.chars().filter(|key| *key != ' ').partition(is_key);
            if !others.is_empty() {
                writeln!(std::io::stdout(), "    keys are 0 to 9, * and #")?;
                return Ok(true);
            }
            self.keys.extend(keys);
        }
        match self.keys.pop_front() {
            Some(key) => self.call.press(key),
            None => self.call.wait(),
        }
        Ok(true)
    }

    fn come_back(&mut self) -> anyhow::Result<bool> {
        let exits = self.call.exits().join(", ");
        let question = format!("    comes back by (none: it ends here) {exits}> ");
        let line = self.ask(&question)?.unwrap_or_default();
        if line.is_empty() {
            return Ok(false);
        }
        if self.call.come_back(&line).is_err() {
            writeln!(std::io::stdout(), "    there is no exit {line}")?;
        }
        Ok(true)
    }

    /// One line, `None` at the end of the input.
    fn ask(&self, question: &str) -> anyhow::Result<Option<String>> {
        let mut out = std::io::stdout().lock();
        write!(out, "{question}")?;
        out.flush()?;
        let mut line = String::new();
        let read = std::io::stdin().lock().take(LONGEST).read_line(&mut line);
        let some = read.context("cannot read what was typed")? > 0;
        let line = line.trim().to_owned();
        if self.echo {
            writeln!(out, "{line}")?;
        }
        Ok(some.then_some(line))
    }

    fn outcome(&self, wants: Wants) -> anyhow::Result<ExitCode> {
        let last = self
            .call
            .moments()
            .iter()
            .rev()
            .find_map(|moment| match moment {
                Moment::Queue(request) => Some(format!("queue {}", request.queue)),
                Moment::Line(line) => Some(format!("line {line}")),
                Moment::Operator(operator) => Some(format!("operator {operator}")),
                Moment::Dial(to) => Some(format!("rings {}", to.join(", "))),
                Moment::Reject(code) => Some(format!("refused with {code}")),
                Moment::Hangup => Some("hung up".to_owned()),
                Moment::Step { .. }
                | Moment::Inside { .. }
                | Moment::Http(_)
                | Moment::Known(_)
                | Moment::Message(_)
                | Moment::Promised
                | Moment::Notify(_)
                | Moment::Exit(_)
                | Moment::Answered
                | Moment::Heard(_)
                | Moment::Pressed(_)
                | Moment::Silence
                | Moment::Back(_)
                | Moment::Fault(_) => None,
            });
        let node = self.call.run().node();
        let text = match (wants, last) {
            (Wants::Keys, _) | (_, None) => format!("the caller hangs up at {node}"),
            (Wants::Return | Wants::Nothing | Wants::End, Some(last)) => last,
        };
        writeln!(std::io::stdout(), "outcome: {text}")?;
        Ok(ExitCode::SUCCESS)
    }
}
