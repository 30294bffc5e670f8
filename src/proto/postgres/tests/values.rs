//! Values in binary form: what they measure is what they take, and they come back as they went.

use proptest::prelude::{any, proptest};
use proptest::strategy::{Just, Strategy};
use proptest::{prop_assert_eq, prop_oneof};
use uuid::Uuid;

use crate::proto::postgres::row::Row;
use crate::proto::postgres::value::EPOCH_MICROS;
use crate::proto::postgres::{Refused, Scalar, Timestamp, Type, Value, ValueFault, Wrong};

fn encoded(value: &Value<'_>, kind: Type) -> Result<Vec<u8>, Refused> {
    let measure = value.measure(kind)?;
    let mut out = Vec::new();
    value.put(kind, &mut out);
    assert_eq!(out.len(), measure, "{value:?}");
    Ok(out)
}

/// A row of this one value, as the server would send it.
fn row_of(bytes: &[u8]) -> Vec<u8> {
    [&[0, 1], bytes].concat()
}

fn one<T>(bytes: &[u8], oid: u32, take: impl FnOnce(Row<'_>) -> T) -> T {
    let body = row_of(bytes);
    take(Row::new(&body, &[oid], false).unwrap())
}

#[test]
fn the_bytes_are_those_of_the_manual() {
    let put = |value, kind| encoded(&value, Type::One(kind)).unwrap();
    assert_eq!(put(Value::Null, Scalar::Text), [0xff; 4]);
    assert_eq!(put(Value::Bool(true), Scalar::Bool), [0, 0, 0, 1, 1]);
    assert_eq!(
        put(Value::Int4(-2), Scalar::Int4),
        [0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe]
    );
    assert_eq!(
        put(Value::Text("tea"), Scalar::Jsonb),
        [0, 0, 0, 4, 1, b't', b'e', b'a']
    );
    // The clock of PostgreSQL begins in 2000.
    assert_eq!(
        put(Value::Timestamp(EPOCH_MICROS + 1), Scalar::Timestamptz)[4..],
        [0, 0, 0, 0, 0, 0, 0, 1]
    );
    let list = Value::List(&[Value::Int4(7), Value::Null]);
    let expected = [
        0, 0, 0, 32, // bytes
        0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, // one dimension, with NULLs, of int4
        0, 0, 0, 2, 0, 0, 0, 1, // two of them, from 1
        0, 0, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff,
    ];
    assert_eq!(encoded(&list, Type::List(Scalar::Int4)).unwrap(), expected);
    let none = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23];
    assert_eq!(
        encoded(&Value::List(&[]), Type::List(Scalar::Int4)).unwrap(),
        none
    );
}

#[test]
fn what_does_not_fit_its_type_is_refused() {
    let (text, list) = (Type::One(Scalar::Text), Type::List(Scalar::Text));
    let inner = [Value::Text("a")];
    for (value, kind, why) in [
        (Value::Int8(1), text, Refused::Type),
        (Value::Text("a"), list, Refused::Type),
        (Value::List(&inner), text, Refused::Type),
        (Value::List(&[Value::Int8(1)]), list, Refused::Type),
        (Value::List(&[Value::List(&inner)]), list, Refused::Type),
        (Value::Text("a\0"), text, Refused::Nul),
        (Value::List(&[Value::Text("\0")]), list, Refused::Nul),
        (
            Value::Timestamp(i64::MIN),
            Type::One(Scalar::Timestamptz),
            Refused::Time,
        ),
        (
            Value::Timestamp(i64::MIN + EPOCH_MICROS),
            Type::One(Scalar::Timestamptz),
            Refused::Time,
        ),
    ] {
        assert_eq!(encoded(&value, kind), Err(why), "{value:?}");
    }
}

