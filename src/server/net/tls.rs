//! Certificates: ours, and whom we believe when we dial.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail};
use arc_swap::{ArcSwap, ArcSwapOption};
use exchange::config;
use exchange::sip::{Host, Uri};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// A file of certificates; a whole bundle of authorities has 250 KiB.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Servers' addresses that are kept with their names.
const SERVERS: usize = 1_024;

/// What TLS needs, for all streams. A reload changes it for those that come.
#[derive(Debug)]
pub(crate) struct Tls {
    shown: Arc<Shown>,
    server: Arc<ServerConfig>,
    client: ArcSwapOption<ClientConfig>,
    /// Who a line's server must be, by address.
    names: ArcSwap<BTreeMap<SocketAddr, ServerName<'static>>>,
    files: Mutex<Watched>,
}

/// The certificate that is shown from now on.
#[derive(Debug, Default)]
struct Shown(ArcSwapOption<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

/// The files as they were read, or as they were when they could not be.
#[derive(Debug, Default)]
struct Watched {
    files: config::Tls,
    changed: Stamps,
}

type Stamps = [Option<SystemTime>; 3];

/// What was read from the files, to be shown when all else is in order too.
#[derive(Debug)]
pub(crate) struct Read {
    watched: Watched,
    identity: Option<Arc<CertifiedKey>>,
    client: Option<Arc<ClientConfig>>,
}

/// Whether a line is dialled over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dials {
    /// None is.
    Never,
    /// One is if its domain says so (NAPTR); without authorities it is not.
    Perhaps,
    /// One is, so there must be authorities.
    Surely,
}

impl Tls {
    /// # Errors
    /// When the library lacks what every build of it has.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let shown = Arc::<Shown>::default();
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .context("cannot set up TLS")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Shown>::clone(&shown));
        // A phone connects once a day: what is kept for it to come back faster costs more
        // than it saves.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Self {
            shown,
            server: Arc::new(server),
            client: ArcSwapOption::empty(),
            names: ArcSwap::default(),
            files: Mutex::default(),
        })
    }

    /// Reads the files of a configuration, and the authorities for the lines.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub(crate) fn read(files: &config::Tls, dials: Dials) -> anyhow::Result<Read> {
        let changed = stamps(files);
        let identity = files.identity.as_ref().map(identity).transpose()?;
        let client = match dials {
            Dials::Never => None,
            Dials::Perhaps => client(files.ca.as_deref()).ok(),
            Dials::Surely => Some(client(files.ca.as_deref())?),
        };
        let watched = Watched {
            files: files.clone(),
            changed,
        };
        Ok(Read {
            watched,
            identity,
            client,
        })
    }

    /// Shows what was read to those who come from now on, and believes it.
    pub(crate) fn show(&self, read: Read) {
        self.shown.0.store(read.identity);
        self.client.store(read.client);
        *self.watched() = read.watched;
    }

    /// Who must answer at an address of a line or a carrier: whom its URI names (RFC 5922).
    /// Of two names for one address the last counts.
    pub(crate) fn expect(&self, remote: SocketAddr, uri: &Uri) {
        let Some(name) = named(uri) else { return };
        if self.names.load().get(&remote) == Some(&name) {
            return;
        }
        self.names.rcu(|names| {
            let mut names = BTreeMap::clone(names);
            // Addresses change with time; those of today are told again when they are used.
            if names.len() >= SERVERS {
                names.clear();
            }
            names.insert(remote, name.clone());
            names
        });
    }

    /// The same of a caller's Contact, which says nothing of where a line is: a name that is
    /// known of the address counts.
    pub(crate) fn expect_caller(&self, remote: SocketAddr, uri: &Uri) {
        if !self.names.load().contains_key(&remote) {
            self.expect(remote, uri);
        }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.server))
    }

    /// What dials there, and who must answer: whoever has a certificate for the address when no
    /// name is known of it.
    pub(crate) fn connector(
        &self,
        remote: SocketAddr,
    ) -> Option<(TlsConnector, ServerName<'static>)> {
        let name = self.names.load().get(&remote).cloned();
        let name = name.unwrap_or_else(|| ServerName::from(remote.ip()));
        let client = self.client.load_full()?;
        Some((TlsConnector::from(client), name))
    }

    /// Takes new files up as they come, until the process ends.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let files = {
                let mut watched = self.watched();
                let changed = stamps(&watched.files);
                if changed == watched.changed {
                    continue;
                }
                // Once for each change, whatever becomes of it.
                watched.changed = changed;
                watched.files.clone()
            };
            let dials = if self.client.load().is_some() {
                Dials::Surely
            } else {
                Dials::Never
            };
            match Self::read(&files, dials) {
                Ok(read) => {
                    self.show(read);
                    tracing::info!("the certificate was read again");
                }
                Err(error) => {
                    tracing::error!("going on with the certificate that was there: {error:#}");
                }
            }
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(uri: &Uri) -> Option<ServerName<'static>> {
    match uri.host.as_ref()? {
        Host::Address(ip) => Some(ServerName::from(*ip)),
        Host::Name(host) => ServerName::try_from(host.to_string()).ok(),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn stamps(files: &config::Tls) -> Stamps {
    let stamp = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let identity = files.identity.as_ref();
    [
        identity.and_then(|files| stamp(&files.certificate)),
        identity.and_then(|files| stamp(&files.key)),
        files.ca.as_deref().and_then(stamp),
    ]
}

/// # Errors
/// When a file cannot be read, holds something else, or key and certificate are not of
/// one pair.
fn identity(files: &config::Identity) -> anyhow::Result<Arc<CertifiedKey>> {
    let (path, key_path) = (&files.certificate, &files.key);
    let chain = certificates(path)?;
    let text = text(key_path)?;
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| anyhow!("there is no key in PEM in {}", key_path.display()))?;
    let identity = CertifiedKey::from_der(chain, key, &provider()).with_context(|| {
        format!(
            "{} and {} are not a certificate and its key",
            path.display(),
            key_path.display()
        )
    })?;
    Ok(Arc::new(identity))
}

/// Whom we believe, and how we dial.
///
/// # Errors
/// When the file of authorities cannot be used.
pub(crate) fn client(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots
                .add(certificate)
                .with_context(|| format!("{} has no authority", path.display()))?;
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            tracing::warn!(
                "this system has no certificates of authorities: no line can be dialled over TLS without `sip.tls.ca`"
            );
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .context("cannot set up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = text(path)?;
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let list = list.with_context(|| format!("{} is not PEM", path.display()))?;
    if list.is_empty() {
        bail!("there is no certificate in PEM in {}", path.display());
    }
    Ok(list)
}

fn text(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || {
        let mut text = Vec::new();
        let file = fs::File::open(path)?;
        io::Read::read_to_end(&mut io::Read::take(file, FILE_BYTES), &mut text)?;
        Ok::<_, io::Error>(text)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}
