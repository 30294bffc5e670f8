//! What became of the configuration of models and providers, in words: the end of `check-config`.
//!
//! Everything stands behind `#`, so that the whole is still a configuration file.

use std::fmt::Write as _;

use super::{ModelRoute, Router};
use crate::config::{Concurrency, Config, Model, ModelTarget, Provider};

/// What `check-config` says at its end.
#[must_use]
pub fn explain(config: &Config) -> String {
    let mut text = String::from("\n# Whom requests are asked of, by the model that they name:\n");
    // Writing to a string cannot fail.
    let mut line = |words: &str| {
        let _ = writeln!(text, "#   {words}");
    };
    for model in &config.models {
        line(&of_model(model));
    }
    for (provider, name) in listed(config) {
        line(&format!("{name}: {provider}, whose `models` have it"));
    }
    let names: Vec<&str> = config.providers.iter().map(|p| p.name.as_str()).collect();
    line(&format!(
        "PROVIDER/MODEL: that provider: {}",
        names.join(", ")
    ));
    let router = Router::new(config);
    let known = [
        ("gpt-…, chatgpt-…, o1…, o3…, o4…, text-embedding-…", "gpt-0"),
        ("claude-…", "claude-0"),
        (
            "gemini-…, gemini-embedding-…, text-embedding-004",
            "gemini-0",
        ),
        ("any other", "?"),
    ];
    for (names, example) in known {
        let words = router.resolve(example).map_or_else(
            |_| "nobody (404)".to_owned(),
            |route| format!("{}, under that name", route.first().provider_name),
        );
        line(&format!("{names}: {words}"));
    }
    line(&format!("none: {}", told(&router.default_route())));
    for provider in &config.providers {
        if let Some(words) = of_provider(provider) {
            line(&words);
        }
    }
    text
}

/// Names of the providers' lists, with those who have them.
fn listed(config: &Config) -> Vec<(String, &str)> {
    let mut names: Vec<&str> = (config.providers.iter())
        .flat_map(|provider| provider.models.iter().map(String::as_str))
        .collect();
    names.sort_unstable();
    names.dedup();
    let owners = |name: &str| {
        let owners = config.providers.iter();
        let owners = owners.filter(|p| p.models.iter().any(|model| model == name));
        owners
            .map(|p| p.name.as_str())
            .collect::<Vec<_>>()
            .join(" or ")
    };
    names.into_iter().map(|name| (owners(name), name)).collect()
}

fn told(route: &ModelRoute) -> String {
    let targets = route.targets().iter();
    let targets: Vec<String> = targets
        .map(|target| format!("{}/{}", target.provider_name, target.model))
        .collect();
    targets.join(", then ")
}

/// One table `[model.NAME]`.
fn of_model(model: &Model) -> String {
    let mut targets = model.targets.clone();
    targets.sort_by_key(|target| target.priority);
    let groups: Vec<String> = targets
        .chunk_by(|one, other| one.priority == other.priority)
        .map(of_equals)
        .collect();
    let slow = match model.slow_ms {
        0 => String::new(),
        ms => format!(" or a stream has no content after {ms} ms"),
    };
    let next = format!("; if that fails{slow}: ");
    let mut words = format!("{}: {}", model.name, groups.join(&next));
    if let Some(ms) = model.hedge_ms {
        let _ = write!(
            words,
            "; the next one as well after {ms} ms without content"
        );
    }
    words
}

/// Targets that share the load.
fn of_equals(equals: &[ModelTarget]) -> String {
    let all: u64 = equals.iter().map(|target| target.weight).sum();
    let each: Vec<String> = (equals.iter())
        .map(|target| {
            let share = match equals {
                [_] => String::new(),
                _ => format!(" ({} of {all})", target.weight),
            };
            format!("{}/{}{share}", target.provider, target.model)
        })
        .collect();
    each.join(" and ")
}

/// What is particular about a provider.
fn of_provider(provider: &Provider) -> Option<String> {
    let keys = &provider.upstream()?.keys;
    let mut words = Vec::new();
    if keys.len() > 1 {
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        words.push(format!("{} keys: {}", keys.len(), names.join(", ")));
    }
    if provider.concurrency == Some(Concurrency::Adaptive) {
        words.push("as many calls at a time as it takes without getting slower".to_owned());
    }
    (!words.is_empty()).then(|| format!("{} has {}", provider.name, words.join("; ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{SourceFile, Sources};

    fn explained(toml: &str) -> String {
        let sources = Sources {
            file: Some(SourceFile {
                path: "maitred.toml".into(),
                text: toml.into(),
            }),
            ..Sources::default()
        };
        explain(&Config::load(&sources).unwrap())
    }

    #[test]
    fn every_route_is_told_in_words() {
        let said = explained(
            "default_provider = 'openai'
            default_model = 'smart'
            [provider.openai]
            keys = { team-a = 'sk-1', team-b = 'sk-2' }
            [provider.azure]
            base_url = 'http://10.0.0.1'
            model = 'gpt-4o'
            models = ['tuned']
            concurrency = 'adaptive'
            [model.smart]
            hedge_ms = 800
            targets = [
                { target = 'openai/gpt-4o', priority = 1, weight = 3 },
                { target = 'azure', priority = 1 },
                'azure/gpt-4o-mini',
            ]",
        );
        for line in [
            "#   smart: openai/gpt-4o (3 of 4) and azure/gpt-4o (1 of 4); if that fails or a stream \
             has no content after 10000 ms: azure/gpt-4o-mini; the next one as well after 800 ms \
             without content",
            "#   tuned: azure, whose `models` have it",
            "#   PROVIDER/MODEL: that provider: azure, openai, offline",
            "#   claude-…: nobody (404)",
            "#   any other: openai, under that name",
            "#   none: openai/gpt-4o, then azure/gpt-4o, then azure/gpt-4o-mini",
            "#   openai has 2 keys: team-a, team-b",
            "#   azure has as many calls at a time as it takes without getting slower",
        ] {
            assert!(
                said.lines().any(|said| said == line),
                "{line}\nis not in\n{said}"
            );
        }
        assert!(!said.contains("sk-"));
        assert!(
            said.lines()
                .all(|line| line.is_empty() || line.starts_with('#'))
        );
    }

    #[test]
    fn without_a_provider_everything_is_the_built_in_one() {
        let said = explained("");
        assert!(said.contains("#   any other: offline"), "{said}");
        assert!(said.contains("#   none: offline/offline"), "{said}");
    }
}
