//! Writing the request of a call.

use crate::dialect::Ask;
use crate::engine::blocks::Pen;
use crate::engine::provider::dialect_of;
use crate::engine::slots::{CallId, ConnId};
use crate::engine::{Engine, Failure, failure::Upstream};
use crate::proto::http1::{self};

const USER_AGENT: &str = concat!("maitred/", env!("CARGO_PKG_VERSION"));

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
        let Some(call) = self.calls.get(call_id) else {
            return Ok(());
        };
        let (generation, at, key) = (call.generation, call.at, call.key);
        let (Some(generation), Some(conn)) = (
            self.generations.get(generation),
            self.conns.get_mut(conn_id),
        ) else {
            return Ok(());
        };
        let plan = &generation.plan;
        let asked = plan.route.target(at);
        let Some(upstream) = self.config.providers[asked.provider as usize].upstream() else {
            return Err(Failure::Internal("a call without an upstream"));
        };
        let dialect = dialect_of(upstream);
        let prompt = plan.prompt(&self.config);
        let mut body = Vec::with_capacity(256 + prompt.len());
        dialect.write_request(
            &mut body,
            &Ask {
                model: &asked.model,
                prompt: &prompt,
                max_tokens: plan.max_tokens,
                temperature: plan.temperature,
                stream: plan.stream,
            },
        );
        let accept: &[u8] = if plan.stream {
            b"text/event-stream"
        } else {
            b"application/json"
        };
        let target = dialect.target(&upstream.base.path_prefix, &asked.model, plan.stream);
        let host = upstream.base.authority();
        let mut fields: Vec<(&str, &[u8])> = vec![
            ("content-type", b"application/json"),
            ("accept", accept),
            ("accept-encoding", b"identity"),
            ("user-agent", USER_AGENT.as_bytes()),
        ];
        let auth = dialect.auth(
            key.and_then(|key| upstream.keys.get(usize::from(key)))
                .map(|key| key.secret.expose()),
        );
        fields.extend(auth.iter().map(|(name, value)| (*name, value.as_bytes())));
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: true,
        };
        let length = Some(body.len() as u64);
        http1::write_request(
            &mut pen,
            http1::Method::Post,
            &target,
            &host,
            &fields,
            length,
        )
        .map_err(|_| Failure::Internal("a provider's request could not be written"))?;
        self.blocks.put(&mut conn.out, &body);
        self.flush(conn_id);
        Ok(())
    }
}
