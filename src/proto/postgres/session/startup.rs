//! From the first byte to a session that takes requests.
//!
//! ```text
//!  Asking ──S──► Securing ──TLS stands──┐
//!    │ N (unless TLS is required)       │
//!    └──────────────────────────────────┤◄── Encryption::Never
//!                                       ▼
//!          ┌───────────────────────  Greeting  ──no question──────────────┐
//!          │ SASL                       │ md5, clear: a password          │
//!          ▼                            ▼                                 ▼
//!  Proposed ─► Stretching ─► Proving ─► Convincing ──────Ok────────► Admitted ──► ready
//! ```
//! Every state owns what its wait needs; the password is gone with the last one that needs it.

use super::login::{ChannelBinding, Encryption, Login};
use super::{Happened, Parameters};
use crate::proto::Sink;
use crate::proto::postgres::auth::scram::{self, Binding, Challenge, Proof, Proposal};
use crate::proto::postgres::auth::{StretchedKey, md5};
use crate::proto::postgres::backend::{Authentication, Message};
use crate::proto::postgres::frontend::{self, CancelKey};
use crate::proto::postgres::{Fault, Method};

/// What is waited for.
pub(super) enum Startup {
    /// The one byte that says whether there is TLS.
    Asking(Who),
    /// TLS.
    Securing(Who),
    /// What the server wants to be convinced by.
    Greeting(Who, Channel),
    /// The server's first message of SCRAM.
    Proposed(Who, Proposal),
    /// The key, which a thread computes.
    Stretching(Challenge),
    /// The server's proof.
    Proving(Proof),
    /// That the server is convinced.
    Convincing,
    /// Parameters, and that the server is ready.
    Admitted,
}

/// Who logs in.
pub(super) struct Who {
    login: Login,
    nonce: [u8; 18],
}

/// What the log-in goes through.
pub(super) enum Channel {
    Plain,
    /// With the hash of the server's certificate, where it has one.
    Tls(Option<Vec<u8>>),
}

impl Startup {
    /// Writes the first message.
    pub(super) fn begin(login: Login, nonce: [u8; 18], out: &mut impl Sink) -> Self {
        let who = Who { login, nonce };
        match who.login.encryption {
            Encryption::Never => who.greet(Channel::Plain, out),
            Encryption::IfOffered | Encryption::Required => {
                frontend::ssl_request(out);
                Startup::Asking(who)
            }
        }
    }

    /// The byte that answers the request for TLS, and whether more came with it.
    pub(super) fn offered<'i>(
        self,
        byte: u8,
        has_more: bool,
        out: &mut impl Sink,
    ) -> Result<(Startup, Happened<'i>), Fault> {
        let Startup::Asking(who) = self else {
            return Err(Fault::Unexpected(byte));
        };
        match byte {
            // What comes now would be taken for an answer of the server, and TLS vouches for none
            // of it.
            b'S' if has_more => Err(Fault::BytesBeforeTls),
            b'S' => Ok((Startup::Securing(who), Happened::Secure)),
            b'N' if who.login.encryption == Encryption::Required => Err(Fault::NoTls),
            b'N' => Ok((who.greet(Channel::Plain, out), Happened::Nothing)),
            _ => Err(Fault::NotPostgres),
        }
    }

    /// TLS stands.
    pub(super) fn secured(self, end_point: Option<Vec<u8>>, out: &mut impl Sink) -> Self {
        match self {
            Startup::Securing(who) => who.greet(Channel::Tls(end_point), out),
            other => other,
        }
    }

    /// The key is there.
    pub(super) fn stretched(self, key: &StretchedKey, out: &mut impl Sink) -> Self {
        match self {
            Startup::Stretching(challenge) => {
                let (message, proof) = challenge.prove(key);
                frontend::sasl_response(&message, out);
                Startup::Proving(proof)
            }
            other => other,
        }
    }

    /// One message.
    pub(super) fn on<'i>(
        self,
        message: Message<'i>,
        parameters: &mut Parameters,
        key: &mut Option<CancelKey>,
        out: &mut impl Sink,
    ) -> Result<(Startup, Happened<'i>), Fault> {
        match (self, message) {
            (_, Message::Error(report)) => Ok((Startup::Admitted, Happened::Goodbye(report))),
            (state, Message::Notice(report)) => Ok((state, Happened::Notice(report))),
            (Startup::Greeting(who, channel), Message::Authentication(asked)) => {
                who.answer(channel, &asked, out)
            }
            (
                Startup::Proposed(who, proposal),
                Message::Authentication(Authentication::SaslContinue(message)),
            ) => who.challenged(proposal, message),
            (
                Startup::Proving(proof),
                Message::Authentication(Authentication::SaslFinal(message)),
            ) => {
                proof.verify(message).map_err(Fault::Scram)?;
                Ok((Startup::Convincing, Happened::Nothing))
            }
            (Startup::Convincing, Message::Authentication(Authentication::Ok)) => {
                Ok((Startup::Admitted, Happened::Nothing))
            }
            (Startup::Admitted, message) => {
                Ok((Startup::Admitted, admitted(&message, parameters, key)?))
            }
            (_, message) => Err(Fault::Unexpected(tag_of(&message))),
        }
    }
}

