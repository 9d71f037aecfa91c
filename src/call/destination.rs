//! What an operator can hand a caller on to, or call: never more than is configured.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::{Config, Line};
use crate::model::{LineName, Number, OperatorName, QueueName, TransferKind};
use crate::sip::{Host, Scheme, Uri};

/// A place that has a name here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A number: its flow begins.
    Number(Number),
    /// One operator.
    Operator(OperatorName),
    /// A queue.
    Queue(QueueName),
    /// A line.
    Line(LineName),
}

impl Destination {
    /// The place of this name. Where several have it a number goes before an operator, an
    /// operator before a queue, a queue before a line. The number `*` is no place.
    #[must_use]
    pub fn find(config: &Config, name: &str) -> Option<Self> {
        let found = config.numbers.find(name);
        if let Some((number, _)) = found.filter(|(number, _)| number.as_str() != "*") {
            return Some(Self::Number(number.clone()));
        }
        if let Some((operator, _)) = config.operators.get_key_value(name) {
            return Some(Self::Operator(operator.clone()));
        }
        if let Some((queue, _)) = config.queues.get_key_value(name) {
            return Some(Self::Queue(queue.clone()));
        }
        let (line, _) = config.lines.get_key_value(name)?;
        Some(Self::Line(line.clone()))
    }

    /// The place that an address of a REFER means. An address elsewhere is one only when a
    /// line leads there: nobody reaches the world through us by writing its address.
    ///
    /// # Errors
    /// 416 for another scheme, 404 for a name that nothing has, 403 for an address
    /// elsewhere.
    pub fn of_uri(config: &Config, uri: &Uri, ours: IpAddr) -> Result<Self, u16> {
        let host = match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.host.as_ref(),
            Scheme::Tel => None,
            Scheme::Other(_) => return Err(416),
        };
        let here = match host {
            None => true,
            Some(Host::Name(name)) => name.eq_ignore_ascii_case(&config.domain),
            Some(Host::Address(ip)) => *ip == ours,
        };
        let name = uri.user.as_deref().unwrap_or("");
        if here {
            return Self::find(config, name).ok_or(404);
        }
        let mut lines = config.lines.iter();
        let line = lines.find(|(_, line)| match line {
            Line::Outside(outside) => outside.targets.iter().any(|known| {
                (&known.user, &known.host, known.port) == (&uri.user, &uri.host, uri.port)
            }),
            Line::Queue(_) => false,
        });
        line.map(|(name, _)| Self::Line(name.clone())).ok_or(403)
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> TransferKind {
        match self {
            Self::Number(_) => TransferKind::Number,
            Self::Operator(_) => TransferKind::Operator,
            Self::Queue(_) => TransferKind::Queue,
            Self::Line(_) => TransferKind::Line,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Number(number) => number.as_str().into(),
            Self::Operator(operator) => operator.as_str().into(),
            Self::Queue(queue) => queue.as_str().into(),
            Self::Line(line) => line.as_str().into(),
        }
    }
}
