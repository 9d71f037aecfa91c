//! An address, alone and as a header's value.

#![no_main]

use exchange::sip::{NameAddr, Uri, Via};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert_eq!(Uri::parse(uri.as_str()), Ok(uri.clone()));
        drop((uri.param("transport"), uri.header("Replaces")));
        if let (Some(user), Some(host)) = (&uri.user, &uri.host) {
            let built = Uri::sip(Some(user), host, uri.port);
            let read = Uri::parse(built.as_str()).expect("what we build, we read");
            assert_eq!(read.host.as_ref(), Some(host));
            assert_eq!(read.user.as_ref(), Some(user));
        }
    }
    if let Some(address) = NameAddr::parse(text) {
        assert_ne!(address.tag(), Some(""));
    }
    if let Some(via) = Via::parse(text) {
        drop((via.received(), via.uri()));
    }
});
