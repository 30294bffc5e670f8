//! Log-ins with servers that are not what they should be.

use super::server::{authentication, error, message, parameter, ready};
use super::{ChannelBinding, Encryption, Fault, Login, Methods, NONCE, Session, login, told};
use crate::proto::postgres::{Method, Refused, Target};

/// A session that has said its first message, and that message.
fn open(change: impl FnOnce(&mut Login)) -> (Session, Vec<u8>) {
    let (mut login, mut out) = (login(), Vec::new());
    change(&mut login);
    let session = Session::open(login, NONCE, &mut out).unwrap();
    (session, out)
}

fn asking(encryption: Encryption) -> Session {
    let (session, out) = open(|login| login.encryption = encryption);
    assert_eq!(out, [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f], "SSLRequest");
    session
}

#[test]
fn the_first_message_says_who_we_are() {
    let (_, out) = open(|_| {});
    let text = "user\0user\0database\0db\0application_name\0maitred\0client_encoding\0UTF8\0\
                statement_timeout\x005000\0\0";
    let length = u32::try_from(text.len() + 8).unwrap().to_be_bytes();
    assert_eq!(out, [&length[..], &[0, 3, 0, 0], text.as_bytes()].concat());
    // A pooler would refuse what it does not know.
    let (_, out) = open(|login| login.pooled = true);
    assert!(!String::from_utf8_lossy(&out).contains("statement_timeout"));
    // A zero byte would end its string and begin another setting.
    for change in [
        (|login: &mut Login| login.user = "u\0database\0other".into()) as fn(&mut Login),
        |login| login.parameters[0].1 = "\0".into(),
        |login| login.password = Some(super::Password::new("a\0b".into())),
    ] {
        let (mut login, mut out) = (login(), Vec::new());
        change(&mut login);
        assert_eq!(
            Session::open(login, NONCE, &mut out).unwrap_err(),
            Refused::Nul
        );
        assert!(out.is_empty());
    }
}

#[test]
fn tls_is_what_the_server_promises_and_nothing_comes_before_it() {
    assert_eq!(
        told(&mut asking(Encryption::Required), b"S"),
        Ok(vec!["StartTls".into()])
    );
    assert_eq!(
        told(&mut asking(Encryption::Required), b"N"),
        Err(Fault::NoTls)
    );
    assert_eq!(told(&mut asking(Encryption::IfOffered), b"N"), Ok(vec![]));
    assert_eq!(
        told(&mut asking(Encryption::IfOffered), b"H"),
        Err(Fault::NotPostgres)
    );
    // An error in clear may be anybody's.
    let early = error("FATAL", "53300");
    assert_eq!(
        told(&mut asking(Encryption::IfOffered), &early),
        Err(Fault::NotPostgres)
    );
    // CVE-2021-23222: what came in the same segment is not protected by TLS.
    let injected = [b"S", &authentication(0, b"")[..]].concat();
    assert_eq!(
        told(&mut asking(Encryption::Required), &injected),
        Err(Fault::BytesBeforeTls)
    );

    let mut session = asking(Encryption::Required);
    assert_eq!(told(&mut session, b"S"), Ok(vec!["StartTls".into()]));
    let mut out = Vec::new();
    session.secured(None, &mut out);
    assert!(out.windows(5).any(|word| word == b"user\0"));
    let rest = [authentication(0, b""), ready(b'I')].concat();
    assert_eq!(told(&mut session, &rest), Ok(vec!["Ready".into()]));
}

