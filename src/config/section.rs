//! `sip`, `media`, `http`, `storage`, `limits`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;
use super::types::{Http, Limits, Media, Recordings, Sip, Storage};
use crate::flow::source::Cursor;
use crate::model::Codec;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Below the ephemeral ports, which start at 32768.
const PORTS: std::ops::RangeInclusive<u16> = 10_000..=29_999;

impl Reader<'_> {
    pub(super) fn sip(&mut self, section: Option<Cursor<'_>>, domain: &str, folder: &Path) -> Sip {
        if let Some(section) = section {
            section.unknown_keys(
                &[
                    "listen",
                    "tls",
                    "websocket",
                    "advertise",
                    "trunks",
                    "dns",
                    "min_expires",
                    "max_expires",
                    "probe_every",
                    "guard",
                ],
                self.diags,
            );
        }
        let max_expires = self.duration(section, "max_expires", HOUR, 60 * SECOND..=24 * HOUR);
        let min_expires = self.duration(section, "min_expires", 60 * SECOND, SECOND..=HOUR);
        if min_expires > max_expires
            && let Some(value) = section.and_then(|section| section.get("min_expires"))
        {
            self.diags
                .push(value.error("`min_expires` is longer than `max_expires`"));
        }
        let listen = self.listen(section);
        Sip {
            tls: self.tls(section, &listen, folder),
            origins: self.origins(section),
            listen,
            advertise: self.advertise(section),
            trunks: self.trunks(section, domain),
            dns: self.dns(section),
            min_expires,
            max_expires,
            probe_every: self.duration(section, "probe_every", 60 * SECOND, 5 * SECOND..=HOUR),
            guard: self.guard(section),
        }
    }

    fn advertise(&mut self, section: Option<Cursor<'_>>) -> Option<IpAddr> {
        let value = section?.get("advertise")?;
        let text = value.string(self.diags)?;
        if text == "auto" {
            return None;
        }
        let address = text.parse().ok();
        if address.is_none() {
            let problem = value.error(format!("`{text}` is no IP address"));
            self.diags
                .push(problem.hint("write `auto` or an IP address"));
        }
        address
    }

    pub(super) fn media(&mut self, section: Option<Cursor<'_>>) -> Media {
        if let Some(section) = section {
            section.unknown_keys(&["ports", "codecs", "srtp", "silence"], self.diags);
            let srtp = [("off", true), ("optional", true), ("required", false)];
            if self.word(section, "srtp", &srtp) == Some(false)
                && let Some(value) = section.get("srtp")
            {
                let problem = value.error("this version does not encrypt streams");
                self.diags.push(problem.hint("write `off` or `optional`"));
            }
        }
        let minute = 60 * SECOND;
        Media {
            ports: self.ports(section),
            codecs: self.codecs(section),
            silence: self.duration(section, "silence", 20 * SECOND, SECOND..=10 * minute),
        }
    }

    fn ports(&mut self, section: Option<Cursor<'_>>) -> std::ops::RangeInclusive<u16> {
        let Some(value) = section.and_then(|section| section.get("ports")) else {
            return PORTS;
        };
        let Some(text) = value.word(self.diags) else {
            return PORTS;
        };
        let range = text.split_once('-').and_then(|(low, high)| {
            let range: (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            // A stream takes two.
            (range.0 >= 1024 && range.1 > range.0).then_some(range)
        });
        match range {
            Some((low, high)) => low..=high,
            None => {
                let problem = value.error(format!("`{text}` is no range of ports"));
                self.diags
                    .push(problem.hint("write 10000-29999; the first is at least 1024"));
                PORTS
            }
        }
    }

    fn codecs(&mut self, section: Option<Cursor<'_>>) -> Vec<Codec> {
        let Some(value) = section.and_then(|section| section.get("codecs")) else {
            return Codec::ALL.to_vec();
        };
        let mut codecs = Vec::new();
        for item in value.one_or_many() {
            let Some(name) = item.string(self.diags) else {
                continue;
            };
            match Codec::ALL.into_iter().find(|codec| codec.as_str() == name) {
                Some(codec) if codecs.contains(&codec) => {}
                Some(codec) => codecs.push(codec),
                None if matches!(name, "opus" | "g722") => {
                    self.diags
                        .push(item.warning(format!("this version does not speak {name}")));
                }
                None => {
                    let problem = item.error(format!("there is no codec `{name}`"));
                    self.diags.push(problem.hint("known are pcma and pcmu"));
                }
            }
        }
        if codecs.is_empty() {
            let problem = value.error("no codec is left");
            self.diags.push(problem.hint("write [pcma, pcmu]"));
            return Codec::ALL.to_vec();
        }
        codecs
    }

    pub(super) fn http(&mut self, section: Option<Cursor<'_>>) -> Http {
        let usual = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
        let Some(section) = section else {
            return Http { listen: usual };
        };
        section.unknown_keys(&["listen"], self.diags);
        let Some(value) = section.get("listen") else {
            return Http { listen: usual };
        };
        let text = value.string(self.diags).unwrap_or("127.0.0.1:8080");
        let listen = text.parse().unwrap_or_else(|_| {
            let problem = value.error(format!("`{text}` is no address with a port"));
            self.diags.push(problem.hint("write 127.0.0.1:8080"));
            usual
        });
        Http { listen }
    }

    pub(super) fn storage(&mut self, section: Option<Cursor<'_>>, folder: &Path) -> Storage {
        let usual = folder.join("../var/centrale.db");
        let Some(section) = section else {
            return Storage { path: usual };
        };
        section.unknown_keys(&["url"], self.diags);
        let Some(value) = section.get("url") else {
            return Storage { path: usual };
        };
        let text = value
            .string(self.diags)
            .unwrap_or("sqlite:../var/centrale.db");
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Storage {
                path: folder.join(PathBuf::from(path.trim_start_matches("//"))),
            },
            Some(("postgres" | "postgresql", _)) => {
                let problem = value.error("this version keeps its records in SQLite");
                self.diags
                    .push(problem.hint("write \"sqlite:../var/centrale.db\""));
                Storage { path: usual }
            }
            _ => {
                let problem = value.error(format!("`{text}` is no storage"));
                self.diags
                    .push(problem.hint("write \"sqlite:../var/centrale.db\""));
                Storage { path: usual }
            }
        }
    }

    pub(super) fn recordings(&mut self, section: Option<Cursor<'_>>) -> Recordings {
        if let Some(section) = section {
            section.map(self.diags);
            section.unknown_keys(&["keep", "keep_messages"], self.diags);
        }
        let days = |days: u32| days * 24 * HOUR;
        let range = days(1)..=days(3_650);
        Recordings {
            calls: self.duration(section, "keep", days(30), range.clone()),
            messages: self.duration(section, "keep_messages", days(90), range),
        }
    }

    pub(super) fn limits(&mut self, section: Option<Cursor<'_>>) -> Limits {
        if let Some(section) = section {
            section.unknown_keys(&["calls", "calls_per_second"], self.diags);
        }
        let calls = self.number(section, "calls", 10_000, 1..=100_000);
        let rate = self.number(section, "calls_per_second", 500, 1..=10_000);
        Limits {
            calls: usize::try_from(calls).unwrap_or(10_000),
            calls_per_second: u32::try_from(rate).unwrap_or(500),
        }
    }
}
