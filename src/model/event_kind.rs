//! The words for what happened, in the store, in the stream of events and for webhooks.

use crate::model::Event;

impl Event {
    /// Every kind there is.
    pub const KINDS: [&str; 46] = [
        "call_started",
        "call_rejected",
        "call_answered",
        "flow_step",
        "flow_failed",
        "notified",
        "queued",
        "dequeued",
        "escalated",
        "offered",
        "prioritized",
        "uncoverable",
        "came_back",
        "estimated",
        "offer_ended",
        "talking",
        "on_line",
        "line_tried",
        "line_reach",
        "trunk_reach",
        "trunk_registered",
        "transferring",
        "transferred",
        "surveyed",
        "carried",
        "recording_started",
        "recording_paused",
        "recording_resumed",
        "recording_ended",
        "message_left",
        "held",
        "resumed",
        "talk_ended",
        "stream_ended",
        "call_ended",
        "operator_changed",
        "registered",
        "unregistered",
        "refused",
        "shut_out",
        "heard_again",
        "wrong_passwords",
        "callback_promised",
        "calling_back",
        "callback_ended",
        "fault",
    ];

    /// What kind of event it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CallStarted { .. } => "call_started",
            Self::CallRejected { .. } => "call_rejected",
            Self::CallAnswered { .. } => "call_answered",
            Self::FlowStep { .. } => "flow_step",
            Self::FlowFailed { .. } => "flow_failed",
            Self::Notified { .. } => "notified",
            Self::Queued { .. } => "queued",
            Self::Dequeued { .. } => "dequeued",
            Self::Escalated { .. } => "escalated",
            Self::Offered { .. } => "offered",
            Self::Prioritized { .. } => "prioritized",
            Self::Uncoverable { .. } => "uncoverable",
            Self::CameBack { .. } => "came_back",
            Self::Estimated { .. } => "estimated",
            Self::OfferEnded { .. } => "offer_ended",
            Self::Talking { .. } => "talking",
            Self::OnLine { .. } => "on_line",
            Self::LineTried { .. } => "line_tried",
            Self::LineReach { .. } => "line_reach",
            Self::TrunkReach { .. } => "trunk_reach",
            Self::TrunkRegistered { .. } => "trunk_registered",
            Self::Transferring { .. } => "transferring",
            Self::Transferred { .. } => "transferred",
            Self::Surveyed(_) => "surveyed",
            Self::Carried(_) => "carried",
            Self::Recording(recorded) => recorded.kind(),
            Self::Held { .. } => "held",
            Self::Resumed { .. } => "resumed",
            Self::TalkEnded { .. } => "talk_ended",
            Self::StreamEnded { .. } => "stream_ended",
            Self::CallEnded { .. } => "call_ended",
            Self::OperatorChanged { .. } => "operator_changed",
            Self::Registered { .. } => "registered",
            Self::Unregistered { .. } => "unregistered",
            Self::Refused { .. } => "refused",
            Self::ShutOut { .. } => "shut_out",
            Self::HeardAgain { .. } => "heard_again",
            Self::WrongPasswords { .. } => "wrong_passwords",
            Self::CallbackPromised { .. } => "callback_promised",
            Self::CallingBack { .. } => "calling_back",
            Self::CallbackEnded { .. } => "callback_ended",
            Self::Fault { .. } => "fault",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Recorded;

    #[test]
    fn every_kind_is_listed_once() {
        let source = include_str!("event_kind.rs");
        let mut used: Vec<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""))
            .filter_map(|(_, word)| word.strip_suffix("\","))
            .collect();
        used.extend(Recorded::KINDS);
        let mut listed = Event::KINDS.to_vec();
        used.sort_unstable();
        listed.sort_unstable();
        assert_eq!(used, listed);
    }
}
