//! URLs and variables as people write them, and as they get them wrong.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::proptest;

use super::{Settings, SettingsError, TlsMode};
use crate::limits::PG_HOSTS;
use crate::proto::postgres::{ChannelBinding, Encryption, Methods, Password, Target};

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn parse(url: &str) -> Result<Settings, SettingsError> {
    Settings::parse("DATABASE_URL", Some(url), &BTreeMap::new())
}

fn problem(url: &str) -> String {
    parse(url).expect_err(url).to_string()
}

fn hosts(settings: &Settings) -> Vec<String> {
    settings
        .hosts
        .iter()
        .map(|host| format!("{} {}", host.name, host.port))
        .collect()
}

#[test]
fn a_url_says_it_all() {
    let settings = parse(
        "postgresql://ma%C3%AEtre:p%40ss%3Aw%2Frd@db1.example:6432,db2,[::1]:7,db3:/the%20tables?\
         sslmode=verify-full&sslrootcert=/etc/ca.pem&channel_binding=require&application_name=m%26m&\
         target_session_attrs=read-write&connect_timeout=3&require_auth=scram-sha-256&\
         options=-c%20statement_timeout%3D5s%20-csearch_path=a%5C%20b&pgbouncer=true",
    )
    .unwrap();
    assert_eq!(
        hosts(&settings),
        ["db1.example 6432", "db2 5432", "::1 7", "db3 5432"]
    );
    let login = &settings.login;
    assert_eq!((&*login.user, &*login.database), ("maître", "the tables"));
    assert_eq!(login.password, Some(Password::new("p@ss:w/rd".into())));
    assert_eq!(login.application_name, "m&m");
    let parameters = [("statement_timeout", "5s"), ("search_path", "a b")];
    assert_eq!(
        login.parameters,
        parameters.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(
        (login.encryption, settings.tls),
        (Encryption::Required, TlsMode::VerifyFull)
    );
    assert_eq!(login.channel_binding, ChannelBinding::Required);
    assert_eq!(
        login.methods,
        Methods {
            none: false,
            ..Methods::USUAL
        }
    );
    assert!(login.pooled);
    assert_eq!(settings.root_certificates.as_deref(), Some("/etc/ca.pem"));
    assert_eq!(
        (settings.target, settings.connect_timeout_s),
        (Target::ReadWrite, Some(3))
    );
    assert!(
        !format!("{settings:?}").contains("p@ss"),
        "no password is ever shown"
    );
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let settings = parse("postgres://me@").unwrap();
    assert_eq!(hosts(&settings), ["localhost 5432"]);
    let login = &settings.login;
    assert_eq!(
        (&*login.user, &*login.database, &login.password),
        ("me", "me", &None)
    );
    assert_eq!(
        (login.encryption, settings.tls),
        (Encryption::IfOffered, TlsMode::Prefer)
    );
    assert_eq!((login.methods, login.pooled), (Methods::USUAL, false));
    assert_eq!(
        (settings.target, settings.connect_timeout_s),
        (Target::Any, None)
    );
    // A password may hold an @ that nobody has escaped, and none is not an empty one.
    let odd = parse("postgres://me:a@b@db/x").unwrap();
    assert_eq!(odd.login.password, Some(Password::new("a@b".into())));
    assert_eq!(
        parse("postgres://me:@db").unwrap().login.password,
        Some(Password::new(String::new()))
    );
    let trusted = parse("postgres://me@db?sslmode=require&sslrootcert=ca.pem").unwrap();
    assert_eq!(trusted.tls, TlsMode::VerifyCa);
    // Hosts can be parameters, too: one port for all of them, or one for each.
    let listed = parse("postgres://me@/db?host=a,b&port=1").unwrap();
    assert_eq!(hosts(&listed), ["a 1", "b 1"]);
    let listed = parse("postgres://me@/db?host=a,b&port=1,2").unwrap();
    assert_eq!(hosts(&listed), ["a 1", "b 2"]);
}

#[test]
fn variables_fill_what_the_url_leaves_out() {
    let variables = environment(&[
        ("PGHOST", "from.env"),
        ("PGPORT", "7777"),
        ("PGUSER", "env"),
        ("PGPASSWORD", "secret"),
        ("PGDATABASE", "tables"),
        ("PGAPPNAME", ""),
        ("PGSSLMODE", "require"),
        ("PGTARGETSESSIONATTRS", "primary"),
        ("PGDATA", "/var/lib/postgresql"),
    ]);
    let settings = Settings::parse("DATABASE_URL", None, &variables).unwrap();
    assert_eq!(hosts(&settings), ["from.env 7777"]);
    assert_eq!(
        (&*settings.login.user, &*settings.login.database),
        ("env", "tables")
    );
    assert_eq!(
        settings.login.application_name, "maitred",
        "an empty variable says nothing"
    );
    assert_eq!(
        (settings.tls, settings.target),
        (TlsMode::Require, Target::Primary)
    );
    let url = Some("postgres://url@db?sslmode=disable");
    let settings = Settings::parse("DATABASE_URL", url, &variables).unwrap();
    assert_eq!(
        (hosts(&settings), &*settings.login.user),
        (vec!["db 7777".to_owned()], "url")
    );
    assert_eq!(settings.tls, TlsMode::Disable);
    assert_eq!(
        settings.login.password,
        Some(Password::new("secret".into()))
    );

    let nobody = Settings::parse("DATABASE_URL", None, &environment(&[])).unwrap_err();
    assert_eq!(nobody.field, "user");
    let system = Settings::parse("DATABASE_URL", None, &environment(&[("USER", "linus")])).unwrap();
    assert_eq!(
        (&*system.login.user, &*system.login.database),
        ("linus", "linus")
    );
    let port = Settings::parse("DATABASE_URL", url, &environment(&[("PGSSLCERT", "x.pem")]));
    assert_eq!(
        port.unwrap_err().to_string(),
        "PGSSLCERT is set, and not supported here"
    );
    let wrong = Settings::parse(
        "DATABASE_URL",
        None,
        &environment(&[("PGUSER", "u"), ("PGPORT", "x")]),
    );
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "PGPORT: port is not a number from 1 to 65535"
    );
}

