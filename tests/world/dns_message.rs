//! Answers of a name server, written by hand: by nothing that the codec under test has in common
//! with it.

#![allow(dead_code)] // no test uses all of it

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const AAAA: u16 = 28;

/// A question as a server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) kind: u16,
}

impl Asked {
    /// Takes a query apart. Panics if it is not as RFC 1035 and RFC 6891 want it.
    pub(crate) fn read(query: &[u8]) -> Asked {
        let word = |at: usize| u16::from_be_bytes([query[at], query[at + 1]]);
        let counts = [word(4), word(6), word(8), word(10)];
        assert_eq!((word(2), counts), (0x0100, [1, 0, 0, 1]), "{query:?}");
        let (mut name, mut at) = (String::new(), 12);
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            name.push_str(std::str::from_utf8(&query[at + 1..end]).expect("ASCII"));
            name.push('.');
            at = end;
        }
        let kind = word(at + 1);
        assert_eq!(word(at + 3), 1, "class IN");
        let options = [
            0,
            0,
            41,
            1232_u16.to_be_bytes()[0],
            1232_u16.to_be_bytes()[1],
        ];
        assert_eq!(query[at + 5..], [&options[..], &[0; 6]].concat());
        Asked {
            id: word(0),
            name: name.trim_end_matches('.').to_owned(),
            kind,
        }
    }

    /// An answer to it: a code, and the records of its first two sections.
    pub(crate) fn answer(&self, code: u16, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
        self.answer_with(0x8180 | code, answers, authority)
    }

    /// An answer that was cut to fit a datagram.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        self.answer_with(0x8380, &[], &[])
    }

    fn answer_with(&self, flags: u16, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
        let mut message = Vec::new();
        let counts = [1, answers.len() as u16, authority.len() as u16, 0];
        for word in [self.id, flags].into_iter().chain(counts) {
            message.extend(word.to_be_bytes());
        }
        message.extend(name(&self.name));
        message.extend(self.kind.to_be_bytes());
        message.extend(1_u16.to_be_bytes());
        message.extend(answers.concat());
        message.extend(authority.concat());
        message
    }
}

/// A name without compression.
pub(crate) fn name(dotted: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in dotted.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A record.
pub(crate) fn record(owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = name(owner);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1_u16.to_be_bytes());
    bytes.extend(ttl.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// An IPv4 address.
pub(crate) fn a(owner: &str, ttl: u32, ip: [u8; 4]) -> Vec<u8> {
    record(owner, A, ttl, &ip)
}

/// An IPv6 address.
pub(crate) fn aaaa(owner: &str, ttl: u32, ip: &str) -> Vec<u8> {
    let ip: std::net::Ipv6Addr = ip.parse().expect("an address");
    record(owner, AAAA, ttl, &ip.octets())
}

/// An alias.
pub(crate) fn cname(owner: &str, ttl: u32, target: &str) -> Vec<u8> {
    record(owner, CNAME, ttl, &name(target))
}

/// What says for how long "no" holds.
pub(crate) fn soa(owner: &str, ttl: u32, minimum: u32) -> Vec<u8> {
    let mut data = [name("ns.test"), name("admin.test")].concat();
    for number in [1, 2, 3, 4, minimum] {
        data.extend(number.to_be_bytes());
    }
    record(owner, SOA, ttl, &data)
}
