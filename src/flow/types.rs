//! Types of expressions, as far as they are known when a flow is loaded.
//!
//! What a name of the exchange is, is known; a variable may hold anything. So what is told
//! here can never come out right, and what may come out right is left to the call.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};

use super::expression::{CustomerField, Name, QueueField, Unknown};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Not known.
    Any,
    Nothing,
    Truth,
    Number,
    /// A number that is not whole.
    Fraction,
    Text,
    List,
    Map,
}

impl Type {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Nothing => "null",
            Self::Truth => "true or false",
            Self::Number => "a number",
            Self::Fraction => "a fraction",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    /// Says when there is no text for it.
    pub(super) fn check_text(self) -> Result<(), Unknown> {
        match self {
            Self::Fraction | Self::List | Self::Map => {
                let message = format!("{} cannot be written as text", self.as_str());
                Err(Unknown::with(
                    message,
                    "flows have text, whole numbers, true and false",
                ))
            }
            Self::Any | Self::Nothing | Self::Truth | Self::Number | Self::Text => Ok(()),
        }
    }

    /// Says when it is no condition.
    pub(super) fn check_condition(self) -> Result<(), Unknown> {
        if self.may_be(&[Self::Truth]) {
            return Ok(());
        }
        let message = format!(
            "a condition is true or false, and this is {}",
            self.as_str()
        );
        Err(Unknown::with(message, "compare it, as in `vars.x == 1`"))
    }

    /// Says when it is no whole number.
    pub(super) fn check_number(self) -> Result<(), Unknown> {
        if self.may_be(&[Self::Number]) {
            return Ok(());
        }
        let message = format!("a whole number stands here, and this is {}", self.as_str());
        Err(Unknown::with(message, "`int(…)` makes a number of text"))
    }

    /// Whether it may be one of these.
    fn may_be(self, types: &[Self]) -> bool {
        self == Self::Any || types.contains(&self)
    }

    /// Whether a value of this type may be the same as one of that.
    fn may_equal(self, other: Self) -> bool {
        let counts = |of: Self| of.may_be(&[Self::Number, Self::Fraction]);
        self == other || self == Self::Any || other == Self::Any || (counts(self) && counts(other))
    }

    fn of(name: &Name) -> Self {
        match name {
            Name::CallerNumber
            | Name::CallerName
            | Name::Called
            | Name::Language
            | Name::Project
            | Name::Hours(_) => Self::Text,
            Name::Queue(_, field) => match field {
                QueueField::Waiting | QueueField::LongestWait | QueueField::Ready => Self::Number,
                QueueField::Staffed => Self::Truth,
                // A number, or null when nobody can say.
                QueueField::EstimatedWait => Self::Any,
            },
            Name::Customer(CustomerField::Tags) => Self::List,
            // Text, or null when nobody was found or that field is empty.
            Name::Customer(_) | Name::Var(_) => Self::Any,
        }
    }
}

/// The type of an expression whose names are slots.
///
/// # Errors
/// The first part that can have no usable value.
pub(super) fn check(tree: &IdedExpr, names: &[(String, Name)]) -> Result<Type, Unknown> {
    Checker { names }.of(tree)
}

struct Checker<'a> {
    names: &'a [(String, Name)],
}

impl Checker<'_> {
    fn of(&self, node: &IdedExpr) -> Result<Type, Unknown> {
        Ok(match &node.expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(slot) => {
                let name = self.names.iter().find(|(known, _)| known == slot);
                name.map_or(Type::Any, |(_, name)| Type::of(name))
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.of(element)?;
                }
                Type::List
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(pair) = &entry.expr {
                        self.of(&pair.key)?;
                        self.of(&pair.value)?;
                    }
                }
                Type::Map
            }
            Expr::Call(call) => self.call(call)?,
            Expr::Select(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                Type::Any
            }
        })
    }

    fn call(&self, call: &CallExpr) -> Result<Type, Unknown> {
        let target = call.target.as_deref();
        let operands = target.into_iter().chain(&call.args);
        let types = operands
            .map(|of| self.of(of))
            .collect::<Result<Vec<_>, _>>()?;
        let name = call.func_name.as_str();
        let of = Operation {
            name,
            types: &types,
        };
        match name {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                of.takes(&[Type::Truth], "true or false")?;
                Ok(Type::Truth)
            }
            operators::CONDITIONAL => of.chooses(),
            operators::EQUALS | operators::NOT_EQUALS => of.equals(),
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS => {
                let comparable = [Type::Number, Type::Fraction, Type::Text];
                of.takes(&comparable, "numbers or text")?;
                of.equals()
            }
            operators::ADD => {
                let of_all = [Type::Number, Type::Fraction, Type::Text, Type::List];
                of.takes(&of_all, "two numbers or two texts")?;
                of.of_one_type()
            }
            operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => {
                of.takes(&[Type::Number, Type::Fraction], "numbers")?;
                of.of_one_type()
            }
            operators::IN => self.is_in(call, &of),
            _ => of.function(),
        }
    }

    /// `x in [a, b]`.
    fn is_in(&self, call: &CallExpr, of: &Operation<'_>) -> Result<Type, Unknown> {
        let [what, within] = of.types else {
            return Ok(Type::Truth);
        };
        if !within.may_be(&[Type::List, Type::Map]) {
            let message = format!("`in` looks in a list, not in {}", within.as_str());
            return Err(Unknown::with(
                message,
                "write it as in `called in [\"100\", \"200\"]`",
            ));
        }
        if let Some(Expr::List(ListExpr { elements, .. })) = call.args.last().map(|arg| &arg.expr) {
            let types = elements.iter().map(|element| self.of(element));
            let types = types.collect::<Result<Vec<_>, _>>()?;
            if let Some(other) = types.first().copied()
                && !types.iter().any(|of| what.may_equal(*of))
            {
                return Err(never(*what, other));
            }
        }
        Ok(Type::Truth)
    }
}