#[test]
fn a_value_is_read_as_what_it_is_or_not_at_all() {
    let fault = |bytes: &[u8], oid, take: fn(Row<'_>) -> Option<ValueFault>| {
        one(bytes, oid, take).map(|fault| fault.what)
    };
    let text = Scalar::Text.oid();
    assert_eq!(
        fault(b"\0\0\0\x01\xff", text, |r| r.values().take::<&str>().err()),
        Some(Wrong::Utf8)
    );
    assert_eq!(
        fault(b"\0\0\0\x01a", text, |r| r.values().take::<i64>().err()),
        Some(Wrong::Type(text))
    );
    assert_eq!(
        fault(b"\xff\xff\xff\xff", text, |r| r
            .values()
            .take::<&str>()
            .err()),
        Some(Wrong::Null)
    );
    assert_eq!(
        fault(b"\0\0\0\x01a", text, |r| r.values().text().err()),
        Some(Wrong::Form)
    );
    for (oid, length) in [
        (16, 2),
        (20, 4),
        (23, 8),
        (701, 4),
        (1184, 7),
        (2950, 15),
        (3802, 0),
    ] {
        let bytes = [&[0, 0, 0, length], &vec![0; length.into()][..]].concat();
        let what = fault(&bytes, oid, |row| {
            let values = row.values();
            let mut all = [values; 7];
            let [a, b, c, d, e, f, g] = &mut all;
            let wrong = [
                a.take::<bool>().err(),
                b.take::<i64>().err(),
                c.take::<i32>().err(),
                d.take::<f64>().err(),
                e.take::<Timestamp>().err(),
                f.take::<Uuid>().err(),
                g.take::<&str>().err(),
            ];
            wrong
                .into_iter()
                .flatten()
                .find(|fault| fault.what == Wrong::Length)
        });
        assert_eq!(what, Some(Wrong::Length), "{oid}");
    }
    // Behind the last column there is none, and a wrong one does not stop the next.
    let body = [&[0, 2][..], b"\0\0\0\x01a", b"\0\0\0\x01b"].concat();
    let types = [text, text];
    let row = Row::new(&body, &types, false).unwrap();
    let mut values = row.values();
    assert!(values.take::<bool>().is_err());
    assert_eq!(values.take::<&str>(), Ok("b"));
    assert_eq!(
        values.take::<&str>(),
        Err(ValueFault {
            column: 2,
            what: Wrong::Missing
        })
    );
    assert_eq!(
        format!("{row:?}"),
        "Row of 2 columns",
        "what users say is not shown"
    );
}

#[test]
fn the_ends_of_time() {
    let at = |since: i64| {
        let bytes = [&[0, 0, 0, 8], &since.to_be_bytes()[..]].concat();
        one(&bytes, 1184, |row| {
            row.values().take::<Timestamp>().unwrap().0
        })
    };
    assert_eq!((at(i64::MAX), at(i64::MIN)), (i64::MAX, i64::MIN));
    assert_eq!((at(0), at(-EPOCH_MICROS)), (EPOCH_MICROS, 0));
}

/// A value without its borrow.
#[derive(Clone, Debug)]
enum Owned {
    Null,
    Bool(bool),
    Int8(i64),
    Float8(f64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(u128),
}

fn owned() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Null),
        any::<bool>().prop_map(Owned::Bool),
        any::<i64>().prop_map(Owned::Int8),
        any::<f64>().prop_map(Owned::Float8),
        "[^\0]*".prop_map(Owned::Text),
        any::<Vec<u8>>().prop_map(Owned::Bytes),
        any::<u128>().prop_map(Owned::Uuid),
    ]
}

proptest! {
    #[test]
    fn what_goes_comes_back(sent in owned()) {
        let (value, kind) = match &sent {
            Owned::Null => (Value::Null, Scalar::Text),
            Owned::Bool(value) => (Value::Bool(*value), Scalar::Bool),
            Owned::Int8(value) => (Value::Int8(*value), Scalar::Int8),
            Owned::Float8(value) => (Value::Float8(*value), Scalar::Float8),
            Owned::Text(text) => (Value::Text(text), Scalar::Text),
            Owned::Bytes(bytes) => (Value::Bytes(bytes), Scalar::Bytea),
            Owned::Uuid(id) => (Value::Uuid(Uuid::from_u128(*id)), Scalar::Uuid),
        };
        let body = row_of(&encoded(&value, Type::One(kind)).unwrap());
        let types = [kind.oid()];
        let row = Row::new(&body, &types, false).unwrap();
        let mut values = row.values();
        let back = match &sent {
            Owned::Null => values.take::<Option<&str>>().map(|v| v.map_or(Value::Null, Value::Text)),
            Owned::Bool(_) => values.take().map(Value::Bool),
            Owned::Int8(_) => values.take().map(Value::Int8),
            Owned::Float8(_) => values.take().map(Value::Float8),
            Owned::Text(_) => values.take().map(Value::Text),
            Owned::Bytes(_) => values.take().map(Value::Bytes),
            Owned::Uuid(_) => values.take().map(Value::Uuid),
        };
        prop_assert_eq!(back, Ok(value));
    }
}
