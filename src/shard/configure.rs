//! What a new configuration changes at once, for all shards.

use std::time::Instant;

use crate::call::{Shared, Snapshot};
use crate::dispatch::{Abilities, Full};
use crate::model::Event;
use crate::shard::Output;

/// Puts the operators and queues of a configuration on the board. Calls keep the
/// configuration that they began with; operators have their skills from now on.
///
/// Of what comes out, matches are for the shards of their calls.
///
/// # Errors
/// When the board has no room for an operator or a set of skills; those before it are
/// then as the new configuration wants them.
pub fn configure(
    shared: &Shared,
    next: &Snapshot,
    before: Option<&Snapshot>,
    now: Instant,
    out: &mut Vec<Output>,
) -> Result<(), Full> {
    shared
        .hall
        .configure(&next.config.queues.keys().cloned().collect());
    let strategies = next.config.queues.values().map(|queue| queue.strategy);
    let matches = shared.board.use_strategies(strategies, now);
    out.extend(matches.into_iter().map(Output::Match));
    for operator in next.config.operators.values() {
        let abilities = Abilities::from(operator.as_ref());
        let (_, matches) = shared.board.operator(&operator.name, &abilities, now)?;
        out.extend(matches.into_iter().map(Output::Match));
    }
    let gone = before
        .into_iter()
        .flat_map(|before| before.config.operators.keys());
    for name in gone.filter(|name| !next.config.operators.contains_key(*name)) {
        for phone in shared.registrar.contacts(name, now) {
            let _gone = shared.registrar.forget(name, &phone.key);
            out.push(Output::Event(Event::Unregistered {
                operator: name.clone(),
                contact: phone.label().into(),
                vanished: false,
            }));
        }
        if let Some(id) = shared.board.find(name) {
            let change = shared.board.retire(id, now);
            out.extend(shared.changed(name, &change, None).map(Output::Event));
        }
    }
    Ok(())
}
