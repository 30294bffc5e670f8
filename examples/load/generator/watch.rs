//! What other threads do meanwhile: their CPU time and memory, from Linux' `/proc`.
//!
//! The kernel counts a thread's time in nanoseconds, so short measurements are exact; and they
//! begin and end with the measurement, not with some script around it.

use std::fmt;
use std::fs;
use std::str::FromStr;

use anyhow::{Context, anyhow};
use serde::Serialize;

/// A thread of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pid: u32,
    tid: u32,
}

impl FromStr for Task {
    type Err = String;

    fn from_str(text: &str) -> Result<Task, String> {
        let (pid, tid) = text.split_once('/').unwrap_or((text, text));
        match (pid.parse(), tid.parse()) {
            (Ok(pid), Ok(tid)) => Ok(Task { pid, tid }),
            _ => Err("neither PID nor PID/TID".to_owned()),
        }
    }
}

/// What a thread did while it was watched.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Watched {
    name: String,
    pid: u32,
    tid: u32,
    /// CPU time in the measurement, in seconds.
    cpu_s: f64,
    /// Resident memory of its process when the program began, in KiB.
    rss_before_kib: u64,
    /// The most that was seen.
    rss_max_kib: u64,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}): {:.3} s of CPU, {} KiB, {} KiB before",
            self.name, self.tid, self.cpu_s, self.rss_max_kib, self.rss_before_kib
        )
    }
}

/// Watches one thread.
#[derive(Debug)]
pub(crate) struct Watch {
    task: Task,
    begun_ns: u64,
    watched: Watched,
}

impl Watch {
    /// # Errors
    /// There is no such thread, or no `/proc`.
    pub(crate) fn new(task: Task) -> anyhow::Result<Watch> {
        let name = fs::read_to_string(format!("/proc/{}/task/{}/comm", task.pid, task.tid))
            .with_context(|| format!("thread {}/{}", task.pid, task.tid))?;
        let rss = rss_kib(task)?;
        Ok(Watch {
            task,
            begun_ns: cpu_ns(task)?,
            watched: Watched {
                name: name.trim_end().to_owned(),
                pid: task.pid,
                tid: task.tid,
                cpu_s: 0.0,
                rss_before_kib: rss,
                rss_max_kib: rss,
            },
        })
    }

    /// The measurement begins.
    pub(crate) fn begin(&mut self) -> anyhow::Result<()> {
        self.begun_ns = cpu_ns(self.task)?;
        Ok(())
    }

    /// The measurement is over.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        let spent = cpu_ns(self.task)?.saturating_sub(self.begun_ns);
        self.watched.cpu_s = spent as f64 / 1e9;
        self.look()
    }

    /// Has a look at its memory.
    pub(crate) fn look(&mut self) -> anyhow::Result<()> {
        self.watched.rss_max_kib = self.watched.rss_max_kib.max(rss_kib(self.task)?);
        Ok(())
    }

    pub(crate) fn watched(&self) -> Watched {
        self.watched.clone()
    }
}

/// `schedstat`: time on a CPU, time waiting for one (nanoseconds), number of time slices.
fn cpu_ns(task: Task) -> anyhow::Result<u64> {
    let path = format!("/proc/{}/task/{}/schedstat", task.pid, task.tid);
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let first = text.split(' ').next().and_then(|first| first.parse().ok());
    first.ok_or_else(|| anyhow!("{path} is not as expected"))
}

fn rss_kib(task: Task) -> anyhow::Result<u64> {
    let path = format!("/proc/{}/status", task.pid);
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.ok_or_else(|| anyhow!("{path} is not as expected"))
}
