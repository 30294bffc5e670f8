//! What a provider is asked for a topic.

/// A text with one place for the topic, written `{topic}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptTemplate {
    before: String,
    after: String,
}

impl PromptTemplate {
    /// Takes a text that has `{topic}` in it exactly once.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((before, after)) = text.split_once(PLACE) else {
            return Err("has no {topic} in it, the place where the topic goes".to_owned());
        };
        if after.contains(PLACE) {
            return Err("has {topic} in it more than once".to_owned());
        }
        Ok(PromptTemplate {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The prompt for a topic. The topic is put in as it is: braces in it mean nothing.
    pub fn fill(&self, topic: &str) -> String {
        [&self.before, topic, &self.after].concat()
    }
}

impl Default for PromptTemplate {
    fn default() -> Self {
        let before = "You are a helpful assistant. Write a detailed article about ";
        PromptTemplate {
            before: before.to_owned(),
            after: ".".to_owned(),
        }
    }
}

const PLACE: &str = "{topic}";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn has_one_place_for_the_topic() {
        let prompt = PromptTemplate::parse("Say {topic}, {please}!").unwrap();
        assert_eq!(prompt.fill("{topic}"), "Say {topic}, {please}!");
        assert_eq!(prompt.fill("tea"), "Say tea, {please}!");
        assert!(
            PromptTemplate::parse("Say it")
                .unwrap_err()
                .contains("has no {topic}")
        );
        assert!(
            PromptTemplate::parse("{topic} {topic}")
                .unwrap_err()
                .contains("more than once")
        );
    }

    #[test]
    fn default_can_be_written_in_a_file() {
        let default = PromptTemplate::default();
        assert_eq!(PromptTemplate::parse(&default.fill(PLACE)), Ok(default));
    }
}
