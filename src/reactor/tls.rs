//! TLS as a client: a rustls session between a socket and its connection.
//!
//! The session sits between the two as plain data: bytes of the socket go in, plaintext comes out,
//! and the other way round. Two rules keep it out of trouble. Plaintext is taken out completely
//! after each step, because no further event will come for it. And nothing is put in while the
//! session holds enough that was not sent, because then the socket is the one to wait for.

mod lenient;

use std::io::{self, BufRead, Read as _, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore};

use super::os_error;
use crate::engine::io::TlsFault;
use crate::proto::postgres::server_end_point;
use crate::proto::postgres::settings::{Settings, TlsMode};

/// Plaintext that the session may hold before it was sent.
const SESSION_BYTES: usize = 16 * 1024;

/// A session.
#[derive(Debug)]
pub struct Tls {
    session: ClientConnection,
    /// The engine knows that the handshake is done.
    pub announced: bool,
    /// The peer has said that it will send nothing more.
    pub closed: bool,
    /// Whether a log-in is tied to the certificate: not with HTTP, which all names by ALPN.
    ties_logins: bool,
}

/// What a step brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of note.
    Going,
    /// The handshake has just ended.
    Secured,
}

impl Tls {
    /// Starts a session with `host`.
    pub fn start(config: &Arc<ClientConfig>, host: &str) -> Result<Self, TlsFault> {
        let name = ServerName::try_from(host.to_string()).map_err(|_| TlsFault::WrongName)?;
        let mut session =
            ClientConnection::new(Arc::clone(config), name).map_err(|error| fault(&error))?;
        session.set_buffer_limit(Some(SESSION_BYTES));
        Ok(Tls {
            session,
            announced: false,
            closed: false,
            ties_logins: config.alpn_protocols.is_empty(),
        })
    }

    /// For a server of the database: the hash of its certificate (RFC 5929).
    #[must_use]
    pub fn end_point(&self) -> Option<Vec<u8>> {
        if !self.ties_logins {
            return None;
        }
        let certificates = self.session.peer_certificates()?;
        server_end_point(certificates.first()?)
    }

    /// Whether the handshake is still going on.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Takes bytes of the socket in, some of `bytes` at a time; returns how the session stands.
    /// After each call the plaintext has to be taken out with [`Tls::plaintext`].
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Progress, TlsFault> {
        if bytes.is_empty() {
            return Ok(Progress::Going); // an empty slice would be taken for the end
        }
        if self.closed {
            // What comes after close_notify means nothing (RFC 8446 §6.1). The session takes none
            // of it, so whoever waited for it to be taken would wait for ever.
            *bytes = &[];
            return Ok(Progress::Going);
        }
        let taken = self
            .session
            .read_tls(bytes)
            .map_err(|_| TlsFault::Protocol)?;
        if taken == 0 {
            return Err(TlsFault::Protocol);
        }
        let state = self
            .session
            .process_new_packets()
            .map_err(|error| fault(&error))?;
        self.closed |= state.peer_has_closed();
        if !self.announced && !self.session.is_handshaking() {
            self.announced = true;
            return Ok(Progress::Secured);
        }
        Ok(Progress::Going)
    }

    /// Moves some plaintext into `into`; 0 when there is none.
    pub fn plaintext(&mut self, into: &mut [u8]) -> usize {
        // `WouldBlock` means none; an end without close_notify is judged by whoever reads the FIN.
        self.session.reader().read(into).unwrap_or(0)
    }

    /// Puts plaintext in; returns how much the session took.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        self.session.writer().write(bytes).unwrap_or(0)
    }

    /// Whether the session has bytes for the socket.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Writes bytes of the session to the socket.
    pub fn write_to(&mut self, socket: &mut dyn Write) -> io::Result<usize> {
        self.session.write_tls(socket)
    }

    /// Says that nothing more will be sent.
    pub fn send_close_notify(&mut self) {
        self.session.send_close_notify();
    }
}

/// What one upstream trusts: the certificates of `ca_file`, or else the system's, or else those
/// that come with the program.
pub fn client_config(ca_file: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let mut config = trusting(ca_file)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The same for a server that speaks something else than HTTP.
pub fn plain_config(ca_file: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    trusting(ca_file).map(Arc::new)
}

fn trusting(ca_file: Option<&Path>) -> io::Result<ClientConfig> {
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system(),
    };
    let builder = ClientConfig::builder().with_root_certificates(roots);
    Ok(builder.with_no_client_auth())
}

