//! A call told step by step, and where it parts from what was expected.

use std::fmt::Write as _;

use super::rehearsal::Moment;
use crate::flow::prompt::Spoken;
use crate::model::{NodeName, show_duration};

/// Steps that are told; of a longer call the last ones.
const STEPS: usize = 60;

/// Where a path is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parting {
    /// The step, from 0; as many as there are steps when the call ended too early.
    at: usize,
    /// What should be there; `None` when the call should have ended.
    expected: Option<String>,
}

impl Parting {
    /// `None` when both are the same.
    pub(super) fn find(expected: &[&str], path: &[&NodeName]) -> Option<Self> {
        let same = expected.iter().zip(path);
        let at = same
            .take_while(|(one, other)| **one == other.as_str())
            .count();
        (at < expected.len() || at < path.len()).then(|| Self {
            at,
            expected: expected.get(at).map(|name| (*name).to_owned()),
        })
    }

    fn arrow(&self) -> String {
        match &self.expected {
            Some(name) => format!("  --> expected {name} here"),
            None => "  --> expected nothing more".to_owned(),
        }
    }
}

/// One line a step.
pub(super) fn tell(moments: &[Moment], parting: Option<&Parting>) -> String {
    let steps = moments.iter().enumerate();
    let starts: Vec<usize> = steps
        .filter(|(_, moment)| matches!(moment, Moment::Step { .. }))
        .map(|(at, _)| at)
        .collect();
    let mut text = "the call, step by step".to_owned();
    let skipped = starts.len().saturating_sub(STEPS);
    if skipped > 0 {
        write!(text, "\n    … {skipped} steps before").ok();
    }
    for (number, from) in starts.iter().enumerate().skip(skipped) {
        if let Some(parting) = parting.filter(|parting| parting.at == number) {
            write!(text, "\n{}", parting.arrow()).ok();
        }
        let to = starts.get(number + 1).copied().unwrap_or(moments.len());
        let step = moments.get(*from..to).unwrap_or_default();
        write!(text, "\n    {}. {}", number + 1, line(step)).ok();
    }
    if let Some(parting) = parting.filter(|parting| parting.at == starts.len()) {
        write!(text, "\n{}", parting.arrow()).ok();
    }
    text
}

fn line(step: &[Moment]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut head = String::new();
    let mut keys = String::new();
    for moment in step {
        if let Moment::Pressed(key) = moment {
            keys.push(*key);
            continue;
        }
        if !keys.is_empty() {
            parts.push(format!("presses {}", std::mem::take(&mut keys)));
        }
        if let Moment::Step { .. } = moment {
            head = moment.to_string();
        } else {
            parts.push(moment.to_string());
        }
    }
    if !keys.is_empty() {
        parts.push(format!("presses {keys}"));
    }
    if parts.is_empty() {
        head
    } else {
        format!("{head}: {}", parts.join(", "))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step { node, verb } => write!(f, "{node} ({verb})"),
            Self::Exit(exit) => write!(f, "takes {exit}"),
            Self::Answered => f.write_str("is answered"),
            Self::Heard(spoken) => write!(f, "hears {}", heard(spoken)),
            Self::Pressed(key) => write!(f, "presses {key}"),
            Self::Silence => f.write_str("presses nothing"),
            Self::Queue(request) => write!(f, "waits in queue {}", request.queue),
            Self::Line(line) => write!(f, "goes to line {line}"),
            Self::Inside { flow, node } => write!(f, "goes to {node} of the flow {flow}"),
            Self::Operator(operator) => write!(f, "rings {operator}"),
            Self::Dial(to) => write!(f, "rings {}", to.join(", ")),
            Self::Http(Some(status)) => write!(f, "is answered with {status}"),
            Self::Http(None) => f.write_str("has no answer"),
            Self::Known(true) => f.write_str("is known"),
            Self::Known(false) => f.write_str("is not known"),
            Self::Message(mailbox) => write!(f, "leaves a message for {mailbox}"),
            Self::Promised => f.write_str("is promised to be called back"),
            Self::Notify(name) => write!(f, "tells {name}"),
            Self::Back(exit) => write!(f, "comes back by {exit}"),
            Self::Fault(fault) => write!(f, "has the fault {}", fault.as_str()),
            Self::Reject(code) => write!(f, "is refused with {code}"),
            Self::Hangup => f.write_str("is hung up"),
        }
    }
}

/// What a caller hears, as text: the names of sounds, without their language.
#[must_use]
pub fn heard(spoken: &[Spoken]) -> String {
    let one = |spoken: &Spoken| match spoken {
        Spoken::Sound { name, .. } => name.to_string(),
        Spoken::Said(said) => format!("\"{}\"", said.text),
        Spoken::Tone => "a tone".to_owned(),
        Spoken::Silence(length) => format!("{} of silence", show_duration(*length)),
    };
    spoken.iter().map(one).collect::<Vec<_>>().join(", ")
}
