//! sipp and baresip as children, which do not outlive the test.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::ports::free_port;
use crate::server::Server;
use crate::{PATIENCE, comes, eventually};

/// A client that runs.
pub(crate) struct Client {
    child: Child,
    name: String,
    log: PathBuf,
    stdin: Option<std::process::ChildStdin>,
}

impl Client {
    fn spawn(mut command: Command, name: &str, log: PathBuf) -> Self {
        let out = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::piped())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => panic!("{name} cannot be run ({error}): tests/run installs it"),
        };
        let stdin = child.stdin.take();
        Self {
            child,
            name: name.to_owned(),
            log,
            stdin,
        }
    }

    /// Waits for its end; `true` when it saw what its scenario wants.
    pub(crate) fn ends(&mut self, seconds: u64) -> bool {
        let mut code = None;
        comes(seconds, || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.is_some_and(|status| status.success())
    }

    /// As [`Self::ends`], and it must be so.
    pub(crate) fn succeeds(mut self, seconds: u64) {
        let ended = self.ends(seconds);
        assert!(ended, "{}: {}", self.name, self.said());
    }

    /// Types a line.
    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Waits until it has printed this line.
    pub(crate) fn says(&self, line: &str, seconds: u64) {
        self.says_often(line, 1, seconds);
    }

    /// As [`Self::says`], so many times since its start.
    pub(crate) fn says_often(&self, line: &str, times: usize, seconds: u64) {
        let said = comes(seconds, || {
            let text = fs::read(&self.log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().filter(|said| said.trim() == line).count() >= times
        });
        assert!(said, "{} never says `{line}`: {}", self.name, self.said());
    }

    pub(crate) fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().rev().take(60).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop/scenarios")
        .join(format!("{name}.xml"))
}

/// Starts sipp with a scenario of ours, at a port of its own, and waits until it listens.
pub(crate) fn sipp(server: &Server, name: &str, port: u16, more: &[&str]) -> Client {
    let mut sipp = start_sipp(server, name, port, more);
    let socket = format!(":{port:04X} ");
    eventually("sipp listens", 10, || {
        let sockets = ["udp", "udp6"].map(|kind| fs::read_to_string(format!("/proc/net/{kind}")));
        let listens = sockets.iter().flatten().any(|all| all.contains(&socket));
        listens || sipp.child.try_wait().unwrap().is_some()
    });
    sipp
}

/// The same for one who begins by itself.
fn start_sipp(server: &Server, name: &str, port: u16, more: &[&str]) -> Client {
    let to = match more.contains(&"::1") {
        true => format!("[::1]:{}", server.sip),
        false => server.address(),
    };
    let mut command = Command::new("sipp");
    command
        .current_dir(&server.folder)
        .arg(to)
        .arg("-sf")
        .arg(scenario(name))
        .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "1", "-nostdin"])
        .args(["-p", &port.to_string(), "-timeout", "300", "-timeout_error"])
        .args(more);
    let log = server.folder.join(format!("sipp-{name}-{port}.log"));
    Client::spawn(command, &format!("sipp {name}"), log)
}

/// Registers an operator's phone that sipp plays at a port, for some seconds.
pub(crate) fn register(server: &Server, user: &str, port: u16, expires: u32) {
    register_at(server, user, "127.0.0.1", port, expires);
}

/// A file with an operator's name and answer to a challenge; the password is the name.
pub(crate) fn secret(server: &Server, user: &str) -> String {
    let file = server.folder.join(format!("{user}.csv"));
    let line = format!("SEQUENTIAL\n{user};[authentication username={user} password={user}]\n");
    fs::write(&file, line).unwrap();
    file.display().to_string()
}

/// As [`register`], from an address of this machine.
pub(crate) fn register_at(server: &Server, user: &str, ip: &str, port: u16, expires: u32) {
    let (file, expires) = (secret(server, user), expires.to_string());
    let more = [
        "-i", ip, "-mi", ip, "-inf", &file, "-key", "expires", &expires,
    ];
    start_sipp(server, "register", port, &more).succeeds(10);
}

/// A phone that registers and waits for a call as its scenario says.
pub(crate) fn phone(server: &Server, user: &str, name: &str, more: &[&str]) -> Client {
    let port = free_port();
    register(server, user, port, 600);
    // A caller who waits is offered at once; the INVITE comes again until sipp listens.
    eventually(&format!("{user} is logged in"), 5, || {
        server.operator(user).0 != "logged_out"
    });
    sipp(server, name, port, more)
}

/// A caller who dials a number.
pub(crate) fn caller(server: &Server, name: &str, number: &str, more: &[&str]) -> Client {
    let mut all = vec!["-s", number];
    all.extend(more);
    start_sipp(server, name, free_port(), &all)
}

