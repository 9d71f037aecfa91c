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
use std::time::Instant;

use dashmap::DashMap;

use super::ask::{Register, check_places, first_hop, read_contacts, read_path, settle_flows};
use super::binding::{Binding, Change, Refusal, Registered, Rules};
use super::phones::Phones;
use crate::model::OperatorName;
use crate::model::limits::CONTACTS_PER_OPERATOR;
use crate::sip::{ConnectionId, Peer, Request};

/// The registrations of all operators.
#[derive(Debug, Default)]
pub struct Registrar {
    operators: DashMap<OperatorName, Phones>,
    /// Who may have a phone on a stream; asked when the stream breaks.
    streams: DashMap<ConnectionId, Vec<OperatorName>>,
    expiries: Mutex<BinaryHeap<Reverse<(Instant, OperatorName)>>>,
    count: AtomicUsize,
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
        let path = read_path(headers)?;
        let mut wanted = read_contacts(headers, rules)?;
        check_places(wanted.as_deref().unwrap_or_default(), peer.transport)?;
        let outbound = settle_flows(wanted.as_deref_mut().unwrap_or_default(), request, &path)?;
        let register = Register {
            call_id: &call_id,
            cseq: headers.cseq().map_err(|_| Refusal::Malformed)?.number,
            source: peer,
            peer: first_hop(&path, peer),
            path,
            now,
        };
        let asks_only = wanted.as_ref().is_some_and(Vec::is_empty);
        if asks_only && !self.operators.contains_key(operator) {
            return Ok(Registered {
                contacts: Vec::new(),
                path: register.path,
                outbound,
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
        if let Some(connection) = register.peer.connection {
            let mut operators = self.streams.entry(connection).or_default();
            if !operators.contains(operator) {
                operators.push(operator.clone());
            }
        }
        Ok(Registered {
            contacts,
            path: register.path,
            outbound,
            changes,
        })
    }

    /// Puts back a phone of an earlier process. Nothing happens when there is one of its
    /// key, or no room.
    pub fn restore(&self, operator: &OperatorName, binding: Binding) {
        let wake_at = {
            let mut phones = self.operators.entry(operator.clone()).or_default();
            let known = phones.bindings.iter().any(|known| known.key == binding.key);
            if known || phones.bindings.len() >= CONTACTS_PER_OPERATOR {
                return;
            }
            phones.bindings.push(binding);
            self.recount(0, 1);
            phones.schedule()
        };
        if let Some(at) = wake_at {
            self.heap().push(Reverse((at, operator.clone())));
        }
    }

    /// Everybody's phones, by the keys of their bindings.
    #[must_use]
    pub fn all(&self) -> Vec<(OperatorName, String)> {
        let mut all = Vec::new();
        for phones in &self.operators {
            let keys = phones.bindings.iter().map(|binding| binding.key.clone());
            all.extend(keys.map(|key| (phones.key().clone(), key)));
        }
        all
    }

    /// Whether one of the operator's phones is registered from just there.
    #[must_use]
    pub fn holds(&self, operator: &OperatorName, peer: Peer, now: Instant) -> bool {
        let is_there =
            |b: &Binding| b.expires_at > now && b.peer.remote == peer.remote && b.path.is_empty();
        let phones = self.operators.get(operator);
        phones.is_some_and(|phones| phones.bindings.iter().any(is_there))
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

    /// The operator's phones, each by its flows: the one to be tried first, and those to be
    /// tried when it fails (RFC 5626 section 7). The phone refreshed last is at the end.
    #[must_use]
    pub fn phones(&self, operator: &OperatorName, now: Instant) -> Vec<Vec<Binding>> {
        let mut phones: Vec<Vec<Binding>> = Vec::new();
        // The flow refreshed last stands first: it is the likeliest to be there.
        for binding in self.contacts(operator, now).into_iter().rev() {
            let flow = binding.reg_id.is_some();
            let device = |known: &&mut Vec<Binding>| {
                let first = known.first();
                first.is_some_and(|b| flow && b.reg_id.is_some() && b.instance == binding.instance)
            };
            match phones.iter_mut().find(device) {
                Some(flows) => flows.push(binding),
                None => phones.push(vec![binding]),
            }
        }
        phones.reverse();
        phones
    }

    /// By which flow a device is reached that registered with this `reg-id`, unless a proxy
    /// leads to it (RFC 5626 section 5.3).
    #[must_use]
    pub fn flow(
        &self,
        operator: &OperatorName,
        (device, reg_id): (&str, u32),
        now: Instant,
    ) -> Option<Peer> {
        let phones = self.operators.get(operator)?;
        let mut flows = phones.bindings.iter().filter(|binding| {
            binding.expires_at > now && binding.path.is_empty() && binding.reg_id == Some(reg_id)
        });
        let flow = flows.find(|binding| binding.device() == device)?;
        Some(flow.peer)
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

    /// Forgets a phone that does not answer any more, by its binding's key.
    #[must_use]
    pub fn forget(&self, operator: &OperatorName, key: &str) -> Vec<Change> {
        self.forget_where(operator, |binding| binding.key == key)
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
