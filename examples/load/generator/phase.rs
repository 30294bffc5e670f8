//! Which part of a run it is.

use std::time::Duration;

use super::options::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The measurement begins.
    Measuring,
    /// It is over; answers that are under way may come.
    Draining,
    /// The end.
    Over,
}

/// What the crowd is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Requests that began in the measured time and have ended, right or wrong.
    pub(crate) ended: u64,
    /// Requests under way or waiting.
    pub(crate) open: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Phases {
    phase: Option<Phase>,
    begin: Duration,
    end: Duration,
    requests: Option<u64>,
    drain: Duration,
}

impl Phases {
    pub(crate) fn new(options: &Options) -> Phases {
        let begin = Duration::from_secs_f64(options.warm_up_s());
        Phases {
            phase: None,
            begin,
            end: match options.requests {
                Some(_) => Duration::MAX,
                None => begin + Duration::from_secs_f64(options.duration_s),
            },
            requests: options.requests,
            drain: Duration::from_secs_f64(options.timeout_s),
        }
    }

    /// The phase that begins now, if one does.
    pub(crate) fn step(&mut self, now: Duration, state: State) -> Option<Phase> {
        let next = match self.phase {
            None if now >= self.begin => Phase::Measuring,
            Some(Phase::Measuring)
                if now >= self.end || self.requests.is_some_and(|all| state.ended >= all) =>
            {
                self.end = now;
                Phase::Draining
            }
            Some(Phase::Draining) if state.open == 0 || now >= self.end + self.drain => Phase::Over,
            _ => return None,
        };
        self.phase = Some(next);
        Some(next)
    }

    /// When it is to be looked again at the latest.
    pub(crate) fn next(&self) -> Duration {
        match self.phase {
            None => self.begin,
            Some(Phase::Measuring) => self.end,
            _ => self.end + self.drain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Phases, State};
    use std::time::Duration;

    fn phases(requests: Option<u64>) -> Phases {
        Phases {
            phase: None,
            begin: Duration::from_secs(1),
            end: requests.map_or(Duration::from_secs(3), |_| Duration::MAX),
            requests,
            drain: Duration::from_secs(5),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_time_is_measured_and_what_is_under_way_may_end() {
        let mut phases = phases(None);
        let busy = State { ended: 9, open: 2 };
        assert_eq!(phases.step(at(0), busy), None);
        assert_eq!(phases.step(at(1), busy), Some(Phase::Measuring));
        assert_eq!(phases.step(at(2), busy), None);
        assert_eq!(phases.step(at(3), busy), Some(Phase::Draining));
        assert_eq!(phases.step(at(7), busy), None);
        assert_eq!(phases.step(at(8), busy), Some(Phase::Over));
    }

    #[test]
    fn a_number_of_requests_is_measured_until_the_last_one_has_ended() {
        let mut phases = phases(Some(10));
        assert_eq!(
            phases.step(at(1), State { ended: 0, open: 0 }),
            Some(Phase::Measuring)
        );
        assert_eq!(phases.step(at(90), State { ended: 9, open: 1 }), None);
        let all = State { ended: 10, open: 0 };
        assert_eq!(phases.step(at(91), all), Some(Phase::Draining));
        assert_eq!(phases.step(at(91), all), Some(Phase::Over));
    }
}
