//! A command that runs beside the measurement, such as `strace -c -p PID` or `perf record`.

use std::process::{Child, Command};

use anyhow::{Context, ensure};

#[derive(Debug)]
pub(crate) struct Companion(Child);

impl Companion {
    /// Starts it by way of a shell.
    pub(crate) fn start(command: &str) -> anyhow::Result<Companion> {
        let exec = format!("exec {command}");
        let child = Command::new("sh").args(["-c", &exec]).spawn();
        Ok(Companion(child.with_context(|| command.to_owned())?))
    }

    /// Ends it as Ctrl-C would, upon which such commands write their results.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        ensure!(sent.context("kill")?.success(), "it has ended before");
        self.0.wait().context("--during")?;
        Ok(())
    }
}
