//! The generator: one loop, many connections, a clock.
//!
//! ```text
//!   warming ──► measuring ──► draining ──► Report
//!   (ramp)      (tally,        (what began in the measured time may end;
//!                watches)       nothing new begins)
//! ```
//! In a closed loop a connection asks again when it has its answer. In an open loop requests are
//! due at times that do not depend on the server (`Schedule`); one for which no connection is free
//! waits, and that wait is part of its latency. So a server that stalls for a second is charged
//! for everybody who would have come in that second.
//!
//! It must never be what is measured: nothing is allocated or copied per token, and it says how
//! late it was itself (`Lag`).

mod answer;
mod client;
mod companion;
mod crowd;
mod events;
mod histogram;
mod lag;
mod metronome;
mod options;
mod phase;
mod progress;
mod report;
mod tally;
mod watch;
mod work;

use std::time::{Duration, Instant};

use anyhow::Context;

use self::companion::Companion;
use self::crowd::Crowd;
pub(crate) use self::options::Options;
use self::phase::{Phase, Phases};
use self::progress::Progress;
pub(crate) use self::report::Report;
use self::watch::Watch;

/// Between two looks at the memory of what is watched, and at connections that time out.
const LOOK: Duration = Duration::from_millis(250);

/// Runs what the options say.
///
/// # Errors
/// It could not be measured; that requests fail is none.
pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let mut watches = (options.watch.iter())
        .map(|task| Watch::new(*task))
        .collect::<anyhow::Result<Vec<Watch>>>()?;
    let start = Instant::now();
    let mut crowd = Crowd::new(options, start)?;
    let mut phases = Phases::new(options);
    let progress = Progress::new();
    let mut companion = None;
    let mut next_look = Duration::ZERO;
    loop {
        let now = start.elapsed();
        match phases.step(now, crowd.state()) {
            None => {}
            Some(Phase::Measuring) => {
                companion = (options.during.as_deref())
                    .map(Companion::start)
                    .transpose()?;
                watches.iter_mut().try_for_each(Watch::begin)?;
                crowd.begin();
            }
            Some(Phase::Draining) => {
                crowd.end();
                watches.iter_mut().try_for_each(Watch::end)?;
                if let Some(companion) = companion.take() {
                    companion.end()?;
                }
            }
            Some(Phase::Over) => break,
        }
        if now >= next_look {
            next_look = now + LOOK;
            watches.iter_mut().try_for_each(Watch::look)?;
            crowd.give_up_on_the_silent();
            progress.show(now, &crowd);
        }
        let until = phases.next().min(next_look);
        crowd.turn(until).context("poll")?;
    }
    progress.clear();
    let watched = watches.iter().map(Watch::watched).collect();
    Ok(crowd.report(options, watched))
}
