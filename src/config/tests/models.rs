//! Models, keys and prices.

use super::*;

const TWO: &str = "
    default_provider = 'a'
    [provider.a]
    base_url = 'http://a'
    model = 'm'
    [provider.b]
    base_url = 'http://b'
    model = 'n'
";

fn two(more: &str) -> Given {
    file(&format!("{TWO}{more}"))
}

fn targets(config: &Config) -> Vec<(&str, &str, u64, u64)> {
    let targets = config.models[0].targets.iter();
    targets
        .map(|t| (&*t.provider, &*t.model, t.priority, t.weight))
        .collect()
}

#[test]
fn three_lines_are_enough_for_one_provider() {
    let text = "
        [provider.ollama]
        base_url = 'http://127.0.0.1:11434/v1'
        model = 'llama3.2'";
    assert_eq!(file(text).load().default_provider, "ollama");
}

#[test]
fn ten_lines_are_enough_for_failover_between_two() {
    let text = "
        default_provider = 'openai'
        default_model = 'smart'

        [provider.openai]
        key = 'k1'
        [provider.anthropic]
        key = 'k2'

        [model.smart]
        targets = ['openai/gpt-4o', 'anthropic/claude-sonnet-4-5']";
    assert!(text.trim().lines().count() <= 10);
    let config = file(text).load();
    assert_eq!(config.default_model.as_deref(), Some("smart"));
    let expected = [
        ("openai", "gpt-4o", 1, 1),
        ("anthropic", "claude-sonnet-4-5", 2, 1),
    ];
    assert_eq!(targets(&config), expected);
    let model = &config.models[0];
    assert_eq!((model.slow_ms, model.hedge_ms), (10_000, None));
}

#[test]
fn a_target_is_a_text_or_says_more_about_itself() {
    for (written, expected) in [
        ("'a'", vec![("a", "m", 1, 1)]),
        ("['b/x/y', 'a']", vec![("b", "x/y", 1, 1), ("a", "m", 2, 1)]),
        (
            "[{ target = 'a', weight = 3, priority = 1 }, { target = 'b', priority = 1 }]",
            vec![("a", "m", 1, 3), ("b", "n", 1, 1)],
        ),
        (
            "['a', { target = 'offline' }]",
            vec![("a", "m", 1, 1), ("offline", "offline", 2, 1)],
        ),
    ] {
        let config = two(&format!("[model.\"x-1.5\"]\ntargets = {written}\n")).load();
        assert_eq!(config.models[0].name, "x-1.5");
        assert_eq!(targets(&config), expected, "{written}");
        let again = file(config.effective()).load();
        assert_eq!(again.models, config.models, "what is shown can be read");
    }
    let by_variable = two("[model.\"x-1.5\"]").env("MAITRED_MODEL_X_1_5_TARGETS", "b, a/k");
    assert_eq!(
        targets(&by_variable.load()),
        [("b", "n", 1, 1), ("a", "k", 2, 1)]
    );
}

#[test]
fn a_default_model_that_is_almost_one_of_ours_is_a_slip() {
    let named = |name: &str, more: &str| {
        file(&format!(
            "default_model = '{name}'\n{TWO}{more}\n[model.smart]\ntargets = 'a'\n"
        ))
    };
    let said = named("smrt", "").words();
    assert!(
        said.starts_with(
            "maitred.toml:1: `default_model` is no `[model.NAME]`; did you mean `smart`?"
        ),
        "{said}"
    );
    for fine in ["smart", "gpt-4o", "a/smrt"] {
        assert_eq!(named(fine, "").load().default_model.as_deref(), Some(fine));
    }
    let listed = named("smrt", "models = ['smrt']").load();
    assert_eq!(listed.default_model.as_deref(), Some("smrt"));
}

#[test]
fn a_model_that_makes_no_sense_names_the_culprit() {
    for (written, words) in [
        ("", "`model.x.targets` is not set: say who is to be asked"),
        ("targets = []", "`model.x.targets` is empty"),
        ("targets = 5", "`model.x.targets` must be a list of targets"),
        (
            "targets = ['a', 'offlin/x']",
            "number 2, at a provider that is not configured; did you mean `offline`?",
        ),
        (
            "targets = ['somebody-else/x']",
            "number 1, at a provider that is not configured; there are a, b, offline",
        ),
        (
            "targets = ['a/']",
            "number 1, without a model behind the slash",
        ),
        (
            "targets = ['a', 'b', 'a/m']",
            "has the same target twice, as number 1 and 3",
        ),
        (
            "targets = ['a', { target = 'b', weight = 0 }]",
            "number 2, whose weight is no whole number from 1 to 1000",
        ),
        (
            "targets = ['a', { target = 'b', weight = -1 }]",
            "number 2, whose weight is no whole number from 1 to 1000",
        ),
        (
            "targets = [{ target = 'b', weight = 1.5 }]",
            "number 1, whose weight is no whole number from 1 to 1000",
        ),
        (
            "targets = [{ target = 'b', priority = 'first' }]",
            "number 1, whose priority is no whole number from 0 on",
        ),
        (
            "targets = [{ target = 'b', wieght = 1 }]",
            "number 1, with the field `wieght`, which is none of target, priority and weight",
        ),
        (
            "targets = 'a'\nhedge_ms = 0",
            "`model.x.hedge_ms` must be between",
        ),
        (
            "targets = 'a'\nhedge_ms = 50",
            "`model.x.hedge_ms` needs a second target",
        ),
        ("target = 'a'", "did you mean `model.x.targets`?"),
    ] {
        let said = two(&format!("[model.x]\n{written}\n")).words();
        assert!(said.contains(words), "{said}");
        assert!(
            said.starts_with("maitred.toml:") || written.is_empty(),
            "{said}"
        );
    }
    let said = two("[model.'a b']\ntargets = 'a'").words();
    assert!(said.contains("without spaces"), "{said}");
}

