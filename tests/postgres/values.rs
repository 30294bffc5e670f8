//! Values of every type, there and back, and many rows by one statement.

use maitred::proto::postgres::{Scalar, Statement, Type, Value};
use uuid::Uuid;

use crate::link::{Link, Told};
use crate::support::postgres::Postgres;

const ID: Uuid = Uuid::from_u128(0x0192_5c5e_7000_7000_8000_0000_0000_0001);
const TEXT: &str = "'; DROP TABLE t; -- \u{1F375} \\ $1 %s";

/// One value of each type, how it is sent, and what the server says that it is.
const ALL: &[(Scalar, Value<'static>, &str)] = &[
    (Scalar::Bool, Value::Bool(true), "true"),
    (Scalar::Int4, Value::Int4(i32::MIN), "-2147483648"),
    (Scalar::Int8, Value::Int8(i64::MAX), "9223372036854775807"),
    (
        Scalar::Float8,
        Value::Float8(f64::NEG_INFINITY),
        "-Infinity",
    ),
    (Scalar::Float8, Value::Float8(0.1), "0.1"),
    (Scalar::Text, Value::Text(TEXT), TEXT),
    (Scalar::Text, Value::Text(""), ""),
    (Scalar::Bytea, Value::Bytes(b"\x00\xff'"), "\\x00ff27"),
    (
        Scalar::Uuid,
        Value::Uuid(ID),
        "01925c5e-7000-7000-8000-000000000001",
    ),
    (
        Scalar::Timestamptz,
        Value::Timestamp(1_700_000_000_123_456),
        "2023-11-14 22:13:20.123456+00",
    ),
    (
        Scalar::Timestamptz,
        Value::Timestamp(-1),
        "1969-12-31 23:59:59.999999+00",
    ),
    (Scalar::Json, Value::Text("{\"a\" :1}"), "{\"a\" :1}"),
    (Scalar::Jsonb, Value::Text("{\"a\" :1}"), "{\"a\": 1}"),
];

fn values_of(link: &mut Link, sql: &str, types: &[Type], values: &[Value<'_>]) -> Vec<String> {
    let statement = Statement {
        sql,
        types,
        values,
        keep: true,
    };
    link.send(1, &[statement]).unwrap();
    let told = link.finish(1);
    let rows = told.into_iter().filter_map(|told| match told {
        Told::Row(_, row) => Some(row),
        Told::Failed(_, report) => panic!("{sql}: {} {}", report.code, report.message),
        _ => None,
    });
    rows.flatten().collect()
}

#[test]
#[ignore = "needs postgresql"]
fn every_value_arrives_as_what_it_is_and_comes_back() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(0, "SET TimeZone = 'UTC'");
    link.finish(0);
    for (kind, value, text) in ALL {
        let types = &[Type::One(*kind)];
        let seen = values_of(&mut link, "SELECT $1::text", types, &[*value]);
        assert_eq!(seen, [*text], "{kind:?}");
        let sent_back = match (kind, value) {
            (_, Value::Float8(number)) => format!("{number:?}"),
            (_, Value::Bytes(bytes)) => format!("{bytes:02x?}"),
            (_, Value::Timestamp(micros)) => format!("{micros}us"),
            _ => (*text).to_owned(),
        };
        assert_eq!(
            values_of(&mut link, "SELECT $1", types, &[*value]),
            [sent_back],
            "{kind:?}"
        );
        assert_eq!(
            values_of(&mut link, "SELECT $1", types, &[Value::Null]),
            ["NULL"]
        );

        // As a list, with a hole in it.
        let list = [*value, Value::Null, *value];
        let types = &[Type::List(*kind)];
        let sql = "SELECT unnest($1)::text";
        assert_eq!(
            values_of(&mut link, sql, types, &[Value::List(&list)]),
            [text, "NULL", text]
        );
        assert!(values_of(&mut link, sql, types, &[Value::List(&[])]).is_empty());
        assert_eq!(
            values_of(&mut link, "SELECT $1 IS NULL", types, &[Value::Null]),
            ["true"]
        );
    }
    let nan = values_of(
        &mut link,
        "SELECT $1",
        &[Type::One(Scalar::Float8)],
        &[Value::Float8(f64::NAN)],
    );
    assert_eq!(nan, ["NaN"]);
    // What only the server sends: names, small numbers, points in time beyond all clocks.
    let odd = "SELECT 'a'::name, 'b'::varchar(9), 'c'::char(2), 7::int2, 8::oid, 1.5::float4, 'infinity'::timestamptz";
    assert_eq!(link.rows(odd)[0][..6], ["a", "b", "c ", "7", "8", "1.5"]);
    assert_eq!(link.rows(odd)[0][6], format!("{}us", i64::MAX));
    assert_eq!(
        link.rows("SELECT 1.5::numeric"),
        [["column 1 of the row is of type 1700"]]
    );
}

#[test]
#[ignore = "needs postgresql"]
fn a_thousand_rows_are_written_by_one_statement() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(
        0,
        "CREATE TABLE t (id uuid PRIMARY KEY, n bigint, score float8, words text, at timestamptz)",
    );
    link.finish(0);
    let range = || 0..1000_u16;
    let words: Vec<String> = range().map(|n| format!("row {n}")).collect();
    let ids: Vec<Value<'_>> = range()
        .map(|n| Value::Uuid(Uuid::from_u128(n.into())))
        .collect();
    let numbers: Vec<Value<'_>> = range().map(|n| Value::Int8(n.into())).collect();
    let scores: Vec<Value<'_>> = range().map(|n| Value::Float8(f64::from(n) / 2.0)).collect();
    let texts: Vec<Value<'_>> = words.iter().map(|text| Value::Text(text)).collect();
    let nothing = vec![Value::Null; 1000];
    let kinds = [
        Scalar::Uuid,
        Scalar::Int8,
        Scalar::Float8,
        Scalar::Text,
        Scalar::Timestamptz,
    ];
    let statement = Statement {
        sql: "INSERT INTO t SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        types: &kinds.map(Type::List),
        values: &[&ids, &numbers, &scores, &texts, &nothing].map(|list| Value::List(list)),
        keep: true,
    };
    // Again, as a replay would: each row is there once.
    for tag in ["INSERT 0 1000", "INSERT 0 0"] {
        link.send(1, &[statement]).unwrap();
        assert_eq!(link.finish(1)[0], Told::Done(1, tag.into()));
    }
    let sums = "SELECT count(*), sum(n)::bigint, sum(score), max(words), count(at) FROM t";
    assert_eq!(
        link.rows(sums),
        [["1000", "499500", "249750.0", "row 999", "0"]]
    );
}
