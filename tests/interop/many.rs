//! Thousands of connections that do nothing, and one that wants something.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use exchange::model::limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::eventually;
use crate::raw::Wire;
use crate::server::Server;
use crate::wire::{Secure, connect, connect_from, upgrade};

/// Connections of each kind.
const EACH: u16 = 1_000;
/// From one address come fewer than the server lets in.
const PER_ADDRESS: u16 = 60;
/// What one may cost.
const BYTES: usize = 16 * 1024;
const EVICTED: &str = "centrale_sip_connections_dropped_total{reason=\"evicted\"}";
/// When a request of somebody else is answered.
const PROMPT: Duration = Duration::from_millis(100);

fn open(secure: &Secure, transport: &str, number: u16) -> TcpStream {
    let [high, low] = (1 + number / PER_ADDRESS).to_be_bytes();
    let third = match transport {
        "TCP" => 10,
        "TLS" => 20,
        _ => 30,
    };
    let from = IpAddr::V4(Ipv4Addr::new(127, third, high, low));
    let port = match transport {
        "TCP" => secure.server.sip,
        "TLS" => secure.tls,
        _ => secure.ws,
    };
    let stream = connect_from(from, SocketAddr::from(([127, 0, 0, 1], port)));
    let kept = stream.try_clone().unwrap();
    match transport {
        "TCP" => {}
        "TLS" => {
            // A ping, so that the handshake is made; its answer stays unread.
            let mut stream = secure.encrypted(stream);
            stream.write_all(b"\r\n\r\n").unwrap();
            return kept;
        }
        _ => drop(upgrade(&stream, "sip").unwrap()),
    }
    kept
}

fn open_all(secure: &Secure, transport: &str) -> Vec<TcpStream> {
    let half = |numbers: std::ops::Range<u16>| -> Vec<_> {
        numbers
            .map(|number| open(secure, transport, number))
            .collect()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(0..EACH / 2));
        let mut all = half(EACH / 2..EACH);
        all.extend(other.join().unwrap());
        all
    })
}

#[test]
fn thousands_of_idle_connections_cost_little_and_hold_nobody_up() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let secure = Secure::start("many", "");
    // What is needed once is there before it is measured.
    for transport in ["TCP", "TLS", "WS"] {
        let mut peer = secure.connect(transport);
        assert!(peer.options().starts_with("SIP/2.0 200 "));
    }
    let open_now = || secure.server.metric("centrale_sip_connections{");
    let mut held = Vec::new();
    // TCP comes last, for its messages may take five seconds; the others have thirty.
    for transport in ["TLS", "WS", "TCP"] {
        let before = secure.server.memory();
        let (began, more) = (Instant::now(), u32::from(EACH));
        held.extend(open_all(&secure, transport));
        let all = f64::from(u32::try_from(held.len()).unwrap());
        eventually("all are taken", 5, || open_now() > all - 1.0);
        if transport == "TCP" {
            // Messages that take their time.
            for stream in held.iter_mut().skip(usize::from(2 * EACH)) {
                stream
                    .write_all(b"OPTIONS sip:localhost SIP/2.0\r\nVia: ")
                    .unwrap();
            }
        }
        let each = secure.server.memory().saturating_sub(before) / usize::from(EACH);
        println!(
            "{transport}: {each} bytes, {:?} to open it",
            began.elapsed() / more
        );
        assert!(each < BYTES, "{transport}: {each} bytes a connection");
    }
    for transport in ["TCP", "TLS", "WS", "WSS"] {
        // A machine that does other things may have had its reasons, some times.
        eventually("somebody else is answered promptly", 5, || {
            let asked = Instant::now();
            let answer = secure.connect(transport).options();
            let took = asked.elapsed();
            println!("{transport}: {took:?}");
            assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
            took < PROMPT
        });
    }
    // TCP's messages had five seconds.
    let all = f64::from(2 * EACH);
    assert!(open_now() > all - 1.0, "they were there all the time");
    drop(held);
    eventually("all are gone", 10, || open_now() < 1.0);
}

#[test]
fn a_full_address_gives_up_its_oldest_stranger_and_no_phone() {
    let secure = Secure::start("full", "");
    // Who calls or registers may stay; both come from 127.0.0.1 as well.
    let mut phone = secure.connect("WS");
    phone.register("alice", "sip");
    let address = SocketAddr::from(([127, 0, 0, 1], secure.server.sip));
    let mut oldest = connect(address);
    let mut held: Vec<TcpStream> = (1..limits::STRANGERS_PER_ADDRESS)
        .map(|_| connect(address))
        .collect();
    secure.server.counts(EVICTED, 0.0);
    held.push(connect(address));
    let end = oldest.read(&mut [0; 1]);
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    secure.server.counts(EVICTED, 1.0);
    held.extend((0..limits::STRANGERS_PER_ADDRESS).map(|_| connect(address)));
    secure.server.counts_least(EVICTED, 61.0);
    assert!(phone.options().starts_with("SIP/2.0 200 "));
    secure.server.wait_for("alice", "ready", 5);
}

/// An office behind one router, or all phones behind one proxy.
#[test]
fn more_phones_than_an_address_may_have_strangers_stay() {
    let server = Server::start("");
    let address = SocketAddr::from(([127, 0, 0, 1], server.sip));
    let mut phones: Vec<_> = (0..limits::STRANGERS_PER_ADDRESS + 6)
        .map(|_| {
            let mut phone = Wire::tcp(address);
            let contact = format!("Contact: {}\n", phone.contact("alice"));
            assert_eq!(phone.register("alice", &contact).code, 200);
            phone
        })
        .collect();
    for phone in &mut phones {
        assert_eq!(phone.ask(("OPTIONS", "2000"), "", "").code, 200);
    }
    server.counts(EVICTED, 0.0);
    let held: Vec<_> = (0..=limits::STRANGERS_PER_ADDRESS)
        .map(|_| connect(address))
        .collect();
    server.counts(EVICTED, 1.0);
    server.logs("connections of strangers");
    assert_eq!(phones[0].ask(("OPTIONS", "2000"), "", "").code, 200);
    drop(held);
}
