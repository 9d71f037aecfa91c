//! What a server shows of itself, by HTTP and in its log. What was answered on the wire is
//! shown a moment later, and on a busy machine that moment is long: whoever looks for it
//! waits for it.

use std::fs;

use serde_json::Value;

use crate::server::Server;
use crate::{comes, eventually};

/// For how long whatever is to be shown is waited for, in seconds.
const SOON: u64 = 10;

impl Server {
    /// The calls that wait.
    pub(crate) fn queued(&self) -> Vec<String> {
        let calls = self.json("/api/v1/calls");
        let calls = calls["calls"].as_array().unwrap().iter();
        let queued = calls.filter(|call| call["state"] == "queued");
        queued
            .map(|call| call["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What a path shows, once it is so.
    pub(crate) fn shows(&self, path: &str, mut so: impl FnMut(&Value) -> bool) -> Value {
        let mut value = Value::Null;
        let came = comes(SOON, || {
            value = self.json(path);
            so(&value)
        });
        assert!(came, "{path} is {value}");
        value
    }

    pub(crate) fn operator(&self, name: &str) -> (String, Option<String>) {
        let operator = self.json(&format!("/api/v1/operators/{name}"));
        let word = |key: &str| operator[key].as_str().map(str::to_owned);
        (word("state").unwrap(), word("reason"))
    }

    /// Waits until an operator has so many phones.
    pub(crate) fn has_phones(&self, operator: &str, phones: usize) {
        self.shows(&format!("/api/v1/operators/{operator}"), |shown| {
            shown["contacts"].as_array().unwrap().len() == phones
        });
    }

    /// Waits until an operator is in a state. One that passes by itself may be over by the
    /// time that it is looked for: it will do that it began since the last time.
    pub(crate) fn wait_for(&self, operator: &str, state: &str, seconds: u64) {
        let passes = ["offered", "talking", "wrap_up"].contains(&state);
        let seen = *self
            .seen
            .lock()
            .unwrap()
            .entry(operator.into())
            .or_default();
        let mut last = String::new();
        let mut began = None;
        let came = comes(seconds, || {
            last = self.operator(operator).0;
            let states = self.states(operator);
            let mut fresh = states.iter().skip(seen);
            began = match fresh.position(|began| passes && began == state) {
                Some(position) => Some(seen + position + 1),
                None => (last == state).then_some(states.len()),
            };
            began.is_some()
        });
        assert!(came, "{operator} is {last}, not {state}");
        let mut all = self.seen.lock().unwrap();
        all.insert(operator.into(), began.unwrap_or(seen));
    }

    /// What the log says of an operator's states, in their order.
    fn states(&self, operator: &str) -> Vec<String> {
        let log = self.log();
        let of = format!(" operator operator={operator} state=");
        let states = log.lines().filter_map(|line| {
            let (_, state) = line.split_once(&of)?;
            Some(state.split(' ').next()?.to_owned())
        });
        states.collect()
    }

    /// What an operator was before is nothing that is waited for.
    pub(crate) fn look_on(&self, operator: &str) {
        let seen = self.states(operator).len();
        self.seen.lock().unwrap().insert(operator.into(), seen);
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        let page = self.json("/api/v1/records");
        page["records"].as_array().unwrap().clone()
    }

    /// The records, the newest first, once there are so many.
    pub(crate) fn records_of(&self, calls: usize) -> Vec<Value> {
        let page = self.shows("/api/v1/records", |page| {
            page["records"].as_array().unwrap().len() == calls
        });
        page["records"].as_array().unwrap().clone()
    }

    /// The one record, once it is there and says how its streams did.
    pub(crate) fn record(&self) -> Value {
        self.record_when(|record| !record["caller_quality"].is_null())
    }

    /// The one record, once it is so.
    pub(crate) fn record_when(&self, mut so: impl FnMut(&Value) -> bool) -> Value {
        let page = self.shows("/api/v1/records", |page| {
            let first = &page["records"][0];
            !first.is_null() && so(first)
        });
        let records = page["records"].as_array().unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        records[0].clone()
    }

    /// The sum of the series that begin so, as it is just now.
    pub(crate) fn metric(&self, start: &str) -> f64 {
        let (_, text) = self.ask("/metrics").unwrap();
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Waits until so many are counted.
    pub(crate) fn counts(&self, metric: &str, expected: f64) {
        self.counts_so(metric, |value| (value - expected).abs() < 0.1);
    }

    /// Waits until so many are counted, or more.
    pub(crate) fn counts_least(&self, metric: &str, least: f64) {
        self.counts_so(metric, |value| value > least - 0.1);
    }

    fn counts_so(&self, metric: &str, so: impl Fn(f64) -> bool) {
        let mut value = 0.0;
        let came = comes(SOON, || {
            value = self.metric(metric);
            so(value)
        });
        assert!(came, "{metric} is {value}");
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits until the log has these words.
    pub(crate) fn logs(&self, words: &str) {
        eventually(&format!("the log says `{words}`"), SOON, || {
            self.log().contains(words)
        });
    }
}
