//! Frames, messages and rows that are wrong, and reports.

use proptest::prelude::{any, proptest};
use proptest::prop_assert;

use super::server::{begun, columns, error, message, row};
use super::{Fault, Session, login, ready, ready_as, told};
use crate::limits::{PG_LOGIN_BYTES, PG_MESSAGE_BYTES, PG_ROW_BYTES};
use crate::proto::postgres::{Login, Meaning, Report, Severity, Statement};

fn header(tag: u8, length: u32) -> Vec<u8> {
    [&[tag], &length.to_be_bytes()[..]].concat()
}

/// A session that waits for the rows of a request.
fn reading() -> Session {
    let mut session = ready();
    let statement = Statement {
        sql: "SELECT 1",
        types: &[],
        values: &[],
        keep: false,
    };
    session.send(7, &[statement], &mut Vec::new()).unwrap();
    assert_eq!(told(&mut session, &begun()), Ok(vec![]));
    session
}

#[test]
fn a_length_is_refused_by_its_first_five_bytes() {
    let long = |bytes: usize| u32::try_from(bytes + 4).unwrap();
    for length in [0, 3] {
        assert_eq!(
            told(&mut reading(), &header(b'D', length)),
            Err(Fault::Length)
        );
    }
    for (tag, most) in [
        (b'D', PG_ROW_BYTES),
        (b'T', PG_MESSAGE_BYTES),
        (b'?', PG_MESSAGE_BYTES),
    ] {
        for length in [long(most + 1), i32::MAX as u32, u32::MAX] {
            assert_eq!(
                told(&mut reading(), &header(tag, length)),
                Err(Fault::TooLong(tag))
            );
        }
        let (mut session, just_fits) = (reading(), header(tag, long(most)));
        let mut input = just_fits.as_slice();
        assert!(session.next(&mut input, &mut Vec::new()).unwrap().is_none());
        assert_eq!(input.len(), 5, "it waits for the rest");
    }
    let mut early = Session::open(login(), super::NONCE, &mut Vec::new()).unwrap();
    let too_long = told(&mut early, &header(b'R', long(PG_LOGIN_BYTES + 1)));
    assert_eq!(too_long, Err(Fault::TooLong(b'R')));
}

#[test]
fn a_row_has_the_columns_that_were_announced_no_more_and_no_less() {
    assert_eq!(told(&mut reading(), &row(&[7])), Ok(vec!["7 [7]".into()]));
    let body = &row(&[7])[5..];
    let wrong = [
        row(&[]),
        row(&[1, 2]),
        message(b'D', &[body, b"more"].concat()),
        message(b'D', &body[..body.len() - 1]),
        message(b'D', b""),
        // Lengths of −2, and of 2 GiB.
        message(b'D', b"\0\x01\xff\xff\xff\xfe"),
        message(b'D', b"\0\x01\x7f\xff\xff\xff"),
        message(b'D', b"\xff\xff"),
    ];
    for bytes in wrong {
        let mut session = reading();
        assert_eq!(
            told(&mut session, &bytes),
            Err(Fault::Malformed(b'D')),
            "{bytes:02x?}"
        );
        assert!(!session.is_ready(), "a wrong row ends the connection");
    }
}

#[test]
fn messages_that_are_not_made_as_their_type_says() {
    for body in [
        &b"no zero"[..],
        b"SERROR\0",
        b"C2350\0\0",
        b"C2350\xc3\xa4\0\0",
    ] {
        assert_eq!(
            told(&mut reading(), &message(b'E', body)),
            Err(Fault::Malformed(b'E'))
        );
    }
    let columns_cut = &columns(2)[5..];
    for length in 0..columns_cut.len() {
        let mut session = ready();
        let statement = Statement {
            sql: "SELECT 1",
            types: &[],
            values: &[],
            keep: false,
        };
        session.send(7, &[statement], &mut Vec::new()).unwrap();
        let bytes = [
            &message(b'1', b""),
            &message(b'2', b"")[..],
            &message(b'T', &columns_cut[..length]),
        ];
        assert_eq!(
            told(&mut session, &bytes.concat()),
            Err(Fault::Malformed(b'T')),
            "{length}"
        );
    }
    for (tag, body) in [
        (b'Z', &b"X"[..]),
        (b'Z', b""),
        (b'Z', b"II"),
        (b'1', b"x"),
        (b'C', b"\xff\0"),
        (b'A', b"\0\0\0\x01a\0"),
    ] {
        assert_eq!(
            told(&mut reading(), &message(tag, body)),
            Err(Fault::Malformed(tag))
        );
    }
    // Replication, a pooler's protocol, nothing at all.
    for tag in [b'W', b'v', b'V', 0] {
        assert_eq!(
            told(&mut reading(), &message(tag, b"")),
            Err(Fault::Unknown(tag))
        );
    }
}

fn report(bytes: &[u8]) -> Report {
    let mut session = reading();
    let (mut input, mut out) = (bytes, Vec::new());
    match session.next(&mut input, &mut out).unwrap().unwrap() {
        super::Event::Answer(7, super::Answer::Failed(report)) => *report,
        super::Event::Goodbye(report) | super::Event::Notice(report) => *report,
        event => panic!("{event:?}"),
    }
}