/// What comes between the log-in and the first request.
fn admitted<'i>(
    message: &Message<'_>,
    parameters: &mut Parameters,
    key: &mut Option<CancelKey>,
) -> Result<Happened<'i>, Fault> {
    match message {
        Message::ParameterStatus { name, value } => parameters.note(name, value)?,
        Message::BackendKey { process, secret } => {
            let secret = (*secret).try_into().map_err(|_| Fault::Malformed(b'K'))?;
            *key = Some(CancelKey {
                process: *process,
                secret,
            });
        }
        Message::Ready(_) => return Ok(Happened::Ready),
        other => return Err(Fault::Unexpected(tag_of(other))),
    }
    Ok(Happened::Nothing)
}

impl Who {
    fn greet(self, channel: Channel, out: &mut impl Sink) -> Startup {
        frontend::startup(&self.login.startup_parameters(), out);
        Startup::Greeting(self, channel)
    }

    /// What the server asks for first.
    fn answer<'i>(
        self,
        channel: Channel,
        asked: &Authentication<'_>,
        out: &mut impl Sink,
    ) -> Result<(Startup, Happened<'i>), Fault> {
        let method = match asked {
            Authentication::Ok => Method::None,
            Authentication::Clear => Method::Clear,
            Authentication::Md5 { .. } => Method::Md5,
            Authentication::Sasl { .. } => Method::Scram,
            Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => {
                return Err(Fault::Unexpected(b'R'));
            }
            Authentication::Other => return Err(Fault::MethodUnknown),
        };
        if !self.login.methods.allow(method) {
            return Err(Fault::MethodRefused(method));
        }
        if method != Method::Scram && self.login.channel_binding == ChannelBinding::Required {
            return Err(Fault::NoChannelBinding);
        }
        match asked {
            Authentication::Sasl { mechanisms } => self.propose(channel, mechanisms, out),
            Authentication::Ok => Ok((Startup::Admitted, Happened::Nothing)),
            Authentication::Md5 { salt } => {
                let hash = md5::response(&self.login.user, self.password()?, *salt);
                frontend::password(&hash, out);
                Ok((Startup::Convincing, Happened::Nothing))
            }
            _ => {
                frontend::password(self.password()?, out);
                Ok((Startup::Convincing, Happened::Nothing))
            }
        }
    }

    fn password(&self) -> Result<&str, Fault> {
        let password = self.login.password.as_ref().ok_or(Fault::NoPassword)?;
        Ok(password.expose())
    }

    /// `mechanisms` are names, each with a zero behind it, and a zero behind the last.
    fn propose<'i>(
        self,
        channel: Channel,
        mechanisms: &[u8],
        out: &mut impl Sink,
    ) -> Result<(Startup, Happened<'i>), Fault> {
        self.password()?;
        let offered = |name: &str| {
            mechanisms
                .split(|b| *b == 0)
                .any(|one| one == name.as_bytes())
        };
        let wanted = self.login.channel_binding != ChannelBinding::Never;
        let binding = match channel {
            Channel::Tls(Some(hash)) if wanted && offered(scram::PLUS) => Binding::EndPoint(hash),
            Channel::Tls(Some(_)) if wanted => Binding::NotOffered,
            _ => Binding::Unsupported,
        };
        let is_bound = matches!(binding, Binding::EndPoint(_));
        if !is_bound && self.login.channel_binding == ChannelBinding::Required {
            return Err(Fault::NoChannelBinding);
        }
        if !is_bound && !offered(scram::PLAIN) {
            return Err(Fault::MethodUnknown);
        }
        let proposal = Proposal::new(self.nonce, binding);
        frontend::sasl_initial(proposal.mechanism(), &proposal.message(), out);
        Ok((Startup::Proposed(self, proposal), Happened::Nothing))
    }

    fn challenged<'i>(
        self,
        proposal: Proposal,
        message: &[u8],
    ) -> Result<(Startup, Happened<'i>), Fault> {
        let password = self.login.password.as_ref().ok_or(Fault::NoPassword)?;
        let (challenge, stretch) = proposal
            .challenged(message, password)
            .map_err(Fault::Scram)?;
        Ok((Startup::Stretching(challenge), Happened::Stretch(stretch)))
    }
}

/// The type of a message that came out of turn.
pub(super) fn tag_of(message: &Message<'_>) -> u8 {
    match message {
        Message::Authentication(_) => b'R',
        Message::ParameterStatus { .. } => b'S',
        Message::BackendKey { .. } => b'K',
        Message::Ready(_) => b'Z',
        Message::ParseComplete => b'1',
        Message::BindComplete => b'2',
        Message::CloseComplete => b'3',
        Message::NoData => b'n',
        Message::RowDescription(_) => b'T',
        Message::DataRow(_) => b'D',
        Message::Complete(_) => b'C',
        Message::Error(_) => b'E',
        Message::Notice(_) => b'N',
        Message::Notification { .. } => b'A',
        Message::CopyIn => b'G',
        Message::CopyOut => b'H',
        Message::CopyDone => b'c',
    }
}
