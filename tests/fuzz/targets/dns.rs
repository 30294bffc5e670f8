//! Answers of a name server: whatever comes, reading it ends, and what is believed is bounded and
//! was in the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::limits::DNS_ADDRESSES;
use maitred::proto::dns::{Answer, Kind, Name, Query, message_in};

fuzz_target!(|data: &[u8]| {
    let name = Name::parse("llm.test").expect("a name");
    // Behind a question that fits, so that the records are reached.
    let mut message = vec![0, 77, 0x81, 0x80, 0, 1];
    message.extend(data.get(..6).unwrap_or(&[0; 6]));
    message.extend(b"\x03llm\x04test\0\0\x01\0\x01");
    message.extend(data.get(6..).unwrap_or(&[]));
    for (kind, bytes) in [(Kind::A, &message[..]), (Kind::Aaaa, data)] {
        let query = Query {
            id: 77,
            name: &name,
            kind,
        };
        if let Ok(Answer::Addresses { addresses, .. }) = query.answer(bytes) {
            assert!((1..=DNS_ADDRESSES).contains(&addresses.len()));
            for address in addresses {
                let octets = match address {
                    std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
                    std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
                };
                assert!(bytes.windows(octets.len()).any(|window| window == octets));
            }
        }
    }
    if let Some(message) = message_in(data) {
        assert_eq!(&data[2..2 + message.len()], message);
    }
});
