//! Whom a limit is for.

use std::net::IpAddr;

/// Somebody who asks: an address, until there are keys. Of IPv6 the first 64 bits count, because a
/// household or a rented machine has at least as many addresses as that leaves (RFC 6177).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Those for whom there is no place in the table, together; and nobody in particular.
    #[default]
    Others,
    /// An IPv4 address.
    V4(u32),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
}

impl Subject {
    /// Who has this address. IPv4 written as IPv6 is IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Subject {
        match address.to_canonical() {
            IpAddr::V4(ip) => Subject::V4(ip.to_bits()),
            IpAddr::V6(ip) => Subject::V6((ip.to_bits() >> 64) as u64),
        }
    }

    /// What kind of somebody it is, for `limit_of`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        "address"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn who(address: &str) -> Subject {
        Subject::of(address.parse().unwrap())
    }

    #[test]
    fn a_household_is_one() {
        assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::7"));
        assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
        assert_eq!(who("::ffff:10.0.0.1"), who("10.0.0.1"));
        assert_ne!(who("10.0.0.1"), who("10.0.0.2"));
    }
}
