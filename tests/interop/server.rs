//! The server under test: a configuration of its own, ports of its own.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use serde_json::Value;

use crate::ports::{BLOCK, Block, free_port};
use crate::{PATIENCE, eventually};

pub(crate) const QUEUES: &str = "
queues:
  support:
    requires: { support: 1 }
    offer_timeout: 10s
    wrap_up: 1s
    max_wait: 30s
    music: calm
  billing: { requires: { billing: 1 }, music: calm }
  general: { requires: { general: 1 }, music: calm }
operators:
  alice: { secret: alice, skills: { support: 8 } }
  bob: { secret: bob, skills: { support: 5, billing: 3, general: 3 } }
  carol: { secret: carol, skills: { billing: 7 } }
hours: { office: { zone: Europe/Amsterdam, open: { mon-sun: [\"00:00-24:00\"] } } }
";

/// To the line outside first.
pub(crate) const OUTSIDE: &str = "
version: 1
flow: outside
start: ring
languages: [en]
nodes:
  ring: { type: line, line: field, answered: end, busy: wait, no_answer: wait, error: wait }
  wait: { type: queue, queue: support, answered: end, timeout: end, full: end, no_operators: end, error: end }
  end: { type: hangup }
";

/// Straight to the queue `support`.
pub(crate) const DIRECT: &str = "
version: 1
flow: direct
start: wait
languages: [en]
nodes:
  wait: { type: queue, queue: support, answered: end, timeout: end, full: end, no_operators: end, error: end }
  end: { type: hangup }
";

/// In what is added to the configuration: the rest of the line is one more listener.
pub(crate) const LISTENS: &str = "# listens on ";
/// In what is added to the configuration: the rest of the line belongs to `sip`.
pub(crate) const SIP: &str = "# sip has ";

/// In what is added to the configuration: the rest of the line is the folder of prompts.
pub(crate) const PROMPTS: &str = "# prompts lie in ";

/// In what is added to the configuration: silent phones are soon asked.
pub(crate) const HEEDS_SILENCE: &str = "# heeds silence";

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) sip: u16,
    pub(crate) http: u16,
    /// Where the line outside is.
    pub(crate) line: u16,
    /// How many states of each operator were seen.
    pub(crate) seen: Mutex<HashMap<String, usize>>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The number that is dialled, and the flow's name and text.
pub(crate) type Dialled<'a> = (&'a str, &'a str, &'a str);

/// Makes a folder with the ordinary floor; `more` is put into `centrale.yaml`.
pub(crate) fn configure((sip, http, line): (u16, u16, u16), more: &str) -> PathBuf {
    let lines = format!("lines: {{ field: {{ uri: \"sip:field@127.0.0.1:{line}\" }} }}\n");
    let floor = [QUEUES, &lines].concat();
    let welcome = include_str!("../../ivr-flows/welcome.yaml");
    let flows = [
        ("1000", "welcome", welcome),
        ("2000", "direct", DIRECT),
        ("2001", "outside", OUTSIDE),
    ];
    write((sip, http), (&floor, &flows), (HERE, more))
}

/// Where servers hear their streams. Each has a part that is not soon another's: what is still
/// under way to one that is gone would be taken for the stream of a call.
const SOUND: [u16; 2] = [20_000, 30_000];

static SOUND_OF: Mutex<BTreeMap<PathBuf, Block>> = Mutex::new(BTreeMap::new());

/// The first of a server's own ports for streams, as long as it runs.
fn sound_ports(folder: &Path) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [first, end] = SOUND;
    let blocks = (end - first) / BLOCK;
    // Processes beside this one begin elsewhere.
    let more = u16::try_from(std::process::id() % u32::from(blocks)).unwrap();
    let mut tries = (0..blocks).filter_map(|_| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + more;
        Block::claim(first + number % blocks * BLOCK)
    });
    let block = tries.next().expect("other processes have all ports");
    let start = block.start;
    SOUND_OF.lock().unwrap().insert(folder.to_owned(), block);
    start
}

/// Everybody on this machine may call.
const HERE: &str = "trunks: { here: { from: [127.0.0.0/8] } }";

