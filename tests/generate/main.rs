//! The main job, from a socket to a provider and back: whole and streamed, plain and TLS; what is
//! shared, resumed, stopped and reused; and what a failing provider or a leaving client leads to.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod anthropic;
mod attempts;
mod cancel;
mod failures;
mod gemini;
mod idempotency;
mod keywords;
mod names;
mod offline;
mod openai;
mod resume;
mod rows;
mod several;
mod sharing;
mod told;
mod wire;
