//! The value of an Authorization header.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use exchange::sip::Method;
use exchange::sip::digest::Credentials;
use exchange::sip::nonce::{Freshness, Nonces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(credentials) = Credentials::parse(text) {
        assert!(
            !credentials.verify("", &Method::Register, b"") || !credentials.response.is_empty()
        );
        let nonces = Nonces::new([7; 32]);
        assert_ne!(
            nonces.check(
                &credentials.nonce,
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                Duration::ZERO
            ),
            Freshness::Fresh
        );
        drop(credentials.answer("0", &Method::Invite, data));
    }
});
