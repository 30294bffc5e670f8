//! What the command line says.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Parser;

use super::watch::Task;
use super::work::Work;

/// Sends requests to a server, checks every answer, and says how long they took.
///
/// Without --rate every connection sends its next request when it has its answer (closed loop):
/// that shows what a server can do. With --rate requests begin at their times, whether or not the
/// server keeps up (open loop), and latency is counted from the time at which a request should
/// have been sent: that shows what users feel.
#[derive(Parser, Clone, Debug)]
#[command(name = "load", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The server, such as http://127.0.0.1:8080
    pub(crate) server: String,
    /// What to ask for
    pub(crate) work: Work,
    /// Connections, each kept for many requests
    #[arg(short, long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Requests a second (open loop)
    #[arg(short, long)]
    pub(crate) rate: Option<f64>,
    /// With --rate: at random, as independent users come, and not evenly
    #[arg(long, requires = "rate")]
    pub(crate) poisson: bool,
    /// Seconds to measure
    #[arg(short, long, default_value_t = 10.0, conflicts_with = "requests")]
    pub(crate) duration_s: f64,
    /// Measure so many requests from the first to the last, instead of some seconds
    #[arg(short = 'n', long)]
    pub(crate) requests: Option<u64>,
    /// Seconds before the measurement; by default 1 more than --ramp-s, none with --requests
    #[arg(long, conflicts_with = "requests")]
    pub(crate) warm_up_s: Option<f64>,
    /// Seconds over which the connections are opened; by default 2,000 in a second
    #[arg(long)]
    pub(crate) ramp_s: Option<f64>,
    /// Seconds without a byte of an answer after which it is given up
    #[arg(long, default_value_t = 30.0)]
    pub(crate) timeout_s: f64,
    /// Bytes that every text must have
    #[arg(long)]
    pub(crate) text_bytes: Option<u64>,
    /// Tokens that every stream must have
    #[arg(long)]
    pub(crate) tokens: Option<u64>,
    /// Loopback addresses to connect from; by default one for 1,000 connections
    #[arg(long)]
    pub(crate) sources: Option<usize>,
    /// A thread whose CPU time and memory to report: PID, or PID/TID (Linux)
    #[arg(long)]
    pub(crate) watch: Vec<Task>,
    /// A command that runs while it is measured, and is ended by SIGINT
    #[arg(long)]
    pub(crate) during: Option<String>,
    /// The seed of --poisson
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the figures here, too
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  load http://127.0.0.1:8080 health
  load http://127.0.0.1:8080 stream --connections 10000 --requests 10000
  load http://127.0.0.1:8080 generate --rate 500 --poisson --duration-s 30

Exit code: 0 if every answer was right, 1 if not, 2 if nothing could be measured.";

/// Connections that are opened in a second, unless told otherwise.
const OPENED_IN_A_SECOND: f64 = 2000.0;
/// An address has about 28,000 ports, and those of connections that just ended are not free yet.
const CONNECTIONS_PER_SOURCE: usize = 1000;

impl Options {
    pub(crate) fn ramp_s(&self) -> f64 {
        (self.ramp_s).unwrap_or(self.connections as f64 / OPENED_IN_A_SECOND)
    }

    pub(crate) fn warm_up_s(&self) -> f64 {
        self.warm_up_s.unwrap_or(match self.requests {
            Some(_) => 0.0,
            None => self.ramp_s() + 1.0,
        })
    }

    pub(crate) fn source_count(&self) -> usize {
        (self.sources).unwrap_or(self.connections.div_ceil(CONNECTIONS_PER_SOURCE))
    }

    /// `HOST:PORT`, for the field `Host` and for connecting.
    pub(crate) fn host(&self) -> &str {
        let host = self.server.strip_prefix("http://").unwrap_or(&self.server);
        host.trim_end_matches('/')
    }

    /// # Errors
    /// Something that cannot be done.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        ensure!(!self.server.starts_with("https:"), "plain HTTP only");
        ensure!(self.connections > 0, "at least one connection");
        ensure!(self.rate.is_none_or(|rate| rate > 0.0), "a rate above 0");
        let mut found = (self.host().to_socket_addrs())
            .with_context(|| format!("{} is not HOST:PORT", self.host()))?;
        let address = found.next().context("the server has no address")?;
        let local = matches!(address, SocketAddr::V4(v4) if v4.ip().is_loopback());
        ensure!(
            local || self.sources.is_none(),
            "--sources needs a server at 127.0.0.1"
        );
        Ok(address)
    }
}
