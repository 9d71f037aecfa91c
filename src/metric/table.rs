//! Every metric of the contract, once.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations below each of these bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name, with unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence for whoever sees it first in a dashboard.
    pub help: &'static str,
}

/// Seconds that people wait.
const WAITS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0,
    1800.0,
];
/// Seconds that people talk.
const TALKS: &[f64] = &[
    5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];
/// From a microsecond, which a decision takes, to a second, which it must not.
const DECISIONS: &[f64] = &[
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 1e-1, 1.0,
];
/// From a millisecond to a caller's patience.
const SETUPS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// A packet's 20 ms are the scale.
const JITTERS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// G.107: above 4.0 users are satisfied, below 3.1 nearly all are not.
const SCORES: &[f64] = &[
    1.5, 2.0, 2.6, 3.1, 3.4, 3.6, 3.8, 4.0, 4.1, 4.2, 4.3, 4.4, 4.5,
];

macro_rules! table {
    ($($id:ident $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// All of them, in the order of the contract.
        pub const TABLE: &[Metric] = &[$($id),*];
    };
}

table! {
    CALLS Kind::Counter, "centrale_calls_total", ["number", "outcome"],
        "Calls that ended, by the configured number that they matched and by outcome.";
    CALLS_ACTIVE Kind::Gauge, "centrale_calls_active", ["state"],
        "Live calls by state.";
    QUEUE_WAITING Kind::Gauge, "centrale_queue_waiting", ["queue"],
        "Callers who wait in a queue, those included whose offer rings.";
    QUEUE_LONGEST_WAIT Kind::Gauge, "centrale_queue_longest_wait_seconds", ["queue"],
        "How long the first caller of a queue waits, 0 without any.";
    QUEUE_WAIT Kind::Histogram(WAITS), "centrale_queue_wait_seconds", ["queue", "outcome"],
        "Time in a queue until the caller left it, by why.";
    QUEUE_OFFERS Kind::Counter, "centrale_queue_offers_total", ["queue", "result"],
        "Offers that ended, by result.";
    QUEUE_ESCALATIONS Kind::Counter, "centrale_queue_escalations_total", ["queue", "step"],
        "Escalation steps taken, by the step's place in the queue's list, from 1.";
    QUEUE_SERVICE_LEVEL Kind::Gauge, "centrale_queue_service_level_ratio", ["queue"],
        "Share of the last hour's calls answered within the promised time, 1 while no call counts.";
    QUEUE_UNCOVERABLE Kind::Counter, "centrale_queue_uncoverable_total", ["queue"],
        "Callers whom no operator who was logged in could ever take: escalated at once, or sent away.";
    QUEUE_COMEBACKS Kind::Counter, "centrale_queue_comebacks_total", ["queue"],
        "Callers whom an earlier process lost and who called again, into their old places.";
    QUEUE_ESTIMATE_ERROR Kind::Histogram(WAITS), "centrale_queue_estimate_error_seconds", ["queue"],
        "How far the wait that was estimated first was from the wait until the answer.";
    OVERTAKES Kind::Counter, "centrale_dispatch_overtakes_total", ["reason"],
        "Offers made while a caller who had waited for longer was passed over, by why.";
    LINE_ATTEMPTS Kind::Counter, "centrale_line_attempts_total", ["line", "result"],
        "Tries to reach an address of a line outside, by what they came to.";
    LINE_UP Kind::Gauge, "centrale_line_up", ["line"],
        "1 while an address of a line outside answers its probes, else 0.";
    TRUNK_UP Kind::Gauge, "centrale_trunk_up", ["trunk"],
        "1 while a trunk's server answers its probes, else 0.";
    TRUNK_REGISTERED Kind::Gauge, "centrale_trunk_registered", ["trunk"],
        "1 while our registration with a carrier holds, else 0.";
    CALLBACKS Kind::Counter, "centrale_callbacks_total", ["queue", "result"],
        "Callbacks that are over, by how they ended.";
    TRANSFERS Kind::Counter, "centrale_transfers_total", ["kind", "result"],
        "Callers whom an operator handed on, or wanted to, by where to and whether it succeeded.";
    OPERATORS Kind::Gauge, "centrale_operators", ["queue", "state"],
        "Operators whose skills meet the requirement of a queue, by state.";
    OPERATOR_HANDLE Kind::Histogram(TALKS), "centrale_operator_handle_seconds", ["queue"],
        "Time that an operator spent on a call: talk and wrap-up.";
    DISPATCH Kind::Histogram(DECISIONS), "centrale_dispatch_seconds", [],
        "From a match becoming possible to the offer decided.";
    SETUP Kind::Histogram(SETUPS), "centrale_setup_seconds", [],
        "From the INVITE received to the 200 sent.";
    SIP_REQUESTS Kind::Counter, "centrale_sip_requests_total", ["method", "direction", "transport"],
        "SIP requests, retransmissions left out.";
    SIP_RESPONSES Kind::Counter, "centrale_sip_responses_total", ["code", "direction"],
        "SIP responses, retransmissions left out.";
    SIP_RETRANSMISSIONS Kind::Counter, "centrale_sip_retransmissions_total", ["method"],
        "SIP messages sent or received again, by the method of their transaction.";
    SIP_REJECTED Kind::Counter, "centrale_sip_rejected_total", ["reason"],
        "SIP messages refused before they became a call or a registration.";
    SIP_CONNECTIONS Kind::Gauge, "centrale_sip_connections", ["transport"],
        "Open connections of phones, trunks and lines.";
    SIP_CONNECTIONS_DROPPED Kind::Counter, "centrale_sip_connections_dropped_total", ["reason"],
        "Connections that the server refused or closed, by why.";
    SIP_DROPPED Kind::Counter, "centrale_sip_dropped_total", ["reason"],
        "SIP messages dropped without an answer: of strangers over a limit, of scanners, or because there was no time.";
    SIP_SHUT_OUT Kind::Gauge, "centrale_sip_shut_out", [],
        "Sources that failed too often and are not heard for a while.";
    SIP_SHUT_OUTS Kind::Counter, "centrale_sip_shut_outs_total", [],
        "Times that a source was shut out.";
    REGISTRATIONS Kind::Gauge, "centrale_registrations", [],
        "Registered phones of operators.";
    SIP_TRANSACTIONS Kind::Gauge, "centrale_sip_transactions", [],
        "SIP transactions that are kept, finished ones that still absorb repetitions included.";
    SIP_DIALOGS Kind::Gauge, "centrale_sip_dialogs", [],
        "SIP dialogs of calls, early ones and those just ended included.";
    MEDIA_PORTS Kind::Gauge, "centrale_media_ports", [],
        "Pairs of media ports in use.";
    DISPATCH_TICKETS Kind::Gauge, "centrale_dispatch_tickets", [],
        "Calls that the dispatcher knows: those that wait, and those whose offer rings.";
    RTP_PACKETS Kind::Counter, "centrale_rtp_packets_total", ["direction"],
        "RTP packets of streams that ended.";
    RTP_LOST Kind::Counter, "centrale_rtp_lost_packets_total", [],
        "RTP packets that never came, of streams that ended.";
    RTP_JITTER Kind::Histogram(JITTERS), "centrale_rtp_jitter_seconds", [],
        "Interarrival jitter of streams at their end.";
    RTP_MOS Kind::Histogram(SCORES), "centrale_rtp_mos", [],
        "Estimated mean opinion score of streams at their end, 1 to 4.5.";
    FLOW_STEPS Kind::Counter, "centrale_flow_steps_total", ["flow", "verb"],
        "Nodes of flows that calls came to, by the node's type.";
    FLOW_ERRORS Kind::Counter, "centrale_flow_errors_total", ["flow", "reason"],
        "Steps of flows that could not do what they say.";
    SURVEY_ANSWERS Kind::Counter, "centrale_survey_answers_total", ["project", "queue", "question", "answer"],
        "Answers of callers to surveys, by the number's project and the queue that they came to talk by.";
    MESSAGES Kind::Counter, "centrale_voicemail_messages_total", ["mailbox"],
        "Messages that callers left.";
    RECORDINGS_ACTIVE Kind::Gauge, "centrale_recordings_active", [],
        "Recordings that are being written, messages included.";
    RECORDING_ERRORS Kind::Counter, "centrale_recording_errors_total", ["reason"],
        "Times that a recording could not be written, or not all of it.";
    FLOW_HTTP Kind::Histogram(SETUPS), "centrale_flow_http_seconds", ["flow", "result"],
        "Requests of flows, from the ask to the answer or to the end of the wait.";
    WEBHOOK_DELIVERIES Kind::Counter, "centrale_webhook_deliveries_total", ["webhook", "result"],
        "Events for webhooks: delivered, tries that failed, and events given up.";
    WEBHOOK_BACKLOG Kind::Gauge, "centrale_webhook_backlog", ["webhook"],
        "Events that wait for a webhook.";
    STORE_QUEUE_LENGTH Kind::Gauge, "centrale_store_queue_length", [],
        "Records and events that are not in the database yet, spooled ones included.";
    STORE_ERRORS Kind::Counter, "centrale_store_errors_total", [],
        "Failed attempts to write to the database or its spool file.";
    STORE_LOST Kind::Counter, "centrale_store_lost_total", [],
        "Records and events given up because database, spool file and memory were all full.";
    FAULTS Kind::Counter, "centrale_faults_total", [],
        "Broken invariants that were contained; each is a bug.";
    BUILD_INFO Kind::Gauge, "centrale_build_info", ["version"],
        "Always 1; the version is in the label.";
}
