//! One client's socket, with or without TLS, as something to read and to write that never waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mio::net::TcpStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// A certificate and its key, from two files.
pub(super) fn tls_config(
    certificate: &PathBuf,
    key: &PathBuf,
) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("certificates in {}", certificate.display()))?;
    let key =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("a key in {}", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// See the module.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

impl Socket {
    /// A connection that has just been accepted.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Socket> {
        stream.set_nodelay(true)?;
        let tls = match tls {
            None => None,
            Some(config) => {
                let session =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Some(Box::new(session))
            }
        };
        Ok(Socket { stream, tls })
    }

    /// Whether there is no TLS, which may hold more than the socket does.
    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Reads plaintext. 0 is the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            let read = tls.read_tls(&mut self.stream)?;
            let processed = tls.process_new_packets().map_err(io::Error::other);
            // An alert, or the next message of the handshake.
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    written => written?,
                };
            }
            if processed?.plaintext_bytes_to_read() == 0 && read == 0 {
                return Ok(0);
            }
        }
    }

    /// Writes plaintext, as much as is taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.write(bytes);
        };
        if tls.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = tls.writer().write(bytes)?;
        let flushed = self.flush()?;
        // Nothing taken and nothing to be sent would be a writer that has no room for ever.
        if taken == 0 && !flushed {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(taken)
    }

    /// Sends what TLS still holds; whether nothing is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                written => written?,
            };
        }
        Ok(true)
    }

    /// Sends a FIN, after a close_notify if the end is an honest one.
    pub(super) fn finish(&mut self, honest: bool) -> io::Result<()> {
        if honest && let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush()?;
        }
        self.stream.shutdown(Shutdown::Write)
    }

    /// Makes the close that follows a reset.
    pub(super) fn reset_on_close(&self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}
