//! The old proof: a hash of password, name and salt. Whoever hears it can try passwords against it
//! at leisure, and whoever has the server's table needs no password at all. Off unless allowed.

use md5::{Digest, Md5};

/// What is sent for a password: `md5` and 32 hexadecimal digits.
pub(in super::super) fn response(user: &str, password: &str, salt: [u8; 4]) -> String {
    let inner = hex(&[password.as_bytes(), user.as_bytes()]);
    format!("md5{}", hex(&[inner.as_bytes(), &salt]))
}

fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
