//! `dial`: SIP addresses that stand in the flow are rung.
//!
//! # Why
//! Toll fraud is what comes of letting a caller say where a call goes. The host of an
//! address is written out, so an outside call goes only where the file says; what is
//! computed may be the name before the `@`, and only of the characters that a number or a
//! name has.

use std::sync::Arc;
use std::time::Duration;

use super::kind::{Exit, Next, Shape, Verb, Wait};
use super::line::Exits;
use crate::flow::port::{DialRequest, Input, Output, Returned};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::template::Template;
use crate::flow::turn::Turn;
use crate::model::FlowFault;

/// Addresses of one node.
const ADDRESSES: usize = 8;
/// How long an address rings where nothing is written.
const RING: Duration = Duration::from_secs(30);
const FIELDS: &[&str] = &[
    "to",
    "together",
    "ring",
    "answered",
    "busy",
    "no_answer",
    "error",
];

#[derive(Debug)]
pub(crate) struct Dial {
    to: Vec<Address>,
    together: bool,
    ring: Duration,
    exits: Exits,
}

#[derive(Debug)]
enum Address {
    Written(Arc<str>),
    /// `sip:`, the name, and `@` with all that follows.
    Computed(Arc<str>, Template, Arc<str>),
}

impl Dial {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fields(node, FIELDS);
        let to = node
            .require("to", reader.diags)
            .map(|cursor| addresses(cursor, reader));
        let together = reader.flag(node, "together", false);
        let ring = node
            .get("ring")
            .and_then(|cursor| super::line::ring(cursor, reader));
        let exits = Exits::read(node, reader);
        Some(Self {
            to: to?,
            together,
            ring: ring.unwrap_or(RING),
            exits: exits?,
        })
    }
}

impl Verb for Dial {
    fn name(&self) -> &'static str {
        "dial"
    }

    fn shape(&self) -> Shape {
        Shape::Away
    }

    fn exits(&self) -> Vec<Exit> {
        self.exits.all()
    }

    fn needs_answer(&self) -> bool {
        true
    }

    fn ways_back(&self) -> Vec<(String, Returned)> {
        super::line::ways_back()
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.core.ahead.clear();
        let filled: Option<Vec<_>> = self.to.iter().map(|to| to.fill(turn)).collect();
        let Some(to) = filled else {
            turn.fault(FlowFault::Expression);
            return Next::Go(self.exits.error);
        };
        turn.out.push(Output::Dial(DialRequest {
            to,
            together: self.together,
            ring: self.ring,
        }));
        Next::Stay(Wait::Line)
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        self.exits.take(wait, &input, turn)
    }
}

impl Address {
    /// `None` when what comes out is no name.
    fn fill(&self, turn: &mut Turn<'_>) -> Option<Arc<str>> {
        match self {
            Self::Written(address) => Some(Arc::clone(address)),
            Self::Computed(scheme, name, rest) => {
                let name = turn.fill(name)?.shown()?.to_string();
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-_.*".contains(&b);
                let fits = (1..=64).contains(&name.len()) && name.bytes().all(plain);
                fits.then(|| format!("{scheme}{name}{rest}").into())
            }
        }
    }

    fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let text = cursor.string(reader.diags)?;
        let scheme = ["sip:", "sips:"].into_iter().find(|s| text.starts_with(s));
        let Some(scheme) = scheme else {
            let problem = cursor.error(format!("`{text}` is no SIP address"));
            let hint = "write \"sip:name@host:5060\"; a number goes by a gateway's address";
            reader.diags.push(problem.hint(hint));
            return None;
        };
        let name = text.strip_prefix(scheme).unwrap_or_default();
        let computed = name.find("${").map(|_| name.rsplit_once('@'));
        let (name, host) = match computed {
            None => {
                known(cursor, text, reader)?;
                return Some(Self::Written(text.into()));
            }
            Some(Some((name, host))) if !host.contains("${") => (name, host),
            Some(_) => {
                let problem = cursor.error("the host of an address cannot be computed");
                let hint = "write the host out; only the name before the @ may have ${…}";
                reader.diags.push(problem.hint(hint));
                return None;
            }
        };
        known(cursor, &format!("{scheme}name@{host}"), reader)?;
        let name = reader.template(cursor, name)?;
        Some(Self::Computed(
            scheme.into(),
            name,
            format!("@{host}").into(),
        ))
    }
}

/// Says when an address cannot be dialled.
fn known(cursor: Cursor<'_>, text: &str, reader: &mut Reader<'_>) -> Option<()> {
    let Some(hint) = (reader.known.addresses)(text) else {
        return Some(());
    };
    let problem = cursor.error(format!("`{text}` cannot be dialled"));
    reader.diags.push(problem.hint(hint));
    None
}

fn addresses(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<Address> {
    let items = cursor.one_or_many();
    if items.is_empty() || items.len() > ADDRESSES {
        let problem = cursor.error(format!("a dial has 1 to {ADDRESSES} addresses"));
        let hint = "write \"sip:name@host:5060\", or a list";
        reader.diags.push(problem.hint(hint));
    }
    let items = items.into_iter().take(ADDRESSES);
    items
        .filter_map(|item| Address::read(item, reader))
        .collect()
}