#[test]
fn keys_are_one_a_list_or_a_table_of_names() {
    let keys = |given: Given| -> Vec<(String, String)> {
        let config = given.load();
        let upstream = config.provider("openai").unwrap().upstream().unwrap();
        let keys = upstream.keys.iter();
        keys.map(|key| (key.name.clone(), key.secret.expose().to_owned()))
            .collect()
    };
    let named = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        let names = names.iter();
        names
            .map(|(name, key)| ((*name).to_owned(), (*key).to_owned()))
            .collect()
    };
    let one = file("[provider.openai]\nkey = 'k'");
    assert_eq!(keys(one), named(&[("main", "k")]));
    let list = file("[provider.openai]\nkeys = ['k', 'l']");
    assert_eq!(keys(list), named(&[("1", "k"), ("2", "l")]));
    let variable = given()
        .env("OPENAI_BASE_URL", "http://a")
        .env("MAITRED_PROVIDER_OPENAI_KEYS", "k, l");
    assert_eq!(keys(variable), named(&[("1", "k"), ("2", "l")]));
    let table = "[provider.openai]\nkeys = { team-a = 'k', team-b = 'l' }";
    let expected = named(&[("team-a", "k"), ("team-b", "l")]);
    assert_eq!(keys(file(table)), expected);
    let section =
        "[provider.openai]\nmodel = 'm'\n[provider.openai.keys]\nteam-a = 'x'\nteam-b = 'l'";
    let replaced = file(section).env("MAITRED_PROVIDER_OPENAI_KEYS_TEAM_A", "k");
    assert_eq!(keys(replaced), expected);
}

#[test]
fn keys_are_not_shown_and_what_is_shown_can_be_read() {
    for text in [
        "[provider.openai]\nkeys = ['sk-secret-1', 'sk-secret-2']",
        "[provider.openai]\nmodel = 'm'\nkeys = { a = 'sk-secret-1', b = 'sk-secret-2' }\nretries = 1",
    ] {
        let config = file(text).load();
        let shown = config.effective();
        assert!(!shown.contains("sk-secret") && !format!("{config:?}").contains("sk-secret"));
        let again = file(shown).load();
        let keys = |config: &Config| {
            let upstream = config.providers[0].upstream().unwrap();
            upstream.keys.len()
        };
        assert_eq!((keys(&again), keys(&config)), (2, 2), "{shown}");
    }
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    for (written, words) in [
        (
            "key = 'k'\nkeys = ['l']",
            "`provider.openai.key` is there, and provider.openai.keys as well",
        ),
        ("keys = []", "`provider.openai.keys` is empty"),
        ("keys = {}", "`provider.openai.keys` is empty"),
        (
            "keys = ['sk', '']",
            "`provider.openai.keys` is wrong at number 2: it is empty",
        ),
        (
            "keys = ['k1', 'k2', 'k1']",
            "`provider.openai.keys` has the same key twice, as `1` and `3`",
        ),
        (
            "keys = { a = 'k1', b = 'k1' }",
            "`provider.openai.keys.b` has the same key twice, as `a` and `b`",
        ),
        (
            "keys = { A = 'k' }",
            "`provider.openai.keys.A` must have a name",
        ),
        ("keys = ['a b']", "`provider.openai.keys` holds a space"),
    ] {
        let said = file(&format!("[provider.openai]\n{written}")).words();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_price_is_that_of_the_target_or_of_the_model_anywhere() {
    let config = two(
        "[price.'gpt-4.1']\nprompt = 2\ncompletion = 8.0\ncached = 0.5\n\
         [price.'b/gpt-4.1']\nprompt = 3.0\n",
    )
    .load();
    let cost = |provider, model, prompt, cached, completion| {
        let prices = config.prices_of(provider, model)?;
        Some(prices.cost_nanos(prompt, cached, completion))
    };
    assert_eq!(cost("a", "gpt-4.1", 1_000, 400, 100), Some(2_200_000));
    assert_eq!(cost("b", "gpt-4.1", 1_000, 400, 100), Some(3_000_000));
    assert_eq!(cost("a", "gpt-4.2", 1, 0, 0), None);
    let said = two("[price.x]\nprompt = 'free'").words();
    assert!(
        said.contains("`price.x.prompt` must be a price between"),
        "{said}"
    );
}

#[test]
fn a_bound_that_is_found_out_is_for_others_only() {
    let config = two("concurrency = 'adaptive'").load();
    let provider = config.provider("b").unwrap();
    assert_eq!(provider.concurrency, Some(Concurrency::Adaptive));
    assert_eq!(provider.queue.ms, crate::limits::QUEUE_CHOSEN_MS);
    for (written, words) in [
        ("concurrency = 'adaptiv'", "or \"adaptive\""),
        ("concurrency = 0", "must be between 1 and"),
        (
            "[offline]\nconcurrency = 'adaptive'",
            "`offline.concurrency` must be a number",
        ),
    ] {
        let said = two(written).words();
        assert!(said.contains(words), "{said}");
    }
}
