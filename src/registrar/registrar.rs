//! Who is registered where, for all shards at once.
//!
//! # Why
//! A look-up and a refresh take one guard of the map and nothing else. What expires next
//! is found by a heap behind a mutex of its own; it holds about one entry an operator,
//! and is touched when a registration is the first or comes to end earlier, and once for
//! each entry that surfaces. No guard is ever held while the other is taken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::binding::{Binding, Change, Refusal, Registered, Rules};
use crate::model::OperatorName;
use crate::model::limits::CONTACTS_PER_OPERATOR;
use crate::sip::{ConnectionId, Contacts, Headers, NameAddr, Peer, Request, Uri};

/// A registrar may refuse what is shorter than this, and nothing longer (section 10.3).
const ALWAYS_LONG_ENOUGH: Duration = Duration::from_secs(3600);

/// The registrations of all operators.
#[derive(Debug, Default)]
pub struct Registrar {
    operators: DashMap<OperatorName, Phones>,
    /// Who may have a phone on a stream; asked when the stream breaks.
    streams: DashMap<ConnectionId, Vec<OperatorName>>,
    expiries: Mutex<BinaryHeap<Reverse<(Instant, OperatorName)>>>,
    count: AtomicUsize,
}

/// One operator's phones, the one refreshed last at the end.
#[derive(Debug, Default)]
struct Phones {
    bindings: Vec<Binding>,
    /// The heap's entry for this operator; earlier ones are stale.
    scheduled: Option<Instant>,
}

/// A contact as a REGISTER asks for it.
struct Wanted {
    uri: Uri,
    instance: Option<String>,
    /// `None` takes it away.
    lasts: Option<Duration>,
}

/// What a REGISTER says of itself.
struct Register<'a> {
    call_id: &'a str,
    cseq: u32,
    peer: Peer,
    now: Instant,
}

impl Registrar {
    /// Without registrations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what an authenticated REGISTER asks for, all or nothing (section 10.3,
    /// steps 6 to 8). One without Contact only asks.
    ///
    /// An operator with more phones than
    /// [`CONTACTS_PER_OPERATOR`] loses the one that was refreshed the longest ago, so
    /// that a phone with a changing address cannot lock its owner out.
    ///
    /// # Errors
    /// What to answer instead of 200.
    pub fn register(
        &self,
        operator: &OperatorName,
        request: &Request,
        peer: Peer,
        rules: Rules,
        now: Instant,
    ) -> Result<Registered, Refusal> {
        let headers = &request.headers;
        let call_id = headers.call_id().map_err(|_| Refusal::Malformed)?;
        let register = Register {
            call_id: &call_id,
            cseq: headers.cseq().map_err(|_| Refusal::Malformed)?.number,
            peer,
            now,
        };
        let wanted = match headers.contacts().map_err(|_| Refusal::Malformed)? {
            Contacts::Star if headers.expires() == Some(0) => None,
            Contacts::Star => return Err(Refusal::Malformed),
            Contacts::List(list) => Some(read_contacts(list, headers, rules)?),
        };
        if let Some(wanted) = &wanted
            && wanted.is_empty()
            && !self.operators.contains_key(operator)
        {
            return Ok(Registered {
                contacts: Vec::new(),
                changes: Vec::new(),
            });
        }
        let mut changes = Vec::new();
        let (contacts, wake_at) = {
            let mut phones = self.operators.entry(operator.clone()).or_default();
            phones.check_order(wanted.as_deref(), &register)?;
            let before = phones.bindings.len();
            phones.expire(operator, now, &mut changes);
            match wanted {
                None => phones.remove_where(operator, false, |_| true, &mut changes),
                Some(wanted) => phones.apply(operator, wanted, &register, &mut changes),
            }
            self.recount(before, phones.bindings.len());
            (phones.contacts(now), phones.schedule())
        };
        if let Some(at) = wake_at {
            self.heap().push(Reverse((at, operator.clone())));
        }
        if let Some(connection) = peer.connection {
            let mut operators = self.streams.entry(connection).or_default();
            if !operators.contains(operator) {
                operators.push(operator.clone());
            }
        }
        Ok(Registered { contacts, changes })
    }

    /// Where the operator can be called, the phone refreshed last at the end.
    #[must_use]
    pub fn contacts(&self, operator: &OperatorName, now: Instant) -> Vec<Binding> {
        self.operators
            .get(operator)
            .map_or_else(Vec::new, |phones| {
                let alive = phones.bindings.iter().filter(|b| b.expires_at > now);
                alive.cloned().collect()
            })
    }

