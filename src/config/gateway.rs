//! The vendors' own routes, `/v1/…` and `/v1beta/…`: what is stored, how large a body may be.

use super::ConfigError;
use super::layers::Layers;
use super::limits::bounded;
use super::values::Store;
use crate::limits as default;

bounded! {
    /// Numbers of the vendors' routes.
    pub struct GatewayLimits {
        /// A stream without content for so long goes on at the next target, if there is one; 0: never.
        failover_ms: u64 = default::FAILOVER_MS, 0..=600_000;
        /// A request body.
        body_bytes: usize = default::CHAT_BODY_BYTES, 1024..=default::CHAT_BODY_BYTES_MAX as u64;
        /// Silence on a stream before a sign of life, in milliseconds; 0 is never.
        heartbeat_ms: u64 = 0_u64, 0..=3_600_000;
    }
}

/// The settings of the vendors' routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// What is stored.
    pub store: Store,
    /// Its numbers.
    pub limits: GatewayLimits,
}

impl Gateway {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        Ok(Gateway {
            store: layers.value(&format!("{section}.store"), Store::Texts)?,
            limits: GatewayLimits::read(layers, section)?,
        })
    }
}
