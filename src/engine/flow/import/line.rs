//! One line of an import: a text as an export writes it, or the field that is wrong.
//!
//! Pure functions, for a scorer thread. What can be worked out is not taken from the file: the id of
//! the topic, the length and the scores are this program's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, Version};

use crate::engine::flow::body::{Field, ParseFault, Whole, is_longer_than, object};
use crate::engine::{Failure, TENANT};
use crate::limits::{GENERATION_BYTES, IMPORT_LINE_BYTES, NAME_CHARS, TOPIC_CHARS};
use crate::score::score;
use crate::store::{TextRow, TextState, term_id};

/// What a text is said to come from when its line does not say it.
const ORIGIN: &str = "import";

/// Some lines of an import, read and scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// How many lines were read.
    pub lines: u64,
    /// The texts in them, up to the first line that is wrong.
    pub texts: Vec<Text>,
    /// That line.
    pub fault: Option<LineFault>,
}

/// A line that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineFault {
    /// Which one, from 1.
    pub line: u64,
    /// What is wrong; `None` if it is too long to be looked at.
    pub fault: Option<ParseFault>,
}

impl LineFault {
    /// A line over [`IMPORT_LINE_BYTES`].
    #[must_use]
    pub fn too_long(line: u64) -> Self {
        LineFault { line, fault: None }
    }

    /// The field to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.fault.as_ref().and_then(ParseFault::field)
    }

    /// Words for a person.
    #[must_use]
    pub fn detail(&self) -> String {
        let line = self.line;
        match &self.fault {
            None => format!(
                "Line {line} is longer than {} MiB.",
                IMPORT_LINE_BYTES >> 20
            ),
            Some(ParseFault::Syntax { column, .. }) => {
                format!("Line {line} is not JSON: see column {column}.")
            }
            Some(ParseFault::Encoding) => format!("Line {line} is not UTF-8."),
            Some(ParseFault::NotAnObject) => {
                format!("Line {line} has to be a JSON object, `{{…}}`.")
            }
            Some(ParseFault::Depth) => format!("Line {line} is nested too deep."),
            Some(fault) => format!("Line {line}: {}", fault.detail()),
        }
    }
}

impl From<LineFault> for Failure {
    fn from(fault: LineFault) -> Self {
        Failure::Line(Box::new(fault))
    }
}

/// A text of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// Its id, if the line has one.
    pub id: Option<Uuid>,
    created_ms: Option<i64>,
    /// What is stored, but for the two above: the loop, which knows them, has little to do for a row.
    row: TextRow,
}

impl Text {
    /// The row that is stored, under this id and, if the line does not say when it was written, at
    /// this time.
    #[must_use]
    pub fn into_row(self, id: Uuid, now_ms: i64) -> TextRow {
        TextRow {
            id,
            created_ms: self.created_ms.unwrap_or(now_ms),
            ..self.row
        }
    }
}

