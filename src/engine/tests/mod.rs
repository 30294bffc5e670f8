//! Flows without sockets.
