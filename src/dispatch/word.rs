//! What an operator does, and what a ticket does, each in one 64-bit word.
//!
//! ```text
//!   operator  [ generation:24 | turn:16 | profile:16 | again:1 | mark:2 | state:3 ]
//!   ticket    [ generation:32 | turn:24 | state:8 ]
//! ```
//!
//! Every change of an operator's word gives it the next turn, and every offer the next
//! generation; a ticket's generation is one call's wait. So a compare-and-swap that
//! succeeds saw the word as it is, and a claim or an id from before names nobody.

use crate::model::OperatorState;

/// What an operator does, finer than what the world sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    LoggedOut,
    Paused,
    WrapUp,
    /// Ready, and in the hands of one thread that decides what comes next. Everyone else
    /// may only leave a mark.
    Claimed,
    /// Ready and shown; one thread is still looking for a caller.
    Looking,
    /// Ready and shown; there was no caller.
    Ready,
    Offered,
    Talking,
}

impl Doing {
    pub(super) fn seen(self) -> OperatorState {
        match self {
            Self::LoggedOut => OperatorState::LoggedOut,
            Self::Paused => OperatorState::Paused,
            Self::WrapUp => OperatorState::WrapUp,
            Self::Claimed | Self::Looking | Self::Ready => OperatorState::Ready,
            Self::Offered => OperatorState::Offered,
            Self::Talking => OperatorState::Talking,
        }
    }
}

/// Where an operator goes when what goes on now is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Pause,
    LogOut,
}

impl Mark {
    pub(super) fn leads_to(self) -> Doing {
        match self {
            Self::Pause => Doing::Paused,
            Self::LogOut => Doing::LoggedOut,
        }
    }
}

/// An operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OperatorWord(pub(super) u64);

const DOING: [Doing; 8] = [
    Doing::LoggedOut,
    Doing::Paused,
    Doing::WrapUp,
    Doing::Claimed,
    Doing::Looking,
    Doing::Ready,
    Doing::Offered,
    Doing::Talking,
];
const DOING_MASK: u64 = 0b111;
const MARK_SHIFT: u32 = 3;
const MARK_MASK: u64 = 0b11 << MARK_SHIFT;
const AGAIN: u64 = 1 << 5;
const PROFILE_SHIFT: u32 = 8;
const PROFILE_MASK: u64 = 0xffff << PROFILE_SHIFT;
const TURN_SHIFT: u32 = 24;
const TURN_MASK: u64 = 0xffff << TURN_SHIFT;
const GENERATION_SHIFT: u32 = 40;

impl OperatorWord {
    pub(super) fn new(profile: u16) -> Self {
        Self(u64::from(profile) << PROFILE_SHIFT)
    }

    pub(super) fn doing(self) -> Doing {
        // Three bits have eight values, and all of them have a meaning.
        let index = usize::try_from(self.0 & DOING_MASK).unwrap_or(0);
        DOING.get(index).copied().unwrap_or(Doing::LoggedOut)
    }

    pub(super) fn mark(self) -> Option<Mark> {
        match (self.0 & MARK_MASK) >> MARK_SHIFT {
            1 => Some(Mark::Pause),
            2 => Some(Mark::LogOut),
            _ => None,
        }
    }

    pub(super) fn profile(self) -> u16 {
        u16::try_from((self.0 & PROFILE_MASK) >> PROFILE_SHIFT).unwrap_or(u16::MAX)
    }

    pub(super) fn generation(self) -> u32 {
        u32::try_from(self.0 >> GENERATION_SHIFT).unwrap_or(0)
    }

    /// The next turn, doing something else; the mark stays, the call to look again goes.
    #[must_use]
    pub(super) fn to(self, doing: Doing) -> Self {
        let index = DOING.iter().position(|d| *d == doing).unwrap_or(0);
        let index = u64::try_from(index).unwrap_or(0);
        Self(self.turned().0 & !(DOING_MASK | AGAIN) | index)
    }

    /// The same turn, told to look again: only the looker may take this as its own.
    #[must_use]
    pub(super) fn told_again(self) -> Self {
        Self(self.0 | AGAIN)
    }

