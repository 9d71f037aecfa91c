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
        .filter_map(|candidate| Some((distance(name, candidate, allowed)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters to insert, drop, change or swap with the next; names are short. `None`
/// when they are more than `most`, which is soon seen of most names: only what is so near to
/// the diagonal of the table is looked at.
fn distance(one: &str, other: &str, most: usize) -> Option<usize> {
    let one: Vec<char> = one.chars().take(64).collect();
    let other: Vec<char> = other.chars().take(64).collect();
    let (one, other) = trim(&one, &other);
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let far = most + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let from = i.saturating_sub(most);
        let to = (i + most + 1).min(other.len());
        let mut next = vec![far; other.len() + 1];
        if let (0, Some(first)) = (from, next.first_mut()) {
            *first = i + 1;
        }
        for (j, b) in other.iter().enumerate().take(to).skip(from) {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(far);
            let changed = at(&row, j) + usize::from(a != b);
            let mut cost = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let last = |word: &[char], at: usize| word.get(at.checked_sub(1)?).copied();
            let swapped = last(other, j) == Some(*a) && last(one, i) == Some(*b);
            if let (true, Some(j)) = (swapped, j.checked_sub(1)) {
                cost = cost.min(at(&before, j) + 1);
            }
            if let Some(place) = next.get_mut(j + 1) {
                *place = cost;
            }
        }
        before = std::mem::replace(&mut row, next);
        // A swap costs one and takes two rows, so one small value is left in one of them.
        if row.iter().chain(&before).all(|cost| *cost > most) {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

/// What is left without the letters that both begin and end with.
fn trim<'w>(one: &'w [char], other: &'w [char]) -> (&'w [char], &'w [char]) {
    let same = |(a, b): &(&char, &char)| a == b;
    let begin = one.iter().zip(other).take_while(same).count();
    let cut = |word: &'w [char]| word.get(begin..).unwrap_or_default();
    let (one, other) = (cut(one), cut(other));
    let end = one.iter().rev().zip(other.iter().rev());
    let end = end.take_while(same).count();
    let cut = |word: &'w [char]| word.get(..word.len() - end).unwrap_or_default();
    (cut(one), cut(other))
}
