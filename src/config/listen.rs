//! `sip.listen`, `sip.tls`, `sip.websocket`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::reader::Reader;
use super::types::{Identity, Listen, Tls};
use crate::flow::source::Cursor;
use crate::sip::Transport;

impl Reader<'_> {
    pub(super) fn listen(&mut self, section: Option<Cursor<'_>>) -> Vec<Listen> {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5060);
        let Some(value) = section.and_then(|section| section.get("listen")) else {
            return [Transport::Udp, Transport::Tcp]
                .map(|transport| Listen {
                    transport,
                    address: any,
                })
                .into();
        };
        let mut list = Vec::new();
        for item in value.one_or_many() {
            if let Some(listen) = self.listener(item) {
                list.push(listen);
            }
        }
        if !list.iter().any(|listen| listen.transport == Transport::Udp) {
            let problem = value.error("no UDP listener: phones and trunks need one");
            self.diags.push(problem.hint("add udp://0.0.0.0:5060"));
        }
        list
    }

    fn listener(&mut self, item: Cursor<'_>) -> Option<Listen> {
        let text = item.string(self.diags)?;
        let (scheme, address) = text.split_once("://").unwrap_or(("", text));
        let known = |transport: &Transport| transport.label() == scheme;
        let Some(transport) = Transport::ALL.into_iter().find(known) else {
            let problem = item.error(format!("`{text}` is no listener"));
            self.diags
                .push(problem.hint("write udp://0.0.0.0:5060; also tcp://, tls://, ws://, wss://"));
            return None;
        };
        let Ok(address) = address.parse() else {
            let problem = item.error(format!("`{address}` is no address with a port"));
            self.diags.push(problem.hint(format!(
                "write {scheme}://0.0.0.0:5060 or {scheme}://[::]:5060"
            )));
            return None;
        };
        Some(Listen { transport, address })
    }

    /// What is shown to those who connect by TLS, and whom we believe ourselves.
    pub(super) fn tls(
        &mut self,
        section: Option<Cursor<'_>>,
        listen: &[Listen],
        folder: &Path,
    ) -> Tls {
        let tls = section.and_then(|section| section.get("tls"));
        if let Some(tls) = tls {
            tls.map(self.diags);
            tls.unknown_keys(&["certificate", "key", "ca"], self.diags);
        }
        let mut file = |key| -> Option<PathBuf> {
            let value = tls?.get(key)?;
            let text = value.string(self.diags)?;
            if text.is_empty() {
                let problem = value.error(format!("`{key}` names no file"));
                self.diags
                    .push(problem.hint(format!("write `{key}: tls/{key}.pem`")));
            }
            Some(folder.join(text))
        };
        let (certificate, key, ca) = (file("certificate"), file("key"), file("ca"));
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (Some(_), None) => self.half(tls, "certificate", "key"),
            (None, Some(_)) => self.half(tls, "key", "certificate"),
            (None, None) => None,
        };
        let secure = listen.iter().find(|listen| listen.transport.is_secure());
        let half =
            tls.is_some_and(|tls| tls.get("certificate").or_else(|| tls.get("key")).is_some());
        if let Some(secure) = secure
            && identity.is_none()
            && !half
            && let Some(value) = section.and_then(|section| section.get("listen"))
        {
            let problem = value.error(format!(
                "{}:// needs a certificate",
                secure.transport.label()
            ));
            self.diags.push(problem.hint(
                "write `tls: { certificate: tls/certificate.pem, key: tls/key.pem }` in `sip`",
            ));
        }
        Tls { identity, ca }
    }

    /// A certificate without its key, or the other way round.
    fn half(&mut self, tls: Option<Cursor<'_>>, there: &str, missing: &str) -> Option<Identity> {
        let value = tls?.get(there)?;
        let problem = value.key_error(format!("`{there}` without `{missing}`"));
        self.diags
            .push(problem.hint(format!("write `{missing}: tls/{missing}.pem` beside it")));
        None
    }

    /// Which pages may open a WebSocket: as browsers say it, `https://desk.example.com`.
    pub(super) fn origins(&mut self, section: Option<Cursor<'_>>) -> Vec<String> {
        let mut origins = Vec::new();
        let Some(value) = section.and_then(|section| section.get("websocket")) else {
            return origins;
        };
        value.map(self.diags);
        value.unknown_keys(&["origins"], self.diags);
        let Some(list) = value.get("origins") else {
            return origins;
        };
        for item in list.one_or_many() {
            let Some(text) = item.string(self.diags) else {
                continue;
            };
            let host = text
                .strip_prefix("https://")
                .or_else(|| text.strip_prefix("http://"));
            if host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                origins.push(text.to_ascii_lowercase());
            } else {
                let problem = item.error(format!("`{text}` is no origin of a page"));
                self.diags
                    .push(problem.hint("write https://desk.example.com, without a path"));
            }
        }
        origins
    }
}
