//! The building: everything that touches the world, and nothing that decides.

pub(crate) mod clock;
pub(crate) mod http;
pub(crate) mod serve;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "what writes to it is the exchange, which no socket reaches yet"
    )
)]
pub(crate) mod store;
