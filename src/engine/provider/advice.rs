//! What only the operator can mend about a provider: a key that it refuses, a name that has no
//! address. A client is told a code; the log gets a line that says what, where and what to do.
//!
//! Told once for each provider and kind of trouble, and again only after a call has gone well or
//! something else was wrong: a thousand requests are one line.

use super::dialect_of;
use crate::config::{Provider, Upstream as Settings};
use crate::dialect::Reach;
use crate::engine::call::Call;
use crate::engine::failure::Upstream;
use crate::engine::slots::CallId;
use crate::engine::{Engine, Failure};
use crate::limits::KEY_REST_MS;

/// Lines that may wait to be fetched.
const LINES: usize = 64;

/// What was told of whom.
#[derive(Debug, Default)]
pub(in crate::engine) struct Advisor {
    /// The code that was told last, by provider; `None` after a call that went well.
    told: Vec<Option<&'static str>>,
    lines: Vec<String>,
}

impl Advisor {
    fn told(&mut self, provider: u16) -> &mut Option<&'static str> {
        let at = usize::from(provider);
        if self.told.len() <= at {
            self.told.resize(at + 1, None);
        }
        &mut self.told[at]
    }
}

impl Engine {
    /// A call has failed.
    pub(in crate::engine) fn advise(&mut self, id: CallId, failure: &Failure) {
        let Failure::Upstream(upstream) = failure else {
            return;
        };
        let Some((provider, key)) = self
            .calls
            .get(id)
            .map(|call: &Call| (call.provider, call.key))
        else {
            return;
        };
        let settings = &self.config.providers[usize::from(provider)];
        let Some(words) = words(settings, key, upstream) else {
            return;
        };
        let told = self.advisor.told(provider).replace(failure.code());
        if told != Some(failure.code()) && self.advisor.lines.len() < LINES {
            self.advisor.lines.push(words);
        }
    }

    /// A call has gone well.
    pub(in crate::engine) fn provider_is_well(&mut self, id: CallId) {
        if let Some(provider) = self.calls.get(id).map(|call| call.provider) {
            *self.advisor.told(provider) = None;
        }
    }

    /// The lines since the last call, for the log.
    pub fn advice(&mut self) -> impl Iterator<Item = String> + '_ {
        self.advisor.lines.drain(..)
    }
}

/// What to say; `None` for what passes by itself, or is a client's business.
fn words(provider: &Provider, key: Option<u8>, trouble: &Upstream) -> Option<String> {
    let Settings {
        base,
        keys,
        key_variable,
        ca_file,
        ..
    } = provider.upstream()?;
    let name = &provider.name;
    let words = match trouble {
        Upstream::Key => match keys.as_slice() {
            [] => format!("wants a key; set {key_variable}"),
            [key] => format!(
                "does not accept its key; set another (this one is from: {})",
                key.source
            ),
            several => {
                let key = several.get(usize::from(key?))?;
                format!(
                    "does not accept its key `{}`, which rests for {} s; set another (this one is \
                     from: {})",
                    key.name,
                    KEY_REST_MS / 1_000,
                    key.source
                )
            }
        },
        Upstream::Name(_) | Upstream::NameTimeout => {
            format!("has no address: is there a network, and is base_url right ({base})?")
        }
        Upstream::Connect(_) | Upstream::ConnectTimeout => {
            format!("cannot be reached at {base}: does it run, and is there a way to it?")
        }
        Upstream::Tls(_) | Upstream::TlsTimeout if ca_file.is_some() => {
            format!("is not trusted at {base}: is its ca_file the right one?")
        }
        Upstream::Tls(_) | Upstream::TlsTimeout => format!(
            "cannot be spoken to securely at {base}: set provider.{name}.ca_file if its certificate \
             is not a public one"
        ),
        Upstream::Model(_) => format!(
            "does not know the model, or there is nothing at {}: set provider.{name}.model or \
             base_url",
            whole_address(provider)?
        ),
        Upstream::Quota(Reach::Account) => "has no quota left for its key".to_owned(),
        Upstream::Quota(Reach::Model) => "has no quota left for a model".to_owned(),
        _ => return None,
    };
    Some(format!("the provider {name} {words}"))
}

/// Where it is asked. What we append to a base URL is often in it already, or missing in front.
fn whole_address(provider: &Provider) -> Option<String> {
    let upstream = provider.upstream()?;
    let base = upstream.base.to_string();
    Some(dialect_of(upstream).target(&base, &provider.model, false))
}
