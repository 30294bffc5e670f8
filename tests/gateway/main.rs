//! Failover, as the clients of the three vendors see it: two targets, the first of which is bad.
//!
//! ```text
//!   a client of each dialect, streamed and whole
//!      └──► maitred ──► bad: told by the name of its model what to do wrong
//!                  └──► good: another text, so that nobody takes one for the other
//! ```
//! Each drill is run with both targets in the client's dialect, and with both in other ones.
//!
//! | what the first target does | streamed | whole | where |
//! |---|---|---|---|
//! | nobody listens, nothing comes, not in time | the good text | the good text | `before.rs` |
//! | 429 with its hint in a field or in the body, 401, 403, 404, 5xx | the good text | the good text | `before.rs` |
//! | garbage, wrong framing, a redirect, not JSON | the good text | the good text | `before.rs` |
//! | breaks, stalls or fails in band before any content | the good text | the good text | `before.rs` |
//! | a first token that is slow | the good text | its own | `before.rs` |
//! | breaks, stalls or fails in band after content | an error in the stream | the good text | `after.rs` |
//! | a refusal of content, a bound on tokens | its own answer | its own answer | `answers.rs` |
//! | closes connections that were used, or is ten times slower | its own answer | its own answer | `answers.rs` |
//! | 400: nobody could do better | an error | an error | `answers.rs` |
//! | everything, and the other one as well | an error | an error | `answers.rs` |
//! | nothing comes, and the other one is asked beside it | the good text | – | `answers.rs` |
//! | nothing comes, and the client has a deadline | in time, or an error | the same | `answers.rs` |
//! | nothing: the request is none, is too large, or has a limit of its own | an error | an error | `refused.rs` |
//! | one key is refused or limited, another is not | its own answer | its own answer | `keys.rs` |
//! | anything, and the client hangs up | it is told to stop | it is told to stop | `cancel.rs` |
//!
//! What the page about it says of errors and headers is looked at in `page.rs`.
//!
//! After each drill no call is left, and there is one row for each request, with the outcome that
//! its client was told.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../examples/provider_sim/simulator/mod.rs"]
#[allow(dead_code, reason = "its command line is not used here")]
mod simulator;

#[path = "../faults/sim.rs"]
#[allow(dead_code, reason = "the fault drills use more of it")]
mod sim;

mod after;
mod answers;
mod before;
mod cancel;
mod drill;
mod keys;
mod page;
mod refused;
mod told;
