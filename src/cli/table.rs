//! Figures as lines and columns for a person.

use std::fmt::Write;

use crate::score::Scores;
use crate::score::keywords::Keyword;

/// The figures of one text, one a line.
pub(super) fn scores(scores: &Scores) -> String {
    let (r, s) = (&scores.readability, &scores.sentiment);
    let mut lines = format!("Readability                 {}\n", r.label);
    for (name, figure) in [
        ("Flesch reading ease", r.flesch_reading_ease),
        ("Flesch-Kincaid grade", r.flesch_kincaid_grade),
        ("Gunning fog", r.gunning_fog),
        ("SMOG index", r.smog_index),
        ("Automated readability", r.automated_readability_index),
        ("Coleman-Liau index", r.coleman_liau_index),
        ("Dale-Chall score", r.dale_chall_readability_score),
        ("LIX", r.lix),
        ("Linsear Write", r.linsear_write_formula),
    ] {
        line(&mut lines, name, format_args!("{figure:.2}"));
    }
    line(&mut lines, "Words", r.lexicon_count);
    line(&mut lines, "Sentences", r.sentence_count);
    line(&mut lines, "Syllables", r.syllable_count);
    let _ = writeln!(lines, "\nSentiment                   {}", s.label);
    for (name, figure) in [
        ("Compound, -1 to 1", s.compound),
        ("Positive part", s.pos),
        ("Neutral part", s.neu),
        ("Negative part", s.neg),
    ] {
        line(&mut lines, name, format_args!("{figure:.3}"));
    }
    lines
}

/// One name and its figure. Writing into a string cannot fail.
fn line(lines: &mut String, name: &str, figure: impl std::fmt::Display) {
    let _ = writeln!(lines, "  {name:22}{:>12}", figure.to_string());
}

/// The keywords of one text, one a line, the figures below each other.
pub(super) fn keywords(keywords: &[Keyword]) -> String {
    let mut lines = String::new();
    if keywords.is_empty() {
        lines.push_str("  no keywords: there are no content words\n");
    }
    let widest = keywords.iter().map(|k| columns(&k.keyword)).max();
    for (rank, found) in (1..).zip(keywords) {
        let keyword = padded(&found.keyword, widest.unwrap_or(0));
        let _ = writeln!(lines, "{rank:>3}  {keyword}  {:.2}", found.score);
    }
    lines
}

/// A column of the table of several texts. Those with the lowest `rank` stay when it is narrow.
struct Column {
    head: &'static str,
    rank: u8,
    /// Whether it is words, which stand to the left, or a figure.
    words: bool,
    cell: fn(&Scores) -> String,
}

const COLUMNS: &[Column] = &[
    column("READS", 0, true, |s| s.readability.label.to_string()),
    column("EASE", 1, false, |s| {
        short(s.readability.flesch_reading_ease)
    }),
    column("GRADE", 2, false, |s| {
        short(s.readability.flesch_kincaid_grade)
    }),
    column("FOG", 6, false, |s| short(s.readability.gunning_fog)),
    column("SMOG", 6, false, |s| short(s.readability.smog_index)),
    column("ARI", 7, false, |s| {
        short(s.readability.automated_readability_index)
    }),
    column("COLEMAN", 7, false, |s| {
        short(s.readability.coleman_liau_index)
    }),
    column("DALE", 6, false, |s| {
        short(s.readability.dale_chall_readability_score)
    }),
    column("LIX", 7, false, |s| short(s.readability.lix)),
    column("LINSEAR", 7, false, |s| {
        short(s.readability.linsear_write_formula)
    }),
    column("WORDS", 3, false, |s| {
        s.readability.lexicon_count.to_string()
    }),
    column("SENTENCES", 5, false, |s| {
        s.readability.sentence_count.to_string()
    }),
    column("FEELS", 0, true, |s| s.sentiment.label.to_string()),
    column("COMPOUND", 4, false, |s| {
        format!("{:.3}", s.sentiment.compound)
    }),
];

const fn column(head: &'static str, rank: u8, words: bool, cell: fn(&Scores) -> String) -> Column {
    Column {
        head,
        rank,
        words,
        cell,
    }
}

fn short(figure: f64) -> String {
    format!("{figure:.1}")
}

