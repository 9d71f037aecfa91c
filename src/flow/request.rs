//! The request of an `http` node: read and checked when the flow is loaded, filled in when
//! a call comes to it.
//!
//! What a value may do is decided by where it goes: in a URL all but letters, digits and
//! `-._~` is percent-encoded (RFC 3986 section 2.1), a header takes no controls, JSON is
//! built as values.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ask::{HttpMethod, HttpRequest};
use super::json::Json;
use super::origin::Origin;
use super::read::Reader;
use super::source::{Cursor, unknown};
use super::template::Template;
use super::turn::Turn;
use crate::model::FlowFault;

/// Of a URL with its values in it.
const URL_BYTES: usize = 2_048;
/// Of one header's value.
const HEADER_BYTES: usize = 1_024;
/// Of JSON that is sent.
const BODY_BYTES: usize = 64 * 1024;
/// Headers of one request.
const HEADERS: usize = 16;
/// What stays as it is in a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Headers that belong to the request itself.
const OWN: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-centrale-signature",
];

const METHODS: &[(&str, HttpMethod)] = &[
    ("GET", HttpMethod::Get),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
];

/// A request with templates in it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: HttpMethod,
    url: Template,
    secure: bool,
    headers: Vec<(Arc<str>, Template)>,
    json: Option<Json>,
}

impl Request {
    /// `{method, url, headers, json}`.
    pub(super) fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        cursor.map(reader.diags)?;
        cursor.unknown_keys(&["method", "url", "headers", "json"], reader.diags);
        let method = match cursor.get("method") {
            Some(value) => method(value, reader),
            None => Some(HttpMethod::Get),
        };
        let url = cursor
            .require("url", reader.diags)
            .and_then(|value| url(value, reader));
        let headers = match cursor.get("headers") {
            Some(map) => headers(map, reader),
            None => Some(Vec::new()),
        };
        let json = match cursor.get("json") {
            Some(value) => Json::read(value, reader).map(Some),
            None => Some(None),
        };
        if let (Some(HttpMethod::Get), Some(value)) = (method, cursor.get("json")) {
            let problem = value.key_error("a GET has no body");
            reader.diags.push(problem.hint("write method: POST"));
        }
        let (url, origin) = url?;
        Some(Self {
            method: method?,
            url,
            secure: origin.is_secure(),
            headers: headers?,
            json: json?,
        })
    }

    /// The request with the values of the call in it.
    ///
    /// # Errors
    /// [`FlowFault::Expression`] when a value is missing or does not fit where it goes,
    /// [`FlowFault::Sensitive`] when it must not go there.
    pub(super) fn fill(&self, turn: &Turn<'_>) -> Result<HttpRequest, FlowFault> {
        let escape = |text: &str, out: &mut String| {
            out.extend(utf8_percent_encode(text, UNRESERVED));
        };
        let url = turn
            .text(&self.url, &escape)
            .ok_or(FlowFault::Expression)?
            .open()?;
        if url.len() > URL_BYTES || climbs(&url) {
            return Err(FlowFault::Expression);
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, template) in &self.headers {
            let plain = |text: &str, out: &mut String| out.push_str(text);
            let filled = turn.text(template, &plain).ok_or(FlowFault::Expression)?;
            self.may_carry(filled.sensitive)?;
            if filled.text.len() > HEADER_BYTES || filled.text.chars().any(char::is_control) {
                return Err(FlowFault::Expression);
            }
            headers.push((Arc::clone(name), filled.text));
        }
        let body = match &self.json {
            Some(json) => {
                let filled = json.fill(turn)?;
                self.may_carry(filled.sensitive)?;
                Some(filled.value.to_string())
            }
            None => None,
        };
        if body.as_ref().is_some_and(|body| body.len() > BODY_BYTES) {
            return Err(FlowFault::Expression);
        }
        Ok(HttpRequest {
            method: self.method,
            url,
            headers,
            body,
            save: Arc::new([]),
            retries: 0,
            sign: false,
        })
    }

    /// What was typed in secret leaves encrypted or not at all.
    fn may_carry(&self, sensitive: bool) -> Result<(), FlowFault> {
        if sensitive && !self.secure {
            return Err(FlowFault::Sensitive);
        }
        Ok(())
    }
}

/// Whether a value made a step up of a part of the path.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.split('/').any(|part| part == "." || part == "..")
}

fn method(value: Cursor<'_>, reader: &mut Reader<'_>) -> Option<HttpMethod> {
    let text = value.string(reader.diags)?;
    let found = METHODS.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let problem = value.error(format!("`{text}` is no method of a request"));
        let names = METHODS.iter().map(|(name, _)| *name);
        reader.diags.push(unknown(problem, text, names));
    }
    found.map(|(_, method)| *method)
}

/// The scheme and the host stand as they are, so that it is known before the first call
/// where requests go.
fn url(value: Cursor<'_>, reader: &mut Reader<'_>) -> Option<(Template, Origin)> {
    const EXAMPLE: &str = "write \"https://api.example.org/customers/${caller.number}\"";
    let text = value.string(reader.diags)?;
    let template = reader.template(value, text)?;
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !template.texts().all(is_plain) {
        let problem = value.error("a URL has no spaces and no letters beyond ASCII");
        reader.diags.push(problem.hint("write %20 for a space"));
        return None;
    }
    let lead = template.lead();
    let host = lead.split_once("://").map_or("", |(_, after)| after);
    let is_fixed = template.literal().is_some() || host.contains('/');
    let origin = Origin::of(lead).filter(|_| is_fixed);
    let Some(origin) = origin else {
        let problem = value.error("a URL begins with its scheme, its host and a /, as they are");
        reader.diags.push(problem.hint(EXAMPLE));
        return None;
    };
    if climbs(text) {
        let problem = value.error("a URL has no `.` and no `..` between its slashes");
        reader
            .diags
            .push(problem.hint("write the path that it leads to"));
        return None;
    }
    if !reader.known.origins.contains(&origin) {
        let problem = value.error(format!("flows may not ask `{origin}`"));
        let hint = format!("add it to the configuration: requests: {{ allow: [\"{origin}\"] }}");
        reader.diags.push(problem.hint(hint));
        return None;
    }
    Some((template, origin))
}

fn headers(map: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Vec<(Arc<str>, Template)>> {
    let mut headers = Vec::new();
    let entries = map.map(reader.diags)?;
    if let Some((_, cursor)) = entries.get(HEADERS) {
        let message = format!("a request has at most {HEADERS} headers");
        reader.diags.push(cursor.key_error(message));
    }
    let mut good = true;
    for (name, value) in entries {
        let template = header(name, value, reader);
        good &= template.is_some();
        headers.extend(template.map(|template| (Arc::from(name), template)));
    }
    good.then_some(headers)
}

fn header(name: &str, value: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    // RFC 9110 section 5.6.2.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        let problem = value.key_error(format!("`{name}` is no name of a header"));
        reader.diags.push(problem.hint("write X-Project"));
        return None;
    }
    if OWN.contains(&name.to_ascii_lowercase().as_str()) {
        let problem = value.key_error(format!("`{name}` is set by the request itself"));
        reader.diags.push(problem.hint("remove it"));
        return None;
    }
    let text = value.word(reader.diags)?;
    if text.chars().any(char::is_control) {
        let problem = value.error("a header has no line ends and no controls");
        reader.diags.push(problem.hint("write it in one line"));
        return None;
    }
    reader.template(value, text)
}
