//! Why messages are dropped unanswered.

/// Why a message was dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// One stranger sent more than `sip.guard.per_source`.
    Source,
    /// All strangers together sent more than `sip.guard.all`.
    Strangers,
    /// Its sender is shut out.
    ShutOut,
    /// It is from a scanner.
    Scanner,
    /// It waited for too long, or too many waited.
    Backlog,
}

impl DropReason {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Source,
        Self::Strangers,
        Self::ShutOut,
        Self::Scanner,
        Self::Backlog,
    ];

    /// The label of `centrale_sip_dropped_total`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Strangers => "strangers",
            Self::ShutOut => "shut_out",
            Self::Scanner => "scanner",
            Self::Backlog => "backlog",
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn place(self) -> usize {
        match self {
            Self::Source => 0,
            Self::Strangers => 1,
            Self::ShutOut => 2,
            Self::Scanner => 3,
            Self::Backlog => 4,
        }
    }
}
