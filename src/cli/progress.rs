//! One line on a terminal for work that takes long, gone when it is done.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

/// What takes less says nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Back to the start of the line, and away with what is there (ECMA-48, erase in line).
const WIPE: &str = "\r\x1b[K";
/// Between two changes of the line.
const STEP: Duration = Duration::from_millis(200);

/// How far one text is.
pub(super) struct Progress<'a> {
    name: &'a Path,
    place: (usize, usize),
    note: Option<&'a dyn Fn(&str)>,
    started: Duration,
    clock: &'a dyn Fn() -> Duration,
    /// When the line was written last.
    shown: Cell<Option<Duration>>,
}

impl<'a> Progress<'a> {
    /// For text `place.0` of `place.1`. `note` writes on the terminal; without one nothing is ever
    /// shown.
    pub(super) fn new(
        name: &'a Path,
        place: (usize, usize),
        note: Option<&'a dyn Fn(&str)>,
        started: Duration,
        clock: &'a dyn Fn() -> Duration,
    ) -> Self {
        Progress {
            name,
            place,
            note,
            started,
            clock,
            shown: Cell::new(None),
        }
    }

    /// Writes the line if it is time to. Always false, as the answer to "is it cancelled?".
    pub(super) fn show(&self) -> bool {
        if let (Some(note), Some(line)) = (self.note, self.line()) {
            note(&format!("{WIPE}{line}"));
        }
        false
    }

    /// The line, if it is to be written now.
    fn line(&self) -> Option<String> {
        let now = (self.clock)();
        let took = now.saturating_sub(self.started);
        let fresh = self.shown.get().is_some_and(|at| now < at + STEP);
        if took < PATIENCE || fresh {
            return None;
        }
        self.shown.set(Some(now));
        let (number, count) = self.place;
        let (name, seconds) = (self.name.display(), took.as_secs());
        Some(format!("reading {name} ({number} of {count}), {seconds} s"))
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if let (Some(note), Some(_)) = (self.note, self.shown.take()) {
            note(WIPE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_long_is_shown_and_it_is_taken_away() {
        let now = Cell::new(Duration::from_secs(5));
        let clock = || now.get();
        let seen = Cell::new(String::new());
        let note = |line: &str| seen.set(seen.take() + line);
        let name = Path::new("a.txt");
        let progress = Progress::new(name, (2, 3), Some(&note), now.get(), &clock);
        assert!(!progress.show());
        assert_eq!(seen.take(), "");
        now.set(Duration::from_millis(7_100));
        progress.show();
        progress.show(); // it was shown just now
        progress.clear();
        let line = "reading a.txt (2 of 3), 2 s";
        assert_eq!(seen.take(), format!("{WIPE}{line}{WIPE}"));

        let unseen = Progress::new(name, (2, 3), None, Duration::ZERO, &clock);
        unseen.show();
        unseen.clear();
        assert_eq!(seen.take(), "");
    }
}
