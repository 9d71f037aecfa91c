//! Who gets whom: the lock-free board.
