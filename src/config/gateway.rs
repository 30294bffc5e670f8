//! What concerns requests on the routes of the vendors' own libraries, whoever answers them.

use super::ConfigError;
use super::layers::Layers;
use super::limits::bounded;
use crate::limits as default;

bounded! {
    /// The table `[gateway]`.
    pub struct Gateway {
        /// A stream without content for so long goes on at the next target, if there is one; 0: never.
        failover_ms: u64 = default::FAILOVER_MS, 0..=600_000;
    }
}