    #[must_use]
    pub(super) fn marked(self, mark: Option<Mark>) -> Self {
        let bits = match mark {
            None => 0,
            Some(Mark::Pause) => 1,
            Some(Mark::LogOut) => 2,
        };
        Self(self.turned().0 & !MARK_MASK | (bits << MARK_SHIFT))
    }

    #[must_use]
    pub(super) fn with_profile(self, profile: u16) -> Self {
        Self(self.turned().0 & !PROFILE_MASK | (u64::from(profile) << PROFILE_SHIFT))
    }

    /// The next offer.
    #[must_use]
    pub(super) fn next_generation(self) -> Self {
        Self(self.0.wrapping_add(1 << GENERATION_SHIFT))
    }

    fn turned(self) -> Self {
        let turn = self.0.wrapping_add(1 << TURN_SHIFT) & TURN_MASK;
        Self(self.0 & !TURN_MASK | turn)
    }
}

/// What a ticket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody's.
    Free,
    /// In its owner's hands: coming, going or changing class.
    Held,
    /// Shown, and anyone's to match.
    Waiting,
    /// Given to an operator.
    Matched,
}

/// A ticket's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TicketWord(pub(super) u64);

const STAGES: [Stage; 4] = [Stage::Free, Stage::Held, Stage::Waiting, Stage::Matched];
const STAGE_MASK: u64 = 0xff;
const TICKET_TURN_SHIFT: u32 = 8;
const TICKET_TURN_MASK: u64 = 0x00ff_ffff << TICKET_TURN_SHIFT;
const TICKET_GENERATION_SHIFT: u32 = 32;

impl TicketWord {
    pub(super) fn stage(self) -> Stage {
        let index = usize::try_from(self.0 & STAGE_MASK).unwrap_or(0);
        STAGES.get(index).copied().unwrap_or(Stage::Free)
    }

    pub(super) fn generation(self) -> u32 {
        u32::try_from(self.0 >> TICKET_GENERATION_SHIFT).unwrap_or(0)
    }

    #[must_use]
    pub(super) fn to(self, stage: Stage) -> Self {
        let index = STAGES.iter().position(|s| *s == stage).unwrap_or(0);
        let turn = self.0.wrapping_add(1 << TICKET_TURN_SHIFT) & TICKET_TURN_MASK;
        let rest = self.0 & !(TICKET_TURN_MASK | STAGE_MASK);
        Self(rest | turn | u64::try_from(index).unwrap_or(0))
    }

    /// The next wait.
    #[must_use]
    pub(super) fn next_generation(self) -> Self {
        Self(self.0.wrapping_add(1 << TICKET_GENERATION_SHIFT))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_an_operators_word_is_its_own() {
        let mut word = OperatorWord::new(0x1234);
        for doing in DOING {
            for mark in [None, Some(Mark::Pause), Some(Mark::LogOut)] {
                let before = word;
                word = word.to(doing).marked(mark);
                assert_eq!((word.doing(), word.mark()), (doing, mark));
                assert_eq!(word.profile(), 0x1234);
                assert_eq!(word.generation(), before.generation());
                assert_ne!(word, before);
                word = word.next_generation();
            }
        }
        assert_eq!(word.generation(), 24);
        assert_eq!(word.with_profile(7).profile(), 7);
        assert_eq!(word.told_again().to(Doing::Ready), word.to(Doing::Ready));
    }

    #[test]
    fn turns_and_generations_wrap_without_touching_their_neighbours() {
        let mut word = OperatorWord(u64::MAX).to(Doing::Talking);
        assert_eq!((word.profile(), word.generation()), (u16::MAX, 0xff_ffff));
        word = word.next_generation();
        assert_eq!((word.profile(), word.generation()), (u16::MAX, 0));
        let ticket = TicketWord(u64::MAX).to(Stage::Waiting);
        assert_eq!(
            (ticket.stage(), ticket.generation()),
            (Stage::Waiting, u32::MAX)
        );
        assert_eq!(ticket.next_generation().generation(), 0);
        assert_eq!(ticket.next_generation().stage(), Stage::Waiting);
    }
}