/// An operator or a function, and what it is given.
struct Operation<'a> {
    name: &'a str,
    types: &'a [Type],
}

impl Operation<'_> {
    /// As it is written.
    fn shown(&self) -> &str {
        self.name.trim_matches('_')
    }

    fn takes(&self, types: &[Type], what: &str) -> Result<(), Unknown> {
        let wrong = self.types.iter().find(|of| !of.may_be(types));
        wrong.map_or(Ok(()), |wrong| Err(self.wants(what, *wrong)))
    }

    fn wants(&self, what: &str, wrong: Type) -> Unknown {
        let (shown, wrong) = (self.shown(), wrong.as_str());
        let message = format!("`{shown}` takes {what}, not {wrong}");
        match what {
            "true or false" => Unknown::with(message, "compare it, as in `vars.x == 1`"),
            "text" => Unknown::with(message, "`string(…)` makes text of it"),
            _ => Unknown::with(
                message,
                "`int(…)` makes a number of text, `string(…)` the other way",
            ),
        }
    }

    fn chooses(&self) -> Result<Type, Unknown> {
        let [condition, one, other] = self.types else {
            return Ok(Type::Any);
        };
        if !condition.may_be(&[Type::Truth]) {
            let wrong = condition.as_str();
            let message = format!("what stands before `?` is true or false, not {wrong}");
            return Err(Unknown::with(
                message,
                "compare it, as in `vars.x == 1 ? 2 : 3`",
            ));
        }
        Ok(if one == other { *one } else { Type::Any })
    }

    fn equals(&self) -> Result<Type, Unknown> {
        match self.types {
            [one, other] if !one.may_equal(*other) => Err(never(*one, *other)),
            _ => Ok(Type::Truth),
        }
    }

    /// Both sides are of one type, and so is what comes out.
    fn of_one_type(&self) -> Result<Type, Unknown> {
        match self.types {
            [Type::Any, other] | [other, Type::Any] | [other] => Ok(*other),
            [one, other] if one == other => Ok(*one),
            [one, other] => {
                let (shown, one, other) = (self.shown(), one.as_str(), other.as_str());
                let message = format!("`{shown}` has {one} on one side and {other} on the other");
                let hint = "`string(…)` makes text of a number, `int(…)` a number of text";
                Err(Unknown::with(message, hint))
            }
            _ => Ok(Type::Any),
        }
    }

    fn function(&self) -> Result<Type, Unknown> {
        let whole = [Type::Text, Type::List, Type::Map];
        let (count, usage) = match self.name {
            "contains" => (2, "vars.x.contains(\"a\")"),
            "startsWith" => (2, "caller.number.startsWith(\"+31\")"),
            "endsWith" => (2, "caller.number.endsWith(\"00\")"),
            "size" => (1, "size(vars.x)"),
            "int" => (1, "int(vars.x)"),
            "string" => (1, "string(vars.x)"),
            _ => return Ok(Type::Any),
        };
        if self.types.len() != count {
            let message = format!("`{}` is used otherwise", self.name);
            return Err(Unknown::with(message, format!("write it as in `{usage}`")));
        }
        match (self.name, self.types.first()) {
            ("contains" | "size", Some(of)) if !of.may_be(&whole) => {
                Err(self.wants("text or a list", *of))
            }
            ("contains", _) => Ok(Type::Truth),
            ("size", _) => Ok(Type::Number),
            ("startsWith" | "endsWith", _) => {
                self.takes(&[Type::Text], "text").map(|()| Type::Truth)
            }
            ("int", _) => {
                let counts = [Type::Text, Type::Number, Type::Fraction];
                self.takes(&counts, "text or a number")
                    .map(|()| Type::Number)
            }
            _ => {
                let plain = [Type::Text, Type::Number, Type::Fraction];
                self.takes(&plain, "a number").map(|()| Type::Text)
            }
        }
    }
}

fn never(one: Type, other: Type) -> Unknown {
    let (left, right) = (one.as_str(), other.as_str());
    let message = format!("{left} and {right} are never the same");
    Unknown::with(
        message,
        "numbers stand without quotes and text with; `int(…)` makes a number of text",
    )
}

fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Truth,
        LiteralValue::Bytes(_) => Type::Any,
        LiteralValue::Double(_) => Type::Fraction,
        LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
        LiteralValue::Null => Type::Nothing,
        LiteralValue::String(_) => Type::Text,
    }
}
