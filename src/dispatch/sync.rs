//! The atomics of this room: the real ones, or loom's, which run every interleaving.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// A word that only advises or counts. No decision needs it to be in order with others,
/// so it is a real one under loom too, and does not multiply the interleavings.
pub(super) use std::sync::atomic::{AtomicU32 as Count, AtomicU64 as Hint};

/// Between being seen and looking: of two threads that each publish and then look,
/// at least one sees the other. Without it both may look past each other, and a caller
/// waits beside a free operator.
pub(super) fn publish_before_look() {
    fence(Ordering::SeqCst);
}

/// How a tree's words are read and written: all of them in one order that every thread
/// sees alike, which the argument of `tree` needs. On x86 that costs what acquire and
/// release cost, but for one exchange a show and a hide.
pub(super) const ONE_ORDER: Ordering = Ordering::SeqCst;

/// The same for loom, which knows one order of fences, but takes words of [`ONE_ORDER`]
/// for acquire and release.
pub(super) fn one_order() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}
