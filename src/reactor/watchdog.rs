//! The watchdog: a thread that looks at the loop from outside, because a loop that is held up
//! cannot say so itself.
//!
//! It also reads the figures of the process (memory, open files) that would cost the loop a system
//! call, and leaves them in atomics.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::clock::Clock;
use super::os_error;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);
/// A turn longer than this is reported.
const LONG_TURN_NS: u64 = 50_000_000;
/// Looks between two readings of the process.
const READ_EVERY: u32 = 20;

/// What the loop and the watchdog tell each other.
#[derive(Debug, Default)]
pub struct Board {
    /// When the present turn began, in nanoseconds since the start; 0 while the loop is in poll.
    turn_began: AtomicU64,
    /// Resident bytes.
    pub resident_bytes: AtomicU64,
    /// Open files.
    pub open_files: AtomicU64,
    stop: AtomicBool,
}

impl Board {
    /// The loop is out of poll.
    pub fn turn_begins(&self, nanos: u64) {
        self.turn_began.store(nanos.max(1), Ordering::Relaxed);
    }

    /// The loop goes into poll.
    pub fn turn_ends(&self) {
        self.turn_began.store(0, Ordering::Relaxed);
    }

    /// Ends the watchdog.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Starts the watchdog.
pub fn start(clock: Clock, board: Arc<Board>) -> io::Result<()> {
    read_process(&board);
    thread::Builder::new()
        .name("watchdog".into())
        .spawn(move || watch(clock, &board))
        .map_err(|error| os_error::thread("watchdog", &error))?;
    Ok(())
}

fn watch(clock: Clock, board: &Board) {
    let mut reported = 0;
    let mut looks = 0;
    while !board.stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        let began = board.turn_began.load(Ordering::Relaxed);
        let held = clock.mono().0.saturating_sub(began);
        if began != 0 && began != reported && held > LONG_TURN_NS {
            reported = began;
            let ms = held / 1_000_000;
            tracing::warn!(
                ms,
                "the loop is held up: one turn has lasted this long so far"
            );
        }
        looks += 1;
        if looks % READ_EVERY == 0 {
            read_process(board);
        }
    }
}

/// Reads what the kernel says about this process. Where there is no procfs, the figures stay 0.
fn read_process(board: &Board) {
    if let Ok(statm) = std::fs::read_to_string("/proc/self/statm") {
        let pages: u64 = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .unwrap_or(0);
        let bytes = pages * page_bytes();
        board.resident_bytes.store(bytes, Ordering::Relaxed);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        let count = files.count().saturating_sub(1) as u64; // without the folder's own
        board.open_files.store(count, Ordering::Relaxed);
    }
}

/// `statm` counts pages; `smaps_rollup` says kilobytes, and both together say how large a page is.
fn page_bytes() -> u64 {
    use std::sync::OnceLock;
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let size_kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmSize:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        let pages = statm
            .split(' ')
            .next()
            .and_then(|pages| pages.parse::<u64>().ok());
        match (size_kb, pages) {
            (Some(kb), Some(pages)) if pages > 0 => {
                (kb * 1024 / pages).next_power_of_two().clamp(4096, 65_536)
            }
            _ => 4096,
        }
    })
}