    /// Forgets what has expired.
    pub fn expire(&self, now: Instant, out: &mut Vec<Change>) {
        while let Some((at, operator)) = self.pop_due(now) {
            let mut wake_at = None;
            let mut empty = false;
            if let Some(mut phones) = self.operators.get_mut(&operator) {
                if phones.scheduled != Some(at) {
                    continue;
                }
                phones.scheduled = None;
                let before = phones.bindings.len();
                phones.expire(&operator, now, out);
                self.recount(before, phones.bindings.len());
                wake_at = phones.schedule();
                empty = phones.bindings.is_empty();
            }
            if empty {
                self.operators
                    .remove_if(&operator, |_, phones| phones.bindings.is_empty());
            }
            if let Some(at) = wake_at {
                self.heap().push(Reverse((at, operator)));
            }
        }
    }

    /// When [`expire`](Self::expire) has something to do; it may turn out to have been
    /// too early.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.heap().peek().map(|Reverse((at, _))| *at)
    }

    /// Forgets a phone that does not answer any more.
    #[must_use]
    pub fn forget(&self, operator: &OperatorName, contact: &Uri) -> Vec<Change> {
        self.forget_where(operator, |binding| is_same(&binding.uri, contact))
    }

    /// Forgets the phones that registered over a stream which broke.
    #[must_use]
    pub fn forget_connection(&self, connection: ConnectionId) -> Vec<Change> {
        let Some((_, operators)) = self.streams.remove(&connection) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        for operator in operators {
            changes.extend(self.forget_where(&operator, |binding| {
                binding.peer.connection == Some(connection)
            }));
        }
        changes
    }

    /// How many phones are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether no phone is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn forget_where(
        &self,
        operator: &OperatorName,
        gone: impl Fn(&Binding) -> bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(mut phones) = self.operators.get_mut(operator) {
            let before = phones.bindings.len();
            phones.remove_where(operator, true, gone, &mut changes);
            self.recount(before, phones.bindings.len());
        }
        changes
    }

    fn recount(&self, before: usize, after: usize) {
        if after >= before {
            self.count.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.count.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    fn pop_due(&self, now: Instant) -> Option<(Instant, OperatorName)> {
        let mut heap = self.heap();
        if heap.peek()?.0.0 > now {
            return None;
        }
        heap.pop().map(|Reverse(entry)| entry)
    }

    #[cfg(test)]
    pub(super) fn backlog(&self) -> usize {
        self.heap().len()
    }

    /// A panic elsewhere leaves the heap whole.
    fn heap(&self) -> MutexGuard<'_, BinaryHeap<Reverse<(Instant, OperatorName)>>> {
        self.expiries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phones {
    /// Step 7: a REGISTER of the same phone that was overtaken changes nothing. Without
    /// `wanted` all phones are meant.
    fn check_order(
        &self,
        wanted: Option<&[Wanted]>,
        register: &Register<'_>,
    ) -> Result<(), Refusal> {
        let is_meant = |binding: &Binding| {
            wanted.is_none_or(|wanted| wanted.iter().any(|contact| contact.means(binding)))
        };
        let is_overtaken = self.bindings.iter().any(|binding| {
            binding.expires_at > register.now
                && binding.call_id == register.call_id
                && register.cseq <= binding.cseq
                && is_meant(binding)
        });
        if is_overtaken {
            return Err(Refusal::OutOfOrder);
        }
        Ok(())
    }

    fn apply(
        &mut self,
        operator: &OperatorName,
        wanted: Vec<Wanted>,
        register: &Register<'_>,
        changes: &mut Vec<Change>,
    ) {
        // What comes before what goes: an operator whose phone moves is never without.
        let mut gone = Vec::new();
        for contact in wanted {
            match contact.lasts {
                Some(lasts) => self.put(operator, contact, lasts, register, changes),
                None => gone.push(contact),
            }
        }
        let gone = |binding: &Binding| gone.iter().any(|contact| contact.means(binding));
        self.remove_where(operator, false, gone, changes);
        let excess = self.bindings.len().saturating_sub(CONTACTS_PER_OPERATOR);
        for binding in self.bindings.drain(..excess) {
            changes.push(removed(operator, &binding, false, true));
        }
    }

    fn put(
        &mut self,
        operator: &OperatorName,
        contact: Wanted,
        lasts: Duration,
        register: &Register<'_>,
        changes: &mut Vec<Change>,
    ) {
        let first = self.bindings.is_empty();
        let text = contact.uri.to_string();
        let remote = register.peer.remote;
        let known = self.bindings.iter().any(|b| is_same(&b.uri, &contact.uri));
        changes.push(if known {
            Change::Refreshed {
                operator: operator.clone(),
                contact: text,
                remote,
            }
        } else {
            Change::Added {
                operator: operator.clone(),
                contact: text,
                remote,
                first,
            }
        });
        // The same device at its old address, too, gives way.
        self.bindings.retain(|binding| {
            let stays = !contact.means(binding);
            if !stays && !is_same(&binding.uri, &contact.uri) {
                changes.push(removed(operator, binding, false, false));
            }
            stays
        });
        self.bindings.push(Binding {
            uri: contact.uri,
            peer: register.peer,
            expires_at: register.now + lasts,
            call_id: register.call_id.to_owned(),
            cseq: register.cseq,
            instance: contact.instance,
        });
    }

    fn expire(&mut self, operator: &OperatorName, now: Instant, changes: &mut Vec<Change>) {
        self.remove_where(operator, true, |b| b.expires_at <= now, changes);
    }

    fn remove_where(
        &mut self,
        operator: &OperatorName,
        vanished: bool,
        gone: impl Fn(&Binding) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let mut left = self.bindings.len();
        self.bindings.retain(|binding| {
            if !gone(binding) {
                return true;
            }
            left -= 1;
            changes.push(removed(operator, binding, left == 0, vanished));
            false
        });
    }

    fn contacts(&self, now: Instant) -> Vec<(Uri, u64)> {
        let left = |binding: &Binding| binding.expires_at.saturating_duration_since(now).as_secs();
        self.bindings
            .iter()
            .map(|b| (b.uri.clone(), left(b)))
            .collect()
    }

    /// When the heap must wake for this operator, if its entry there is too late.
    fn schedule(&mut self) -> Option<Instant> {
        let next = self.bindings.iter().map(|b| b.expires_at).min()?;
        if self.scheduled.is_some_and(|at| at <= next) {
            return None;
        }
        self.scheduled = Some(next);
        Some(next)
    }
}

impl Wanted {
    /// Whether a binding is this contact's: the same address, or the same device.
    fn means(&self, binding: &Binding) -> bool {
        let device = self.instance.is_some() && self.instance == binding.instance;
        device || is_same(&self.uri, &binding.uri)
    }
}

/// Whether two contacts are one (RFC 3261 section 19.1.4, as far as phones differ): the
/// same user, host, port and transport.
fn is_same(one: &Uri, other: &Uri) -> bool {
    let transport = |uri: &Uri| uri.param("transport").map(str::to_ascii_lowercase);
    one.scheme == other.scheme
        && one.user == other.user
        && one.host == other.host
        && one.port == other.port
        && transport(one) == transport(other)
}

fn removed(operator: &OperatorName, binding: &Binding, last: bool, vanished: bool) -> Change {
    Change::Removed {
        operator: operator.clone(),
        contact: binding.uri.to_string(),
        last,
        vanished,
    }
}

/// What the Contacts of a REGISTER ask for.
fn read_contacts(
    list: Vec<NameAddr>,
    headers: &Headers,
    rules: Rules,
) -> Result<Vec<Wanted>, Refusal> {
    if list.len() > CONTACTS_PER_OPERATOR {
        return Err(Refusal::TooMany);
    }
    let usual = headers.expires().map_or(rules.default_expires, |seconds| {
        Duration::from_secs(seconds.into())
    });
    let read = |contact: NameAddr| {
        let asked = contact.params.value("expires").map_or(usual, |text| {
            // Section 10.3 step 7: what cannot be read is as if it were not there.
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let seconds = digits.then(|| text.parse().unwrap_or(u32::MAX));
            seconds.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
        });
        let least = rules.min_expires.min(ALWAYS_LONG_ENOUGH);
        if !asked.is_zero() && asked < least {
            let min_expires = least.as_secs();
            return Err(Refusal::TooBrief { min_expires });
        }
        Ok(Wanted {
            instance: contact.params.value("+sip.instance").map(String::from),
            lasts: (!asked.is_zero()).then(|| asked.min(rules.max_expires)),
            uri: contact.uri,
        })
    };
    list.into_iter().map(read).collect()
}
