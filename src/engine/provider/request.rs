//! Writing the request of a call.

use crate::config::{self, Config, Secret};
use crate::dialect::{Ask, Dialect};
use crate::engine::generation::Generation;
use crate::engine::now::Mono;
use crate::engine::policy::deadline;
use crate::engine::policy::route::Target;
use crate::engine::provider::dialect_of;
use crate::engine::provider::heads::{Heads, Whose};
use crate::engine::routes::inbound::Passed;
use crate::engine::slots::{CallId, ConnId, GenerationId};
use crate::engine::{Engine, Failure, failure::Upstream};
use crate::limits::SCRATCH_BYTES;
use crate::proto::http1::{self};

/// What we are called by whom we ask.
pub(in crate::engine) const USER_AGENT: &str = concat!("maitred/", env!("CARGO_PKG_VERSION"));

impl Engine {
    /// A failure of a call in words that do not quote the key of its provider.
    pub(crate) fn unquoted(&self, id: CallId, failure: Failure) -> Failure {
        let provider = self.calls.get(id).map(|call| call.provider as usize);
        let upstream = provider.and_then(|at| self.config.providers.get(at)?.upstream());
        match (failure, upstream) {
            (Failure::Upstream(failure), Some(upstream)) => {
                let secrets = upstream.keys.iter().map(|key| key.secret.expose());
                secrets.fold(failure, Upstream::without).into()
            }
            (failure, _) => failure,
        }
    }

    /// Writes the request of a call.
    pub(crate) fn write_call(&mut self, conn_id: ConnId, call_id: CallId) -> Result<(), Failure> {
        self.prepare_anew(call_id)?;
        let Some(call) = self.calls.get(call_id) else {
            return Ok(());
        };
        let (generation_id, at, key) = (call.generation, call.at, call.key);
        let time_left = self.time_left(generation_id);
        let (Some(generation), Some(conn)) = (
            self.generations.get(generation_id),
            self.conns.get_mut(conn_id),
        ) else {
            return Ok(());
        };
        let asked = generation.plan.route.target(at);
        let Some(upstream) = self.config.providers[asked.provider as usize].upstream() else {
            return Err(Failure::Internal("a call without an upstream"));
        };
        let dialect = dialect_of(upstream);
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        match &generation.inquiry {
            Some(inquiry) => inquiry.write(dialect, &asked.model, &mut body),
            None => write_own(&mut body, generation, dialect, &asked.model, &self.config),
        }
        let head = Head {
            upstream,
            dialect,
            key_at: key,
            key: key
                .and_then(|key| upstream.keys.get(usize::from(key)))
                .map(|key| &key.secret),
            model: &asked.model,
            path: (generation.inquiry.as_ref()).and_then(|i| i.path(dialect, &asked.model)),
            stream: generation.plan.stream,
            time_left,
            passed: generation
                .inquiry
                .as_ref()
                .and_then(|i| i.passed.as_deref()),
        };
        let mut bytes = std::mem::take(&mut self.head);
        let written = head.write(asked, &mut self.heads, &mut bytes);
        if written.is_ok() {
            http1::end_request(&mut bytes, Some(body.len() as u64));
            self.blocks.put_secret(&mut conn.out, &bytes);
            self.blocks.put(&mut conn.out, &body);
        }
        bytes.clear();
        self.head = bytes;
        body.clear();
        body.shrink_to(SCRATCH_BYTES);
        self.scratch = body;
        self.flush(conn_id);
        written
    }

    /// A second call beside this one may have had the request put in another language meanwhile, and
    /// need not be there any more.
    fn prepare_anew(&mut self, id: CallId) -> Result<(), Failure> {
        let call = self.calls.get(id).map(|call| (call.at, call.generation));
        let is_ready = call.is_none_or(|(at, generation)| {
            let generation = self.generations.get(generation);
            let inquiry = generation.and_then(|generation| generation.inquiry.as_ref());
            inquiry.is_none_or(|inquiry| inquiry.ready_for == Some(at))
        });
        if is_ready {
            Ok(())
        } else {
            self.prepare_chat(id)
        }
    }

    /// Milliseconds that the client of a chat still waits, if it has said so.
    fn time_left(&self, id: GenerationId) -> Option<String> {
        let generation = self.generations.get(id).filter(|g| g.is_chat())?;
        let exchange = self.exchanges.get(*generation.subscribers.first()?)?;
        let left = exchange.deadline.since(self.now.mono) / 1_000_000;
        (exchange.deadline != Mono::NEVER).then(|| left.max(1).to_string())
    }
}

/// Appends the body of a request of our own API.
fn write_own(
    body: &mut Vec<u8>,
    generation: &Generation,
    dialect: Dialect,
    model: &str,
    config: &Config,
) {
    let plan = &generation.plan;
    let prompt = plan.prompt(config);
    dialect.write_request(
        body,
        &Ask {
            model,
            prompt: &prompt,
            max_tokens: plan.max_tokens,
            temperature: plan.temperature,
            stream: plan.stream,
        },
    );
}

/// What the head of a request is made of.
struct Head<'a> {
    upstream: &'a config::Upstream,
    dialect: Dialect,
    key_at: Option<u8>,
    key: Option<&'a Secret>,
    model: &'a str,
    /// The path, if it is not the dialect's usual one.
    path: Option<String>,
    stream: bool,
    time_left: Option<String>,
    passed: Option<&'a Passed>,
}

impl Head<'_> {
    /// Appends the head to `out`, but for its end: from `heads`, if it was sent before.
    fn write(&self, to: &Target, heads: &mut Heads, out: &mut Vec<u8>) -> Result<(), Failure> {
        let is_usual = self.passed.is_none() && self.time_left.is_none() && self.path.is_none();
        let whose = Whose {
            provider: to.provider,
            key: self.key_at,
            stream: self.stream,
        };
        if is_usual && let Some(kept) = heads.get(whose, self.model) {
            out.extend_from_slice(kept);
            return Ok(());
        }
        self.begin(out)?;
        if is_usual {
            heads.keep(whose, &to.model, out);
        }
        Ok(())
    }

    fn begin(&self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let upstream = self.upstream;
        let accept: &[u8] = if self.stream {
            b"text/event-stream"
        } else {
            b"application/json"
        };
        let mut fields: Vec<(&str, &[u8])> = vec![
            ("content-type", b"application/json"),
            ("accept", accept),
            ("accept-encoding", b"identity"),
            ("user-agent", USER_AGENT.as_bytes()),
        ];
        let auth = self.dialect.auth(self.key.map(Secret::expose));
        fields.extend(auth.iter().map(|(name, value)| (*name, value.as_bytes())));
        if let (Some(passed), Dialect::Anthropic) = (self.passed, self.dialect) {
            if let Some(version) = &passed.version {
                fields.retain(|(name, _)| *name != "anthropic-version");
                fields.push(("anthropic-version", version));
            }
            fields.extend(passed.beta.as_deref().map(|beta| ("anthropic-beta", beta)));
        }
        if let Some(ms) = &self.time_left {
            fields.push((deadline::FIELD, ms.as_bytes()));
        }
        let prefix = &upstream.base.path_prefix;
        let target = match &self.path {
            Some(path) => format!("{prefix}{path}"),
            None => self.dialect.target(prefix, self.model, self.stream),
        };
        let host = upstream.base.authority();
        let method = http1::Method::Post;
        http1::begin_request(out, method, &target, &host, &fields)
            .map_err(|_| Failure::Internal("a provider's request could not be written"))
    }
}
