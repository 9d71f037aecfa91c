//! `http`: asks a server outside.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::asking::Asking;
use super::kind::{Exit, Next, NodeIndex, Verb, Wait, between};
use crate::flow::ask::{Answer, Ask, HttpAnswer, HttpMethod, Reply};
use crate::flow::port::Input;
use crate::flow::read::Reader;
use crate::flow::request::Request;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;
use crate::flow::value::Held;
use crate::model::FlowFault;

/// What a caller hears of it is silence: seconds, not minutes.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
/// Values of an answer that are kept.
const SAVES: usize = 16;
const RETRIES: u32 = 3;

#[derive(Debug)]
pub(crate) struct Http {
    request: Request,
    timeout: Duration,
    retries: u32,
    sign: bool,
    /// The variables, in the order of the pointers.
    vars: Vec<Arc<str>>,
    pointers: Arc<[Arc<str>]>,
    ok: NodeIndex,
    error: NodeIndex,
    status: Vec<(Status, NodeIndex)>,
}

/// `404`, or all of `4xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    One(u16),
    Class(u16),
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok()?;
            return (2..=5).contains(&class).then_some(Self::Class(class));
        }
        let code = text.parse().ok()?;
        (200..600).contains(&code).then_some(Self::One(code))
    }

    fn holds(self, code: u16) -> bool {
        match self {
            Self::One(one) => one == code,
            Self::Class(class) => class == code / 100,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(code) => write!(f, "{code}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Http {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fields = [
            "request", "timeout", "save", "retries", "sign", "ok", "error", "status",
        ];
        reader.fields(node, &fields);
        let request = node
            .require("request", reader.diags)
            .and_then(|cursor| Request::read(cursor, reader));
        let timeout = timeout(node, reader);
        let (vars, pointers) = match node.get("save") {
            Some(map) => save(map, reader).into_iter().unzip(),
            None => (Vec::new(), Vec::new()),
        };
        let usual = request.as_ref().map_or(0, |request| match request.method {
            // RFC 9110 section 9.2.2: asking twice is asking once.
            HttpMethod::Get | HttpMethod::Put | HttpMethod::Delete => 1,
            HttpMethod::Post | HttpMethod::Patch => 0,
        });
        let retries = reader.count(node, "retries", RETRIES, usual);
        let sign = reader.flag(node, "sign", false);
        if let Some(value) = node.get("sign")
            && sign
            && !reader.known.signs
        {
            let problem = value.error("there is no secret to sign with");
            let hint = "add it to the configuration: requests: { secret: ${REQUESTS_SECRET} }";
            reader.diags.push(problem.hint(hint));
        }
        let ok = reader.exit(node, "ok");
        let error = reader.exit(node, "error");
        let status = match node.get("status") {
            Some(map) => statuses(map, reader),
            None => Vec::new(),
        };
        Some(Self {
            request: request?,
            timeout: timeout?,
            retries,
            sign,
            vars,
            pointers: pointers.into(),
            ok: ok?,
            error: error?,
            status,
        })
    }

    fn replied(&self, reply: Reply, turn: &mut Turn<'_>) -> Next {
        let Ok(Answer::Http(HttpAnswer { status, saved })) = reply else {
            turn.fault(FlowFault::Outside);
            return Next::Go(self.error);
        };
        for (name, value) in self.vars.iter().zip(saved) {
            turn.core.vars.insert(Arc::clone(name), Held::open(value));
        }
        let mut own = self.status.iter();
        if let Some((_, to)) = own.find(|(of, _)| of.holds(status)) {
            return Next::Go(*to);
        }
        if (200..300).contains(&status) {
            return Next::Go(self.ok);
        }
        turn.fault(FlowFault::Outside);
        Next::Go(self.error)
    }
}

impl Verb for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits = vec![Exit::instant("ok", self.ok)];
        let own = self.status.iter();
        exits.extend(own.map(|(status, to)| Exit::instant(status.to_string(), *to)));
        exits.push(Exit::instant("error", self.error));
        exits
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let mut request = match self.request.fill(turn) {
            Ok(request) => request,
            Err(fault) => {
                turn.fault(fault);
                return Next::Go(self.error);
            }
        };
        request.save = Arc::clone(&self.pointers);
        request.retries = self.retries;
        request.sign = self.sign;
        Asking::begin(Ask::Http(Box::new(request)), self.timeout, turn)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        Asking::hear(wait, input, turn).map_or_else(Next::Stay, |reply| self.replied(reply, turn))
    }
}

/// There is no usual one: whoever writes a request says how long a caller waits for it.
fn timeout(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Duration> {
    let Some(value) = node.get("timeout") else {
        let problem = node.key_error("this http has no `timeout`");
        let hint = "add `timeout: 2s`: a caller waits no longer than that";
        reader.diags.push(problem.hint(hint));
        return None;
    };
    between(value, "`timeout` of a request", TIMES, reader)
}

/// `{variable: pointer}`.
fn save(map: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let mut saves = Vec::new();
    let entries = map.map(reader.diags).unwrap_or_default();
    if let Some((_, cursor)) = entries.get(SAVES) {
        let message = format!("at most {SAVES} values of an answer are saved");
        reader.diags.push(cursor.key_error(message));
    }
    for (name, value) in entries {
        let Some(pointer) = value.string(reader.diags) else {
            continue;
        };
        if !is_pointer(pointer) {
            let problem = value.error(format!("`{pointer}` is no JSON pointer"));
            let hint = "write /customer/tier, or /list/0; ~1 is a slash in a name and ~0 a ~";
            reader.diags.push(problem.hint(hint));
        }
        saves.push((name.into(), pointer.into()));
    }
    saves
}

/// RFC 6901 section 3.
fn is_pointer(text: &str) -> bool {
    let mut escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/')) && escapes.all(|after| after.starts_with(['0', '1']))
}

/// `{"404": node, "5xx": node}`, codes before classes.
fn statuses(map: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<(Status, NodeIndex)> {
    let mut statuses = Vec::new();
    for (text, to) in map.map(reader.diags).unwrap_or_default() {
        let Some(status) = Status::parse(text) else {
            let problem = to.key_error(format!("`{text}` is no status"));
            let hint = "write \"404\" or \"4xx\", from 200 to 599";
            reader.diags.push(problem.hint(hint));
            continue;
        };
        statuses.extend(reader.target(to).map(|to| (status, to)));
    }
    statuses.sort_unstable();
    statuses
}
