//! The identity of a search term: derived, never asked for.
//!
//! A text is stored in one transaction without a look-up before it, because the id of its term
//! follows from the term. Three fingerprints, all SHA-256:
//!
//! ```text
//!  term_hash   of the term's bytes                  two equal terms are one row
//!  term_id     of tenant and term, as a UUID        what other tables refer to
//!  term_key    of the folded term                   "Rust " finds "rust"
//! ```

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Mixed into every [`term_id`], so that no other use of SHA-256 gives the same ids. It must never
/// change: stored rows carry the ids.
const TERM_ID_DOMAIN: &[u8] = b"maitred search term 1\n";

/// The fingerprint that makes a term unique within its tenant: the SHA-256 of its UTF-8 bytes.
pub fn term_hash(term: &str) -> [u8; 32] {
    Sha256::digest(term).into()
}

/// The id of a term: a UUID of version 8 (RFC 9562 §5.8, "custom") from the first 16 bytes of
/// `SHA-256(domain, length of tenant as 8 bytes big endian, tenant, term)`.
///
/// The length keeps `("ab", "c")` and `("a", "bc")` apart.
pub fn term_id(tenant: &str, term: &str) -> Uuid {
    let tenant_bytes = tenant.len() as u64;
    let hash: [u8; 32] = Sha256::new()
        .chain_update(TERM_ID_DOMAIN)
        .chain_update(tenant_bytes.to_be_bytes())
        .chain_update(tenant)
        .chain_update(term)
        .finalize()
        .into();
    let (first, _) = hash.split_first_chunk().expect("32 bytes are more than 16");
    Builder::from_custom_bytes(*first).into_uuid()
}

/// What lists filter by: the SHA-256 of the term without outer white space and in lower case
/// (Unicode's, independent of any locale).
///
/// A hash of fixed size serves an index better than terms of up to
/// [`crate::limits::TOPIC_CHARS`] characters. The price is that a list can be filtered by a whole
/// term only, not by its beginning.
pub fn term_key(term: &str) -> [u8; 32] {
    Sha256::digest(term.trim().to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_plain_sha256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = term_hash("abc")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, abc);
    }

    #[test]
    fn id_is_stable_for_ever() {
        // Stored rows carry these ids: a change here is a change of the file format.
        let id = term_id("local", "event loops");
        assert_eq!(id.to_string(), "e29373b3-1b31-8b7a-8aaa-f5f174ebbd61");
        assert_eq!(id.get_version_num(), 8);
    }

    #[test]
    fn id_tells_tenants_and_terms_apart() {
        assert_eq!(term_id("ab", "c"), term_id("ab", "c"));
        assert_ne!(term_id("ab", "c"), term_id("a", "bc"));
        assert_ne!(term_id("ab", "c"), term_id("ab", "C"));
    }

    #[test]
    fn key_ignores_case_and_outer_space() {
        assert_eq!(term_key("  Öl und Rust\n"), term_key("öl UND rust"));
        assert_ne!(term_key("rust"), term_key("rusty"));
    }
}
