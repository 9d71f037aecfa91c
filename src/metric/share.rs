//! Gauges of what several threads keep: each adds its own count.

use metrics::{Gauge, gauge};

use crate::metric::Metric;

/// One thread's share of a gauge. The recorder must be in place before it is made.
#[derive(Debug)]
pub struct Share {
    gauge: Gauge,
    told: u32,
}

impl Share {
    /// Of a gauge without labels; nothing yet.
    #[must_use]
    pub fn of(metric: &Metric) -> Self {
        Self {
            gauge: gauge!(metric.name),
            told: 0,
        }
    }

    /// So many are kept now.
    pub fn tell(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count != self.told {
            self.gauge
                .increment(f64::from(count) - f64::from(self.told));
            self.told = count;
        }
    }
}