/// A row for each text. In a terminal of `width` columns the less important figures are left out,
/// then names are cut at their front.
pub(super) fn rows(texts: &[(String, Scores)], width: Option<usize>) -> String {
    const GAP: usize = 2;
    let cells: Vec<(&Column, usize, Vec<String>)> = COLUMNS
        .iter()
        .map(|column| {
            let cells: Vec<String> = texts.iter().map(|(_, s)| (column.cell)(s)).collect();
            let widest = cells.iter().map(String::len).max().unwrap_or(0);
            (column, widest.max(column.head.len()), cells)
        })
        .collect();
    let names = texts
        .iter()
        .map(|(name, _)| columns(name))
        .max()
        .unwrap_or(0)
        .max(4);
    let least_names = names.min(20);
    let width = width.unwrap_or(usize::MAX);
    let needs = |rank: u8| -> usize {
        let kept = cells.iter().filter(|(column, ..)| column.rank <= rank);
        least_names + kept.map(|(_, wide, _)| wide + GAP).sum::<usize>()
    };
    let rank = (0..=7)
        .rev()
        .find(|rank| needs(*rank) <= width)
        .unwrap_or(0);
    let names = names.min(least_names + width.saturating_sub(needs(rank)));
    let mut lines = padded("FILE", names);
    let kept: Vec<_> = cells
        .iter()
        .filter(|(column, ..)| column.rank <= rank)
        .collect();
    let put = |lines: &mut String, column: &Column, wide: usize, cell: &str| {
        let _ = match column.words {
            true => write!(lines, "  {cell:wide$}"),
            false => write!(lines, "  {cell:>wide$}"),
        };
    };
    for (column, wide, _) in &kept {
        put(&mut lines, column, *wide, column.head);
    }
    for (number, (name, _)) in texts.iter().enumerate() {
        end_line(&mut lines);
        lines.push_str(&padded(&front_cut(name, names), names));
        for (column, wide, cells) in &kept {
            put(&mut lines, column, *wide, &cells[number]);
        }
    }
    end_line(&mut lines);
    lines
}

/// No blanks at the ends of lines.
fn end_line(lines: &mut String) {
    lines.truncate(lines.trim_end_matches(' ').len());
    lines.push('\n');
}

/// The end of a name, which tells files apart, in `width` columns.
fn front_cut(name: &str, width: usize) -> String {
    let many = columns(name);
    if many <= width {
        return name.to_owned();
    }
    let rest = name.chars().skip(many + 1 - width);
    std::iter::once('…').chain(rest).collect()
}

fn padded(text: &str, width: usize) -> String {
    let gap = width.saturating_sub(columns(text));
    text.to_owned() + &" ".repeat(gap)
}

/// Columns that a text takes, near enough: one for each character.
fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::score::score;

    fn texts() -> Vec<(String, Scores)> {
        let long = "a/very/long/path/to/some/file/with/a/name.txt".to_owned();
        let scored = |text: &str| score(text, &|| false).unwrap();
        vec![
            ("a.txt".to_owned(), scored("The food was great!")),
            (
                long,
                scored("Nobody ever liked the horrible, incomprehensible bureaucracy."),
            ),
        ]
    }

    #[test]
    fn one_text_has_a_line_for_each_figure() {
        let lines = scores(&texts()[0].1);
        let squeezed: Vec<String> = (lines.lines())
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "Readability very easy",
            "Flesch reading ease 118.18",
            "Words 4",
            "Compound, -1 to 1 0.659",
        ] {
            assert!(squeezed.contains(&line.to_owned()), "{line} in\n{lines}");
        }
        assert!(lines.lines().all(|line| line.len() <= 40), "{lines}");
    }

    #[test]
    fn a_table_fits_its_terminal_and_keeps_what_matters() {
        for width in [60, 80, 100, 120, 200] {
            let table = rows(&texts(), Some(width));
            let lines: Vec<&str> = table.lines().collect();
            assert_eq!(lines.len(), 3);
            assert!(
                lines.iter().all(|line| columns(line) <= width),
                "{width}\n{table}"
            );
            for part in [
                "FILE",
                "READS",
                "FEELS",
                "very easy",
                "positive",
                "name.txt",
            ] {
                assert!(table.contains(part), "{part} at {width} in\n{table}");
            }
        }
        let whole = rows(&texts(), None);
        assert!(COLUMNS.iter().all(|column| whole.contains(column.head)));
        assert!(whole.contains("a/very/long/path/to/some/file/with/a/name.txt"));
    }

    #[test]
    fn keywords_stand_below_each_other() {
        let found = |keyword: &str, score| Keyword {
            keyword: keyword.to_owned(),
            score,
        };
        let lines = keywords(&[found("green tea", 1.0), found("thé", 0.5)]);
        assert_eq!(lines, "  1  green tea  1.00\n  2  thé        0.50\n");
        assert!(keywords(&[]).contains("no keywords"));
    }
}
