//! Descriptions of streams (RFC 8866) and their negotiation (RFC 3264).
