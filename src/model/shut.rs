//! How far a source is shut out.

/// How far a source is shut out that failed too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Nothing from there is heard: whoever failed receives there.
    Wholly,
    /// It is asked for a password and told nothing else until it gives the right one:
    /// anybody may have failed in its name.
    Softly,
}

impl Shut {
    /// As in logs and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wholly => "wholly",
            Self::Softly => "softly",
        }
    }
}
