//! The headers of a message, in order, as they came.

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::limits;
use crate::sip::header::{RawNameAddr, RawVia, is_closed, parts};
use crate::sip::uri::digits;
use crate::sip::{CSeq, Contacts, Name, NameAddr, Via};

/// A header that a message needs and that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is not there.
    #[error("no {0} header")]
    Missing(Name),
    /// It is there and cannot be read.
    #[error("unreadable {0} header")]
    Malformed(Name),
    /// It may stand once, and stands more often.
    #[error("more than one {0} header")]
    Repeated(Name),
}

/// One line: a name, and the value as it came, without the spaces around it.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The name.
    pub name: &'a Name,
    /// The value; any bytes but CR, LF and NUL.
    pub value: &'a [u8],
}

/// The headers of a message. Values are slices of the datagram.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    /// The message that lines were read from.
    wire: Bytes,
    lines: Vec<(Name, Value)>,
}

/// Most lines of most messages stand in one datagram: it is held once and not by each.
#[derive(Clone, Debug)]
enum Value {
    /// From and to, in the datagram.
    Wire(u32, u32),
    Own(Bytes),
}

impl Value {
    fn bytes<'a>(&'a self, wire: &'a Bytes) -> &'a [u8] {
        match self {
            Self::Wire(start, end) => wire.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }
}

impl Headers {
    /// Every line in order.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.lines.iter().map(|(name, value)| Header {
            name,
            value: value.bytes(&self.wire),
        })
    }

    /// How many lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The first value of a name; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn first(&self, name: &Name) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    /// Every line of a name, in order; a line may hold several values.
    pub fn all<'a>(&'a self, name: &Name) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let name = name.clone();
        let wire = &self.wire;
        // One comparison passes most lines over.
        let kind = std::mem::discriminant(&name);
        let called = move |(other, _): &&(Name, Value)| {
            std::mem::discriminant(other) == kind && other.is(&name)
        };
        let lines = self.lines.iter().filter(called);
        lines.map(|(_, value)| text(value.bytes(wire)))
    }

    /// Adds a line at the end. CR, LF and NUL become spaces, so that a value cannot
    /// write a line of its own.
    pub fn push(&mut self, name: Name, value: impl Into<Bytes>) {
        self.lines.push((name, Value::Own(clean(value.into()))));
    }

    /// Adds a line at the front, as each hop does with its Via.
    pub fn push_front(&mut self, name: Name, value: impl Into<Bytes>) {
        let value = Value::Own(clean(value.into()));
        self.lines.insert(0, (name, value));
    }

    /// Removes every line of a name.
    pub fn remove(&mut self, name: &Name) {
        self.lines.retain(|(other, _)| !other.is(name));
    }

    /// Replaces every line of a name by one.
    pub fn set(&mut self, name: Name, value: impl Into<Bytes>) {
        self.remove(&name);
        self.push(name, value);
    }

    /// Replaces the first line of a name and leaves the others.
    pub(crate) fn replace_first(&mut self, name: &Name, value: impl Into<Bytes>) {
        if let Some((_, old)) = self.lines.iter_mut().find(|(other, _)| other.is(name)) {
            *old = Value::Own(clean(value.into()));
        }
    }

    /// The value of a header that must stand exactly once.
    ///
    /// # Errors
    /// When it is missing or repeated.
    pub fn only(&self, name: Name) -> Result<Cow<'_, str>, HeaderError> {
        let mut values = self.all(&name);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(HeaderError::Repeated(name)),
            (None, _) => Err(HeaderError::Missing(name)),
        }
    }

    /// A header that may stand once, read by `read`.
    ///
    /// # Errors
    /// When it is repeated, or `read` cannot read it.
    pub(crate) fn at_most_one<T>(
        &self,
        name: Name,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, HeaderError> {
        match self.only(name.clone()) {
            Ok(value) => read(&value).map(Some).ok_or(HeaderError::Malformed(name)),
            Err(HeaderError::Missing(_)) => Ok(None),
            Err(error @ (HeaderError::Malformed(_) | HeaderError::Repeated(_))) => Err(error),
        }
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn via(&self) -> Result<Via, HeaderError> {
        self.with_via(|via| via.own())?
            .ok_or(HeaderError::Malformed(Name::Via))
    }

    /// The topmost Via, uncopied.
    pub(crate) fn with_via<T>(&self, see: impl FnOnce(RawVia<'_>) -> T) -> Result<T, HeaderError> {
        let line = self
            .first(&Name::Via)
            .ok_or(HeaderError::Missing(Name::Via))?;
        // An open quote further on spoils the line.
        let first = parts(&line, b',').next().flatten();
        first
            .filter(|_| is_closed(&line))
            .and_then(|value| RawVia::read(value.trim()))
            .map(see)
            .ok_or(HeaderError::Malformed(Name::Via))
    }

    /// From or To, uncopied.
    pub(crate) fn with_address<T>(
        &self,
        name: Name,
        see: impl FnOnce(RawNameAddr<'_>) -> T,
    ) -> Result<T, HeaderError> {
        RawNameAddr::read(&self.only(name.clone())?)
            .map(see)
            .ok_or(HeaderError::Malformed(name))
    }

    /// From.
    ///
    /// # Errors
    /// When it is missing, repeated or unreadable.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.address(Name::From)
    }

    /// To.
    ///
    /// # Errors
    /// When it is missing, repeated or unreadable.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.address(Name::To)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// When it is missing, repeated or empty.
    pub fn call_id(&self) -> Result<Cow<'_, str>, HeaderError> {
        let value = self.only(Name::CallId)?;
        if value.is_empty() {
            Err(HeaderError::Malformed(Name::CallId))
        } else {
            Ok(value)
        }
    }

    /// CSeq.
    ///
    /// # Errors
    /// When it is missing, repeated or unreadable.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        CSeq::parse(&self.only(Name::CSeq)?).ok_or(HeaderError::Malformed(Name::CSeq))
    }

    /// Max-Forwards, when there; more than 255 counts as 255.
    ///
    /// # Errors
    /// When it is repeated or not a number.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.at_most_one(Name::MaxForwards, |value| {
            digits::<u32>(value).map(|hops| u8::try_from(hops).unwrap_or(u8::MAX))
        })
    }

    /// Every Contact.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        Contacts::read(self.all(&Name::Contact))
    }

    /// Whether every Contact can be read.
    pub(crate) fn check_contacts(&self) -> Result<(), HeaderError> {
        Contacts::check(self.all(&Name::Contact))
    }

    /// Seconds of Expires; what is no number counts as absent (RFC 3261 section 20.19),
    /// what is too large as the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let value = self.first(&Name::Expires)?;
        let number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        number.then(|| digits(&value).unwrap_or(u32::MAX))
    }

    /// The addresses of Record-Route or Route, in order.
    ///
    /// # Errors
    /// When one cannot be read, or there are more than a path can have.
    pub fn addresses(&self, name: &Name) -> Result<Vec<NameAddr>, HeaderError> {
        let bad = || HeaderError::Malformed(name.clone());
        let mut list = Vec::new();
        for line in self.all(name) {
            for part in parts(&line, b',') {
                list.push(part.and_then(NameAddr::parse).ok_or_else(bad)?);
                if list.len() > limits::VIAS {
                    return Err(HeaderError::Repeated(name.clone()));
                }
            }
        }
        Ok(list)
    }

    /// The option tags of Require, Supported, …; no more than
    /// [`limits::OPTION_TAGS`].
    #[must_use]
    pub fn tokens(&self, name: &Name) -> Vec<String> {
        let mut tokens = Vec::new();
        for line in self.all(name) {
            let list = line.split(',').map(str::trim_ascii);
            let room = limits::OPTION_TAGS - tokens.len();
            let list = list.filter(|token| !token.is_empty()).take(room);
            tokens.extend(list.map(str::to_ascii_lowercase));
            if tokens.len() == limits::OPTION_TAGS {
                break;
            }
        }
        tokens
    }

    pub(crate) fn address(&self, name: Name) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(&self.only(name.clone())?).ok_or(HeaderError::Malformed(name))
    }

    /// Of a message, with room for as many lines.
    pub(crate) fn of(wire: &Bytes, lines: usize) -> Self {
        Self {
            wire: wire.clone(),
            lines: Vec::with_capacity(lines),
        }
    }

    /// The lines whose names are `wanted`, held as they are here.
    pub(crate) fn some(&self, wanted: &[Name]) -> Self {
        // An answer gets some more of its own.
        let mut some = Self::of(&self.wire, self.lines.len().min(16));
        let lines = self.lines.iter().filter(|(name, _)| wanted.contains(name));
        some.lines.extend(lines.cloned());
        some
    }

    /// Removes the lines whose values are not `good`.
    pub(crate) fn retain_values(&mut self, good: impl Fn(&[u8]) -> bool) {
        let wire = &self.wire;
        self.lines.retain(|(_, value)| good(value.bytes(wire)));
    }

    /// Adds a line whose value was checked.
    pub(crate) fn push_own(&mut self, name: Name, value: Bytes) {
        self.lines.push((name, Value::Own(value)));
    }

    /// Adds a line of the message, where it was checked.
    pub(crate) fn push_wire(&mut self, name: Name, start: usize, end: usize) {
        let value = match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Value::Wire(start, end),
            // No message is so long.
            _ => Value::Own(self.wire.slice(start.min(end)..end.min(self.wire.len()))),
        };
        self.lines.push((name, value));
    }
}

/// Bytes that are not UTF-8 are replaced.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all are, and this is quicker to say so.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn clean(value: Bytes) -> Bytes {
    let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    if !value.iter().any(breaks) {
        return value;
    }
    value
        .iter()
        .map(|byte| if breaks(byte) { b' ' } else { *byte })
        .collect()
}
