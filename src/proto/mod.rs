//! bytes to messages and back

pub mod http1;
pub mod sse;
