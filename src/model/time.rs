//! Durations as people write them, and the bridge from the monotonic clock to the calendar.

use std::time::{Duration, Instant, SystemTime};

/// One moment on both clocks: timers use the monotonic one, calendars the other.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// The moment on the monotonic clock.
    pub instant: Instant,
    /// The same moment on the wall clock.
    pub wall: SystemTime,
}

impl Epoch {
    /// What the wall clock shows at `now`.
    #[must_use]
    pub fn wall_at(&self, now: Instant) -> SystemTime {
        match now.checked_duration_since(self.instant) {
            Some(later) => self.wall.checked_add(later).unwrap_or(self.wall),
            None => self
                .wall
                .checked_sub(self.instant.duration_since(now))
                .unwrap_or(self.wall),
        }
    }
}

/// A duration that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with ms, s, m, h or d, such as 1500ms, 15s, 2m, 1h or 30d")]
pub struct ParseDurationError;

/// Reads `1500ms`, `15s`, `2m`, `1h`, `30d`.
///
/// # Errors
/// When there is no number of at most nine digits, or no known unit after it.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(ParseDurationError)?;
    if number.is_empty() || number.len() > 9 {
        return Err(ParseDurationError);
    }
    let number: u64 = number.parse().map_err(|_| ParseDurationError)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(ParseDurationError),
    };
    Ok(Duration::from_millis(number * millis))
}

/// Writes what [`parse_duration`] reads, in the largest unit that is exact.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if millis > 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    if millis == 0 {
        "0s".into()
    } else {
        format!("{millis}ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for (text, millis) in [
            ("0s", 0),
            ("1500ms", 1500),
            ("15s", 15_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn nonsense_is_no_duration() {
        for text in [
            "",
            "s",
            "15",
            "+5s",
            "-5s",
            "1.5s",
            "15 s",
            "15sec",
            "9999999999s",
            "१s",
        ] {
            assert_eq!(parse_duration(text), Err(ParseDurationError), "{text}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_wall_clock_follows_the_monotonic_one() {
        let epoch = Epoch {
            instant: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1000),
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(epoch.wall_at(epoch.instant + hour), epoch.wall + hour);
    }
}
