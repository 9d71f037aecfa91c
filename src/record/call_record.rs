//! What remains of a call: one record, with the names of the contract in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::{
    Answer, CallId, Cause, FlowName, Hangup, LineName, Mailbox, NodeName, Number, OfferResult,
    OperatorName, Outcome, Project, QueueName, RecordingId, RecordingResult, StreamQuality,
    TrunkName,
};

/// One offer of the call to an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferRecord {
    /// Whose phone rang.
    pub operator: OperatorName,
    /// For which queue.
    pub queue: QueueName,
    /// How it ended.
    pub result: OfferResult,
    /// How long it rang.
    #[serde(rename = "rang_s", with = "seconds")]
    pub rang: Duration,
}

/// How one stream did, as heard by us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityRecord {
    /// RTP packets received.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter at the end.
    #[serde(rename = "jitter_s", with = "seconds")]
    pub jitter: Duration,
    /// Estimated mean opinion score, 1.0 to 4.5; absent without packets.
    pub mos: Option<f32>,
}

impl From<StreamQuality> for QualityRecord {
    fn from(quality: StreamQuality) -> Self {
        Self {
            received: quality.received,
            sent: quality.sent,
            lost: quality.lost,
            jitter: quality.jitter,
            mos: quality.mos.filter(|mos| mos.is_finite()),
        }
    }
}

/// A recording of the call, or a message that its caller left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingRecord {
    /// Its name in the API.
    pub id: RecordingId,
    /// Whose message it is; absent for a recording of the call.
    pub mailbox: Option<Mailbox>,
    /// When it began.
    #[serde(with = "moment")]
    pub started: SystemTime,
    /// How long the sound is; 0 when nothing was kept, or until its file is closed.
    #[serde(rename = "duration_s", with = "seconds")]
    pub duration: Duration,
    /// How it ended; absent until its file is closed.
    pub result: Option<RecordingResult>,
}

/// A finished call (CDR). Times have milliseconds in JSON, durations are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call.
    pub id: CallId,
    /// Counts from 0; a later record of the same call has a higher one and replaces it.
    pub revision: u32,
    /// Who dialled.
    pub from: Number,
    /// What was dialled.
    pub to: Number,
    /// The entry of `numbers` that it matched.
    pub number: Number,
    /// The number's flow; absent when the call was refused.
    pub flow: Option<FlowName>,
    /// The number's project.
    pub project: Option<Project>,
    /// The trunk it came by; absent when the call was refused.
    pub trunk: Option<TrunkName>,
    /// When the INVITE came.
    #[serde(with = "moment")]
    pub started: SystemTime,
    /// When the 200 went out.
    #[serde(with = "optional_moment")]
    pub answered: Option<SystemTime>,
    /// When it was over.
    #[serde(with = "moment")]
    pub ended: SystemTime,
    /// How it ended.
    pub outcome: Outcome,
    /// Who ended it; absent when the call was refused.
    pub hangup: Option<Hangup>,
    /// The cause of Q.850 that its flow gave.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The status code that refused it.
    pub code: Option<u16>,
    /// Time in queues, all of them together.
    #[serde(rename = "waited_s", with = "seconds")]
    pub waited: Duration,
    /// Time with operators and lines, all of them together.
    #[serde(rename = "talked_s", with = "seconds")]
    pub talked: Duration,
    /// The last queue it was in.
    pub queue: Option<QueueName>,
    /// The last operator who talked with the caller.
    pub operator: Option<OperatorName>,
    /// The last line that took it.
    pub line: Option<LineName>,
    /// The callback that the caller was promised, or that this call is an attempt of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallId>,
    /// Nodes of the flow in order, the first 256.
    pub path: Vec<NodeName>,
    /// Offers in order, the first 64.
    pub offers: Vec<OfferRecord>,
    /// Marks that its flow set.
    #[serde(default)]
    pub tags: Vec<Arc<str>>,
    /// Variables of its flow, but for those typed in secret.
    #[serde(default)]
    pub vars: BTreeMap<Arc<str>, Arc<str>>,
    /// What the caller answered, by question; the first 32.
    #[serde(default)]
    pub survey: BTreeMap<Arc<str>, Answer>,
    /// Recordings and messages in order, the first 32.
    #[serde(default)]
    pub recordings: Vec<RecordingRecord>,
    /// The caller's stream.
    pub caller_quality: Option<QualityRecord>,
    /// The operator's or the line's stream.
    pub operator_quality: Option<QualityRecord>,
}

/// Seconds with three decimals, as JSON numbers.
pub(super) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Seconds, rounded to milliseconds.
    pub(in crate::record) fn of(duration: Duration) -> f64 {
        (duration.as_secs_f64() * 1000.0).round() / 1000.0
    }

    pub(in crate::record) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(of(*duration))
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let exact = Duration::try_from_secs_f64(seconds).map_err(de::Error::custom)?;
        let millis = exact.saturating_add(Duration::from_micros(500)).as_millis();
        Ok(Duration::from_millis(
            u64::try_from(millis).unwrap_or(u64::MAX),
        ))
    }
}

/// Moments as RFC 3339 in UTC with milliseconds.
pub(super) mod moment {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    /// The text of a moment; years that RFC 3339 cannot write do not occur.
    pub(in crate::record) fn text(at: SystemTime) -> Option<String> {
        let stamp = jiff::Timestamp::try_from(at).ok()?;
        Some(format!("{stamp:.3}"))
    }

    pub(in crate::record) fn serialize<S: Serializer>(
        at: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = text(*at).ok_or_else(|| ser::Error::custom("a year out of range"))?;
        serializer.serialize_str(&text)
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        let stamp: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        SystemTime::try_from(stamp).map_err(de::Error::custom)
    }
}

/// The same for a moment that may not have come.
pub(super) mod optional_moment {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde hands a field over by reference")]
    pub(in crate::record) fn serialize<S: Serializer>(
        at: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::moment::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let stamp: Option<jiff::Timestamp> = text
            .map(|text| text.parse())
            .transpose()
            .map_err(de::Error::custom)?;
        stamp
            .map(SystemTime::try_from)
            .transpose()
            .map_err(de::Error::custom)
    }
}
