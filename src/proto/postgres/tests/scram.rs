//! SCRAM against the example of RFC 7677, and against servers that cheat.

use super::server::{authentication, ready};
use super::{ChannelBinding, Encryption, Event, Fault, Login, Session, login, told};
use crate::limits::PG_SCRAM_ITERATIONS;
use crate::proto::postgres::auth::scram::{Binding, Proposal};
use crate::proto::postgres::auth::{Password, ScramFault, Stretch};
use crate::proto::postgres::server_end_point;

/// Decoded from `rOprNGfwEbeRWgbNEkqO` and three letters more: nonces here are whole in base64.
const NONCE: [u8; 18] =
    *b"\xac\xea\x6b\x34\x67\xf0\x11\xb7\x91\x5a\x06\xcd\x12\x4a\x8e\x01\x02\x03";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";

fn challenge(message: &str) -> Result<Stretch, ScramFault> {
    let password = Password::new("pencil".into());
    let proposal = Proposal::new(NONCE, Binding::Unsupported);
    proposal
        .challenged(message.as_bytes(), &password)
        .map(|(_, stretch)| stretch)
}

#[test]
fn the_example_of_the_rfc() {
    // RFC 7677 §3: the salted password is not in it, but was computed from it by Python's hashlib.
    let stretch = challenge(&format!("r=rOprNGfwEbeRWgbNEkqOAQIDserver,s={SALT},i=4096")).unwrap();
    let key = stretch.run();
    let mine = [
        0xc4, 0xa4, 0x95, 0x10, 0x32, 0x3a, 0xb4, 0xf9, 0x52, 0xca, 0xc1, 0xfa, 0x99, 0x44, 0x19,
        0x39, 0xe7, 0x8e, 0xa7, 0x4d, 0x6b, 0xe8, 0x1d, 0xdf, 0x70, 0x96, 0xe8, 0x75, 0x13, 0xdc,
        0x61, 0x5d,
    ];
    assert_eq!(key.0, mine);
}

#[test]
fn a_server_that_cheats_is_found_out_before_anything_is_computed() {
    let nonce = "rOprNGfwEbeRWgbNEkqOAQID";
    let first = |nonce: &str, salt: &str, rounds: &str| {
        challenge(&format!("r={nonce},s={salt},i={rounds}")).unwrap_err()
    };
    assert_eq!(first(nonce, SALT, "4096"), ScramFault::Nonce);
    assert_eq!(first("another", SALT, "4096"), ScramFault::Nonce);
    let longer = format!("{nonce}x");
    for rounds in [
        "0",
        "-1",
        "x",
        "2147483648",
        "4294967296",
        &(PG_SCRAM_ITERATIONS + 1).to_string(),
    ] {
        assert_eq!(
            first(&longer, SALT, rounds),
            ScramFault::Iterations,
            "{rounds}"
        );
    }
    assert_eq!(first(&longer, "!", "4096"), ScramFault::Malformed);
    for message in ["", "s=x,r=y,i=1", "m=ext,r=a,s=b,i=1", "e=other-error"] {
        assert_eq!(
            challenge(message).unwrap_err(),
            ScramFault::Malformed,
            "{message}"
        );
    }
    assert!(
        challenge(&format!(
            "r={longer},s={SALT},i={PG_SCRAM_ITERATIONS},x=more"
        ))
        .is_ok()
    );
}

#[test]
fn only_a_server_that_knows_the_password_is_believed() {
    let password = Password::new("pencil".into());
    let prove = || {
        let proposal = Proposal::new(NONCE, Binding::Unsupported);
        let message = format!("r=rOprNGfwEbeRWgbNEkqOAQIDserver,s={SALT},i=16");
        let (challenge, stretch) = proposal.challenged(message.as_bytes(), &password).unwrap();
        challenge.prove(&stretch.run())
    };
    let (message, _) = prove();
    assert!(
        message.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqOAQIDserver,p="),
        "{message}"
    );
    let zeros = format!("v={}", "A".repeat(43) + "=");
    for (answer, fault) in [
        (zeros.as_str(), ScramFault::Signature),
        ("v=", ScramFault::Signature),
        ("v=!", ScramFault::Malformed),
        ("e=invalid-proof", ScramFault::Refused),
        ("", ScramFault::Malformed),
        ("v\u{fffd}=", ScramFault::Malformed),
    ] {
        assert_eq!(prove().1.verify(answer.as_bytes()), Err(fault), "{answer}");
    }
}

/// What a session says to a server that offers these mechanisms, over TLS with this certificate.
fn proposes(
    binding: ChannelBinding,
    end_point: Option<Vec<u8>>,
    offer: &[u8],
) -> Result<String, Fault> {
    let login = Login {
        encryption: Encryption::Required,
        channel_binding: binding,
        ..login()
    };
    let mut session = Session::open(login, NONCE, &mut Vec::new()).unwrap();
    told(&mut session, b"S").unwrap();
    session.secured(end_point, &mut Vec::new());
    let (bytes, mut out) = (authentication(10, offer), Vec::new());
    assert!(session.next(&mut bytes.as_slice(), &mut out)?.is_none());
    Ok(String::from_utf8_lossy(&out[5..]).into_owned())
}