/// What a database trusts, as its settings say. `None`: it is not to be asked for TLS.
pub fn database_config(settings: &Settings) -> io::Result<Option<Arc<ClientConfig>>> {
    let file = settings.root_certificates.as_deref();
    let roots = || match file.filter(|file| *file != "system") {
        Some(file) => roots_of_file(Path::new(file)),
        None => Ok(roots_of_system()),
    };
    let builder = ClientConfig::builder();
    let config = match settings.tls {
        TlsMode::Disable => return Ok(None),
        TlsMode::Prefer | TlsMode::Require => lenient::any_certificate(builder),
        TlsMode::VerifyCa => lenient::any_name(builder, roots()?)?,
        TlsMode::VerifyFull => builder
            .with_root_certificates(roots()?)
            .with_no_client_auth(),
    };
    Ok(Some(Arc::new(config)))
}

fn roots_of_file(path: &Path) -> io::Result<RootCertStore> {
    let named = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let pem = std::fs::File::open(path)
        .map_err(|error| named(format!("{}: {}", path.display(), os_error::plain(&error))))?;
    let mut roots = RootCertStore::empty();
    let mut reader = io::BufReader::new(pem);
    if reader.fill_buf()?.is_empty() {
        return Err(named(format!("{} is empty", path.display())));
    }
    for certificate in CertificateDer::pem_reader_iter(&mut reader) {
        let certificate =
            certificate.map_err(|error| named(format!("{}: {error}", path.display())))?;
        roots
            .add(certificate)
            .map_err(|error| named(format!("{}: {error}", path.display())))?;
    }
    if roots.is_empty() {
        let what = format!("{} holds no certificate", path.display());
        return Err(named(what));
    }
    Ok(roots)
}

fn roots_of_system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(added, ignored, "trusted certificates of the system");
    if roots.is_empty() {
        tracing::info!("the system has no trusted certificates; the bundled ones are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// What an error of rustls means to an operator.
fn fault(error: &rustls::Error) -> TlsFault {
    use rustls::Error::{AlertReceived, InvalidCertificate, PeerIncompatible};
    match error {
        InvalidCertificate(error) => match error {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFault::Expired,
            CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
            _ => TlsFault::BadCertificate,
        },
        PeerIncompatible(_)
        | AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            TlsFault::Incompatible
        }
        _ => TlsFault::Protocol,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustls::{ServerConfig, ServerConnection};

    use super::*;

    /// A session and its peer, past the handshake.
    fn pair() -> (Tls, ServerConnection) {
        let made = rcgen::generate_simple_self_signed(["llm.test".to_string()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let ours = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let theirs = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let mut tls = Tls::start(&Arc::new(ours), "llm.test").unwrap();
        let mut peer = ServerConnection::new(Arc::new(theirs)).unwrap();
        while tls.is_handshaking() || peer.is_handshaking() {
            let mut sent = Vec::new();
            while tls.wants_write() {
                tls.write_to(&mut sent).unwrap();
            }
            let mut rest = sent.as_slice();
            while !rest.is_empty() {
                peer.read_tls(&mut rest).unwrap();
                peer.process_new_packets().unwrap();
            }
            take_in(&mut tls, &said(&mut peer));
        }
        (tls, peer)
    }

    fn said(peer: &mut ServerConnection) -> Vec<u8> {
        let mut bytes = Vec::new();
        while peer.wants_write() {
            peer.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Feeds `bytes` as the loop does; every step has to take some of them.
    fn take_in(tls: &mut Tls, bytes: &[u8]) -> Vec<u8> {
        let (mut rest, mut plain, mut scratch) = (bytes, Vec::new(), [0; 1024]);
        while !rest.is_empty() {
            let before = rest.len();
            tls.receive(&mut rest).unwrap();
            assert!(rest.len() < before, "a step without progress");
            loop {
                let n = tls.plaintext(&mut scratch);
                if n == 0 {
                    break;
                }
                plain.extend_from_slice(&scratch[..n]);
            }
        }
        plain
    }

    #[test]
    fn what_follows_close_notify_is_passed_over() {
        let (mut tls, mut peer) = pair();
        Write::write_all(&mut peer.writer(), b"the answer").unwrap();
        peer.send_close_notify();
        let mut bytes = said(&mut peer);
        bytes.resize(bytes.len() + 20_000, 0x55);
        assert_eq!(take_in(&mut tls, &bytes), b"the answer");
        assert!(tls.closed);
    }

    #[test]
    fn plaintext_comes_out_whole_at_every_split() {
        for size in [1, 7, 1000] {
            let (mut tls, mut peer) = pair();
            Write::write_all(&mut peer.writer(), &[b'x'; 5_000]).unwrap();
            let bytes = said(&mut peer);
            let plain: Vec<u8> = bytes
                .chunks(size)
                .flat_map(|piece| take_in(&mut tls, piece))
                .collect();
            assert_eq!(plain, [b'x'; 5_000]);
        }
    }
}
