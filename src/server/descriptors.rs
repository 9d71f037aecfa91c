//! How many sockets the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than the exchange could ever use.
const MOST: u64 = 1 << 20;

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
