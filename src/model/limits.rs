//! Every bound of the process that is not configuration, with its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A UDP datagram cannot be larger.
pub const DATAGRAM_BYTES: usize = 65_535;
/// A message on a stream: twice a datagram, room for a large body with long routes.
pub const STREAM_MESSAGE_BYTES: usize = 128 * 1024;
/// Headers in one message; a call through ten proxies has about sixty.
pub const HEADERS: usize = 256;
/// One header's value; SIP identity tokens reach 4 KiB.
pub const HEADER_BYTES: usize = 8 * 1024;
/// One hop of a Via, which is read several times a message; real ones are below 300 bytes.
pub const VIA_BYTES: usize = 1024;
/// One address with its name and parameters; of phones that say all of themselves, 800.
pub const ADDRESS_BYTES: usize = 2 * 1024;
/// Via entries; Max-Forwards starts at 70, and no real path comes near.
pub const VIAS: usize = 64;
/// Option tags that are looked at; there are some forty in the world.
pub const OPTION_TAGS: usize = 64;
/// Contacts in one message; a phone has one or two, a redirection some more.
pub const CONTACTS: usize = 64;
/// Parameters of one value or address; Contact with all that phones say of themselves
/// has about fifteen.
pub const PARAMETERS: usize = 64;
/// A body.
pub const BODY_BYTES: usize = 64 * 1024;
/// Parts of a body, those within parts included; a carrier sends two or three.
pub const BODY_PARTS: usize = 8;
/// What parts them (RFC 2046 section 5.1.1).
pub const BOUNDARY_CHARS: usize = 70;
/// A message on a stream is complete within this, or the connection closes.
pub const STREAM_MESSAGE_TIME: Duration = Duration::from_secs(5);
/// The TLS handshake and the upgrade to WebSocket are done within this.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// A stream on which nobody has registered or called lasts this long after its last
/// message.
pub const STRANGER_TIME: Duration = Duration::from_secs(30);
/// What may wait to be written to somebody who reads slowly.
pub const STREAM_BACKLOG_BYTES: usize = 256 * 1024;
/// The same for somebody who has not registered or called: some answers.
pub const STRANGER_BACKLOG_BYTES: usize = 8 * 1024;
/// Stream connections from one address on which nobody has registered or called: the phones
/// of a site behind one NAT that all come back at once.
pub const STRANGERS_PER_ADDRESS: usize = 64;
/// Stream connections in all; fewer when the process may not open twice as many descriptors.
pub const CONNECTIONS: usize = 4096;

/// `m=` lines of a description.
pub const SDP_MEDIA: usize = 16;
/// Formats on one `m=` line.
pub const SDP_FORMATS: usize = 64;
/// `a=` lines of a description.
pub const SDP_ATTRIBUTES: usize = 512;

/// Contacts that one operator may register at once.
pub const CONTACTS_PER_OPERATOR: usize = 5;
/// Proxies between us and a phone; a site has one, a carrier two.
pub const PATH_HOPS: usize = 8;
/// All of them as text; each is kept as long as the phone is registered.
pub const PATH_BYTES: usize = 2_048;
/// Digest nonces that were answered and are remembered so that nobody answers them again:
/// five minutes of 200 registrations a second.
pub const NONCES_USED: usize = 65_536;
/// Calls that one operator may have at once.
pub const CALLS_PER_OPERATOR: u8 = 8;
/// Calls that operators may have beyond one each, in all.
pub const MORE_CALLS: usize = 8_192;
/// Operators who ring at once for one call of a queue with `ring_all`.
pub const RING_ALL: usize = 32;
/// Operators in one configuration.
pub const OPERATORS: usize = 16_384;
/// Requirement classes in one process: queues × escalation steps × languages × priorities.
pub const CLASSES: usize = 16_384;
/// Different skill sets of operators.
pub const PROFILES: usize = 4_096;
/// Priorities: of a call, of a queue, of a step, and of all of them together. Wide enough
/// for any order that people keep in mind, and each one more is one more class.
pub const PRIORITY: RangeInclusive<i16> = -100..=100;
/// Calls waiting in one queue, whatever `max_waiting` says.
pub const WAITING_PER_QUEUE: usize = 10_000;

/// A YAML file.
pub const YAML_BYTES: usize = 1024 * 1024;
/// A line of a YAML file: a reader may have to keep all of it before it knows what it is.
pub const YAML_LINE_BYTES: usize = 16 * 1024;
/// Nesting in a YAML file.
pub const YAML_DEPTH: usize = 32;
/// Values in a YAML file: scalars, lists and maps. Each costs some five hundred bytes while
/// the file is read; a thousand nodes have fewer, and what fits on 1 MiB of operators.
pub const YAML_VALUES: usize = 50_000;
/// Nodes in one flow.
pub const FLOW_NODES: usize = 1_000;
/// Characters of a node's name; it is a label of pictures and part of messages.
pub const NODE_NAME_CHARS: usize = 64;
/// Languages of one flow; each prompt is looked for in every one.
pub const FLOW_LANGUAGES: usize = 16;
/// Expressions of one flow, those in templates included: to compile one takes some
/// twenty microseconds.
pub const FLOW_EXPRESSIONS: usize = 2_000;
/// Characters of a text with `${…}`.
pub const TEMPLATE_CHARS: usize = 2_048;
/// Problems of one flow that are told; nobody reads more at once.
pub const FLOW_PROBLEMS: usize = 100;
/// Keys kept while the flow is not listening: a fast typist's next answers.
pub const KEYS_AHEAD: usize = 32;
/// Sounds in one prompt.
pub const PROMPT_SOUNDS: usize = 64;

/// Recordings of one call, messages included: a flow that stops and starts one again and
/// again comes to an end.
pub const RECORDINGS_PER_CALL: u8 = 100;
/// The longest recording of a call: half a day's sound is 900 MB.
pub const RECORDING: Duration = Duration::from_secs(4 * 3600);

/// A caller who hangs up this soon after queueing did not wait.
pub const SHORT_ABANDON: Duration = Duration::from_secs(5);

/// Digits of a customer's number: E.164 has 15 at most, extensions follow.
pub const CUSTOMER_DIGITS: RangeInclusive<usize> = 2..=20;
/// Characters of a customer's name, project and operator: a long name of a firm.
pub const CUSTOMER_TEXT: usize = 200;
/// Digits that a customer keys in; more are not typed without a mistake.
pub const CUSTOMER_ACCOUNT: usize = 32;
/// Characters of a language's tag (RFC 5646 section 4.4.1).
pub const CUSTOMER_LANGUAGE: usize = 35;
/// Characters of notes on a customer: a page, for an operator to read during a greeting.
pub const CUSTOMER_NOTES: usize = 4_000;
/// Marks on one customer.
pub const CUSTOMER_TAGS: usize = 32;
/// Characters of one mark.
pub const CUSTOMER_TAG: usize = 64;
