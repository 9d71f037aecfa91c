//! The headers of a message, in order, as they came.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::limits;
use crate::sip::fields::Fields;
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
pub struct Headers(Fields);

impl Headers {
    /// Every line in order.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.0.iter().map(|field| Header {
            name: self.0.name(field),
            value: self.0.value(field),
        })
    }

    /// How many lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first value of a name; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn first(&self, name: &Name) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    /// Every line of a name, in order; a line may hold several values.
    pub fn all<'a>(&'a self, name: &Name) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        self.values(name).map(text)
    }

    /// As [`Self::all`], as the bytes that they are.
    pub(crate) fn values<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let name = name.clone();
        let near = self.0.near(&name).iter();
        near.filter(move |field| self.0.is_called(field, &name))
            .map(|field| self.0.value(field))
    }

    /// Adds a line at the end. CR, LF and NUL become spaces, so that a value cannot
    /// write a line of its own.
    pub fn push(&mut self, name: Name, value: impl AsRef<[u8]>) {
        self.0.push(name, clean(value.as_ref()));
    }

    /// Adds a line at the front, as each hop does with its Via.
    pub fn push_front(&mut self, name: Name, value: impl AsRef<[u8]>) {
        self.0.push_front(name, clean(value.as_ref()));
    }

    /// Removes every line of a name.
    pub fn remove(&mut self, name: &Name) {
        self.0
            .retain(|fields, field| !fields.is_called(field, name));
    }

    /// Replaces every line of a name by one.
    pub fn set(&mut self, name: Name, value: impl AsRef<[u8]>) {
        self.remove(&name);
        self.push(name, value);
    }

    /// Replaces the first line of a name and leaves the others.
    pub(crate) fn replace_first(&mut self, name: &Name, value: impl AsRef<[u8]>) {
        self.0.replace_first(name, clean(value.as_ref()));
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
        self.with_via(|via| via.own())
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

    /// The Via of a response that is for us: it has no other (RFC 3261 section 8.1.3.3).
    ///
    /// # Errors
    /// When there is none, or more than one, or it cannot be read.
    pub(crate) fn only_via(&self) -> Result<Via, HeaderError> {
        let more = parts(&self.only(Name::Via)?, b',').nth(1).is_some();
        if more {
            return Err(HeaderError::Repeated(Name::Via));
        }
        self.via()
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

    /// Retry-After without its comment and parameters (RFC 3261 section 20.33), when it is
    /// there and a number.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.first(&Name::RetryAfter)?;
        let seconds = value.split(['(', ';']).next().unwrap_or_default().trim();
        digits::<u32>(seconds).map(|seconds| Duration::from_secs(seconds.into()))
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

    /// The option tags of Require, Supported, …, or another list of words, in lower case; no
    /// more than [`limits::OPTION_TAGS`].
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

    /// The lines whose names are `wanted`, held as they are here.
    pub(crate) fn some(&self, wanted: &[Name]) -> Self {
        Self(self.0.some(wanted))
    }
}

impl From<Fields> for Headers {
    fn from(fields: Fields) -> Self {
        Self(fields)
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

fn clean(value: &[u8]) -> impl Iterator<Item = u8> {
    value.iter().map(|byte| match byte {
        b'\r' | b'\n' | 0 => b' ',
        other => *other,
    })
}