#[test]
fn the_strongest_that_both_sides_have_is_proposed() {
    use ChannelBinding::{IfOffered, Never, Required};
    let both = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    let old = b"SCRAM-SHA-256\0\0";
    let hash = || Some(vec![7; 32]);
    let tied = "SCRAM-SHA-256-PLUS\0\0\0\x005p=tls-server-end-point,,n=,r=";
    for binding in [IfOffered, Required] {
        assert!(proposes(binding, hash(), both).unwrap().starts_with(tied));
    }
    // `y` tells a server that has offered it that somebody took the offer away.
    let could = "SCRAM-SHA-256\0\0\0\0 y,,n=,r=";
    assert!(proposes(IfOffered, hash(), old).unwrap().starts_with(could));
    let cannot = "SCRAM-SHA-256\0\0\0\0 n,,n=,r=";
    assert!(proposes(Never, hash(), both).unwrap().starts_with(cannot));
    assert!(proposes(IfOffered, None, both).unwrap().starts_with(cannot));
    assert_eq!(
        proposes(Required, hash(), old),
        Err(Fault::NoChannelBinding)
    );
    assert_eq!(proposes(Required, None, both), Err(Fault::NoChannelBinding));
    assert_eq!(
        proposes(IfOffered, None, b"OAUTHBEARER\0\0"),
        Err(Fault::MethodUnknown)
    );
    assert_eq!(
        proposes(Never, None, b"SCRAM-SHA-256-PLUS\0\0"),
        Err(Fault::MethodUnknown)
    );
}

#[test]
fn a_server_that_lets_us_in_without_its_proof_is_not_believed() {
    let mut session = Session::open(login(), NONCE, &mut Vec::new()).unwrap();
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    assert_eq!(told(&mut session, &offer), Ok(vec![]));
    let message = format!("r=rOprNGfwEbeRWgbNEkqOAQIDserver,s={SALT},i=16");
    let first = authentication(11, message.as_bytes());
    let mut out = Vec::new();
    let Ok(Some(Event::Stretch(work))) = session.next(&mut first.as_slice(), &mut out) else {
        panic!("the key is to be stretched");
    };
    let key = work.run();
    session.stretched(&key, &mut out);
    assert!(!out.is_empty());
    let in_a_hurry = [authentication(0, b""), ready(b'I')].concat();
    assert_eq!(
        told(&mut session, &in_a_hurry),
        Err(Fault::Unexpected(b'R'))
    );
}

#[test]
fn equal_work_is_recognised_and_nothing_of_it_is_shown() {
    let with = |rounds: &str| {
        challenge(&format!("r=rOprNGfwEbeRWgbNEkqOAQIDx,s={SALT},i={rounds}")).unwrap()
    };
    assert!(with("16") == with("16") && with("16") != with("17"));
    let shown = format!(
        "{:?} {:?} {:?}",
        with("16"),
        with("16").run(),
        Password::new("pencil".into())
    );
    assert_eq!(shown, "Stretch of 16 iterations *** ***");
    assert!(!format!("{:?}", login()).contains("pencil"));
}

#[test]
fn a_certificate_is_hashed_as_its_signature_is() {
    use rcgen::{
        CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    };
    let hash = |algorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        // Cut anywhere, it is no certificate, and nothing happens.
        for at in 0..der.len() {
            let _ = server_end_point(&der[..at]);
        }
        server_end_point(&der).map(|hash| hash.len())
    };
    assert_eq!(hash(&PKCS_ECDSA_P256_SHA256), Some(32));
    assert_eq!(hash(&PKCS_ECDSA_P384_SHA384), Some(48));
    assert_eq!(hash(&PKCS_ED25519), None);

    // Only what says how it is signed, with parameters that follow the name of the algorithm.
    let signed_with = |oid: &[u8], parameters: &[u8]| {
        let tlv = |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).unwrap()], body].concat();
        let algorithm = tlv(0x30, &[tlv(6, oid), parameters.to_vec()].concat());
        let certificate = tlv(0x30, &[tlv(0x30, b""), algorithm].concat());
        server_end_point(&certificate).map(|hash| 8 * hash.len())
    };
    let rsa = |last: u8| [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, last];
    let expected = [
        (5, Some(256)),
        (11, Some(256)),
        (12, Some(384)),
        (13, Some(512)),
        (14, Some(224)),
        (1, None),
    ];
    for (last, bits) in expected {
        assert_eq!(signed_with(&rsa(last), b"\x05\x00"), bits);
    }
    // RSASSA-PSS says its hash function in its parameters: SHA-1 if it says nothing.
    let sha512 = b"\x30\x11\xA0\x0F\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00";
    assert_eq!(signed_with(&rsa(10), sha512), Some(512));
    assert_eq!(signed_with(&rsa(10), b"\x30\x00"), Some(256));
}
