//! RFC 3261 and friends: messages, transactions, dialogs, digest. Does not know what a queue is.