#[test]
fn a_method_that_is_not_allowed_hears_no_password() {
    let ask = |session: &mut Session, bytes: &[u8]| {
        let (mut input, mut out) = (bytes, Vec::new());
        let fault = session.next(&mut input, &mut out).err();
        (fault, out)
    };
    let salt = authentication(5, b"salt");
    for (bytes, method) in [
        (authentication(3, b""), Method::Clear),
        (salt.clone(), Method::Md5),
    ] {
        let refused = ask(&mut open(|_| {}).0, &bytes);
        assert_eq!(refused, (Some(Fault::MethodRefused(method)), vec![]));
        let scram_only = |login: &mut Login| {
            login.methods = Methods {
                md5: true,
                clear: true,
                ..Methods::USUAL
            };
            login.channel_binding = ChannelBinding::Required;
        };
        let refused = ask(&mut open(scram_only).0, &bytes);
        assert_eq!(refused, (Some(Fault::NoChannelBinding), vec![]));
    }
    let allow = |login: &mut Login| login.methods.md5 = true;
    let (fault, out) = ask(&mut open(allow).0, &salt);
    // md5(md5("pencil" + "user") + "salt"), by another implementation.
    assert_eq!(fault, None);
    assert_eq!(out, message(b'p', b"md5d3d9bcccbaa2fb5234570d4d0f22b055\0"));
    let nothing = ask(
        &mut open(|login| {
            login.password = None;
            allow(login)
        })
        .0,
        &salt,
    );
    assert_eq!(nothing, (Some(Fault::NoPassword), vec![]));
    for code in [7, 9, 99] {
        assert_eq!(
            ask(&mut open(|_| {}).0, &authentication(code, b"x")).0,
            Some(Fault::MethodUnknown)
        );
    }
    let mut open_door = open(|login| login.methods.none = false).0;
    let refused = ask(&mut open_door, &authentication(0, b""));
    assert_eq!(refused.0, Some(Fault::MethodRefused(Method::None)));
}

#[test]
fn nothing_is_believed_out_of_turn() {
    for bytes in [
        ready(b'I'),
        parameter("a", "b"),
        message(b'D', b"\0\0"),
        authentication(12, b"v="),
    ] {
        let tag = bytes[0];
        assert_eq!(
            told(&mut open(|_| {}).0, &bytes),
            Err(Fault::Unexpected(tag))
        );
    }
    // Once more, after it has let us in.
    let twice = [authentication(0, b""), authentication(0, b"")].concat();
    assert_eq!(
        told(&mut open(|_| {}).0, &twice),
        Err(Fault::Unexpected(b'R'))
    );
    let garbled = [
        authentication(0, b""),
        parameter("client_encoding", "LATIN1"),
    ]
    .concat();
    assert_eq!(told(&mut open(|_| {}).0, &garbled), Err(Fault::Encoding));
    let key = [authentication(0, b""), message(b'K', b"\0\0\0\x07key")].concat();
    assert_eq!(told(&mut open(|_| {}).0, &key), Err(Fault::Malformed(b'K')));
    // Nothing is sent before it is time.
    assert_eq!(
        open(|_| {}).0.send(1, &[], &mut Vec::new()),
        Err(Refused::NotReady)
    );
}

#[test]
fn a_server_says_what_it_is() {
    let mut session = super::ready();
    let all = [
        Target::Any,
        Target::ReadWrite,
        Target::ReadOnly,
        Target::Primary,
        Target::Standby,
    ];
    let suits = |session: &Session| all.map(|target| session.parameters().suits(target));
    assert_eq!(suits(&session), [Some(true), None, None, None, None]);
    let news = [
        parameter("server_version", "16.4 (Debian 16.4-1)"),
        parameter("in_hot_standby", "on"),
        parameter("default_transaction_read_only", "off"),
        parameter("TimeZone", "UTC"),
    ];
    assert_eq!(
        told(&mut session, &news.concat()),
        Ok(vec!["Changed".to_owned(); 3])
    );
    assert_eq!(session.parameters().version, Some(16));
    assert_eq!(
        suits(&session),
        [Some(true), Some(false), Some(true), Some(false), Some(true)]
    );
    assert_eq!(
        told(&mut session, &parameter("in_hot_standby", "off")),
        Ok(vec!["Changed".into()])
    );
    assert_eq!(
        suits(&session),
        [Some(true), Some(true), Some(false), Some(true), Some(false)]
    );
}

#[test]
fn a_refusal_is_a_goodbye() {
    for bytes in [error("FATAL", "53300"), error("ERROR", "28000")] {
        let (mut session, _) = open(|_| {});
        let goodbye = told(&mut session, &bytes).unwrap();
        assert!(goodbye[0].starts_with("Goodbye"), "{goodbye:?}");
        assert!(!session.is_ready() && session.lost().is_none());
    }
}