/// Reads and scores `lines`, of which the first is number `first` of the import. `None` when
/// `cancelled` said that nobody waits for them any more. Lines of white space are left out.
pub fn read(lines: &[u8], first: u64, cancelled: &dyn Fn() -> bool) -> Option<Batch> {
    let mut batch = Batch::default();
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    for line in lines.split(|byte| *byte == b'\n') {
        let number = first + batch.lines;
        batch.lines += 1;
        if line.len() > IMPORT_LINE_BYTES {
            batch.fault = Some(LineFault::too_long(number));
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match text(line) {
            Ok(mut text) => {
                text.row.scores = Some(score(&text.row.text, cancelled)?);
                batch.texts.push(text);
            }
            Err(fault) => {
                batch.fault = Some(LineFault {
                    line: number,
                    fault: Some(fault),
                });
                break;
            }
        }
    }
    Some(batch)
}

fn text(line: &[u8]) -> Result<Text, ParseFault> {
    let missing = |name: &str| ParseFault::Missing(name.into());
    let (mut topic, mut words, mut usage) = (None, None, (None, None));
    let (mut id, mut created_ms, mut state) = (None, None, TextState::Complete);
    let (mut provider, mut model, mut offline, mut finish_reason) = (None, None, false, None);
    for field in object(line)? {
        match field.name.as_ref() {
            "id" => id = uuid(&field)?,
            "topic" => topic = Some(topic_of(&field)?),
            "text" => words = Some(whole_text(&field)?),
            "created_at" => created_ms = field.moment()?,
            "state" => state = state_of(&field)?,
            "provider" => provider = field.name_of("a name of at most 200 characters")?,
            "model" => model = model_of(&field)?,
            "offline" => offline = field.value("true or false")?.unwrap_or(false),
            "finish_reason" => finish_reason = field.name_of("a word of at most 200 characters")?,
            "usage" => usage = usage_of(&field)?,
            "search_term_id" | "text_bytes" | "readability" | "sentiment" => {}
            _ => return Err(field.unknown()),
        }
    }
    let term = topic.ok_or_else(|| missing("topic"))?;
    let row = TextRow {
        id: Uuid::nil(),
        created_ms: 0,
        tenant: TENANT.to_string(),
        search_term_id: term_id(TENANT, &term),
        term,
        text: words.ok_or_else(|| missing("text"))?,
        provider: provider.unwrap_or_else(|| ORIGIN.to_string()),
        model: model.unwrap_or_else(|| ORIGIN.to_string()),
        offline,
        finish_reason,
        state,
        prompt_tokens: usage.0,
        completion_tokens: usage.1,
        scores: None,
    };
    Ok(Text {
        id,
        created_ms,
        row,
    })
}

/// The counts of a prompt and of its text. The sum of both is worked out.
fn usage_of(field: &Field<'_>) -> Result<(Option<u64>, Option<u64>), ParseFault> {
    const EXPECTED: &str = "an object of `prompt_tokens`, `completion_tokens` and `total_tokens`, \
                            each a count or null";
    let (mut prompt, mut completion) = (None, None);
    let counts = field.value::<BTreeMap<String, Option<Whole>>>(EXPECTED)?;
    for (name, count) in counts.unwrap_or_default() {
        let count = count.map(|Whole(count)| count);
        match name.as_str() {
            "prompt_tokens" => prompt = count,
            "completion_tokens" => completion = count,
            "total_tokens" => {}
            _ => return Err(field.wrong(EXPECTED)),
        }
    }
    Ok((prompt, completion))
}

fn uuid(field: &Field<'_>) -> Result<Option<Uuid>, ParseFault> {
    const EXPECTED: &str = "a UUID of version 7, with hyphens";
    let Some(text) = field.value::<String>(EXPECTED)? else {
        return Ok(None);
    };
    let id = (text.len() == 36)
        .then(|| Uuid::try_parse(&text).ok())
        .flatten();
    id.filter(|id| id.get_version() == Some(Version::SortRand))
        .map(Some)
        .ok_or_else(|| field.wrong(EXPECTED))
}

/// What a text is filed under, as a row has it: a chat is filed under the last words of its user, and
/// there may be none.
fn topic_of(field: &Field<'_>) -> Result<String, ParseFault> {
    let expected = format!("a string of at most {TOPIC_CHARS} characters");
    let topic = field.value::<String>(&expected)?;
    let topic = topic.filter(|topic| !is_longer_than(TOPIC_CHARS, topic));
    let topic = topic.ok_or_else(|| field.wrong(&expected))?;
    match topic.contains('\0') {
        true => Err(ParseFault::Nul {
            field: field.name.to_string(),
        }),
        false => Ok(topic.trim().to_string()),
    }
}

/// The name of a model, as its provider has told it: no name is too odd to be a row's.
fn model_of(field: &Field<'_>) -> Result<Option<String>, ParseFault> {
    let expected = format!("a string of at most {NAME_CHARS} characters");
    let model = field.value::<String>(&expected)?;
    match &model {
        Some(name) if is_longer_than(NAME_CHARS, name) => Err(field.wrong(&expected)),
        _ => Ok(model),
    }
}

/// A text may hold U+0000: one that a provider sent is stored, and so exported, as it is.
fn whole_text(field: &Field<'_>) -> Result<String, ParseFault> {
    const EXPECTED: &str = "a string that is not empty, of at most 4 MiB";
    let text = field.value::<String>(EXPECTED)?;
    text.filter(|text| !text.is_empty() && text.len() <= GENERATION_BYTES)
        .ok_or_else(|| field.wrong(EXPECTED))
}

fn state_of(field: &Field<'_>) -> Result<TextState, ParseFault> {
    const EXPECTED: &str = "`complete` or `truncated`";
    let word = field.value::<String>(EXPECTED)?;
    word.and_then(|word| TextState::from_word(&word))
        .ok_or_else(|| field.wrong(EXPECTED))
}
