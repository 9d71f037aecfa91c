//! The registry that Prometheus reads, filled with the whole table from the start.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use metrics_prometheus::failure::strategy::NoOp;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::metric::table::{
    CALLS_ACTIVE, OPERATORS, QUEUE_LONGEST_WAIT, QUEUE_SERVICE_LEVEL, QUEUE_WAITING, REGISTRATIONS,
};
use crate::metric::{Kind, Metric, TABLE};
use crate::model::OperatorState;
use crate::record::Live;

/// A recorder that could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The table contradicts itself.
    #[error("a metric cannot be registered: {0}")]
    Register(#[from] prometheus::Error),
    /// Something else counts already.
    #[error("another metrics recorder is installed")]
    Taken,
}

/// Counts what the facade is told, and writes the exposition text.
#[derive(Debug)]
pub struct Recorder {
    bridge: metrics_prometheus::Recorder<NoOp>,
    /// Gauges that are read from the live views at each scrape. The lock keeps two
    /// scrapes from emptying each other's gauges.
    scraped: Mutex<Scraped>,
}

#[derive(Debug)]
struct Scraped {
    calls_active: GaugeVec,
    waiting: GaugeVec,
    longest_wait: GaugeVec,
    service_level: GaugeVec,
    operators: GaugeVec,
    registrations: GaugeVec,
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn gauge(metric: &Metric) -> prometheus::Result<GaugeVec> {
    GaugeVec::new(opts(metric), metric.labels)
}

impl Recorder {
    /// A registry with every metric of the table.
    ///
    /// # Errors
    /// When the table contradicts itself.
    pub fn new() -> Result<Self, InstallError> {
        let bridge = metrics_prometheus::Recorder::builder()
            .with_registry(Registry::new())
            .with_failure_strategy(NoOp)
            .build();
        let scraped = Scraped {
            calls_active: gauge(&CALLS_ACTIVE)?,
            waiting: gauge(&QUEUE_WAITING)?,
            longest_wait: gauge(&QUEUE_LONGEST_WAIT)?,
            service_level: gauge(&QUEUE_SERVICE_LEVEL)?,
            operators: gauge(&OPERATORS)?,
            registrations: gauge(&REGISTRATIONS)?,
        };
        let ours = scraped.by_name();
        for metric in TABLE {
            match metric.kind {
                Kind::Counter => {
                    bridge.try_register_metric(IntCounterVec::new(opts(metric), metric.labels)?)?;
                }
                Kind::Gauge => {
                    let known = ours.iter().find(|(name, _)| *name == metric.name);
                    let vec = match known {
                        Some((_, vec)) => (*vec).clone(),
                        None => gauge(metric)?,
                    };
                    // One without labels is there from the start, with 0.
                    if metric.labels.is_empty() {
                        set(&vec, &[], 0);
                    }
                    bridge.try_register_metric(vec)?;
                }
                Kind::Histogram(buckets) => {
                    let opts = HistogramOpts::new(metric.name, metric.help).buckets(buckets.into());
                    bridge.try_register_metric(HistogramVec::new(opts, metric.labels)?)?;
                }
            }
        }
        Ok(Self {
            bridge,
            scraped: Mutex::new(scraped),
        })
    }

    /// From here on the facade of the whole process counts here.
    ///
    /// # Errors
    /// When another recorder is in place.
    pub fn install(&self) -> Result<(), InstallError> {
        metrics::set_global_recorder(self.bridge.clone()).map_err(|_| InstallError::Taken)
    }

    /// Runs `work` with the facade of this thread counting here.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.bridge, work)
    }

    /// Sets a gauge without labels, which somebody else reads at each scrape.
    pub fn set(&self, metric: &Metric, count: usize) {
        let exact = u32::try_from(count).unwrap_or(u32::MAX);
        self.within(|| metrics::gauge!(metric.name).set(f64::from(exact)));
    }

    /// Every metric in the text format of Prometheus, with the live views as of `now`.
    #[must_use]
    pub fn text(&self, live: &Live, now: SystemTime) -> String {
        let scraped = self.scraped.lock().unwrap_or_else(PoisonError::into_inner);
        scraped.read(live, now);
        let families = self.bridge.registry().gather();
        // Families of a registry always encode: names were checked when they were made.
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }
}

impl Scraped {
    fn by_name(&self) -> [(&'static str, &GaugeVec); 6] {
        [
            (CALLS_ACTIVE.name, &self.calls_active),
            (QUEUE_WAITING.name, &self.waiting),
            (QUEUE_LONGEST_WAIT.name, &self.longest_wait),
            (QUEUE_SERVICE_LEVEL.name, &self.service_level),
            (OPERATORS.name, &self.operators),
            (REGISTRATIONS.name, &self.registrations),
        ]
    }

    fn read(&self, live: &Live, now: SystemTime) {
        // A queue that is no longer configured disappears.
        for (_, gauge) in self.by_name() {
            gauge.reset();
        }
        for (state, count) in live.calls_by_state() {
            set(&self.calls_active, &[state.as_str()], count);
        }
        for queue in live.queues(now) {
            let name = queue.name.as_str();
            set(&self.waiting, &[name], queue.waiting);
            self.longest_wait
                .with_label_values(&[name])
                .set(queue.longest_wait_s);
            self.service_level
                .with_label_values(&[name])
                .set(queue.service_level.ratio.unwrap_or(1.0));
            for state in OperatorState::ALL {
                let count = queue.operators.of(*state);
                set(&self.operators, &[name, state.as_str()], count);
            }
        }
        set(&self.registrations, &[], live.registrations());
    }
}

fn set(gauge: &GaugeVec, labels: &[&str], count: usize) {
    let exact = u32::try_from(count).unwrap_or(u32::MAX);
    gauge.with_label_values(labels).set(f64::from(exact));
}
