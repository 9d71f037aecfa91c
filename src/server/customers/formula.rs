//! Cells that a spreadsheet would compute.
//!
//! A cell that begins like a formula gets a mark before it, an apostrophe, as a spreadsheet
//! itself has it for text; whoever reads the list takes the mark away. What is a number stays
//! one.
//!
//! # Why
//! A name or a note comes from anywhere, and a formula in it would run on the desk of
//! whoever opens the list.

use std::borrow::Cow;

const MARK: char = '\'';

/// Puts a mark before what would be a formula. What looks as if it were marked gets one
/// more, so that [`unmark`] gives back what was there.
pub(super) fn mark(text: &str) -> Cow<'_, str> {
    match is_formula(text.trim_start_matches(MARK)) {
        true => format!("{MARK}{text}").into(),
        false => text.into(),
    }
}

/// Takes the mark away that [`mark`] puts there, and no other.
pub(super) fn unmark(text: &str) -> &str {
    match text.strip_prefix(MARK) {
        Some(rest) if is_formula(rest.trim_start_matches(MARK)) => rest,
        Some(_) | None => text,
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text)
}

/// A telephone number, or any other.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_digit() || b" ().-".contains(&byte);
    !digits.is_empty() && digits.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_be_computed_is_marked_and_numbers_are_not() {
        for (text, marked) in [
            ("=1+1", true),
            ("=HYPERLINK(\"http://h\")", true),
            ("+cmd|'/c calc'!A0", true),
            ("+1+A1", true),
            ("-2+3", true),
            ("- by name", true),
            ("@SUM(A1)", true),
            ("\t=1", true),
            ("\r=1", true),
            ("+", true),
            ("'=1", true),
            ("''@x", true),
            ("+31 (0)6 12.34-56", false),
            ("-5", false),
            ("1-2", false),
            ("", false),
            ("'", false),
            ("'t Hart", false),
            ("Zoë =1", false),
        ] {
            let said = mark(text);
            assert_eq!(said != text, marked, "{text}");
            assert_eq!(said.starts_with(MARK), marked || text.starts_with(MARK));
            assert_eq!(unmark(&said), text);
        }
    }

    proptest! {
        #[test]
        fn each_text_comes_back(text in "['=+@\t -]{0,4}.{0,4}") {
            let marked = mark(&text);
            prop_assert_eq!(unmark(&marked), &text);
        }
    }
}
