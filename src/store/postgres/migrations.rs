//! The tables: made, brought up to date, or left alone because they are newer than we are.
//!
//! ```text
//!  BEGIN, lock, which version? ─┬─ ours ──────► COMMIT
//!                               ├─ older ─────► what is missing, COMMIT
//!                               └─ newer ─────► refused, and the connection closed
//! ```
//! The lock ends with the transaction, so it works through a pooler too, and whoever waits for it finds
//! the tables made. All files but that of the search are SQLite's as well.

use super::NAME;
use crate::proto::postgres::Row;
use crate::store::StoreError;

/// The number of the lock is any that nobody else uses.
const BEGIN: &str = "
    BEGIN; SELECT pg_advisory_xact_lock(7885302917);
    CREATE TABLE IF NOT EXISTS maitred_schema (
        version BIGINT PRIMARY KEY, applied TIMESTAMPTZ NOT NULL DEFAULT now());
    SELECT coalesce(max(version), 0) FROM maitred_schema";

/// Each version's statements. They are never changed, only added to.
const VERSIONS: [&str; 7] = [
    include_str!("../migrations/0001_first_tables.sql"),
    SEARCH,
    include_str!("../migrations/0003_what_requests_cost.sql"),
    include_str!("../migrations/0004_how_old_rows_are.sql"),
    include_str!("../migrations/0005_idempotency.sql"),
    include_str!("../migrations/0006_answer_cache.sql"),
    include_str!("../migrations/0007_jobs.sql"),
];

/// Words are found whatever their case and the marks over their letters. The collation is there in
/// every server with ICU; that of the database may be `C`, which knows no letters but ASCII's.
const SEARCH: &str = r#"
    CREATE FUNCTION maitred_folded(words TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT lower(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g')
                     COLLATE "und-x-icu") $$;
    -- The first hundred thousand characters: an index entry has a bound.
    CREATE FUNCTION maitred_words(term TEXT, words TEXT) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT to_tsvector('simple', maitred_folded(left($1 || ' ' || $2, 100000))) $$;
    ALTER TABLE generated_content ADD COLUMN words tsvector;
    UPDATE generated_content AS g SET words = maitred_words(t.term, g.text)
        FROM search_terms AS t WHERE t.tenant = g.tenant AND t.id = g.search_term_id;
    CREATE INDEX generated_content_words ON generated_content USING gin (words);
"#;

/// Goes through it, one script at a time.
#[derive(Debug, Default)]
pub struct Migrator {
    step: Step,
    version: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Begin,
    Decide,
    Over,
}

impl Migrator {
    /// The next script; `None` when the tables are as they should be.
    ///
    /// # Errors
    /// They are newer than this program. The connection is to be closed.
    pub fn script(&mut self) -> Result<Option<String>, StoreError> {
        let step = std::mem::replace(&mut self.step, Step::Over);
        match step {
            Step::Begin => {
                self.step = Step::Decide;
                Ok(Some(BEGIN.to_owned()))
            }
            Step::Decide => self.decide().map(Some),
            Step::Over => Ok(None),
        }
    }

    fn decide(&self) -> Result<String, StoreError> {
        let expected = VERSIONS.len() as i64;
        let found = self.version.unwrap_or(0);
        let Some(missing) = usize::try_from(found)
            .ok()
            .and_then(|at| VERSIONS.get(at..))
        else {
            let path = NAME.into();
            return Err(StoreError::Schema {
                path,
                found,
                expected,
            });
        };
        let mut script = String::new();
        for (at, statements) in missing.iter().enumerate() {
            let version = found + 1 + at as i64;
            script += statements;
            script += &format!(";\nINSERT INTO maitred_schema (version) VALUES ({version});\n");
        }
        script += "COMMIT";
        Ok(script)
    }

    /// A row of the present script. The last one of the first script is the version.
    pub fn row(&mut self, row: &Row<'_>) {
        if self.step == Step::Decide
            && let Ok(Some(text)) = row.values().text()
            && let Ok(version) = text.parse()
        {
            self.version = Some(version);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn after(version: i64) -> Result<Option<String>, StoreError> {
        let mut migrator = Migrator::default();
        assert!(migrator.script().unwrap().unwrap().contains("BEGIN"));
        migrator.version = Some(version);
        migrator.script()
    }

    #[test]
    fn what_is_missing_is_made_and_no_more() {
        let all = after(0).unwrap().unwrap();
        assert!(all.contains("CREATE TABLE search_terms") && all.ends_with("COMMIT"));
        let last = after(6).unwrap().unwrap();
        assert!(!last.contains("search_terms") && last.contains("VALUES (7)"));
        assert_eq!(after(7).unwrap().unwrap(), "COMMIT");
    }

    #[test]
    fn newer_tables_are_left_alone() {
        let error = after(8).unwrap_err();
        assert_eq!(error.code(), "store_schema");
        assert_eq!(after(-1).unwrap_err().code(), "store_schema");
    }
}
