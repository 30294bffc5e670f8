//! COPY both ways, and what interrupts it.

use maitred::proto::postgres::{Meaning, Refused, Transaction};

use crate::link::{Link, Told, plain};
use crate::support::postgres::Postgres;

#[test]
#[ignore = "needs postgresql"]
fn a_table_is_copied_in_and_out_again() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(0, "CREATE TABLE t (n bigint, words text)");
    link.finish(0);
    assert_eq!(
        link.session.copy_in(b"1\tx\n", &mut link.out),
        Err(Refused::NotCopying)
    );

    link.script(1, "COPY t FROM STDIN");
    assert_eq!(link.wait(), Told::CopyIn(1));
    assert_eq!(link.send(2, &[plain("SELECT 1")]), Err(Refused::Busy));
    // Rows are cut wherever it is.
    let rows: String = (0..5000)
        .map(|n| format!("{n}\tnumber {n} of many\n"))
        .collect();
    for piece in rows.as_bytes().chunks(1001) {
        link.session.copy_in(piece, &mut link.out).unwrap();
    }
    link.session.copy_done(&mut link.out).unwrap();
    assert_eq!(
        link.session.copy_done(&mut link.out),
        Err(Refused::NotCopying)
    );
    let told = link.finish(1);
    let end = Told::Finished(1, Transaction::None);
    assert_eq!(told, [Told::Done(1, "COPY 5000".into()), end]);

    // One row is longer than any message that is waited for whole.
    let long = 20 * 1024 * 1024;
    server.psql(
        "tables",
        &format!("INSERT INTO t SELECT 5000, repeat('x', {long})"),
    );
    link.script(
        3,
        "COPY (SELECT * FROM t ORDER BY n) TO STDOUT; SELECT 'after'",
    );
    assert_eq!(link.wait(), Told::CopyOut(3));
    let mut copied = Vec::new();
    let next = loop {
        match link.wait() {
            Told::Copied(3, piece) => copied.extend(piece),
            told => break told,
        }
    };
    assert_eq!(next, Told::Done(3, "COPY 5001".into()));
    assert_eq!(copied.len(), rows.len() + "5000\t\n".len() + long);
    assert!(copied.starts_with(rows.as_bytes()) && copied.ends_with(b"xxx\n"));
    let after = link.finish(3);
    assert_eq!(after[0], Told::Row(3, vec!["after".into()]));
}

#[test]
#[ignore = "needs postgresql"]
fn a_copy_that_is_given_up_or_wrong_leaves_nothing_behind() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(0, "CREATE TABLE t (n bigint)");
    link.finish(0);
    link.script(1, "COPY t FROM STDIN");
    assert_eq!(link.wait(), Told::CopyIn(1));
    link.session.copy_in(b"1\n2\n", &mut link.out).unwrap();
    link.session
        .copy_fail("the import was given up", &mut link.out)
        .unwrap();
    let told = link.finish(1);
    assert!(
        matches!(&told[0], Told::Failed(1, r) if r.message.contains("given up")),
        "{told:?}"
    );

    link.script(2, "COPY t FROM STDIN");
    assert_eq!(link.wait(), Told::CopyIn(2));
    link.session
        .copy_in(b"3\nnot a number\n", &mut link.out)
        .unwrap();
    // The server notices while more is on its way, and drops that.
    let told = link.finish(2);
    assert!(
        matches!(&told[0], Told::Failed(2, r) if r.meaning() == Meaning::Value),
        "{told:?}"
    );
    assert_eq!(
        link.session.copy_in(b"4\n", &mut link.out),
        Err(Refused::NotCopying)
    );
    assert_eq!(link.rows("SELECT count(*) FROM t"), [["0"]]);
}
