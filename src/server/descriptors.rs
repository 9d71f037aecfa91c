//! How many sockets the process may have open.

use exchange::model::limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than the exchange could ever use.
const MOST: u64 = 1 << 20;

/// How many streams there may be: half of the descriptors are for the sound of calls, the
/// pages and the files.
pub(crate) fn streams() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    let half = usize::try_from(soft / 2).unwrap_or(usize::MAX);
    half.clamp(1, limits::CONNECTIONS)
}

/// Takes as many descriptors as the system lets a process take by itself: each stream,
/// and each call's sound, needs some. Shells and init systems give few unless asked.
pub(crate) fn raise() {
    let limit = Resource::RLIMIT_NOFILE;
    let raised = getrlimit(limit).and_then(|(soft, hard)| {
        let wanted = hard.min(MOST);
        if soft >= wanted {
            return Ok(());
        }
        setrlimit(limit, wanted, hard)?;
        tracing::debug!(from = soft, to = wanted, "more descriptors may be open");
        Ok(())
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open descriptors stays as it is");
    }
}
