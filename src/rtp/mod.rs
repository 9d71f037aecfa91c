//! Packets of sound: RTP, RTCP (RFC 3550) and keys (RFC 4733).
