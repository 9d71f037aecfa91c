//! The lines of a message's headers: small, and found without a search.
//!
//! # Why
//! A message is read once and asked for some ten of its headers, several times each. A
//! line is a number for its name and two for where its value stands, and the first line
//! of each name is noted; so reading copies no names, and asking passes over nothing.

use bytes::Bytes;

use crate::sip::{Known, Name};

/// The lines in order.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// The message that lines were read from.
    wire: Bytes,
    /// The values that do not stand in it, one after the other. That of a line which was
    /// removed stays: messages are made, sent and forgotten.
    own: Vec<u8>,
    /// The names that have no variant of their own.
    others: Vec<Name>,
    list: Vec<Field>,
    /// The number of the first line of each known name, counted from one; 0 for none, and
    /// [`FAR`] for one from there on.
    first: [u8; Known::COUNT],
    /// A bit for each known name that has more than one line.
    repeated: u64,
}

const FAR: u8 = u8::MAX;

const _: () = assert!(Known::COUNT <= 64, "a name has a bit of `repeated`");

/// One line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    name: Title,
    place: Place,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
enum Title {
    Known(Known),
    /// The place in [`Fields::others`].
    Other(u16),
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Wire,
    Own,
}

impl Default for Fields {
    fn default() -> Self {
        Self::of(&Bytes::new(), 0)
    }
}

impl Fields {
    /// Of a message, with room for as many lines.
    pub(crate) fn of(wire: &Bytes, room: usize) -> Self {
        Self {
            wire: wire.clone(),
            own: Vec::new(),
            others: Vec::new(),
            list: Vec::with_capacity(room),
            first: [0; Known::COUNT],
            repeated: 0,
        }
    }

    /// Every line.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// All lines of a name, and perhaps some of others.
    pub(crate) fn near(&self, name: &Name) -> &[Field] {
        let Some(known) = name.known() else {
            return &self.list;
        };
        let first = self.first[known.number()];
        if first == 0 {
            return &[];
        }
        let start = usize::from(first) - 1;
        let is_only = first != FAR && self.repeated & known.bit() == 0;
        let end = if is_only { start + 1 } else { self.list.len() };
        self.list.get(start..end).unwrap_or_default()
    }

    /// Whether a line has this name.
    pub(crate) fn is_called(&self, field: &Field, name: &Name) -> bool {
        match (field.name, name.known()) {
            (Title::Known(one), Some(other)) => one == other,
            (Title::Other(_), None) => self.name(field).is(name),
            (Title::Known(_), None) | (Title::Other(_), Some(_)) => false,
        }
    }

    /// The name of a line.
    pub(crate) fn name(&self, field: &Field) -> &Name {
        match field.name {
            Title::Known(known) => known.name(),
            Title::Other(at) => &self.others[usize::from(at)],
        }
    }

    /// The value of a line.
    pub(crate) fn value(&self, field: &Field) -> &[u8] {
        let whole: &[u8] = match field.place {
            Place::Wire => &self.wire,
            Place::Own => &self.own,
        };
        whole
            .get(field.start as usize..field.end as usize)
            .unwrap_or_default()
    }

    /// Adds a line of the message.
    #[inline]
    pub(crate) fn push_known(&mut self, name: Known, start: usize, end: usize) {
        self.add(Field {
            name: Title::Known(name),
            place: Place::Wire,
            start: narrow(start),
            end: narrow(end),
        });
    }

    /// As [`Self::push_known`], of any name.
    pub(crate) fn push_wire(&mut self, name: Name, start: usize, end: usize) {
        let field = Field {
            name: self.title(name),
            place: Place::Wire,
            start: narrow(start),
            end: narrow(end),
        };
        self.add(field);
    }

    /// Adds a line whose value does not stand in the message.
    pub(crate) fn push(&mut self, name: Name, value: impl Iterator<Item = u8>) {
        let field = self.own(name, value);
        self.add(field);
    }

    /// As [`Self::push`], before all others.
    pub(crate) fn push_front(&mut self, name: Name, value: impl Iterator<Item = u8>) {
        let field = self.own(name, value);
        self.list.insert(0, field);
        self.note_all();
    }

