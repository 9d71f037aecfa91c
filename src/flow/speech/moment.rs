//! Texts that stand for a day, a time of day or an amount.

use jiff::civil::Date;

/// Years that can be said.
const YEARS: std::ops::RangeInclusive<i16> = 1_000..=2_999;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateParts {
    /// 1000 to 2999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 1 is Monday, 7 Sunday.
    pub weekday: u8,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Whether it is owed.
    pub below_zero: bool,
    /// Euros.
    pub whole: u64,
    /// Cents, below 100.
    pub hundredths: u8,
}

impl Amount {
    /// Reads `12`, `12.5` and `-12.50`; `None` for anything else, and for more than can
    /// be said.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (below_zero, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text),
        };
        let (whole, rest) = size.split_once('.').unwrap_or((size, "0"));
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(rest) {
            return None;
        }
        let hundredths: u8 = rest.parse().ok()?;
        let hundredths = match rest.len() {
            1 => hundredths * 10,
            2 => hundredths,
            _ => return None,
        };
        let whole: u64 = whole.parse().ok()?;
        (whole <= super::LARGEST).then_some(Self {
            below_zero: below_zero && (whole > 0 || hundredths > 0),
            whole,
            hundredths,
        })
    }
}

/// The hour and minute of `9:30`, `09:30`, `09:30:15`, or of a moment as in RFC 3339, as it
/// is written there: nothing is moved to another zone.
#[must_use]
pub fn time_of_day(text: &str) -> Option<(u8, u8)> {
    let time = match text.split_once(['T', 't', ' ']) {
        Some((day_text, time)) => day(day_text).and(Some(time))?,
        None => text,
    };
    let (hour, rest) = time.split_once(':')?;
    let (minute, rest) = rest.split_at_checked(2)?;
    let tail = |b: u8| b.is_ascii_digit() || b":.+-Zz".contains(&b);
    let ends = rest.bytes().next().is_none_or(|b| b":+-Zz".contains(&b));
    if !ends || !rest.bytes().all(tail) || rest.len() > 24 {
        return None;
    }
    let hour = two_digits(hour).filter(|hour| *hour < 24)?;
    let minute = two_digits(minute).filter(|minute| *minute < 60)?;
    Some((hour, minute))
}

/// The day of `2026-03-02`, or of a moment as in RFC 3339, as it is written there.
#[must_use]
pub fn day(text: &str) -> Option<DateParts> {
    let date = text
        .split_once(['T', 't', ' '])
        .map_or(text, |(day, _)| day);
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shape = (year.len(), month.len(), day.len(), parts.next());
    if shape != (4, 2, 2, None) || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: i16 = year.parse().ok()?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let weekday = date.weekday().to_monday_one_offset();
    YEARS.contains(&year).then_some(DateParts {
        year: year.unsigned_abs(),
        month,
        day,
        weekday: weekday.unsigned_abs(),
    })
}

fn two_digits(text: &str) -> Option<u8> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
