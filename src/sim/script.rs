//! Phones that say what a test puts into their mouths.

use bytes::Bytes;

use crate::sim::phone::Phone;
use crate::sim::{PhoneId, World};
use crate::sip::endpoint::Output;
use crate::sip::{ClientTx, Method, Name, Request, Response, ServerTx};

/// What a phone answers a request with; `None` when its manner says.
pub type Answer = fn(&Request) -> Option<Response>;

/// What a phone was told to say, and what it heard of that.
#[derive(Debug, Default)]
pub(super) struct Script {
    answer: Option<Answer>,
    /// What Allow says in its INVITEs and when it picks up.
    pub(super) allow: Option<&'static str>,
    /// What its INVITEs say besides.
    pub(super) more: Vec<(Name, String)>,
    sent: Vec<ClientTx>,
    acks: usize,
    /// ACKs for its 2xx that it got.
    pub(super) acknowledged: usize,
    /// 2xx to INVITEs of its, each as often as it came.
    successes: Vec<Bytes>,
    pub(super) replies: Vec<Response>,
}

impl Script {
    /// Notes what came as it is on the wire.
    pub(super) fn sees(&mut self, bytes: &Bytes) {
        let has = |part: &[u8]| bytes.windows(part.len()).any(|seen| seen == part);
        if bytes.starts_with(b"SIP/2.0 2") && has(b" INVITE\r\n") {
            self.successes.push(bytes.clone());
        }
    }

    /// The answer to a request.
    pub(super) fn answer(&self, request: &Request) -> Option<Response> {
        self.answer.and_then(|answer| answer(request))
    }

    /// Notes a response; whether it is one to what was said.
    pub(super) fn hears(&mut self, tx: ClientTx, response: &Response) -> bool {
        let ours = self.sent.contains(&tx);
        if ours && response.code >= 200 {
            self.replies.push(response.clone());
        }
        ours
    }
}

impl World {
    /// From now on the phone answers requests so. With a provisional answer to a first
    /// INVITE, which has a tag, it rings.
    pub fn answers_by(&mut self, phone: PhoneId, answer: Answer) {
        self.act(phone, |phone, _| phone.script.answer = Some(answer));
    }

    /// The phone gives up dialling, and says why.
    pub fn cancels(&mut self, phone: PhoneId, reason: &str) {
        self.act(phone, |phone, now| {
            if let Some((tx, _)) = &phone.dialing {
                let (tx, reason) = (*tx, Some(reason));
                phone.endpoint.cancel(tx, reason, now, &mut phone.out);
            }
        });
    }

    /// From now on the phone says that it takes these methods.
    pub fn allows(&mut self, phone: PhoneId, methods: &'static str) {
        self.act(phone, |phone, _| phone.script.allow = Some(methods));
    }

    /// From now on the phone's INVITEs have these headers too.
    pub fn adds(&mut self, phone: PhoneId, headers: &[(Name, &str)]) {
        self.act(phone, |phone, _| {
            let own = |(name, value): &(Name, &str)| (name.clone(), (*value).to_owned());
            phone.script.more = headers.iter().map(own).collect();
        });
    }

    /// The phone says something inside its call, or what is to become one, as `change`
    /// leaves it. An ACK is for its last request.
    pub fn says(&mut self, phone: PhoneId, method: Method, change: impl FnOnce(&mut Request)) {
        self.act(phone, |phone, now| {
            let Some(dialog) = phone.dialog.as_mut().or(phone.early.as_mut()) else {
                return;
            };
            if method != Method::Ack {
                let mut request = dialog.request(method);
                change(&mut request);
                let tx = phone.send(request, now);
                return phone.script.sent.push(tx);
            }
            let mut ack = dialog.ack(dialog.local_cseq());
            change(&mut ack);
            phone.script.acks += 1;
            let branch = format!("z9hG4bKack{}", phone.script.acks);
            let via = format!("SIP/2.0/UDP {};branch={branch}", phone.address);
            ack.headers.push_front(Name::Via, via);
            let (bytes, peer) = (ack.write(), phone.server);
            phone.out.push(Output::Transmit { bytes, peer });
        });
    }

    /// Every 2xx to an INVITE of the phone, each as often as it came.
    #[must_use]
    pub fn successes(&self, phone: PhoneId) -> &[Bytes] {
        let phone = self.phones.get(phone.0);
        phone.map_or(&[], |phone| &phone.script.successes)
    }

    /// How many ACKs for its 2xx the phone got.
    #[must_use]
    pub fn acknowledged(&self, phone: PhoneId) -> usize {
        let phone = self.phones.get(phone.0);
        phone.map_or(0, |phone| phone.script.acknowledged)
    }

    /// The final answers to what the phone said.
    #[must_use]
    pub fn replies(&self, phone: PhoneId) -> &[Response] {
        let phone = self.phones.get(phone.0);
        phone.map_or(&[], |phone| &phone.script.replies)
    }
}

impl Phone {
    /// Answers as it was told to. `false` when it was told nothing of this.
    pub(super) fn answer_by(
        &mut self,
        (tx, request): (ServerTx, &Request),
        now: std::time::Instant,
    ) -> bool {
        let Some(response) = self.script.answer(request) else {
            return false;
        };
        if request.method == Method::Invite && self.is_inside(request) && response.code < 300 {
            self.unacked = Some(tx);
        } else if request.method == Method::Invite && (101..200).contains(&response.code) {
            self.tag = response
                .headers
                .to()
                .ok()
                .and_then(|to| Some(to.tag()?.to_owned()))
                .unwrap_or_default();
            self.rings(tx, request.clone());
        }
        self.respond(tx, &response, now);
        true
    }
}
