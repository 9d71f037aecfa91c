//! Conditions and values: CEL, compiled when the flow is loaded.
//!
//! Names are resolved then, too: `queue.support.waiting` becomes one slot, filled
//! just before the evaluation, so that an unknown name is found by `centrale check`
//! and an evaluation looks at nothing but what the expression names. Evaluation is
//! bounded: sources are short, and the macros that loop over lists are refused.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;
use cel::{Context, Env, Value};

use super::types::{self, Type};
use super::value::{Held, Scalar};
use crate::model::QueueName;

/// Characters of one expression.
const SOURCE_CHARS: usize = 512;
/// Nesting of one expression.
const DEPTH: u16 = 32;
/// Functions that an expression may call, besides the operators.
const FUNCTIONS: &[&str] = &[
    "contains",
    "endsWith",
    "int",
    "size",
    "startsWith",
    "string",
];
const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
];

/// What an expression can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `caller.number`.
    CallerNumber,
    /// `caller.name`; empty when unknown.
    CallerName,
    /// `called`: the number that was dialled.
    Called,
    /// `language`.
    Language,
    /// `project`; empty when the number has none.
    Project,
    /// `hours.<calendar>`: `open`, `closed` or `holiday`.
    Hours(Arc<str>),
    /// `queue.<name>.<field>`.
    Queue(QueueName, QueueField),
    /// `customer.<field>`; null before a node found one.
    Customer(CustomerField),
    /// `vars.<name>`.
    Var(Arc<str>),
}

/// What an expression can ask of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CustomerField {
    /// The number in the base.
    Number,
    /// Who it is.
    Name,
    /// Which language to speak.
    Language,
    /// Which project the customer belongs to.
    Project,
    /// A list of texts; empty when there are none.
    Tags,
    /// What an operator should know.
    Notes,
    /// Who talked with the customer last.
    LastOperator,
}

impl CustomerField {
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("number", Self::Number),
        ("name", Self::Name),
        ("language", Self::Language),
        ("project", Self::Project),
        ("tags", Self::Tags),
        ("notes", Self::Notes),
        ("last_operator", Self::LastOperator),
    ];
}

/// What an expression can ask of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueField {
    /// Callers waiting.
    Waiting,
    /// Seconds that the first has waited.
    LongestWait,
    /// Seconds that another one may wait; null when nobody can say.
    EstimatedWait,
    /// Operators free.
    Ready,
    /// Whether any operator is logged in.
    Staffed,
}

impl QueueField {
    const ALL: [(&'static str, Self); 5] = [
        ("waiting", Self::Waiting),
        ("longest_wait", Self::LongestWait),
        ("estimated_wait", Self::EstimatedWait),
        ("ready", Self::Ready),
        ("staffed", Self::Staffed),
    ];
}

/// What is there to be named, and the functions: made once for a flow.
pub(super) struct Scope<'a> {
    pub(super) env: Arc<Env>,
    pub(super) queues: &'a BTreeSet<QueueName>,
    pub(super) calendars: &'a BTreeSet<String>,
    pub(super) vars: BTreeSet<String>,
}

impl Scope<'_> {
    fn name(&self, path: &[&str]) -> Result<Name, Unknown> {
        let known = |all: Vec<&str>, name: &str| Unknown::near(path, &all, name);
        match path {
            ["caller", "number"] => Ok(Name::CallerNumber),
            ["caller", "name"] => Ok(Name::CallerName),
            ["caller", other] => Err(known(vec!["number", "name"], other)),
            ["called"] => Ok(Name::Called),
            ["language"] => Ok(Name::Language),
            ["project"] => Ok(Name::Project),
            ["hours", id] if self.calendars.contains(*id) => Ok(Name::Hours((*id).into())),
            ["hours", id] => Err(known(
                self.calendars.iter().map(String::as_str).collect(),
                id,
            )),
            ["queue", id, field] => {
                if !self.queues.contains(*id) {
                    return Err(known(
                        self.queues.iter().map(QueueName::as_str).collect(),
                        id,
                    ));
                }
                match QueueField::ALL.iter().find(|(name, _)| name == field) {
                    Some((_, of)) => Ok(Name::Queue(QueueName::from(*id), *of)),
                    None => Err(known(QueueField::ALL.map(|(name, _)| name).to_vec(), field)),
                }
            }
            ["vars", id] if self.vars.contains(*id) => Ok(Name::Var((*id).into())),
            ["vars", id] => Err(known(self.vars.iter().map(String::as_str).collect(), id)),
            ["customer", field] => {
                match CustomerField::ALL.iter().find(|(name, _)| name == field) {
                    Some((_, of)) => Ok(Name::Customer(*of)),
                    None => Err(known(
                        CustomerField::ALL.map(|(name, _)| name).to_vec(),
                        field,
                    )),
                }
            }
            ["customer"] => {
                let fields = CustomerField::ALL.map(|(name, _)| name);
                Err(known(fields.to_vec(), ""))
            }
            [first, ..] => {
                let all = vec![
                    "caller", "called", "customer", "language", "project", "hours", "queue", "vars",
                ];
                Err(known(all, first))
            }
            [] => Err(known(Vec::new(), "")),
        }
    }
}