/// A caller who stays until the other side hangs up.
pub(crate) fn patient(server: &Server, number: &str) -> Client {
    caller(server, "caller_is_left", number, &MEDIA)
}

/// A caller who hangs up so many milliseconds after the answer.
pub(crate) fn brief(server: &Server, number: &str, talks_ms: u32) -> Client {
    let talks = talks_ms.to_string();
    let more = [&MEDIA[..], &["-d", &talks]].concat();
    caller(server, "caller", number, &more)
}

/// Where phones hear that choose a port of these for each call, and skip those that are taken.
const PHONES_SOUND: Range<u16> = 9_000..9_998;

/// Where sipp's callers say that they hear: nobody listens there.
pub(crate) const MEDIA: [&str; 3] = ["-key", "media", "7900"];

/// baresip as an operator's phone, which answers by itself, plays a tone of 440 Hz and
/// records what it hears into its folder.
pub(crate) fn baresip(server: &Server, user: &str, transport: &str) -> (Client, PathBuf) {
    let (client, folder, _) = baresip_told(server, user, transport);
    (client, folder)
}

/// As [`baresip`], with the port at which [`order`] reaches it.
pub(crate) fn baresip_told(server: &Server, user: &str, transport: &str) -> (Client, PathBuf, u16) {
    let control = free_port();
    let told = format!("module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n");
    let (client, folder) = baresip_at(server, user, (transport, server.address()), &told);
    (client, folder, control)
}

/// The same at another address of the server's, with more in its configuration.
pub(crate) fn baresip_at(
    server: &Server,
    user: &str,
    (transport, address): (&str, String),
    more: &str,
) -> (Client, PathBuf) {
    let folder = server.folder.join(format!("baresip-{user}"));
    fs::create_dir_all(&folder).unwrap();
    let tone = folder.join("tone.wav");
    crate::sound::write_tone(&tone, 440.0, 60);
    let account = format!(
        "<sip:{user}@centrale.localhost;transport={transport}>;auth_pass={user};outbound=\"sip:{address};transport={transport}\";regint=60;answermode=auto;audio_codecs=pcma,pcmu\n"
    );
    let config = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{}\naudio_player aubridge,one\naudio_source aufile,{}\naudio_alert aubridge,two\nausrc_srate 8000\nauplay_srate 8000\naudio_buffer 20-160\nrtp_ports {}-{}\nnet_interface 127.0.0.1\nmodule_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\nmodule aubridge.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp account.so\nmodule_app menu.so\nsnd_path {}\n{more}",
        free_port(),
        tone.display(),
        PHONES_SOUND.start,
        PHONES_SOUND.end,
        folder.display()
    );
    fs::write(folder.join("accounts"), account).unwrap();
    fs::write(folder.join("config"), config).unwrap();
    fs::write(folder.join("contacts"), "").unwrap();
    let mut command = Command::new("baresip");
    command.args(["-f", &folder.display().to_string(), "-t", "600", "-v"]);
    let client = Client::spawn(command, "baresip", folder.join("log"));
    server.wait_for(user, "ready", 30);
    (client, folder)
}

/// Tells a baresip what to do, as its user would by the keyboard, and gives its answer.
pub(crate) fn order(control: u16, command: &str, words: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", control)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let said = format!("{{\"command\":\"{command}\",\"params\":\"{words}\",\"token\":\"t\"}}");
    write!(stream, "{}:{said},", said.len()).unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 4_096];
    // Events of its calls come along; the answer has the token.
    while !heard.contains("\"token\"") {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "it hung up: {heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    heard
}

/// pjsua2, which registers as a user or is a caller without account, plays a tone, records
/// each call into its folder, and does what it is told.
pub(crate) fn pjsua(server: &Server, user: Option<&str>, tone: f64) -> (Client, PathBuf) {
    let name = user.unwrap_or("caller");
    let folder = server.folder.join(format!("pjsua-{name}"));
    fs::create_dir_all(&folder).unwrap();
    crate::sound::write_tone(&folder.join("tone.wav"), tone, 60);
    let binary = Path::new(env!("CARGO_BIN_EXE_centrale"));
    let target = binary.ancestors().nth(2).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/pjsua.py");
    let mut command = Command::new(target.join("phones/bin/python"));
    command.arg(script).arg(&folder);
    command.args([free_port().to_string(), PHONES_SOUND.start.to_string()]);
    if let Some(user) = user {
        command.args([user, "centrale.localhost", &server.address()]);
    }
    let client = Client::spawn(command, &format!("pjsua2 {name}"), folder.join("log"));
    client.says("ready", 15);
    if user.is_some() {
        client.says("registered 200", 15);
    }
    (client, folder)
}
