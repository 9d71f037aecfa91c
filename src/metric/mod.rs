//! Events to the numbers that the NOC watches.
