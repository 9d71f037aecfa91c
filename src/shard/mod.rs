//! One thread's exchange: which call an input belongs to.
