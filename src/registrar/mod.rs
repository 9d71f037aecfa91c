//! Where operators' phones are (RFC 3261 section 10).
