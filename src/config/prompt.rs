//! What a provider is asked: for a text about a topic, and for the keywords of a text.

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

/// A text with one place for a text whose keywords are wanted, written `{content}`, and any number
/// of places for how many are wanted, written `{limit}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordsPrompt {
    before: String,
    after: String,
}

impl KeywordsPrompt {
    /// Takes a text that has `{content}` in it exactly once.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((before, after)) = text.split_once(CONTENT) else {
            return Err("has no {content} in it, the place where the text goes".to_owned());
        };
        if after.contains(CONTENT) {
            return Err("has {content} in it more than once".to_owned());
        }
        Ok(KeywordsPrompt {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The prompt for a text. The text is put in as it is: braces in it mean nothing.
    pub fn fill(&self, content: &str, limit: usize) -> String {
        let limit = limit.to_string();
        let fill = |part: &str| part.replace(LIMIT, &limit);
        [&fill(&self.before), content, &fill(&self.after)].concat()
    }

    /// As it is written in a file.
    pub(super) fn template(&self) -> String {
        [&self.before, CONTENT, &self.after].concat()
    }
}

impl Default for KeywordsPrompt {
    fn default() -> Self {
        let before = "You are a marketing strategist and SEO expert. List the {limit} most relevant \
                      and high-ranking keywords for the text that follows, the best first, as one \
                      comma-separated list and nothing else. The text: ";
        KeywordsPrompt {
            before: before.to_owned(),
            after: String::new(),
        }
    }
}

const CONTENT: &str = "{content}";
const LIMIT: &str = "{limit}";

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
    fn has_one_place_for_the_content_and_says_how_many() {
        let prompt = KeywordsPrompt::parse("{limit} of: {content} ({limit})").unwrap();
        assert_eq!(
            prompt.fill("{limit} {content}", 7),
            "7 of: {limit} {content} (7)"
        );
        assert!(
            KeywordsPrompt::parse("{limit}")
                .unwrap_err()
                .contains("no {content}")
        );
        let twice = KeywordsPrompt::parse("{content}{content}");
        assert!(twice.unwrap_err().contains("more than once"));
    }

    #[test]
    fn default_can_be_written_in_a_file() {
        let default = PromptTemplate::default();
        assert_eq!(PromptTemplate::parse(&default.fill(PLACE)), Ok(default));
        let default = KeywordsPrompt::default();
        assert_eq!(KeywordsPrompt::parse(&default.template()), Ok(default));
    }
}
