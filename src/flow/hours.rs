//! Opening hours: what a calendar says of a moment.
//!
//! A range that runs past midnight belongs to the day on which it begins; whether that
//! day is a closed one or a holiday decides for all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::source::{Cursor, unknown};
use crate::model::Diagnostic;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
/// Minutes of a day.
const DAY: u16 = 24 * 60;
const TIMES_HINT: &str = "write \"09:00-17:30\"; a day ends at 24:00";

/// What a calendar says of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Within opening hours.
    Open,
    /// Outside them.
    Closed,
    /// A holiday.
    Holiday,
}

impl Status {
    /// The word of the language.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Holiday => "holiday",
        }
    }
}

/// Minutes from midnight; the end is exclusive, and above 24:00 on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    from: u16,
    to: u16,
}

/// One calendar of `hours`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    /// From Monday to Sunday.
    week: [Vec<Range>; 7],
    closed: BTreeSet<Date>,
    holidays: BTreeSet<Date>,
    /// Instead of the week's, whatever else is said of the date.
    special: BTreeMap<Date, Vec<Range>>,
}

impl Calendar {
    /// Whether it is open at a moment.
    #[must_use]
    pub fn is_open_at(&self, at: SystemTime) -> bool {
        self.status(at) == Status::Open
    }

    /// Reads `{zone, open, closed, holidays, also}`; `None` when it cannot be used.
    pub fn read(cursor: Cursor<'_>, diags: &mut Vec<Diagnostic>) -> Option<Self> {
        cursor.map(diags)?;
        let before = diags.len();
        cursor.unknown_keys(&["zone", "open", "closed", "holidays", "also"], diags);
        let zone = cursor
            .require("zone", diags)
            .and_then(|cursor| zone(cursor, diags));
        let mut week: [Vec<Range>; 7] = Default::default();
        let open = cursor
            .require("open", diags)
            .and_then(|open| open.map(diags));
        for (text, value) in open.unwrap_or_default() {
            let days = days(text);
            if days.is_empty() {
                let problem = value.key_error(format!("`{text}` is no day"));
                diags.push(problem.hint("write mon, sat-sun or mon,wed,fri"));
            }
            let ranges = ranges(value, diags);
            for (index, (_, day)) in DAYS.iter().enumerate() {
                if let (true, Some(hours)) = (days.contains(day), week.get_mut(index)) {
                    hours.extend(&ranges);
                }
            }
        }
        let mut special = BTreeMap::new();
        for (text, value) in cursor
            .get("also")
            .and_then(|also| also.map(diags))
            .unwrap_or_default()
        {
            let ranges = ranges(value, diags);
            match text.parse() {
                Ok(date) => drop(special.insert(date, ranges)),
                Err(_) => diags.push(no_date(value.key_error(""), text)),
            }
        }
        let closed = dates(cursor.get("closed"), diags);
        let holidays = dates(cursor.get("holidays"), diags);
        let calendar = Self {
            zone: zone?,
            week,
            closed,
            holidays,
            special,
        };
        (diags.len() == before).then_some(calendar)
    }

    /// What it says of a moment.
    #[must_use]
    pub fn status(&self, wall: SystemTime) -> Status {
        let Ok(moment) = Timestamp::try_from(wall) else {
            return Status::Closed;
        };
        let local = self.zone.to_datetime(moment);
        let minute = hour_minutes(local.hour(), local.minute());
        let (today, yesterday) = (local.date(), local.date().yesterday().ok());
        let late = yesterday.is_some_and(|day| self.is_open(day, minute + DAY));
        if late || self.is_open(today, minute) {
            return Status::Open;
        }
        if self.holidays.contains(&today) {
            Status::Holiday
        } else {
            Status::Closed
        }
    }

    fn is_open(&self, day: Date, minute: u16) -> bool {
        let hours = match self.special.get(&day) {
            Some(hours) => hours,
            None if self.closed.contains(&day) || self.holidays.contains(&day) => return false,
            None => {
                let index = usize::try_from(day.weekday().to_monday_zero_offset());
                let Some(hours) = index.ok().and_then(|index| self.week.get(index)) else {
                    return false;
                };
                hours
            }
        };
        hours
            .iter()
            .any(|range| range.from <= minute && minute < range.to)
    }
}

fn hour_minutes(hour: i8, minute: i8) -> u16 {
    // Civil hours and minutes are never negative.
    u16::from(hour.unsigned_abs()) * 60 + u16::from(minute.unsigned_abs())
}

fn zone(cursor: Cursor<'_>, diags: &mut Vec<Diagnostic>) -> Option<TimeZone> {
    let name = cursor.string(diags)?;
    match TimeZone::get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let problem = cursor.error(format!("there is no time zone `{name}`"));
            let some = [
                "Europe/Amsterdam",
                "Europe/London",
                "Europe/Berlin",
                "America/New_York",
                "UTC",
            ];
            diags.push(unknown(problem, name, some.into_iter()));
            None
        }
    }
}

/// `mon`, `mon-fri`, `fri-mon`, `mon,wed`; none when it cannot be read.
fn days(text: &str) -> Vec<Weekday> {
    let find = |name: &str| DAYS.iter().position(|(day, _)| *day == name.trim());
    let mut found = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Some(from), Some(to)) = (find(from), find(to)) else {
            return Vec::new();
        };
        let count = (to + DAYS.len() - from) % DAYS.len() + 1;
        found.extend(
            DAYS.iter()
                .cycle()
                .skip(from)
                .take(count)
                .map(|(_, day)| *day),
        );
    }
    found
}

