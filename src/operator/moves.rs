//! What an operator may do next: the table, and why.

use crate::model::{Move, OperatorState};

use OperatorState::{LoggedOut, Offered, Paused, Ready, Talking, WrapUp};

/// Every move of an operator, in the order of a working day. `dispatch::Board` makes
/// them and no others.
pub const MOVES: &[Move<OperatorState>] = &[
    Move(LoggedOut, Ready, "logs in"),
    Move(LoggedOut, Paused, "logs in to a pause"),
    Move(Ready, Offered, "is claimed for a call"),
    Move(Ready, Paused, "pauses"),
    Move(Ready, LoggedOut, "logs out, or the phone is gone"),
    Move(Offered, Talking, "answers"),
    Move(
        Offered,
        Ready,
        "the caller left, or a missed offer with `stay`",
    ),
    Move(Offered, WrapUp, "answered too late to talk"),
    Move(
        Offered,
        Paused,
        "missed the offer, or asked to pause meanwhile",
    ),
    Move(
        Offered,
        LoggedOut,
        "asked to log out meanwhile, or the phone is gone",
    ),
    Move(Talking, WrapUp, "the talk is over"),
    Move(Talking, Ready, "the talk is over, without wrap-up"),
    Move(
        Talking,
        Paused,
        "the talk is over, and a pause was asked for",
    ),
    Move(
        Talking,
        LoggedOut,
        "the talk is over, and a log-out was asked for",
    ),
    Move(WrapUp, Ready, "wrap-up is over"),
    Move(WrapUp, Paused, "pauses"),
    Move(WrapUp, LoggedOut, "logs out, or the phone is gone"),
    Move(Paused, Ready, "is ready again"),
    Move(Paused, LoggedOut, "logs out, or the phone is gone"),
];

/// Whether a move is in the table.
#[must_use]
pub fn allowed(from: OperatorState, to: OperatorState) -> bool {
    MOVES.iter().any(|Move(f, t, _)| (*f, *t) == (from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagram;

    #[test]
    fn the_picture_is_that_of_the_table() {
        expect_test::expect_file!["../../tests/golden/diagrams/operator.mmd"]
            .assert_eq(&diagram(MOVES));
    }

    #[test]
    fn nobody_talks_without_an_offer_and_nobody_is_stuck() {
        for state in OperatorState::ALL {
            assert_eq!(allowed(*state, Talking), *state == Offered);
            assert_eq!(allowed(*state, Offered), *state == Ready);
            assert!(!allowed(*state, *state));
            let out = state == &LoggedOut || allowed(*state, LoggedOut);
            assert!(out, "{state} cannot log out");
        }
    }
}
