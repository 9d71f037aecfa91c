//! `customer`: looks a caller up in the customer base.

use std::sync::Arc;
use std::time::Duration;

use super::asking::Asking;
use super::kind::{Exit, Next, NodeIndex, Shape, Verb, Wait};
use crate::flow::ask::{Answer, Ask, Reply};
use crate::flow::expression::{CustomerField, Expression};
use crate::flow::port::Input;
use crate::flow::read::Reader;
use crate::flow::source::{Cursor, unknown};
use crate::flow::turn::{Turn, of_customer};
use crate::flow::value::Held;
use crate::model::{CustomerKey, FlowFault, Telephone, limits};

/// The base answers within a millisecond; a caller waits no longer than this for one that
/// does not.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Customer {
    by: By,
    save: Vec<(Arc<str>, CustomerField)>,
    found: NodeIndex,
    unknown: NodeIndex,
}

#[derive(Debug)]
enum By {
    Number(Expression),
    Account(Expression),
}

impl Customer {
    pub(super) fn read(node: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let fields = ["number", "account", "save", "found", "unknown"];
        reader.fields(node, &fields);
        let by = match (node.get("number"), node.get("account")) {
            (Some(_), Some(account)) => {
                let problem = account.key_error("a customer is looked up by one thing");
                let hint = "leave out `number` or `account`, or ask again in another node";
                reader.diags.push(problem.hint(hint));
                None
            }
            (Some(number), None) => reader.expression(number).map(By::Number),
            (None, Some(account)) => reader.expression(account).map(By::Account),
            (None, None) => reader.compiled(node, "caller.number").map(By::Number),
        };
        let save = node.get("save").map(|map| save(map, reader));
        let found = reader.exit(node, "found");
        let unknown = reader.exit(node, "unknown");
        Some(Self {
            by: by?,
            save: save.unwrap_or_default(),
            found: found?,
            unknown: unknown?,
        })
    }

    /// By what; `None` for what nobody has in a base, such as a caller without a number.
    fn key(&self, turn: &mut Turn<'_>) -> Option<CustomerKey> {
        match &self.by {
            By::Number(number) => {
                let text = turn.evaluate(number)?.into_text();
                Telephone::read(&text).map(CustomerKey::Number)
            }
            By::Account(account) => {
                let text = turn.evaluate(account)?.into_text();
                let fits = (1..=limits::CUSTOMER_ACCOUNT).contains(&text.len());
                fits.then_some(CustomerKey::Account(text))
            }
        }
    }

    fn replied(&self, reply: Reply, turn: &mut Turn<'_>) -> Next {
        let Ok(Answer::Customer(found)) = reply else {
            turn.fault(FlowFault::Outside);
            return Next::Go(self.unknown);
        };
        turn.core.customer = found;
        let customer = turn.core.customer.as_deref();
        for (name, field) in &self.save {
            let value = of_customer(customer, *field).kept();
            turn.core.vars.insert(Arc::clone(name), Held::open(value));
        }
        Next::Go(match customer {
            Some(_) => self.found,
            None => self.unknown,
        })
    }
}

impl Verb for Customer {
    fn name(&self) -> &'static str {
        "customer"
    }

    fn shape(&self) -> Shape {
        Shape::Choice
    }

    fn exits(&self) -> Vec<Exit> {
        vec![
            Exit::instant("found", self.found),
            Exit::instant("unknown", self.unknown),
        ]
    }

    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match self.key(turn) {
            Some(key) => Asking::begin(Ask::Customer(key), PATIENCE, turn),
            None => self.replied(Ok(Answer::Customer(None)), turn),
        }
    }

    fn handle(&self, wait: Wait, input: Input, turn: &mut Turn<'_>) -> Next {
        Asking::hear(wait, input, turn).map_or_else(Next::Stay, |reply| self.replied(reply, turn))
    }
}

/// `{variable: field of the customer}`.
fn save(map: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<(Arc<str>, CustomerField)> {
    let mut saves = Vec::new();
    for (name, value) in map.map(reader.diags).unwrap_or_default() {
        let Some(text) = value.string(reader.diags) else {
            continue;
        };
        // A variable holds no list; `customer.tags` does.
        let fields = CustomerField::ALL
            .into_iter()
            .filter(|(_, field)| *field != CustomerField::Tags);
        match fields.clone().find(|(name, _)| *name == text) {
            Some((_, field)) => saves.push((name.into(), field)),
            None => {
                let problem = value.error(format!("a customer has no `{text}` to save"));
                let names = fields.map(|(name, _)| name);
                reader.diags.push(unknown(problem, text, names));
            }
        }
    }
    saves
}
