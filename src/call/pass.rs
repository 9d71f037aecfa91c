//! Our account with a carrier, for the length of one dialog with it.

use std::sync::Arc;

use crate::call::floor::Floor;
use crate::sip::{Account, Answered, Hop, Peer, Request, Response};

/// What challenges inside a dialog are answered with. Only a leg to a line of a trunk with
/// an account has one: a phone's challenge is answered by nobody.
#[derive(Debug)]
pub struct Pass {
    account: Arc<Account>,
    answered: Answered,
    /// The request that may be challenged, and where it went.
    asked: Option<(Request, Hop)>,
}

impl Pass {
    pub(super) fn new(account: Arc<Account>, answered: Answered) -> Self {
        Self {
            account,
            answered,
            asked: None,
        }
    }

    /// Puts the answer to the last challenge into a request, and remembers it.
    pub(super) fn write(&mut self, request: &mut Request, hop: Hop, floor: &mut Floor<'_>) {
        let word = floor.endpoint.word();
        self.account.write(request, &mut self.answered, word);
        self.asked = Some((request.clone(), hop));
    }

    /// The last request with the answer to its challenge, to be sent again to where it
    /// went. `None` when it is not challenged, not by whom it was sent to, or once more.
    pub fn again(&mut self, response: &Response, from: Peer, word: u64) -> Option<(Request, Hop)> {
        let (mut request, hop) = self.asked.take()?;
        if !hop.leads_to(from) {
            return None;
        }
        if !self
            .account
            .answer(response, &mut request, &mut self.answered, word)
        {
            return None;
        }
        self.asked = Some((request.clone(), hop));
        Some((request, hop))
    }

    /// The last request was let through.
    pub(super) fn let_through(&mut self) {
        self.asked = None;
        self.answered.let_through();
    }
}
