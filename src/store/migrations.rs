//! The tables' versions, for both engines: what is missing, and whether what is there is ours.
//!
//! ```text
//!  known     1  2  3  4          applied, as the database has it on record
//!  applied   1  2                3 and 4 are missing: they are made
//!  applied   1  2' 3             2 was made otherwise: refused
//!  applied   1     3             2 is not on record: refused
//!  applied   1  2  3  4  5       a newer maitred was here: refused
//! ```
//! A migration is a file of SQL and is never changed once it was released; what is wrong with it is
//! mended by the next one. Each only adds, so the version before can go on while this one starts. The
//! record (`maitred_schema`) has the hash of each file: tables that were made by other statements
//! would take our rows and lose them, or refuse them one by one, so nothing is served on them.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::StoreError;

/// One file. Its version is its place in the list, from 1.
#[derive(Debug)]
pub(super) struct Migration {
    /// The name of the file.
    pub(super) name: &'static str,
    /// Its statements.
    pub(super) sql: &'static str,
}

/// The migrations in these files of `migrations/`, in their order.
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        [$(crate::store::migrations::Migration {
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }),*]
    };
}
pub(super) use migrations;

impl Migration {
    /// SHA-256 of its statements, in hexadecimal.
    pub(super) fn checksum(&self) -> String {
        let hash = Sha256::digest(self.sql);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A row of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: i64,
    /// `None`: it was made before hashes were recorded.
    pub(super) checksum: Option<String>,
}

/// What a database lacks, and from which version on. `applied` is in the order of the versions.
///
/// # Errors
/// What is there was not made by these migrations.
pub(super) fn missing<'a>(
    known: &'a [Migration],
    applied: &[Applied],
    path: &Path,
) -> Result<&'a [Migration], StoreError> {
    let expected = known.len() as i64;
    let path = || path.to_owned();
    if let Some(last) = applied.last()
        && last.version > expected
    {
        return Err(StoreError::Schema {
            path: path(),
            found: last.version,
            expected,
        });
    }
    for (version, migration) in (1..).zip(known) {
        let name = migration.name.to_owned();
        match applied.get(version as usize - 1) {
            None => return Ok(&known[version as usize - 1..]),
            Some(row) if row.version != version => {
                return Err(StoreError::MigrationMissing { path: path(), name });
            }
            Some(row)
                if row
                    .checksum
                    .as_ref()
                    .is_some_and(|sum| *sum != migration.checksum()) =>
            {
                return Err(StoreError::MigrationChanged { path: path(), name });
            }
            Some(_) => {}
        }
    }
    Ok(&[])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KNOWN: [Migration; 3] = [
        Migration {
            name: "1_a",
            sql: "A",
        },
        Migration {
            name: "2_b",
            sql: "B",
        },
        Migration {
            name: "3_c",
            sql: "C",
        },
    ];

    fn judge(applied: &[(i64, Option<&Migration>)]) -> Result<Vec<&'static str>, &'static str> {
        let row = |(version, made): &(i64, Option<&Migration>)| Applied {
            version: *version,
            checksum: made.map(Migration::checksum),
        };
        let applied: Vec<_> = applied.iter().map(row).collect();
        match missing(&KNOWN, &applied, Path::new("tables")) {
            Ok(missing) => Ok(missing.iter().map(|migration| migration.name).collect()),
            Err(StoreError::Schema { .. }) => Err("newer"),
            Err(StoreError::MigrationChanged { .. }) => Err("changed"),
            Err(StoreError::MigrationMissing { .. }) => Err("missing"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_not_ours_is_left() {
        let [a, b, c] = KNOWN.each_ref().map(Some);
        assert_eq!(judge(&[]), Ok(vec!["1_a", "2_b", "3_c"]));
        assert_eq!(judge(&[(1, a), (2, b)]), Ok(vec!["3_c"]));
        assert_eq!(judge(&[(1, a), (2, b), (3, c)]), Ok(vec![]));
        assert_eq!(
            judge(&[(1, None), (2, b), (3, c)]),
            Ok(vec![]),
            "an old record"
        );
        assert_eq!(judge(&[(1, a), (2, c), (3, c)]), Err("changed"));
        assert_eq!(judge(&[(1, a), (3, c)]), Err("missing"));
        assert_eq!(judge(&[(2, b), (3, c)]), Err("missing"));
        assert_eq!(judge(&[(0, None)]), Err("missing"));
        assert_eq!(judge(&[(1, a), (2, b), (3, c), (4, c)]), Err("newer"));
        assert_eq!(judge(&[(9, c)]), Err("newer"));
    }

    #[test]
    fn words_say_which_and_what_to_do() {
        let applied = [Applied {
            version: 1,
            checksum: Some("00".into()),
        }];
        let error = missing(&KNOWN, &applied, Path::new("tables")).unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("1_a") && words.contains("restore"),
            "{words}"
        );
        assert_eq!(error.code(), "store_schema");
    }
}