fn ranges(cursor: Cursor<'_>, diags: &mut Vec<Diagnostic>) -> Vec<Range> {
    let mut ranges = Vec::new();
    for item in cursor.one_or_many() {
        let Some(text) = item.string(diags) else {
            continue;
        };
        match range(text) {
            Some(range) => ranges.push(range),
            None => diags.push(
                item.error(format!("`{text}` is no range of times"))
                    .hint(TIMES_HINT),
            ),
        }
    }
    ranges
}

fn range(text: &str) -> Option<Range> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (time(from.trim())?, time(to.trim())?);
    let to = if to <= from { to + DAY } else { to };
    (from < DAY).then_some(Range { from, to })
}

fn time(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let time = hour * 60 + minute;
    (minute < 60 && time <= DAY).then_some(time)
}

/// A list of dates, or a map of dates to what they are called.
fn dates(cursor: Option<Cursor<'_>>, diags: &mut Vec<Diagnostic>) -> BTreeSet<Date> {
    let Some(cursor) = cursor else {
        return BTreeSet::new();
    };
    let mut written: Vec<(String, Diagnostic)> = Vec::new();
    if cursor.is_map() {
        written.extend(
            cursor
                .entries()
                .map(|(text, value)| (text.to_owned(), value.key_error(""))),
        );
    } else {
        for item in cursor.list(diags).unwrap_or_default() {
            let text = item.raw().unwrap_or_default().to_owned();
            written.push((text, item.error("")));
        }
    }
    let mut dates = BTreeSet::new();
    for (text, place) in written {
        match text.parse() {
            Ok(date) => drop(dates.insert(date)),
            Err(_) => diags.push(no_date(place, &text)),
        }
    }
    dates
}

fn no_date(place: Diagnostic, text: &str) -> Diagnostic {
    let message = format!("`{text}` is no date");
    Diagnostic { message, ..place }.hint("write 2026-12-25")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::source::Document;

    fn calendar(text: &str) -> (Option<Calendar>, Vec<String>) {
        let document = Document::parse("hours.yaml", text).unwrap();
        let mut diags = Vec::new();
        let calendar = Calendar::read(document.root(), &mut diags);
        (calendar, diags.into_iter().map(|d| d.message).collect())
    }

    fn status(text: &str, at: &str) -> &'static str {
        let (calendar, diags) = calendar(text);
        assert_eq!(diags, Vec::<String>::new());
        let wall = SystemTime::try_from(at.parse::<Timestamp>().unwrap()).unwrap();
        calendar.unwrap().status(wall).as_str()
    }

    const OFFICE: &str = "
zone: Europe/Amsterdam
open:
  mon-thu: [\"09:00-12:00\", \"13:00-17:30\"]
  fri: \"09:00-17:00\"
  sat: \"22:00-06:00\"
closed: [2026-12-24]
holidays: { 2026-12-25: Christmas }
also: { 2026-12-27: [\"10:00-12:00\"] }
";

    #[test]
    fn an_office_is_open_in_its_hours_and_zone() {
        for (at, expected) in [
            ("2026-03-02T10:15:00+01:00", "open"),
            ("2026-03-02T08:59:59+01:00", "closed"),
            ("2026-03-02T09:00:00+01:00", "open"),
            ("2026-03-02T12:00:00+01:00", "closed"),
            ("2026-03-02T12:30:00+01:00", "closed"),
            ("2026-03-02T17:29:59+01:00", "open"),
            ("2026-03-02T17:30:00+01:00", "closed"),
            ("2026-03-06T17:15:00+01:00", "closed"),
            ("2026-07-06T15:29:00Z", "open"),
            ("2026-07-06T15:30:00Z", "closed"),
            ("2026-03-07T23:00:00+01:00", "open"),
            ("2026-03-08T05:59:00+01:00", "open"),
            ("2026-03-08T06:00:00+01:00", "closed"),
            ("2026-03-07T05:00:00+01:00", "closed"),
            ("2026-12-24T10:00:00+01:00", "closed"),
            ("2026-12-25T10:00:00+01:00", "holiday"),
            ("2026-12-27T11:00:00+01:00", "open"),
        ] {
            assert_eq!(status(OFFICE, at), expected, "{at}");
        }
    }

    #[test]
    fn a_calendar_can_be_open_at_all_hours() {
        let always = "zone: UTC\nopen: { mon-sun: \"00:00-24:00\" }\n";
        for at in [
            "2026-03-02T00:00:00Z",
            "2026-03-07T23:59:59Z",
            "2026-03-29T01:30:00Z",
        ] {
            assert_eq!(status(always, at), "open", "{at}");
        }
    }

    #[test]
    fn days_are_names_ranges_and_lists() {
        for (text, count) in [
            ("mon", 1),
            ("mon-fri", 5),
            ("sat-mon", 3),
            ("mon, wed", 2),
            ("mon-sun", 7),
        ] {
            assert_eq!(days(text).len(), count, "{text}");
        }
        for text in ["", "monday", "mon-", "mon-xyz", "1-5"] {
            assert_eq!(days(text), [], "{text}");
        }
    }

    #[test]
    fn nonsense_is_told() {
        let text = "
zone: Europe/Amsterdm
open: { mon-fri: [\"9-17\"], noday: \"09:00-10:00\", sat: 9, sun: \"25:00-26:00\" }
closed: [2026-02-30]
holiday: [2026-12-25]
";
        let (calendar, said) = calendar(text);
        assert!(calendar.is_none());
        expect_test::expect![[r#"
            unknown key `holiday`
            there is no time zone `Europe/Amsterdm`
            `9-17` is no range of times
            `noday` is no day
            expected text, not a number
            `25:00-26:00` is no range of times
            `2026-02-30` is no date"#]]
        .assert_eq(&said.join("\n"));
    }
}
