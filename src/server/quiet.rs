//! What is dropped in thousands is logged once a minute.

use std::time::{Duration, Instant};

use exchange::model::DropReason;

/// Between two lines about one reason.
const PAUSE: Duration = Duration::from_secs(60);

/// How many messages were dropped and are not in the log yet, by reason.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    counts: [u64; DropReason::ALL.len()],
    told: [Option<Instant>; DropReason::ALL.len()],
    /// When the next line is due, if any is.
    due: Option<Instant>,
}

impl Quiet {
    /// One more.
    pub(crate) fn dropped(&mut self, reason: DropReason, now: Instant) {
        let place = reason.place();
        let Some(count) = self.counts.get_mut(place) else {
            return;
        };
        *count += 1;
        if *count == 1 {
            let told = self.told.get(place).copied().flatten();
            let at = told.map_or(now, |told| now.max(told + PAUSE));
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// The lines that are to be written.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(DropReason, u64)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        let mut lines = Vec::new();
        for reason in DropReason::ALL {
            let place = reason.place();
            let (Some(count), Some(told)) = (self.counts.get_mut(place), self.told.get_mut(place))
            else {
                continue;
            };
            let at = told.map(|told| told + PAUSE).filter(|at| *at > now);
            match at {
                _ if *count == 0 => {}
                None => {
                    lines.push((reason, std::mem::take(count)));
                    *told = Some(now);
                }
                Some(at) => self.due = Some(self.due.map_or(at, |due| due.min(at))),
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn a_flood_is_a_line_a_minute_for_each_reason() {
        use DropReason::{Scanner, Source};
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let mut lines = Vec::new();
        for tick in 0..180_000_u64 {
            let now = start + Duration::from_millis(tick);
            quiet.dropped(Source, now);
            if tick == 30_000 {
                quiet.dropped(Scanner, now);
            }
            lines.extend(quiet.due(now).into_iter().map(|line| (tick, line)));
        }
        let expected = [
            (0, (Source, 1)),
            (30_000, (Scanner, 1)),
            (60_000, (Source, 60_000)),
            (120_000, (Source, 60_000)),
        ];
        assert_eq!(lines, expected);
        // What is left is told when its minute is over, flood or not.
        assert_eq!(quiet.due(start + Duration::from_secs(179)), []);
        let rest = quiet.due(start + Duration::from_secs(180));
        assert_eq!(rest, [(Source, 59_999)]);
    }
}
