//! The headers of a message, in order, as they came.

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::limits;
use crate::sip::header::split_outside;
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
#[derive(Clone, Debug)]
pub struct Header {
    /// The name.
    pub name: Name,
    /// The value; any bytes but CR, LF and NUL.
    pub value: Bytes,
}

/// The headers of a message. Values are slices of the datagram.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// Every line in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    /// How many lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a name; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn first(&self, name: &Name) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    /// Every line of a name, in order; a line may hold several values.
    pub fn all<'a>(&'a self, name: &Name) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let name = name.clone();
        self.0
            .iter()
            .filter(move |h| h.name.is(&name))
            .map(|h| String::from_utf8_lossy(&h.value))
    }

    /// Adds a line at the end. CR, LF and NUL become spaces, so that a value cannot
    /// write a line of its own.
    pub fn push(&mut self, name: Name, value: impl Into<Bytes>) {
        self.0.push(Header {
            name,
            value: clean(value.into()),
        });
    }

    /// Adds a line at the front, as each hop does with its Via.
    pub fn push_front(&mut self, name: Name, value: impl Into<Bytes>) {
        self.0.insert(
            0,
            Header {
                name,
                value: clean(value.into()),
            },
        );
    }

    /// Removes every line of a name.
    pub fn remove(&mut self, name: &Name) {
        self.0.retain(|header| !header.name.is(name));
    }

    /// Replaces every line of a name by one.
    pub fn set(&mut self, name: Name, value: impl Into<Bytes>) {
        self.remove(&name);
        self.push(name, value);
    }

    /// Replaces the first line of a name and leaves the others.
    pub(crate) fn replace_first(&mut self, name: &Name, value: impl Into<Bytes>) {
        if let Some(header) = self.0.iter_mut().find(|header| header.name.is(name)) {
            header.value = clean(value.into());
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
        let line = self
            .first(&Name::Via)
            .ok_or(HeaderError::Missing(Name::Via))?;
        let values = split_outside(&line, b',').ok_or(HeaderError::Malformed(Name::Via))?;
        values
            .first()
            .and_then(|value| Via::parse(value.trim()))
            .ok_or(HeaderError::Malformed(Name::Via))
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
        let mut list = Vec::new();
        for line in self.all(name) {
            for part in
                split_outside(&line, b',').ok_or_else(|| HeaderError::Malformed(name.clone()))?
            {
                list.push(
                    NameAddr::parse(part).ok_or_else(|| HeaderError::Malformed(name.clone()))?,
                );
            }
        }
        if list.len() > limits::VIAS {
            Err(HeaderError::Repeated(name.clone()))
        } else {
            Ok(list)
        }
    }

    /// The option tags of Require, Supported, …
    #[must_use]
    pub fn tokens(&self, name: &Name) -> Vec<String> {
        self.all(name)
            .flat_map(|line| {
                line.split(',')
                    .map(|t| t.trim().to_ascii_lowercase())
                    .collect::<Vec<_>>()
            })
            .filter(|token| !token.is_empty())
            .collect()
    }

    pub(crate) fn address(&self, name: Name) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(&self.only(name.clone())?).ok_or(HeaderError::Malformed(name))
    }

    /// Adds a line that came from the wire, where it was checked.
    pub(crate) fn push_raw(&mut self, name: Name, value: Bytes) {
        self.0.push(Header { name, value });
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
