//! What the command line says about itself: help, the manual page, completions, and what was typed
//! wrongly. All of it from the one definition in [`super::Arguments`].

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;

/// The end of the help.
pub(super) const AFTER_HELP: &str = "\
Examples:
  maitred                                  serve on 127.0.0.1:8080, with the offline provider
  OPENAI_API_KEY=… maitred                 the same with OpenAI
  maitred serve --listen 127.0.0.1:9000 --data-dir /var/lib/maitred
  maitred check-config                     what is in force, and where each value came from
  maitred analyze letter.txt               how hard a text is to read, and how it feels

Settings come from flags, then the environment (MAITRED_LISTEN for `listen`), then .env, then \
maitred.toml; `maitred check-config` prints all of them and where each one came from.

Exit codes: 0 it did what was asked, or was asked to stop; 1 it could not, or requests were cut off; \
2 flags or settings are wrong. Errors are one line.

Where to go next: type the line that the server prints when it starts, or open its address. \
docs/api.md has an example of every request, docs/configuration.md every setting; the server itself \
describes its requests at /openapi.json and its state at /metrics.";

/// Completions for a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "maitred", &mut script);
    String::from_utf8(script).expect("our own words are UTF-8")
}

/// The manual page, in roff. There is one for all commands, so none refers to a page of its own; and
/// the examples are examples, line by line.
pub(super) fn page() -> String {
    let mut page = Vec::new();
    let definition = Arguments::command();
    let manual = clap_mangen::Man::new(definition.clone());
    manual.render(&mut page).expect("memory takes every byte");
    let mut page = String::from_utf8(page).expect("our own words are UTF-8");
    for command in definition.get_subcommands() {
        let name = command.get_name();
        let reference = format!("maitred\\-{}(1)", name.replace('-', "\\-"));
        page = page.replace(&reference, &format!("\\fBmaitred {name}\\fR"));
    }
    page.replace(".SH EXTRA\nExamples:", ".SH EXAMPLES\n.nf")
        .replace(
            "\nSettings come from",
            "\n.fi\n.SH NOTES\nSettings come from",
        )
}

/// A fault of what was typed: what is wrong and what was probably meant, without the usage.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let wrong = paragraphs.next().unwrap_or_default();
    let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong).to_owned();
    let tips = paragraphs.filter_map(|words| words.strip_prefix("tip: ").map(str::to_owned));
    let mut parts = vec![wrong];
    parts.extend(tips);
    parts.push("see maitred --help".to_owned());
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::ValueEnum;

    use super::super::try_parse;
    use super::*;

    fn wrong(line: &str) -> String {
        one_line(&try_parse(line.split(' ')).unwrap_err())
    }

    #[test]
    fn what_was_typed_wrongly_is_one_line() {
        assert_eq!(
            wrong("maitred --lisen x"),
            "unexpected argument '--lisen' found; a similar argument exists: '--listen'; \
             see maitred --help"
        );
        for line in [
            "maitred dance",
            "maitred --listen",
            "maitred completions",
            "maitred completions dos",
            "maitred serve x",
        ] {
            let words = wrong(line);
            assert!(
                !words.contains('\n') && words.ends_with("see maitred --help"),
                "{words}"
            );
        }
        assert!(wrong("maitred completions dos").contains("bash"));
    }

    #[test]
    fn every_shell_completes_every_command_and_flag() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for word in [
                "check-config",
                "analyze",
                "keywords",
                "data-dir",
                "completions",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn the_manual_page_has_every_command_and_the_exit_codes() {
        let page = page();
        assert!(page.contains(".TH maitred 1"), "{page}");
        for words in [
            "check\\-config",
            "\\-\\-data\\-dir",
            "Exit codes",
            "OPENAI_API_KEY",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
    }
}
