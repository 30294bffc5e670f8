//! Everything that a provider does wrong, and what clients are told of it: one test for each row of
//! the fault matrix, under the guard of `drill.rs`.
//!
//! ```text
//!   server ──► (proxy: cuts, resets, slices, TLS) ──► provider simulator, told by its model's name
//! ```
//! | rows | file |
//! |---|---|
//! | P1, P2, P3, P7, P8, P30: nobody there, or in no hurry | `time.rs` |
//! | P4, P5, P28, P29, and the breaker of P1: attempts and their bounds | `policy.rs` |
//! | P6: statuses that no second attempt heals | `status.rs` |
//! | P9 to P12, P14, P15: streams that break, lie or never end | `streams.rs` |
//! | P13: the same text, however it is torn | `torn.rs` |
//! | P16 to P20, P22: HTTP as it should not be | `framing.rs` |
//! | P21, P27: pools | `pools.rs` |
//! | P23: names | `names.rs` |
//! | P25, P26: TLS | `tls.rs` |
//! | the defaults of all limits | `defaults.rs` |
//! | the key is nowhere | `canary.rs` |
//! | the simulator and the proxy themselves | `tools.rs`, `orders.rs` |
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../examples/provider_sim/simulator/mod.rs"]
#[allow(dead_code, reason = "its command line is not used here")]
mod simulator;

mod canary;
mod defaults;
mod drill;
mod framing;
mod names;
mod orders;
mod policy;
mod pools;
mod sim;
mod status;
mod streams;
mod time;
mod tls;
mod tools;
mod torn;