/// How deep brackets and `?` nest, more or less: what is in quotes counts too. The parser
/// calls itself for each, and finds out how deep it is when it has been there.
fn depth(source: &str) -> usize {
    let (mut depth, mut deepest, mut choices) = (0_usize, 0, 0);
    for char in source.chars() {
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' => choices += 1,
            _ => {}
        }
        deepest = deepest.max(depth + choices);
    }
    deepest
}

/// Why an expression cannot be compiled.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Unknown {
    fn near(path: &[&str], all: &[&str], name: &str) -> Self {
        let hint = match super::source::nearest(name, all.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if all.is_empty() => None,
            None => Some(format!("known are {}", all.join(", "))),
        };
        let message = format!("unknown name `{}`", path.join("."));
        Self { message, hint }
    }

    pub(super) fn with(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }
}

/// Where the values of names come from.
pub(super) trait Values {
    fn value(&self, name: &Name) -> Held;
}

/// A compiled expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    tree: Arc<IdedExpr>,
    /// The name in slot `v0`, `v1`, …
    names: Arc<[(String, Name)]>,
    kind: Type,
    env: Arc<Env>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.source)
    }
}

impl Expression {
    pub(super) fn compile(source: &str, scope: &Scope<'_>) -> Result<Self, Unknown> {
        if source.chars().count() > SOURCE_CHARS {
            let message = format!("an expression has at most {SOURCE_CHARS} characters");
            return Err(Unknown::plain(message));
        }
        if depth(source) > usize::from(DEPTH) {
            let message = format!("an expression is at most {DEPTH} brackets and choices deep");
            return Err(Unknown::plain(message));
        }
        let mut slots = Slots {
            scope,
            names: Vec::new(),
        };
        let tree = match slots.name_alone(source) {
            Some(tree) => tree,
            None => slots.resolve(parse(source)?)?,
        };
        let kind = types::check(&tree, &slots.names)?;
        Ok(Self {
            source: source.into(),
            tree: Arc::new(tree),
            names: slots.names.into(),
            kind,
            env: Arc::clone(&scope.env),
        })
    }

    /// The text as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What comes out of it, as far as that is known.
    pub(super) fn kind(&self) -> Type {
        self.kind
    }

    /// The names that it looks at.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().map(|(_, name)| name)
    }

    /// `None` when it has no usable value: a wrong type, a division by zero.
    pub(super) fn evaluate(&self, values: &dyn Values) -> Option<Held> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        let mut sensitive = false;
        for (slot, name) in self.names.iter() {
            let held = values.value(name);
            sensitive |= held.sensitive;
            context.add_variable_from_value(slot.as_str(), held.value.to_cel());
        }
        let value = Value::resolve(&self.tree, &context).ok()?;
        let value = Scalar::from_cel(&value)?;
        Some(Held { value, sensitive })
    }

    /// A condition: `None` when it is neither true nor false.
    pub(super) fn holds(&self, values: &dyn Values) -> Option<bool> {
        match self.evaluate(values)?.value {
            Scalar::Truth(truth) => Some(truth),
            Scalar::Nothing | Scalar::Number(_) | Scalar::Text(_) | Scalar::Texts(_) => None,
        }
    }
}