#[test]
fn the_port_of_the_environment_is_that_of_hosts_without_one() {
    let variables = environment(&[("PGPORT", "7777")]);
    for (hosts_of_url, expected) in [
        ("db", &["db 7777"][..]),
        ("db:", &["db 7777"]),
        ("[::1]", &["::1 7777"]),
        ("a,b", &["a 7777", "b 7777"]),
        ("db:6432", &["db 6432"]),
        ("a:6432,b", &["a 6432", "b 5432"]),
        ("", &["localhost 7777"]),
    ] {
        let url = format!("postgres://me@{hosts_of_url}/d");
        let settings = Settings::parse("DATABASE_URL", Some(&url), &variables).unwrap();
        assert_eq!(hosts(&settings), expected, "{url}");
    }
    let wrong = environment(&[("PGPORT", "x")]);
    let refused = Settings::parse("DATABASE_URL", Some("postgres://me@db/d"), &wrong);
    let told = "PGPORT: port is not a number from 1 to 65535";
    assert_eq!(refused.unwrap_err().to_string(), told);
}

#[test]
fn a_mistake_is_told_by_its_place_and_without_its_words() {
    for (url, told) in [
        (
            "mysql://me:hunter2@db",
            "DATABASE_URL must begin with postgres:// or postgresql://",
        ),
        ("postgres://me:hunter2@db:x", "port is not a number"),
        ("postgres://me:hunter2@db:0", "port is not a number"),
        ("postgres://me:hunter2@db:65536", "port is not a number"),
        (
            "postgres://me:hunter2#1@db",
            "holds a #, which has to be written as %23",
        ),
        ("postgres://me:100%hunter2@db", "has a % that is no escape"),
        (
            "postgres://me:hunter2%ff@db",
            "has an escape that is not UTF-8",
        ),
        ("postgres://me:hunter2%00@db", "password holds a zero byte"),
        ("postgres://me:hunter2@[::1/db", "has a [ without a ]"),
        (
            "postgres://me:hunter2@[::1]x/db",
            "has something between a ] and a colon",
        ),
        (
            "postgres://me:hunter2@%2Frun%2Fpg/db",
            "host is the path of a Unix socket",
        ),
        (
            "postgres://me:hunter2@a%20b/db",
            "host is not the name of a host",
        ),
        (
            "postgres://me:hunter2@db/x/y?sslmode=allow",
            "sslmode is allow, which is not supported",
        ),
        (
            "postgres://me:hunter2@db?sslmode=yes",
            "sslmode is none of disable",
        ),
        ("postgres://me:hunter2@db?user=you", "user is given twice"),
        (
            "postgres://me:hunter2@db?sslmod=disable",
            "sslmod is not a setting that is known here",
        ),
        (
            "postgres://me:hunter2@db?sslcert=x",
            "sslcert is not a setting that is known here",
        ),
        (
            "postgres://me:hunter2@db?sslmode",
            "has a parameter without a value",
        ),
        (
            "postgres://me:hunter2@db?require_auth=!md5",
            "require_auth is not a list of",
        ),
        (
            "postgres://me:hunter2@db?connect_timeout=-1",
            "connect_timeout is not a number of seconds",
        ),
        (
            "postgres://me:hunter2@db?options=--work_mem",
            "options is not a list like",
        ),
        (
            "postgres://me:hunter2@db?options=hunter2",
            "options is not a list like",
        ),
        (
            "postgres://me:hunter2@db?pgbouncer=maybe",
            "pgbouncer is neither true nor false",
        ),
        (
            "postgres://me:hunter2@db?channel_binding=require&sslmode=disable",
            "channel_binding needs TLS",
        ),
        (
            "postgres://me:hunter2@db?sslrootcert=system",
            "sslrootcert is system, which needs",
        ),
        ("postgres://:hunter2@db", "user is missing"),
        (
            "postgres://me:hunter2@/x?host=a,b&port=1,2,3",
            "port names neither one port nor one",
        ),
    ] {
        let said = problem(url);
        assert!(said.contains(told), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let many = format!("postgres://me@{}", vec!["h"; PG_HOSTS + 1].join(","));
    assert!(problem(&many).contains("too many servers"));
}

proptest! {
    #[test]
    fn whatever_is_written_ends(rest in ".{0,80}") {
        let _ = parse(&rest);
        let _ = parse(&format!("postgres://me:{rest}"));
        let _ = parse(&format!("postgres://me@db?{rest}"));
    }
}
