//! Datagram sockets: one a shard and address, which share the port.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Room for a burst: at 300 calls a second some 3,000 datagrams of a kilobyte come in a
/// second, and a shard may be away for a scheduler's tick.
const BUFFER: usize = 4 * 1024 * 1024;

/// Binds `count` sockets to one address; the kernel spreads what comes over them.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    if count > 1 {
        // With SO_REUSEPORT alone a second server of the same user would share the port,
        // and take half the calls, without a word.
        drop(bind_one(address, false)?);
    }
    let mut sockets = Vec::with_capacity(count);
    let mut address = address;
    for _ in 0..count {
        let socket = bind_one(address, count > 1)?;
        // A port picked by the system is the same for all.
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn bind_one(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // Both families may be configured, each by its own line.
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Less than asked for is what the system allows: not a reason to stop.
    socket.set_recv_buffer_size(BUFFER).ok();
    socket.set_send_buffer_size(BUFFER).ok();
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_share_a_port_and_a_second_server_does_not() {
        let any = "127.0.0.1:0".parse().unwrap();
        let sockets = bind(any, 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), address);
        }
        assert_eq!(
            bind(address, 2).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }
}
