//! What a flow asks of the world outside the exchange, and what comes back.
//!
//! ```text
//!  Run ── Output::Ask(Asked) ──► call ──► shard ──► the server, which knows the world
//!   ▲                                                     │
//!   └── Returned::Reply(number, Reply) ◄── call ◄── shard ◄┘
//! ```
//!
//! Invariant: a run waits for one reply at a time, and by its own clock no longer than it
//! said, whatever becomes of the ask. A reply with another number belongs to an ask that
//! was given up, and is not heard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::value::Scalar;
use crate::media::Sound;
use crate::model::{Customer, CustomerKey, FlowName};

/// Which ask of its call it is: they are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u32);

/// One ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The reply carries it.
    pub number: AskId,
    /// A reply after this long is not heard.
    pub within: Duration,
    /// Which flow asks.
    pub flow: FlowName,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked; [`Answer`] has a variant for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An HTTP request.
    Http(Box<HttpRequest>),
    /// A text to be spoken.
    Speech(Box<Utterance>),
    /// Who has this number, or this account, in the customer base.
    Customer(CustomerKey),
}

/// A text that nobody has spoken yet. It may tell of a caller: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utterance {
    /// Whose grammar it has.
    pub language: Arc<str>,
    /// The name of its sound.
    pub name: Arc<str>,
    /// What is said.
    pub text: Arc<str>,
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utterance({}/{})", self.language, self.name)
    }
}

/// What comes back.
pub type Reply = Result<Answer, Unanswered>;

/// An answer, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Http`].
    Http(HttpAnswer),
    /// To [`Ask::Speech`].
    Speech(Arc<Sound>),
    /// To [`Ask::Customer`]: nobody, when nobody is known by it.
    Customer(Option<Box<Customer>>),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Too much is asked at the same time.
    Busy,
    /// It must not be asked.
    Refused,
    /// Nobody is there to ask.
    Unreachable,
    /// Whoever is asked failed again and again, and is left in peace for a while.
    Resting,
    /// None came in time.
    TimedOut,
    /// What came cannot be used.
    Unusable,
}

impl Unanswered {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Busy,
        Self::Refused,
        Self::Unreachable,
        Self::Resting,
        Self::TimedOut,
        Self::Unusable,
    ];

    /// The word for metrics and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Resting => "resting",
            Self::TimedOut => "timed_out",
            Self::Unusable => "unusable",
        }
    }
}

/// The methods that a flow can ask with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// An HTTP request. It may hold what a caller typed in secret: `Debug` shows neither
/// values nor the path.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// How.
    pub method: HttpMethod,
    /// Whole, with scheme and host, escaped.
    pub url: String,
    /// Names and values, without CR, LF and other controls.
    pub headers: Vec<(Arc<str>, String)>,
    /// JSON.
    pub body: Option<String>,
    /// JSON pointers (RFC 6901): what of the answer is wanted, in this order.
    pub save: Arc<[Arc<str>]>,
    /// So often it may be tried anew, within the time that the whole has.
    pub retries: u32,
    /// Whether it is signed.
    pub sign: bool,
}

impl HttpRequest {
    /// The answer that the status and the body of a response make.
    ///
    /// # Errors
    /// [`Unanswered::Unusable`] when something of a body is wanted that is not JSON.
    pub fn answer(&self, status: u16, body: &[u8]) -> Result<HttpAnswer, Unanswered> {
        let mut saved = Vec::with_capacity(self.save.len());
        if (200..300).contains(&status) && !self.save.is_empty() {
            let json: Value = serde_json::from_slice(body).map_err(|_| Unanswered::Unusable)?;
            let pick = |pointer: &Arc<str>| json.pointer(pointer).map_or(Scalar::Nothing, scalar);
            saved.extend(self.save.iter().map(pick));
        }
        Ok(HttpAnswer { status, saved })
    }
}

/// What a variable keeps of a JSON value: nothing of a list or an object, and a number that
/// is not whole as text.
fn scalar(json: &Value) -> Scalar {
    match json {
        Value::Null | Value::Array(_) | Value::Object(_) => Scalar::Nothing,
        Value::Bool(truth) => Scalar::Truth(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Scalar::Number(number),
            None => Scalar::text(&number.to_string()),
        },
        Value::String(text) => Scalar::text(text),
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({:?})", self.method)
    }
}

/// What a server said. `Debug` does not show what it told of a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// What [`HttpRequest::save`] wants, in its order; of a status of 200 to 299 only.
    pub saved: Vec<Scalar>,
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpAnswer({})", self.status)
    }
}
