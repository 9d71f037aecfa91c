//! One call, from the first INVITE to its record.