#[test]
fn a_report_shows_its_code_and_keeps_its_words_to_itself() {
    let fields = b"SFEHLER\0VERROR\0C23505\0Mkey (secret) \xff\0Dthe detail\0Hthe hint\0P12\0tt\0nt_pkey\0Rcheck\0?what\0\0";
    let said = report(&message(b'E', fields));
    assert_eq!(
        (said.severity, said.code.as_str()),
        (Severity::Error, "23505")
    );
    assert_eq!(said.message, "key (secret) \u{fffd}");
    assert_eq!(
        (said.detail.as_deref(), said.hint.as_deref()),
        (Some("the detail"), Some("the hint"))
    );
    assert_eq!(
        (said.position, said.constraint.as_deref()),
        (Some(12), Some("t_pkey"))
    );
    for shown in [format!("{said}"), format!("{said:?}")] {
        assert!(
            shown.contains("23505") && !shown.contains("secret"),
            "{shown}"
        );
    }
    assert_eq!(
        said.to_string(),
        "PostgreSQL says 23505 (constraint t_pkey)"
    );
    let denied = report(&message(b'E', b"VERROR\0C3D000\0Msecret\0\0"));
    let words = "PostgreSQL says 3D000: there is no such database: create it";
    assert_eq!(denied.to_string(), words);
    // A notice cannot end a connection, whatever it says of itself.
    assert_eq!(
        report(&message(b'N', b"VFATAL\0C57P01\0\0")).severity,
        Severity::Notice
    );
    // Without the English word, what is an error is one.
    assert_eq!(
        report(&message(b'E', b"SFEHLER\0C23505\0\0")).severity,
        Severity::Error
    );
    assert_eq!(
        report(&message(b'E', b"SPANIC\0CXX000\0\0")).severity,
        Severity::Fatal
    );
}

#[test]
fn every_code_has_one_meaning() {
    let meanings = [
        (Meaning::Again, "40001 40P01 55P03"),
        (
            Meaning::Elsewhere,
            "57P01 57P02 57P05 25P03 25P04 08006 08P01",
        ),
        (Meaning::Later, "57P03 53300 53100 53200 58030 XX000"),
        (Meaning::ReadOnly, "25006"),
        (Meaning::TimedOut, "57014"),
        (Meaning::Forgotten, "26000 42P05"),
        (Meaning::Denied, "28P01 28000 3D000 42501"),
        (Meaning::Conflict, "23505 23503"),
        (Meaning::Value, "22P02 22021"),
        (Meaning::Program, "42601 42P01 25P02 0A000 P0001"),
    ];
    for (meaning, codes) in meanings {
        for code in codes.split(' ') {
            assert_eq!(report(&error("ERROR", code)).meaning(), meaning, "{code}");
        }
    }
    let with = |fields: &str| report(&message(b'E', fields.as_bytes())).meaning();
    assert_eq!(
        with("VERROR\0C0A000\0RRevalidateCachedQuery\0\0"),
        Meaning::Forgotten
    );
    assert_eq!(
        with("VFATAL\0C08P01\0Munsupported startup parameter: x\0\0"),
        Meaning::Pooler
    );
}

proptest! {
    #[test]
    fn garbage_ends_and_is_bounded(bytes: Vec<u8>, is_logged_in: bool, step in 1..64_usize) {
        let asks = Login { encryption: super::Encryption::IfOffered, ..login() };
        let mut session = if is_logged_in {
            ready_as(login())
        } else {
            Session::open(asks, super::NONCE, &mut Vec::new()).unwrap()
        };
        let (mut input, mut out, mut events) = (Vec::new(), Vec::new(), 0);
        for piece in bytes.chunks(step) {
            input.extend_from_slice(piece);
            let mut rest = input.as_slice();
            while let Ok(Some(_)) = session.next(&mut rest, &mut out) {
                events += 1;
            }
            let used = input.len() - rest.len();
            input.drain(..used);
        }
        prop_assert!(events <= bytes.len());
        prop_assert!(out.len() <= 4096, "what it says does not grow with what it hears");
    }

    #[test]
    fn messages_of_garbage_end_too(
        messages in proptest::collection::vec((any::<sample_tags::Tag>(), any::<Vec<u8>>()), 0..20),
    ) {
        let mut session = reading();
        let bytes: Vec<u8> = messages.iter().flat_map(|(tag, body)| message(tag.0, body)).collect();
        let (mut input, mut out) = (bytes.as_slice(), Vec::new());
        let mut events = 0;
        while let Ok(Some(_)) = session.next(&mut input, &mut out) {
            events += 1;
        }
        prop_assert!(events <= 2 * messages.len());
        prop_assert!(out.is_empty());
    }
}

mod sample_tags {
    //! Types of messages that exist, so that garbage gets further.
    use proptest::arbitrary::Arbitrary;
    use proptest::sample::{Select, select};
    use proptest::strategy::{Map, Strategy};

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Tag(pub(super) u8);

    impl Arbitrary for Tag {
        type Parameters = ();
        type Strategy = Map<Select<u8>, fn(u8) -> Tag>;

        fn arbitrary_with((): ()) -> Self::Strategy {
            select(b"RSKZ123nTDCIENAGHcd".to_vec()).prop_map(Tag)
        }
    }
}
