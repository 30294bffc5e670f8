//! TLS that asks less of a certificate than it should: what `sslmode` means below `verify-full`.
//!
//! `prefer` and `require` keep listeners out, and whoever stands in between is not noticed;
//! `verify-ca` wants a certificate of a trusted authority, for whatever name. Signatures of the
//! handshake are verified in all of them: the other side has the key of the certificate it shows.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, WantsVerifier,
};

/// Whatever certificate the server shows.
pub(super) fn any_certificate(builder: ConfigBuilder<ClientConfig, WantsVerifier>) -> ClientConfig {
    with(builder, None)
}

/// A certificate of a trusted authority, for whatever name.
pub(super) fn any_name(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    roots: RootCertStore,
) -> io::Result<ClientConfig> {
    let provider = Arc::clone(builder.crypto_provider());
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let strict = strict.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(with(builder, Some(strict)))
}

fn with(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    strict: Option<Arc<WebPkiServerVerifier>>,
) -> ClientConfig {
    let provider: &CryptoProvider = builder.crypto_provider();
    let algorithms = provider.signature_verification_algorithms;
    builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Lenient { strict, algorithms }))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Lenient {
    /// Who looks at the chain, if anybody does.
    strict: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(strict) = &self.strict else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is looked at last, so with this error everything else is as it should be.
        match strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
