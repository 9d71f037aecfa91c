//! `callback`: the caller is promised a call, confirms the number, and may hang up.
//!
//! ```text
//!  number ─ may be called ─► read back ─ 1 ─► promised ─► ok
//!     │                          └─ 2 ─┐
//!     └─ may not ─► sorry ─────────────┴─► enter another ─► …
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::collect::Digits;
use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use crate::flow::expression::Expression;
use crate::flow::port::{CallbackRequest, Input, Output, Returned};
use crate::flow::prompt::Spoken;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::Turn;
use crate::model::{FlowFault, QueueName};

/// "We will call you back on", digits, "press 1 if that is right, 2 for another number".
const NUMBER: &str = "callback/number";
const CONFIRM: &str = "callback/confirm";
/// "Enter the number, and then the hash key."
const ENTER: &str = "callback/enter";
/// "That number cannot be called back."
const NOT_POSSIBLE: &str = "callback/not-possible";
/// Digits of one number: E.164 has 15, and some write an exit code before them.
const DIGITS: usize = 18;
/// Wrong keys, silences and numbers that may not be called, until it is given up.
const FAILURES: u32 = 3;

#[derive(Debug)]
pub(crate) struct Callback {
    number: Option<Expression>,
    confirm: bool,
    queue: Option<QueueName>,
    timeout: Duration,
    interdigit: Duration,
    ok: NodeIndex,
    error: NodeIndex,
}

/// How far the caller is.
#[derive(Debug)]
pub(crate) struct Asking {
    number: Digits,
    failures: u32,
    step: Step,
    /// Until then a key is waited for; `None` while something plays, or is promised.
    pub(super) until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Is it right?
    Confirm,
    /// Which is it?
    Enter,
    /// The exchange is asked.
    Promise,
}

impl Callback {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fields = [
            "number",
            "confirm",
            "queue",
            "timeout",
            "interdigit",
            "ok",
            "error",
        ];
        reader.fields(node, &fields);
        let number = node.get("number").map(|cursor| reader.expression(cursor));
        let confirm = reader.flag(node, "confirm", true);
        if confirm {
            for name in [NUMBER, CONFIRM, ENTER, NOT_POSSIBLE] {
                reader.sound_in_each_language(node, name);
            }
            for digit in 0..=9 {
                reader.sound_in_each_language(node, &format!("number/{digit}"));
            }
        }
        let queue = node.get("queue").map(|cursor| queue(cursor, reader));
        let timeout = reader.duration(node, "timeout", reader.defaults.timeout);
        let interdigit = reader.duration(node, "interdigit", reader.defaults.interdigit);
        let (ok, error) = (reader.exit(node, "ok"), reader.exit(node, "error"));
        Some(Self {
            number: match number {
                Some(compiled) => Some(compiled?),
                None => None,
            },
            confirm,
            queue: match queue {
                Some(queue) => Some(queue?),
                None => None,
            },
            timeout,
            interdigit,
            ok: ok?,
            error: error?,
        })
    }

    /// The number that is written, or the caller's.
    fn first(&self, turn: &mut Turn<'_>) -> String {
        match &self.number {
            Some(number) => turn
                .evaluate(number)
                .and_then(|held| held.shown())
                .map(|value| value.to_string())
                .unwrap_or_default(),
            None => turn.core.caller.from.as_str().to_owned(),
        }
    }

    fn may(&self, number: &str, turn: &Turn<'_>) -> bool {
        turn.world.may_call_back(self.queue.as_ref(), number)
    }

    /// Goes on with a number: reads it back, asks for another, or has it promised.
    fn offer(&self, number: String, failures: u32, turn: &mut Turn<'_>) -> Next {
        let may = self.may(&number, turn);
        if !self.confirm {
            return if may {
                self.promise(number, failures, turn)
            } else {
                Next::Go(self.error)
            };
        }
        if !may {
            // Whose number is hidden has nothing wrong with it.
            let sorry = number.bytes().any(|byte| byte.is_ascii_digit());
            return self.enter_number(sorry, failures, turn);
        }
        let digits = number.chars().filter(char::is_ascii_digit);
        let names = digits.map(|digit| format!("number/{digit}"));
        let mut sounds = vec![NUMBER.to_owned()];
        sounds.extend(names);
        sounds.push(CONFIRM.to_owned());
        say(&sounds, turn);
        Next::Stay(Wait::Callback(Asking {
            number: Digits::of(number),
            failures,
            step: Step::Confirm,
            until: None,
        }))
    }

    fn enter_number(&self, sorry: bool, failures: u32, turn: &mut Turn<'_>) -> Next {
        let failures = failures + u32::from(sorry);
        if failures >= FAILURES {
            return Next::Go(self.error);
        }
        let first = sorry.then(|| NOT_POSSIBLE.to_owned());
        let sounds: Vec<String> = first.into_iter().chain([ENTER.to_owned()]).collect();
        say(&sounds, turn);
        Next::Stay(Wait::Callback(Asking {
            number: Digits::default(),
            failures,
            step: Step::Enter,
            until: None,
        }))
    }

    fn promise(&self, number: String, failures: u32, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Output::Callback(CallbackRequest {
            queue: self.queue.clone(),
            number,
        }));
        Next::Stay(Wait::Callback(Asking {
            number: Digits::default(),
            failures,
            step: Step::Promise,
            until: None,
        }))
    }

    /// The caller said nothing that can be used: the same again, a few times.
    fn again(&self, asking: Asking, turn: &mut Turn<'_>) -> Next {
        let failures = asking.failures + 1;
        if failures >= FAILURES {
            return Next::Go(self.error);
        }
        match asking.step {
            Step::Confirm => self.offer(asking.number.into_text(), failures, turn),
            Step::Enter | Step::Promise => self.enter_number(false, failures, turn),
        }
    }

    /// Waits for a key. Those that came while it spoke were taken then.
    fn listen(&self, mut asking: Asking, turn: &Turn<'_>) -> Next {
        let typing = asking.step == Step::Enter && !asking.number.is_empty();
        let patience = if typing {
            self.interdigit
        } else {
            self.timeout
        };
        asking.until = Some(turn.now + patience);
        Next::Stay(Wait::Callback(asking))
    }

    fn key(&self, key: char, mut asking: Asking, turn: &mut Turn<'_>) -> Next {
        match (asking.step, key) {
            (Step::Confirm, '1') => self.promise(asking.number.into_text(), asking.failures, turn),
            (Step::Confirm, '2') => self.enter_number(false, asking.failures, turn),
            (Step::Confirm, _) => self.again(asking, turn),
            (Step::Enter, '#') => self.entered(asking, turn),
            (Step::Enter, key) => {
                if key.is_ascii_digit() {
                    asking.number.push(key);
                } else {
                    // A star begins the number again, as elsewhere.
                    asking.number = Digits::default();
                }
                if asking.number.len() >= DIGITS {
                    return self.entered(asking, turn);
                }
                self.listen(asking, turn)
            }
            (Step::Promise, _) => Next::Stay(Wait::Callback(asking)),
        }
    }

    fn entered(&self, asking: Asking, turn: &mut Turn<'_>) -> Next {
        if asking.number.is_empty() {
            return self.again(asking, turn);
        }
        self.offer(asking.number.into_text(), asking.failures, turn)
    }

    fn promised(&self, made: bool, turn: &mut Turn<'_>) -> Next {
        if made {
            // The queue that led here may know better where its callers go on.
            return Next::Go(turn.core.once_promised.take().unwrap_or(self.ok));
        }
        turn.fault(FlowFault::Queue);
        Next::Go(self.error)
    }
}

