//! Keys: to the flow or the queue while the caller is alone, else to the other side.
//!
//! ```text
//!             by events        by INFO
//!  to events  the worker's     an event of ours
//!  to INFO    an INFO          an INFO
//! ```

use crate::call::call::{Call, Stage};
use crate::call::floor::Floor;
use crate::call::leg::{Leg, Side};
use crate::media::Command;
use crate::model::LegId;
use crate::sip::{Method, Name, Request, Response, ServerTx};

const RELAY: &str = "application/dtmf-relay";

impl Call {
    /// A key by SIP INFO (`application/dtmf-relay`: `Signal=5`; `application/dtmf`: `5`).
    pub(super) fn info(
        &mut self,
        side: Side,
        (tx, request): (ServerTx, &Request),
        floor: &mut Floor<'_>,
    ) {
        let kind = request.headers.first(&Name::ContentType);
        let kind = kind.as_deref().unwrap_or("").trim().to_ascii_lowercase();
        let code = match kind.as_str() {
            RELAY | "application/dtmf" | "" => 200,
            _ => 415,
        };
        floor.respond(tx, &Response::to(request, code));
        let Some(key) = (code == 200).then(|| key_of(&request.body)).flatten() else {
            return;
        };
        match (&mut self.stage, side) {
            (Stage::Talking(talk), Side::Caller) => talk.leg.press(key, floor),
            (Stage::Talking(_), Side::Other) => self.leg.press(key, floor),
            (Stage::Flow | Stage::Queued(_) | Stage::Dialing(_), Side::Caller) => {
                self.key(key, floor);
            }
            (Stage::Flow | Stage::Queued(_) | Stage::Dialing(_), Side::Other)
            | (Stage::Ending { .. }, _) => {}
        }
    }

    /// A key by RFC 4733, which the worker passes on to who hears such.
    pub(super) fn key_heard(&mut self, leg: LegId, key: char, floor: &mut Floor<'_>) {
        let by_caller = leg == self.leg.id;
        match &mut self.stage {
            Stage::Talking(talk) if by_caller => talk.leg.inform(key, floor),
            Stage::Talking(talk) if talk.leg.id == leg => self.leg.inform(key, floor),
            Stage::Flow | Stage::Queued(_) | Stage::Dialing(_) if by_caller => {
                self.key(key, floor);
            }
            Stage::Flow
            | Stage::Queued(_)
            | Stage::Dialing(_)
            | Stage::Talking(_)
            | Stage::Ending { .. } => {}
        }
    }
}

impl Leg {
    fn press(&mut self, key: char, floor: &mut Floor<'_>) {
        if self.hears_events() {
            floor.media(Command::Key { leg: self.id, key });
        } else {
            self.inform(key, floor);
        }
    }

    /// Sends a key by INFO to who takes such, and no events. Nobody waits for the answer.
    fn inform(&mut self, key: char, floor: &mut Floor<'_>) {
        if self.hears_events() || !self.takes.info {
            return;
        }
        self.follow(floor);
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        let mut info = dialog.request(Method::Info);
        info.headers.push(Name::ContentType, RELAY);
        info.body = format!("Signal={key}\r\nDuration=100\r\n").into();
        floor.send(info, dialog.hop());
    }

    fn hears_events(&self) -> bool {
        self.agreed.is_some_and(|agreed| agreed.keys.is_some())
    }
}

fn key_of(body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Signal="))
        .unwrap_or(text);
    let mut chars = signal.trim().chars();
    let key = chars.next()?.to_ascii_uppercase();
    let is_key = key.is_ascii_digit() || matches!(key, '*' | '#' | 'A'..='D');
    (is_key && chars.next().is_none()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6086 section 4.2.2.
    #[test]
    fn a_key_is_read_from_info() {
        for (body, key) in [
            ("Signal=5\r\nDuration=160\r\n", Some('5')),
            ("Signal= *\r\n", Some('*')),
            ("#", Some('#')),
            ("a", Some('A')),
            ("Signal=55", None),
            ("Signal=", None),
            ("x", None),
        ] {
            assert_eq!(key_of(body.as_bytes()), key, "{body:?}");
        }
    }
}