    /// Puts another line in the place of the first of its name, if there is one.
    pub(crate) fn replace_first(&mut self, name: &Name, value: impl Iterator<Item = u8>) {
        let mut list = self.list.iter();
        if let Some(at) = list.position(|field| self.is_called(field, name)) {
            self.list[at] = self.own(name.clone(), value);
        }
    }

    /// Removes the lines that are not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Self, &Field) -> bool) {
        let mut list = std::mem::take(&mut self.list);
        list.retain(|field| keep(self, field));
        self.list = list;
        self.note_all();
    }

    /// The lines whose names are `wanted`.
    pub(crate) fn some(&self, wanted: &[Name]) -> Self {
        // An answer gets some more of its own.
        let mut some = Self::of(&self.wire, self.list.len().min(16));
        some.own.clone_from(&self.own);
        some.others.clone_from(&self.others);
        for field in &self.list {
            if wanted.iter().any(|name| self.is_called(field, name)) {
                some.add(*field);
            }
        }
        some
    }

    fn own(&mut self, name: Name, value: impl Iterator<Item = u8>) -> Field {
        let name = self.title(name);
        let start = narrow(self.own.len());
        self.own.extend(value);
        Field {
            name,
            place: Place::Own,
            start,
            end: narrow(self.own.len()),
        }
    }

    fn title(&mut self, name: Name) -> Title {
        if let Some(known) = name.known() {
            return Title::Known(known);
        }
        // A message has 256 lines, and nobody adds so many.
        let at = u16::try_from(self.others.len()).unwrap_or(u16::MAX);
        self.others.push(name);
        Title::Other(at)
    }

    #[inline]
    fn add(&mut self, field: Field) {
        self.list.push(field);
        if let Title::Known(known) = field.name {
            let first = &mut self.first[known.number()];
            if *first == 0 {
                *first = u8::try_from(self.list.len()).unwrap_or(FAR);
            } else {
                self.repeated |= known.bit();
            }
        }
    }

    /// Notes again which lines are the first of their names.
    fn note_all(&mut self) {
        self.first = [0; Known::COUNT];
        self.repeated = 0;
        for field in std::mem::take(&mut self.list) {
            self.add(field);
        }
    }
}

/// No message comes near four thousand million bytes: beyond, a value is empty.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(fields: &Fields, name: &Name) -> String {
        let near = fields.near(name).iter();
        let called = near.filter(|field| fields.is_called(field, name));
        let values = called.map(|field| String::from_utf8_lossy(fields.value(field)));
        values.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_are_found_wherever_they_stand() {
        let mut fields = Fields::of(&Bytes::from_static(b"a b"), 0);
        let own = Name::Other("X-Own".into());
        let text = |text: &'static str| text.bytes();
        fields.push_known(Known::To, 2, 3);
        fields.push_wire(own.clone(), 0, 1);
        for _ in 0..300 {
            fields.push(Name::Route, text("r"));
        }
        fields.push(Name::Via, text("far"));
        fields.push(Name::Other("x-own".into()), text("c"));
        fields.push(Name::To, text("d"));
        let told = |fields: &Fields| {
            [&Name::To, &own, &Name::Via, &Name::From].map(|name| found(fields, name))
        };
        assert_eq!(told(&fields), ["b d", "a c", "far", ""]);
        fields.push_front(Name::Via, text("near"));
        fields.replace_first(&Name::To, text("e"));
        assert_eq!(told(&fields), ["e d", "a c", "near far", ""]);
        let some = fields.some(&[Name::To, own.clone(), Name::From]);
        assert_eq!(told(&some), ["e d", "a c", "", ""]);
        fields.retain(|fields, field| !fields.value(field).starts_with(b"e"));
        fields.retain(|fields, field| !fields.is_called(field, &Name::Route));
        assert_eq!(told(&fields), ["d", "a c", "near far", ""]);
        assert_eq!(fields.iter().len(), 5);
    }
}
