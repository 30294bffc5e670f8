//! The names of settings: in the file, in the environment, and what a misspelt one was meant to be.

/// The prefix of our own variables.
pub(super) const PREFIX: &str = "MAITRED_";

/// The variable of a setting: `limits.body_bytes` is `MAITRED_LIMITS_BODY_BYTES`.
pub(super) fn variable(key: &str) -> String {
    let word = key.replace(['"', '\''], "").to_ascii_uppercase();
    let word = word.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format!("{PREFIX}{word}")
}

/// A name as one part of a key: in quotes if it would be more than one otherwise, or none.
pub(super) fn segment(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        toml::Value::String(name.to_owned()).to_string()
    }
}

/// The known name that looks most like `name`, if one does: a few letters apart as a whole, or
/// the right word in the wrong section.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    // What all variables begin with makes none of them alike.
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    let distance = |candidate: &str| {
        let candidate = candidate.strip_prefix(PREFIX).unwrap_or(candidate);
        let whole = at_most(1 + name.len() / 5, edits(name, candidate));
        let (word, other) = (last(name), last(candidate));
        // A section more or less counts as one step.
        let word = at_most(word.len() / 5, edits(word, other)).map(|edits| edits + 1);
        whole.into_iter().chain(word).min()
    };
    known
        .filter_map(|candidate| Some((distance(candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// So many edits, if they are few enough: `key` is not a misspelt `dns`.
fn at_most(few: usize, edits: usize) -> Option<usize> {
    (edits <= few).then_some(edits)
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// How many letters have to be added, removed or changed (Levenshtein's distance), one row of the
/// table at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn misspelt_and_misplaced_names_are_found() {
        let known = ["listen", "limits.body_bytes", "limits.head_ms", "log.level"];
        let nearest = |name| nearest(name, known.into_iter());
        assert_eq!(nearest("lisen").as_deref(), Some("listen"));
        assert_eq!(
            nearest("limits.body_byte").as_deref(),
            Some("limits.body_bytes")
        );
        assert_eq!(nearest("body_bytes").as_deref(), Some("limits.body_bytes"));
        assert_eq!(
            nearest("server.body_bytes").as_deref(),
            Some("limits.body_bytes")
        );
        assert_eq!(nearest("something_else"), None);
        let known = ["dns", "MAITRED_DNS"];
        for name in ["providers.openai.key", "MAITRED_FOO"] {
            assert_eq!(super::nearest(name, known.into_iter()), None, "{name}");
        }
    }
}