impl Verb for Callback {
    fn name(&self) -> &'static str {
        "callback"
    }

    fn shape(&self) -> Shape {
        Shape::Question
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            Exit::paced("ok", self.ok),
            Exit::instant("error", self.error),
        ]
    }

    fn other_sounds(&self, language: &str) -> Vec<(String, String)> {
        if !self.confirm {
            return Vec::new();
        }
        let own = [NUMBER, CONFIRM, ENTER, NOT_POSSIBLE].map(str::to_owned);
        let digits = (0..=9).map(|digit| format!("number/{digit}"));
        let names = own.into_iter().chain(digits);
        names.map(|name| (language.to_owned(), name)).collect()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        let number = self.first(turn);
        self.offer(number, 0, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        let Wait::Callback(asking) = wait else {
            return Next::Stay(wait);
        };
        match (input, asking.until) {
            (Input::Returned(Returned::Callback(made)), _) if asking.step == Step::Promise => {
                self.promised(made, turn)
            }
            (Input::Key(key), until) if asking.step != Step::Promise => {
                if until.is_none() {
                    turn.out.push(Output::StopPlaying);
                }
                self.key(key, asking, turn)
            }
            (Input::Played, None) if asking.step != Step::Promise => self.listen(asking, turn),
            (Input::Tick, Some(at)) if turn.now >= at => {
                if asking.step == Step::Enter && !asking.number.is_empty() {
                    return self.entered(asking, turn);
                }
                self.again(asking, turn)
            }
            (
                Input::Key(_)
                | Input::Played
                | Input::Tick
                | Input::Begin
                | Input::Answered
                | Input::Returned(_),
                _,
            ) => Next::Stay(Wait::Callback(asking)),
        }
    }
}

fn say(names: &[String], turn: &mut Turn<'_>) {
    let language = Arc::clone(&turn.core.language);
    let sounds = names.iter().map(|name| Spoken::sound(&language, name));
    turn.out.push(Output::Play(sounds.collect()));
}

fn queue(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<QueueName> {
    let name = cursor.string(reader.diags)?;
    if !reader.known.queues.contains(name) {
        let problem = cursor.error(format!("there is no queue `{name}`"));
        let known = reader.known.queues.iter().map(QueueName::as_str);
        reader.diags.push(unknown(problem, name, known));
    } else if !reader.known.callbacks.contains(name) {
        let problem = cursor.error(format!("queue `{name}` calls nobody back"));
        let hint = format!("write `callback: {{line: …, allow: […]}}` at queue `{name}`");
        reader.diags.push(problem.hint(hint));
    }
    Some(QueueName::from(name))
}
