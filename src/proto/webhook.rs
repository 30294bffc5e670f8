//! Signatures of webhooks, as the Standard Webhooks specification has them
//! (<https://www.standardwebhooks.com>), which receivers verify with libraries they have already.
//!
//! ```text
//!  webhook-id: 0190…            the same for each attempt
//!  webhook-timestamp: 1700…     of this attempt, in seconds of Unix time
//!  webhook-signature: v1,BASE64(HMAC-SHA-256(secret, "id.timestamp.body")) v1,… one for each secret
//! ```
//! Several secrets are for a change of them: a receiver takes what one of its own has signed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// How long a secret has to be, in bytes, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that both sides know.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret in `whsec_…`, which is how receivers' libraries want it as well.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix(PREFIX)?).ok()?;
        BYTES.contains(&bytes.len()).then_some(Secret(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The value of `webhook-signature`. `seconds` of Unix time is the value of `webhook-timestamp`.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, seconds: i64, body: &[u8]) -> String {
    let begin = format!("{id}.{seconds}.");
    let signatures = secrets.iter().map(|secret| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&secret.0).expect("a secret of any length does");
        mac.update(begin.as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The values of the specification's own libraries: `libraries/` of
    /// <https://github.com/standard-webhooks/standard-webhooks>, "sign function works".
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signatures_are_those_of_the_specification() {
        let secrets = [Secret::parse(SECRET).unwrap()];
        let signed = sign(&secrets, ID, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, SIGNED);
    }

    #[test]
    fn each_secret_signs_and_none_is_shown() {
        let other = Secret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").unwrap();
        let secrets = [Secret::parse(SECRET).unwrap(), other];
        let signed = sign(&secrets, ID, 1_614_265_330, br#"{"test": 2432232314}"#);
        let both: Vec<&str> = signed.split(' ').collect();
        assert_eq!((both[0], both.len()), (SIGNED, 2));
        assert_ne!(both[0], both[1]);
        assert_eq!(format!("{secrets:?}"), "[***, ***]");
    }

    #[test]
    fn what_is_no_secret_is_none() {
        let base64_of = |bytes: usize| BASE64.encode(vec![7; bytes]);
        for (text, is_one) in [
            (format!("whsec_{}", base64_of(24)), true),
            (format!("whsec_{}", base64_of(64)), true),
            (format!("whsec_{}", base64_of(23)), false),
            (format!("whsec_{}", base64_of(65)), false),
            (format!("whsec_{}!", base64_of(24)), false),
            (base64_of(24), false),
            (String::new(), false),
        ] {
            assert_eq!(Secret::parse(&text).is_some(), is_one, "{text}");
        }
    }
}
