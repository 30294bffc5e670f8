//! The vendors' own routes, `/v1/…` and `/v1beta/…`: what is stored, and how long silence may last.

use super::ConfigError;
use super::layers::Layers;
use super::values::Store;
use crate::limits::FAILOVER_MS;

/// The settings of the vendors' routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// What is stored.
    pub store: Store,
    /// A stream without content for so long goes on at the next target, if there is one, in
    /// milliseconds; 0 is never.
    pub failover_ms: u64,
    /// Silence on a stream before a sign of life, in milliseconds; 0 is never.
    pub heartbeat_ms: u64,
}

impl Gateway {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        Ok(Gateway {
            store: layers.value(&key("store"), Store::Texts)?,
            failover_ms: layers.number(&key("failover_ms"), FAILOVER_MS, 0..=600_000)?,
            heartbeat_ms: layers.number(&key("heartbeat_ms"), 0, 0..=3_600_000)?,
        })
    }
}
