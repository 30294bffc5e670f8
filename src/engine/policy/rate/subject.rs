//! Whom a limit is for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The name under which a counter is shared with other processes.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Others => f.write_str("others"),
            Subject::V4(bits) => write!(f, "{}", Ipv4Addr::from_bits(*bits)),
            Subject::V6(bits) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(*bits) << 64)),
        }
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

    #[test]
    fn each_has_a_name_of_its_own() {
        let names = ["10.0.0.1", "2001:db8:1:2::7"].map(|address| who(address).to_string());
        assert_eq!(names, ["10.0.0.1", "2001:db8:1:2::/64"]);
        assert_eq!(Subject::Others.to_string(), "others");
    }
}
