//! One operator's phones.

use std::time::{Duration, Instant};

use super::ask::{Register, Wanted, is_same};
use super::binding::{Binding, Change, Listed, Refusal};
use crate::model::OperatorName;
use crate::model::limits::CONTACTS_PER_OPERATOR;

/// One operator's phones, the one refreshed last at the end.
#[derive(Debug, Default)]
pub(super) struct Phones {
    pub(super) bindings: Vec<Binding>,
    /// The heap's entry for this operator; earlier ones are stale.
    pub(super) scheduled: Option<Instant>,
}

impl Phones {
    /// Step 7: a REGISTER of the same phone that was overtaken changes nothing. Without
    /// `wanted` all phones are meant.
    pub(super) fn check_order(
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

    pub(super) fn apply(
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
        let same = |binding: &Binding| {
            let flow = binding.reg_id == contact.reg_id;
            flow && is_same(&binding.uri, &contact.uri) && contact.means(binding)
        };
        let known = self.bindings.iter().find(|binding| same(binding));
        let was_known = known.is_some();
        let binding = Binding {
            key: known.map_or_else(|| contact.key(), |known| known.key.clone()),
            uri: contact.uri.clone(),
            peer: register.peer,
            path: register.path.clone(),
            expires_at: register.now + lasts,
            call_id: register.call_id.to_owned(),
            cseq: register.cseq,
            instance: contact.instance.clone(),
            reg_id: contact.reg_id,
        };
        let remote = register.source.remote;
        changes.push(if was_known {
            Change::Refreshed {
                operator: operator.clone(),
                contact: binding.label(),
                remote,
            }
        } else {
            Change::Added {
                operator: operator.clone(),
                contact: binding.label(),
                key: binding.key.clone(),
                remote,
                first,
            }
        });
        // The same device at its old address, too, gives way.
        self.bindings.retain(|binding| {
            let stays = !contact.means(binding);
            if !stays && !same(binding) {
                changes.push(removed(operator, binding, false, false));
            }
            stays
        });
        self.bindings.push(binding);
    }

    pub(super) fn expire(
        &mut self,
        operator: &OperatorName,
        now: Instant,
        changes: &mut Vec<Change>,
    ) {
        self.remove_where(operator, true, |b| b.expires_at <= now, changes);
    }

    pub(super) fn remove_where(
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

    pub(super) fn contacts(&self, now: Instant) -> Vec<Listed> {
        let listed = |binding: &Binding| Listed {
            uri: binding.uri.clone(),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            seconds: binding.expires_at.saturating_duration_since(now).as_secs(),
        };
        self.bindings.iter().map(listed).collect()
    }

    /// When the heap must wake for this operator, if its entry there is too late.
    pub(super) fn schedule(&mut self) -> Option<Instant> {
        let next = self.bindings.iter().map(|b| b.expires_at).min()?;
        if self.scheduled.is_some_and(|at| at <= next) {
            return None;
        }
        self.scheduled = Some(next);
        Some(next)
    }
}

fn removed(operator: &OperatorName, binding: &Binding, last: bool, vanished: bool) -> Change {
    Change::Removed {
        operator: operator.clone(),
        contact: binding.label(),
        last,
        vanished,
    }
}