fn parse(source: &str) -> Result<IdedExpr, Unknown> {
    let parser = Parser::new().max_recursion_depth(DEPTH);
    parser.parse(source).map_err(|errors| {
        let first = errors.errors.first().map_or("cannot be read", |e| &e.msg);
        // What could stand there instead is a list of tokens that helps nobody.
        let first = first.split(" expecting").next().unwrap_or(first);
        Unknown {
            message: format!("`{source}` is no expression: {first}"),
            hint: Some("write it as in `caller.number.startsWith(\"+31\")`".into()),
        }
    })
}

struct Slots<'a> {
    scope: &'a Scope<'a>,
    names: Vec<(String, Name)>,
}

impl Slots<'_> {
    /// The slot of `vars.x` and its like. Most expressions are no more than that, and the
    /// parser takes some thirty times as long to say so.
    fn name_alone(&mut self, source: &str) -> Option<IdedExpr> {
        let plain = |word: &str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !word.starts_with(|first: char| first.is_ascii_digit()) && word.bytes().all(letter)
        };
        let path: Vec<&str> = source.trim().split('.').collect();
        let name = path.iter().all(|word| plain(word));
        let name = name.then(|| self.scope.name(&path).ok()).flatten()?;
        let expr = Expr::Ident(self.slot(name));
        Some(IdedExpr { id: 1, expr })
    }

    /// Replaces every name by its slot.
    fn resolve(&mut self, node: IdedExpr) -> Result<IdedExpr, Unknown> {
        let id = node.id;
        if let Some(path) = path(&node.expr) {
            let name = self.scope.name(&path)?;
            return Ok(IdedExpr {
                id,
                expr: Expr::Ident(self.slot(name)),
            });
        }
        let expr = match node.expr {
            Expr::Literal(literal) => Expr::Literal(literal),
            Expr::List(mut list) => {
                list.elements = self.each(list.elements)?;
                Expr::List(list)
            }
            Expr::Call(mut call) => {
                let name = call.func_name.as_str();
                if !OPERATORS.contains(&name) && !FUNCTIONS.contains(&name) {
                    return Err(Unknown::near(&[name], FUNCTIONS, name));
                }
                if let Some(target) = call.target.take() {
                    call.target = Some(Box::new(self.resolve(*target)?));
                }
                call.args = self.each(call.args)?;
                Expr::Call(call)
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(pair) = &mut entry.expr {
                        pair.key = self.resolve(std::mem::take(&mut pair.key))?;
                        pair.value = self.resolve(std::mem::take(&mut pair.value))?;
                    }
                }
                Expr::Map(map)
            }
            Expr::Select(select) if select.test => {
                return Err(Unknown {
                    message: "`has` is not available".into(),
                    hint: Some("a variable that is not set is null: `vars.x != null`".into()),
                });
            }
            Expr::Comprehension(_) => {
                return Err(Unknown::plain(
                    "`all`, `exists`, `map` and `filter` are not available",
                ));
            }
            Expr::Select(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {
                return Err(Unknown::plain(
                    "this expression has a part that flows do not have",
                ));
            }
        };
        Ok(IdedExpr { id, expr })
    }

    fn each(&mut self, nodes: Vec<IdedExpr>) -> Result<Vec<IdedExpr>, Unknown> {
        nodes.into_iter().map(|node| self.resolve(node)).collect()
    }

    fn slot(&mut self, name: Name) -> String {
        if let Some((slot, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return slot.clone();
        }
        let slot = format!("v{}", self.names.len());
        self.names.push((slot.clone(), name));
        slot
    }
}

/// The words of `a.b.c` or `a["b"].c`.
fn path(expr: &Expr) -> Option<Vec<&str>> {
    if let Expr::Ident(name) = expr {
        return Some(vec![name]);
    }
    if let Expr::Select(select) = expr {
        let mut words = path(&select.operand.expr).filter(|_| !select.test)?;
        words.push(&select.field);
        return Some(words);
    }
    let Expr::Call(call) = expr else { return None };
    let (operators::INDEX, [of, key]) = (call.func_name.as_str(), call.args.as_slice()) else {
        return None;
    };
    let Expr::Literal(LiteralValue::String(key)) = &key.expr else {
        return None;
    };
    let mut words = path(&of.expr)?;
    words.push(key.inner());
    Some(words)
}
