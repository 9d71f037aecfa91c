//! Numbers as a trunk writes them, to numbers as we write them.

/// Prefixes and what stands in their place; the longest that fits is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrites(Vec<(String, String)>);

impl Rewrites {
    pub(super) fn new(mut rules: Vec<(String, String)>) -> Self {
        rules.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self(rules)
    }

    /// The number with its prefix replaced. What is no telephone number, such as
    /// `anonymous` or `helpdesk`, stays as it is.
    #[must_use]
    pub fn apply(&self, number: &str) -> String {
        let rule = self
            .0
            .iter()
            .filter(|_| is_number(number))
            .find_map(|(prefix, place)| Some((number.strip_prefix(prefix.as_str())?, place)));
        match rule {
            Some((rest, place)) => [place.as_str(), rest].concat(),
            None => number.to_owned(),
        }
    }
}

/// Whether it consists of what is dialled: digits, `*` and `#`, a `+` before them.
pub(super) fn is_number(text: &str) -> bool {
    let dialled = text.strip_prefix('+').unwrap_or(text);
    !text.is_empty()
        && dialled
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3966 section 5.1.
    #[test]
    fn the_longest_prefix_that_fits_is_replaced() {
        let rewrites = |rules: &[(&str, &str)]| {
            let rules = rules.iter();
            Rewrites::new(rules.map(|(a, b)| ((*a).into(), (*b).into())).collect())
        };
        let dutch: &[(&str, &str)] = &[("0", "+31"), ("00", "+"), ("", "+3120"), ("+", "+")];
        for (rules, number, expected) in [
            (dutch, "0201234567", "+31201234567"),
            (dutch, "0044201234", "+44201234"),
            (dutch, "1234567", "+31201234567"),
            (dutch, "+49301234", "+49301234"),
            (dutch, "anonymous", "anonymous"),
            (dutch, "12ab", "12ab"),
            (dutch, "", ""),
            (&[("+3120123", "")], "+31201231000", "1000"),
            (&[("+3120123", "")], "+3120123", ""),
            (&[("+3120123", "")], "1000", "1000"),
            (&[("*31#", "")], "*31#1000", "1000"),
            (&[], "0201234567", "0201234567"),
        ] {
            assert_eq!(rewrites(rules).apply(number), expected, "{number}");
        }
    }
}
