//! The server under load: a folder of its own, ports of its own, a core of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::ports::free_port;

const FLOW: &str = "
version: 1
flow: load
start: talk
languages: [en]
nodes:
  talk: { type: play, prompt: [{silence: 1s}], repeat: 10, next: end }
  end: { type: hangup }
";

/// A running server.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    http: u16,
    pub(crate) sip: SocketAddr,
}

/// Keeps this thread, and what it starts, to one core.
pub(crate) fn pin(core: usize) {
    let mut set = CpuSet::new();
    if set.set(core).is_ok() {
        sched_setaffinity(Pid::from_raw(0), &set).ok();
    }
}

impl Server {
    /// `binary` on core 0, with callers at 127.0.0.1 and no others, and these ports for
    /// streams; this thread goes to the last core.
    pub(crate) fn start(
        (binary, ports): (&str, &str),
        calls_per_second: u32,
        operators: usize,
    ) -> io::Result<Self> {
        let (sip, http) = (free_port(), free_port());
        let name = format!("centrale-overload-{}-{sip}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("config"))?;
        fs::create_dir_all(folder.join("flows"))?;
        fs::write(folder.join("flows/load.yaml"), FLOW)?;
        let mut text = format!(
            "sip:\n  listen: [\"udp://127.0.0.1:{sip}\"]\n  trunks: {{ load: {{ from: [127.0.0.1/32] }} }}\nmedia: {{ ports: {ports}, silence: 10m }}\nhttp: {{ listen: \"127.0.0.1:{http}\" }}\nstorage: {{ url: \"sqlite:../load.db\" }}\npaths: {{ flows: ../flows, prompts: ../flows }}\nlimits: {{ calls: 5000, calls_per_second: {calls_per_second} }}\nnumbers: {{ \"1\": {{ flow: load }} }}\noperators:\n  nobody: {{ secret: x }}\n"
        );
        for number in 0..operators {
            writeln!(text, "  op{number}: {{ secret: x }}").ok();
        }
        fs::write(folder.join("config/centrale.yaml"), text)?;
        let cores = std::thread::available_parallelism()?.get();
        pin(0);
        let child = Command::new(binary)
            .arg("--config")
            .arg(folder.join("config"))
            .args(["--log", "warn"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()?;
        pin(cores - 1);
        let server = Self {
            child,
            folder,
            http,
            sip: SocketAddr::from(([127, 0, 0, 1], sip)),
        };
        let until = Instant::now() + Duration::from_secs(20);
        while server
            .ask("/readyz")
            .is_none_or(|text| !text.starts_with("HTTP/1.1 200"))
        {
            if Instant::now() > until {
                return Err(io::Error::other(server.log()));
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn ask(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The sum of all series of a metric.
    pub(crate) fn metric(&self, start: &str) -> f64 {
        let text = self.ask("/metrics").unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// What it has of memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        number.unwrap_or(0)
    }

    /// The time that it has spent on a core.
    pub(crate) fn busy(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // After the name, which ends with a bracket, utime and stime are the 12th and 13th.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}
