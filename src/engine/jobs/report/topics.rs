//! The most frequent topics of many texts, in bounded memory.
//!
//! There may be as many topics as texts, so not all of them can be counted. As long as there are no more
//! than [`REPORT_TOPICS`], each is. After that a new one takes the place of the least frequent, with a
//! note of how many texts it may have had before (*Space-Saving*: Metwally, Agrawal and El Abbadi,
//! "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005). So a topic with more
//! than one in [`REPORT_TOPICS`] of all texts is always among them, and what is said of it is true of the
//! texts that were counted: at most `missed` more are among the others.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sums::Sums;
use crate::limits::jobs::{REPORT_TOPIC_CHARS, REPORT_TOPICS};
use crate::score::Scores;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Topics(Vec<Topic>);

/// A topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Topic {
    pub(super) id: Uuid,
    /// Its beginning.
    pub(super) topic: String,
    pub(super) sums: Sums,
    /// It may have had so many texts, at most, before it was counted.
    pub(super) missed: u64,
}

impl Topic {
    /// How many texts it may have.
    fn at_most(&self) -> u64 {
        self.sums.texts + self.missed
    }
}

impl Topics {
    /// Counts a text about a topic.
    pub(super) fn add(&mut self, id: Uuid, topic: &str, scores: Option<&Scores>) {
        if let Some(known) = self.0.iter_mut().find(|known| known.id == id) {
            return known.sums.add(scores);
        }
        let mut new = Topic {
            id,
            topic: topic.chars().take(REPORT_TOPIC_CHARS).collect(),
            sums: Sums::default(),
            missed: 0,
        };
        new.sums.add(scores);
        if self.0.len() < REPORT_TOPICS {
            return self.0.push(new);
        }
        if let Some(least) = self.0.iter_mut().min_by_key(|topic| topic.at_most()) {
            new.missed = least.at_most();
            *least = new;
        }
    }

    /// The `top` most frequent ones.
    pub(super) fn first(&self, top: usize) -> Vec<&Topic> {
        let mut all: Vec<&Topic> = self.0.iter().collect();
        all.sort_by_key(|topic| (std::cmp::Reverse(topic.sums.texts), topic.id));
        all.truncate(top);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(topics: &mut Topics, number: u128) {
        topics.add(Uuid::from_u128(number), &format!("topic {number}"), None);
    }

    #[test]
    fn as_long_as_there_is_room_each_is_counted() {
        let mut topics = Topics::default();
        for number in 1..=REPORT_TOPICS as u128 {
            (0..number).for_each(|_| add(&mut topics, number));
        }
        let first = topics.first(3);
        let texts: Vec<u64> = first.iter().map(|topic| topic.sums.texts).collect();
        let most = REPORT_TOPICS as u64;
        assert_eq!(texts, [most, most - 1, most - 2]);
        assert!(first.iter().all(|topic| topic.missed == 0));
    }

    #[test]
    fn frequent_topics_are_found_among_any_number_of_others() {
        let mut topics = Topics::default();
        let mut random = fastrand::Rng::with_seed(3);
        let (mut real, texts) = ([0_u64; 3], 20_000_u64);
        for other in 0..texts {
            let frequent = match random.u8(0..100) {
                0..8 => Some(0),
                8..12 => Some(1),
                12..15 => Some(2),
                _ => None,
            };
            if let Some(place) = frequent {
                real[place] += 1;
            }
            add(
                &mut topics,
                frequent.map_or(100 + u128::from(other), |place| place as u128),
            );
        }
        assert_eq!(topics.0.len(), REPORT_TOPICS);
        for (topic, real) in topics.first(3).into_iter().zip(real) {
            assert!(topic.sums.texts <= real && real <= topic.at_most());
            assert!(topic.missed <= texts / REPORT_TOPICS as u64);
        }
        let ids: Vec<u128> = topics.first(3).iter().map(|t| t.id.as_u128()).collect();
        assert_eq!(ids, [0, 1, 2]);
    }

    #[test]
    fn a_long_topic_is_cut() {
        let mut topics = Topics::default();
        topics.add(Uuid::nil(), &"ö".repeat(2_000), None);
        assert_eq!(topics.first(1)[0].topic, "ö".repeat(REPORT_TOPIC_CHARS));
    }
}
