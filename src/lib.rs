//! maitred: one thread, one event loop, every wait somebody else's.
//!
//! A server that generates texts with language models, streams them, scores them and stores them,
//! for thousands of clients at a time. It has no async runtime: the loop and the state machines are
//! its own, and written to be read.
//!
//! # The picture
//!
//! ```text
//!   main, cli, config       what is wanted
//!        │
//!        ▼
//!   reactor  ◄── the kernel: sockets, time, signals      ◄── threads: scores, rows, names
//!        │ ▲
//!  Input │ │ Output                 something happened ──► something to do
//!        ▼ │
//!   engine                  who does what next: a function of what it is told
//!        │
//!        ├── proto          bytes ◄──► HTTP/1.1, server-sent events, DNS, PostgreSQL, Redis
//!        ├── dialect        a provider's JSON ◄──► one neutral form
//!        ├── score          text ──► readability, sentiment, keywords
//!        ├── store          rows, and questions to them (SQLite lives on a thread)
//!        └── web            the page: files that are part of the binary
//! ```
//!
//! Imports go down this picture and never up. Only the reactor does system calls. The engine has no
//! socket, thread, clock or randomness of its own, so any order of events can be played to it in a
//! test. Two ideas carry it:
//!
//! - *Who waits* is apart from *what is waited for*. An [exchange](engine::exchange) is a client's
//!   request; a [generation](engine::generation) is a text being written. Sharing, resuming and
//!   cancelling are exchanges that come to a generation or leave it.
//! - *Deciding* is apart from *doing*. [`engine::Engine::handle`] takes one
//!   [`Input`](engine::io::Input) in and leaves [`Output`](engine::io::Output)s; the
//!   [reactor](reactor::Reactor) carries them out.
//!
//! # Reading order
//!
//! An hour, in the order in which a request meets the code. `docs/walk.md` tells the same with every
//! function named.
//!
//! 1. [`limits`]: every bound, and what happens at it. A map of what can go wrong.
//! 2. [`engine::io`]: all that goes into the engine and comes out. One page.
//! 3. [`reactor`]: the loop, its nine steps numbered. Then `reactor/transfer.rs`, how bytes move.
//! 4. [`engine`]: `handle` and its arms. Then [`engine::slots`], ids that notice that they are stale.
//! 5. [`proto::http1`]: bytes to requests, strictly.
//! 6. [`engine::client`]: from bytes to an [`engine::exchange`]; [`engine::routes`]: which one.
//! 7. [`engine::flow`], then [`engine::flow::generate`]: a request for a text as a state machine.
//! 8. [`engine::generation`] and [`engine::call`]: the text, and what is done to get it.
//! 9. [`engine::gate`]: may the provider be asked? [`engine::pool`], then `engine/provider/mod.rs`: a connection to the provider, and its answer.
//! 10. [`dialect::openai`]: JSON to text without allocating. [`dialect::any`] is where one is chosen.
//! 11. `engine/stream.rs`: the text to its listeners, each at its own pace.
//! 12. [`engine::work`] and `reactor/threads.rs`: what blocks, and how its result comes back.
//! 13. [`score`], then [`store::sqlite`]: numbers and rows.
//!
//! # Where would I put …?
//!
//! | a … | goes to |
//! |---|---|
//! | limit on a header | [`limits`], the check in `proto/http1/section.rs` or `fields.rs`, its status in [`proto::http1::Refusal`] |
//! | retry | the rule in [`engine::policy::retry`]; `engine/attempts.rs` asks it, and the call goes back to its [gate](engine::gate) |
//! | rule for who is asked | [`engine::policy::route`]; `engine/failover.rs` says when it is somebody else |
//! | new route | [`engine::routes`], an arm in [`engine::flow`], a file beside `flow/contents.rs` |
//! | field of a vendor's request | `dialect/chat/mod.rs` if two vendors have it, and their readers and writers; else it is foreign |
//! | provider dialect | a folder beside [`dialect::openai`] that gives the same [events](dialect::Event), an arm in [`dialect::any`], its name in [`config::Speech`] |
//! | setting | one line in [`config`] that asks for it |
//! | thing that blocks | a [`Work`](engine::work::Work), and a thread in `reactor/threads.rs` |
#![warn(missing_docs)]

// The tests of the engine share their outside world with the simulation, which sees this crate by
// its name.
#[cfg(test)]
extern crate self as maitred;

pub mod cli;
pub mod config;
pub mod dialect;
pub mod engine;
pub mod limits;
pub mod proto;
pub mod reactor;
pub mod score;
pub mod store;
pub mod web;