/// Makes a folder of configuration.
fn write(
    (sip, http): (u16, u16),
    (floor, flows): (&str, &[Dialled<'_>]),
    (trunks, more): (&str, &str),
) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("centrale-interop-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("flows")).unwrap();
    fs::write(folder.join("config/floor.yaml"), floor).unwrap();
    let mut numbers = vec!["numbers:".to_owned()];
    for (dialled, flow, text) in flows {
        fs::write(folder.join(format!("flows/{flow}.yaml")), text).unwrap();
        numbers.push(format!("  \"{dialled}\": {{ flow: {flow} }}"));
    }
    let first = sound_ports(&folder);
    // sipp sends no sound, and takes no OPTIONS in a call: it is not to be asked.
    let silence = if more.contains(HEEDS_SILENCE) {
        "3s"
    } else {
        "60s"
    };
    let rest = |start: &str| -> Vec<String> {
        let lines = more.lines().filter_map(|line| line.strip_prefix(start));
        lines.map(str::to_owned).collect()
    };
    let prompts = rest(PROMPTS).pop().map(PathBuf::from);
    let prompts = prompts.unwrap_or_else(|| root.join("ivr-flows/prompts"));
    let listens: String = rest(LISTENS).iter().map(|l| format!(", \"{l}\"")).collect();
    let more_sip: String = rest(SIP).iter().map(|l| format!("\n  {l}")).collect();
    let trunks = if more_sip.contains("trunks:") {
        ""
    } else {
        trunks
    };
    let centrale = format!(
        "sip:
  listen: [\"udp://127.0.0.1:{sip}\", \"tcp://127.0.0.1:{sip}\"{listens}]{more_sip}
  {trunks}
  min_expires: 1s
  probe_every: 1h
media: {{ ports: {first}-{}, silence: {silence} }}
http: {{ listen: \"127.0.0.1:{http}\" }}
storage: {{ url: \"sqlite:../records.db\" }}
paths: {{ flows: ../flows, prompts: {} }}
{}
{more}
",
        first + BLOCK - 1,
        prompts.display(),
        numbers.join("\n")
    );
    fs::write(folder.join("config/centrale.yaml"), centrale).unwrap();
    folder
}

/// What makes the disk of a server fail, where it lies in its folder.
pub(crate) const BAD_DISK: &str = "bad_disk.so";

/// The binary with a folder's configuration.
pub(crate) fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrale"));
    command.arg("--config").arg(folder.join("config"));
    command.args(["--log", "debug"]);
    let bad_disk = folder.join(BAD_DISK);
    if bad_disk.exists() {
        command.env("LD_PRELOAD", bad_disk).env("BAD_DISK", folder);
    }
    command
}

impl Server {
    pub(crate) fn start(more: &str) -> Self {
        let (sip, http, line) = (free_port(), free_port(), free_port());
        Self::run(configure((sip, http, line), more), (sip, http, line))
    }

    /// The ordinary floor, for callers of one network alone; `guard` says what others may.
    pub(crate) fn known(network: &str, guard: &str) -> Self {
        let (sip, http, line) = (free_port(), free_port(), free_port());
        let folder = configure((sip, http, line), "");
        let file = folder.join("config/centrale.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let mut text = text.replace("127.0.0.0/8", network);
        if !guard.is_empty() {
            text = text.replace(
                "  probe_every: 1h\n",
                &format!("  probe_every: 1h\n  guard:\n    {guard}\n"),
            );
        }
        fs::write(file, text).unwrap();
        Self::run(folder, (sip, http, line))
    }

    /// At the loopback address of IPv6.
    pub(crate) fn start_on_ipv6() -> Self {
        let (sip, http) = (free_port(), free_port());
        let folder = configure((sip, http, 9), "");
        let file = folder.join("config/centrale.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let text = text
            .replace(&format!("127.0.0.1:{sip}"), &format!("[::1]:{sip}"))
            .replace("127.0.0.0/8", "\"::1/128\"");
        fs::write(&file, text).unwrap();
        Self::run(folder, (sip, http, 9))
    }

    /// With other queues, operators, lines and flows.
    pub(crate) fn with(floor: &str, flows: &[Dialled<'_>]) -> Self {
        Self::with_more(floor, flows, "")
    }

    /// The same, with more in `centrale.yaml`.
    pub(crate) fn with_more(floor: &str, flows: &[Dialled<'_>], more: &str) -> Self {
        let (sip, http) = (free_port(), free_port());
        let folder = write((sip, http), (floor, flows), (HERE, more));
        Self::run(folder, (sip, http, 0))
    }

    /// The ordinary floor, with other lines of `sip:`, and another line `field`.
    pub(crate) fn outside(trunks: &str, field: &str) -> Self {
        Self::outside_with(trunks, field, "")
    }

    /// The same, with more in `centrale.yaml`.
    pub(crate) fn outside_with(trunks: &str, field: &str, more: &str) -> Self {
        let (sip, http) = (free_port(), free_port());
        let lines = format!("lines: {{ field: {field} }}\n");
        let floor = [QUEUES, &lines].concat();
        let flows = [("2000", "direct", DIRECT), ("2001", "outside", OUTSIDE)];
        let folder = write((sip, http), (&floor, &flows), (trunks, more));
        Self::run(folder, (sip, http, 0))
    }

    /// With room for many calls at once.
    pub(crate) fn wide(floor: &str, flows: &[Dialled<'_>], more: &str) -> Self {
        let (sip, http) = (free_port(), free_port());
        let folder = write((sip, http), (floor, flows), (HERE, more));
        let file = folder.join("config/centrale.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once("ports: ").unwrap();
        let (_, after) = rest.split_once(',').unwrap();
        fs::write(&file, format!("{before}ports: 30000-32767,{after}")).unwrap();
        Self::run(folder, (sip, http, 0))
    }

    fn run(folder: PathBuf, (sip, http, line): (u16, u16, u16)) -> Self {
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = binary(&folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            folder,
            sip,
            http,
            line,
            seen: Mutex::default(),
        };
        eventually("the server is ready", 20, || {
            assert_eq!(server.exit_code(), None, "it ended");
            server.ask("/readyz").is_some_and(|(code, _)| code == 200)
        });
        server
    }

    /// Kills it without a word, and starts it again on the same folder.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    /// Starts it again on the same folder, after its end.
    pub(crate) fn restart(&mut self) {
        let log = fs::File::options()
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        self.child = binary(&self.folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        eventually("the server is ready again", 20, || {
            self.ask("/readyz").is_some_and(|(code, _)| code == 200)
        });
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.sip)
    }

    /// The memory that it takes up, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let status = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: usize = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib * 1024
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child
            .try_wait()
            .unwrap()
            .map(|status| status.code().unwrap_or(-1))
    }

    pub(crate) fn ask(&self, path: &str) -> Option<(u16, String)> {
        self.send("GET", path, "", "")
    }

    /// Posts a command; the status, and what was answered.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let kind = "Content-Type: application/json\r\n";
        let (code, body) = self.send("POST", path, kind, body).unwrap();
        (code, serde_json::from_str(&body).unwrap())
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Option<(u16, String)> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.http));
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let code = text.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        Some((code, body.to_owned()))
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (code, body) = self.ask(path).unwrap();
        assert_eq!(code, 200, "{path}: {body}");
        // A body in chunks has lengths around it.
        let start = body.find('{').unwrap();
        let end = body.rfind('}').unwrap();
        serde_json::from_str(body.get(start..=end).unwrap()).unwrap()
    }

    /// Orders an operator into a state, and what was answered.
    pub(crate) fn order(&self, operator: &str, state: &str) -> Value {
        self.look_on(operator);
        let path = format!("/api/v1/operators/{operator}/state");
        let (code, answer) = self.post(&path, state);
        assert_eq!(code, 200, "{answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Ok(mut all) = SOUND_OF.lock() {
            all.remove(&self.folder);
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().rev().take(60).collect();
            for line in lines.iter().rev() {
                println!("{line}");
            }
        } else {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}
