//! The provider's end of TLS, and certificates that only a test trusts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A provider's certificate.
pub struct Identity {
    /// What the provider uses.
    pub server: Arc<ServerConfig>,
    /// What a client that trusts it puts into its `ca_file`.
    pub pem: String,
    /// Its key, for a provider that reads files.
    pub key_pem: String,
}

impl Identity {
    /// A certificate for these names and addresses, signed by itself.
    pub fn of(names: &[&str]) -> Identity {
        Identity::new(names, |_| {})
    }

    /// One that has been of no use since 2001.
    pub fn expired(names: &[&str]) -> Identity {
        Identity::new(names, |params| {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        })
    }

    fn new(names: &[&str], change: impl FnOnce(&mut rcgen::CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], der)
            .expect("the key belongs to the certificate");
        Identity {
            server: Arc::new(server),
            pem: own.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// A connection with or without TLS.
pub enum Wire {
    /// Without.
    Plain(TcpStream),
    /// With.
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// A connection that has just been accepted.
    pub fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> std::io::Result<Wire> {
        let Some(config) = tls else {
            return Ok(Wire::Plain(stream));
        };
        let session = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
        Ok(Wire::Tls(Box::new(StreamOwned::new(session, stream))))
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    /// Sends a FIN, and no close_notify: the careless way, which proves nothing about the end.
    pub fn close(&mut self) {
        // The other side may have closed already.
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(into),
            Wire::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}
