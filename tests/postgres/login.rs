//! Log-ins: what is believed, and what is refused.

use maitred::proto::postgres::{
    ChannelBinding, Encryption, Fault, Login, Meaning, Method, Methods, Password, Target,
};

use crate::link::{Link, Told, login};
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::tls::Identity;

const ALL: Methods = Methods {
    scram: true,
    md5: true,
    clear: true,
    none: true,
};

fn tls() -> Login {
    Login {
        encryption: Encryption::Required,
        channel_binding: ChannelBinding::Required,
        ..login()
    }
}

/// Logs in as a role; what comes of it.
fn try_as(server: &Postgres, user: &str, methods: Methods) -> Told {
    let login = Login {
        user: user.into(),
        methods,
        ..login()
    };
    Link::open(server.addr, login, None).wait()
}

#[test]
#[ignore = "needs postgresql"]
fn a_session_begins_in_each_way_that_is_allowed() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    let version = server.psql("postgres", "SHOW server_version_num");
    let major = version.parse::<u32>().unwrap() / 10_000;
    let told = *link.session.parameters();
    assert_eq!(
        (told.version, told.suits(Target::ReadWrite)),
        (Some(major), Some(true))
    );
    assert_eq!(
        (told.suits(Target::Standby), told.suits(Target::ReadOnly)),
        (Some(false), Some(false))
    );
    assert_eq!(link.rows("SELECT current_user::text"), [["maitre"]]);
    assert!(link.session.cancel_key().is_some());

    for (user, method) in [
        ("by_md5", Method::Md5),
        ("by_password", Method::Clear),
        ("by_trust", Method::None),
    ] {
        assert_eq!(try_as(&server, user, ALL), Told::Ready, "{user}");
        let strict = Methods {
            md5: false,
            clear: false,
            none: false,
            ..ALL
        };
        let refused = Told::Fault(Fault::MethodRefused(method));
        assert_eq!(try_as(&server, user, strict), refused);
        let usual = if method == Method::None {
            Told::Ready
        } else {
            refused
        };
        assert_eq!(try_as(&server, user, Methods::USUAL), usual);
    }
    let no_scram = Methods {
        scram: false,
        ..ALL
    };
    let refused = Told::Fault(Fault::MethodRefused(Method::Scram));
    assert_eq!(try_as(&server, "maitre", no_scram), refused);
}

#[test]
#[ignore = "needs postgresql"]
fn a_wrong_log_in_is_told_by_its_meaning() {
    let server = Postgres::start();
    let base = login();
    let wrong = |change: &dyn Fn(&mut Login)| {
        let mut login = base.clone();
        change(&mut login);
        match Link::open(server.addr, login, None).wait() {
            Told::Goodbye(report) => (report.code.to_string(), report.meaning()),
            told => panic!("{told:?}"),
        }
    };
    let password = wrong(&|login| login.password = Some(Password::new("guess".into())));
    assert_eq!(password, ("28P01".into(), Meaning::Denied));
    let database = wrong(&|login| login.database = "nowhere".into());
    assert_eq!(database, ("3D000".into(), Meaning::Denied));
    let nobody = wrong(&|login| login.user = "nobody".into());
    assert_eq!(nobody.1, Meaning::Denied);
    let parameter = wrong(&|login| login.parameters = vec![("no_such".into(), "1".into())]);
    assert_eq!(parameter.1, Meaning::Program);
    let none = Login {
        password: None,
        ..login()
    };
    assert_eq!(
        Link::open(server.addr, none, None).wait(),
        Told::Fault(Fault::NoPassword)
    );
}

#[test]
#[ignore = "needs postgresql"]
fn a_session_through_tls_is_tied_to_its_certificate() {
    let server = Postgres::start();
    let pem = server.identity.pem.clone();
    let mut link = Link::open(server.addr, tls(), Some((&pem, "localhost")));
    assert_eq!(link.wait(), Told::Ready);
    assert_eq!(
        link.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
        [["true"]]
    );
    // A name that the certificate does not have, and an authority that has not signed it.
    let mut wrong_name = Link::open(server.addr, tls(), Some((&pem, "db.example")));
    assert_eq!(wrong_name.wait(), Told::End);
    let other = Identity::of(&["localhost"]);
    let mut unknown = Link::open(server.addr, tls(), Some((&other.pem, "localhost")));
    assert_eq!(unknown.wait(), Told::End);

    for binding in [ChannelBinding::Never, ChannelBinding::IfOffered] {
        let login = Login {
            channel_binding: binding,
            ..tls()
        };
        let mut link = Link::open(server.addr, login, Some((&pem, "localhost")));
        assert_eq!(link.wait(), Told::Ready, "{binding:?}");
    }
    let only_tls = Login {
        user: "only_tls".into(),
        ..login()
    };
    let plain = Link::open(server.addr, only_tls.clone(), None).wait();
    assert!(matches!(plain, Told::Goodbye(report) if report.code.as_str() == "28000"));
    let only_tls = Login {
        encryption: Encryption::IfOffered,
        ..only_tls
    };
    assert_eq!(
        Link::open(server.addr, only_tls, Some((&pem, "localhost"))).wait(),
        Told::Ready
    );

    // Without TLS nothing can be tied, and a server that has none is found out.
    let unbound = Login {
        encryption: Encryption::Never,
        ..tls()
    };
    let told = Link::open(server.addr, unbound, None).wait();
    assert_eq!(told, Told::Fault(Fault::NoChannelBinding));
    server.psql("postgres", "ALTER SYSTEM SET ssl = off");
    server.psql("postgres", "SELECT pg_reload_conf()");
    let refused = || Link::open(server.addr, tls(), Some((&pem, "localhost"))).wait();
    let gone = || (refused() == Told::Fault(Fault::NoTls)).then_some(());
    crate::support::until("the server has no TLS", gone);
    let prefer = Login {
        encryption: Encryption::IfOffered,
        ..login()
    };
    assert_eq!(Link::open(server.addr, prefer, None).wait(), Told::Ready);
    assert!(!PASSWORD.is_ascii(), "SASLprep had something to do");
}
