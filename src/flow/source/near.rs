//! The nearest known name to one that is not known.

use crate::model::Diagnostic;

/// Adds the hint of a name that is not known: the nearest one, or all of them.
pub fn unknown<'n, I>(diagnostic: Diagnostic, name: &str, known: I) -> Diagnostic
where
    I: Iterator<Item = &'n str> + Clone,
{
    if let Some(near) = nearest(name, known.clone()) {
        return diagnostic.hint(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = known.take(12).collect();
    if all.is_empty() {
        diagnostic
    } else {
        diagnostic.hint(format!("known are {}", all.join(", ")))
    }
}

/// The known name that is most like this one, when one is at all alike.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = name.chars().count().clamp(3, 9) / 3;
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters to insert, drop, change or swap with the next; names are short.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (i, a) in one.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        let (mut left, mut corner, mut beside) = (i + 1, i, None);
        for (j, (above, b)) in row.iter().skip(1).zip(&other).enumerate() {
            let mut cost = (corner + usize::from(a != *b)).min(left + 1).min(above + 1);
            let swapped = beside == Some(a) && last == Some(*b);
            if let (true, Some(far)) = (swapped, j.checked_sub(1).and_then(|j| before.get(j))) {
                cost = cost.min(far + 1);
            }
            (left, corner, beside) = (cost, *above, Some(*b));
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(a);
    }
    row.last().copied().unwrap_or(0)
}
