//! Who logs in, and what the other side has to prove.

use crate::proto::postgres::Method;
use crate::proto::postgres::auth::Password;

/// What a [`super::Session`] needs to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Its password, if it has one.
    pub password: Option<Password>,
    /// The database.
    pub database: String,
    /// What the server shows in `pg_stat_activity`.
    pub application_name: String,
    /// Further parameters of the session and their values, such as `statement_timeout`. Not sent
    /// through a pooler, which refuses what it does not know.
    pub parameters: Vec<(String, String)>,
    /// Whether TLS is asked for. Whom the certificate has to name is decided where TLS is done.
    pub encryption: Encryption,
    /// How the server may have us prove who we are.
    pub methods: Methods,
    /// Whether the log-in is tied to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// A pooler that gives each transaction another session is in between (PgBouncer's
    /// `pool_mode = transaction`): no named statements, no parameters.
    pub pooled: bool,
}

/// Whether TLS is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// No.
    Never,
    /// Yes, and without it if the server has none. Protects against listeners only: whoever stands
    /// in between says that there is none.
    IfOffered,
    /// Yes, and no connection without it.
    Required,
}

/// Whether the log-in is tied to the TLS connection (`SCRAM-SHA-256-PLUS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// No.
    Never,
    /// Where both sides can.
    IfOffered,
    /// Always, or there is no connection.
    Required,
}

/// The methods that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// SCRAM-SHA-256.
    pub scram: bool,
    /// MD5.
    pub md5: bool,
    /// The password itself.
    pub clear: bool,
    /// None at all: the server lets us in without a question.
    pub none: bool,
}

impl Methods {
    /// What is allowed unless the settings say otherwise: nothing by which a server, or somebody in
    /// its place, could come to know the password.
    pub const USUAL: Methods = Methods {
        scram: true,
        md5: false,
        clear: false,
        none: true,
    };

    pub(super) fn allow(self, method: Method) -> bool {
        match method {
            Method::Scram => self.scram,
            Method::Md5 => self.md5,
            Method::Clear => self.clear,
            Method::None => self.none,
        }
    }
}

impl Login {
    /// What the start-up message says.
    pub(super) fn startup_parameters(&self) -> Vec<(&str, &str)> {
        let mut all = vec![
            ("user", self.user.as_str()),
            ("database", &self.database),
            ("application_name", &self.application_name),
            ("client_encoding", "UTF8"),
        ];
        if !self.pooled {
            let further = self.parameters.iter();
            all.extend(further.map(|(name, value)| (name.as_str(), value.as_str())));
        }
        all
    }

    /// Whether one of its strings holds a zero byte, which would end it early.
    pub(super) fn holds_nul(&self) -> bool {
        let parameters = self
            .parameters
            .iter()
            .flat_map(|(name, value)| [name, value]);
        let password = self.password.as_ref().map(Password::expose);
        ([&self.user, &self.database, &self.application_name]
            .into_iter()
            .chain(parameters))
        .map(String::as_str)
        .chain(password)
        .any(|text| text.contains('\0'))
    }
}
