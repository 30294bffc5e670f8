//! `tls-server-end-point`: the hash of the server's certificate, which ties a log-in to the TLS
//! connection that it goes through (RFC 5929 §4).
//!
//! The hash function is that of the certificate's signature, with SHA-256 in the place of MD5 and
//! SHA-1. It is looked up in the certificate's bytes, as little of which is read as possible:
//!
//! ```text
//!   Certificate ::= SEQUENCE { tbsCertificate SEQUENCE,          ◄── skipped
//!                              signatureAlgorithm SEQUENCE { OID, parameters },
//!                              signature BIT STRING }
//! ```

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
/// `[0]`, where RSASSA-PSS says its hash function (RFC 4055 §3.1).
const HASH_OF_PSS: u8 = 0xA0;

/// 1.2.840.113549.1.1: signatures by RSA (RFC 8017, appendix C).
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// 1.2.840.10045.4: signatures by ECDSA (RFC 5480, appendix A).
const ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04];
/// 2.16.840.1.101.3.4.2: hash functions of NIST.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// The hash of a certificate in DER form, as it came in the TLS handshake. `None`: its signature
/// has no hash function that the RFC could mean (Ed25519), or it is no certificate.
#[must_use]
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(match hash_of(certificate)? {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

fn hash_of(certificate: &[u8]) -> Option<Hash> {
    let (mut inside, _) = element(certificate, SEQUENCE)?;
    (_, inside) = element(inside, SEQUENCE)?;
    let (algorithm, _) = element(inside, SEQUENCE)?;
    let (oid, parameters) = element(algorithm, OBJECT_ID)?;
    if let Some(rest) = oid.strip_prefix(RSA) {
        return match rest {
            [4 | 5 | 11] => Some(Hash::Sha256),
            [10] => hash_of_pss(parameters),
            [12] => Some(Hash::Sha384),
            [13] => Some(Hash::Sha512),
            [14] => Some(Hash::Sha224),
            _ => None,
        };
    }
    match oid.strip_prefix(ECDSA)? {
        [1] | [3, 2] => Some(Hash::Sha256),
        [3, 1] => Some(Hash::Sha224),
        [3, 3] => Some(Hash::Sha384),
        [3, 4] => Some(Hash::Sha512),
        _ => None,
    }
}

/// Without a word about it, it is SHA-1.
fn hash_of_pss(parameters: &[u8]) -> Option<Hash> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((hash, _)) = element(parameters, HASH_OF_PSS) else {
        return Some(Hash::Sha256);
    };
    let (algorithm, _) = element(hash, SEQUENCE)?;
    let (oid, _) = element(algorithm, OBJECT_ID)?;
    match oid.strip_prefix(SHA2) {
        Some([1]) => Some(Hash::Sha256),
        Some([2]) => Some(Hash::Sha384),
        Some([3]) => Some(Hash::Sha512),
        Some([4]) => Some(Hash::Sha224),
        Some(_) => None,
        None => Some(Hash::Sha256),
    }
}

/// The content of the element at the front, if it has this tag, and what comes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = length(rest)?;
    (*first == tag).then(|| rest.split_at_checked(length))?
}

/// Up to 127 in one byte, else in as many bytes as the first one says.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let count = usize::from(first & 0x7F);
    if *first < 0x80 {
        return Some((count, rest));
    }
    // A certificate of TLS has at most 2^24 bytes.
    let (digits, rest) = (count <= 3).then(|| rest.split_at_checked(count))??;
    let length = digits
        .iter()
        .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
    Some((length, rest))
}
