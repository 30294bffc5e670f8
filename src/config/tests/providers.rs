//! Providers: from variables, from the file, and from both.

use super::*;

#[test]
fn a_key_in_the_environment_is_all_that_openai_needs() {
    let config = given().env("OPENAI_API_KEY", "sk-1").load();
    assert_eq!(config.default_provider, "openai");
    let provider = config.provider("openai").unwrap();
    assert_eq!(provider.model, "gpt-4o-mini");
    let upstream = provider.upstream().unwrap();
    assert_eq!(upstream.base.to_string(), "https://api.openai.com/v1");
    assert_eq!(upstream.keys[0].secret.expose(), "sk-1");
    assert_eq!(upstream.timeouts, Timeouts::default());
    assert!(config.provider(OFFLINE).unwrap().upstream().is_none());
}

#[test]
fn a_key_in_the_environment_is_all_that_any_vendor_needs() {
    for (variable, name, speech, base, model) in [
        (
            "ANTHROPIC_API_KEY",
            "anthropic",
            Speech::Anthropic,
            "https://api.anthropic.com",
            "claude-haiku-4-5",
        ),
        (
            "GEMINI_API_KEY",
            "gemini",
            Speech::Gemini,
            "https://generativelanguage.googleapis.com",
            "gemini-2.5-flash",
        ),
        (
            "GOOGLE_API_KEY",
            "gemini",
            Speech::Gemini,
            "https://generativelanguage.googleapis.com",
            "gemini-2.5-flash",
        ),
    ] {
        let config = given().env(variable, "k").load();
        assert_eq!(config.default_provider, name);
        let provider = config.provider(name).unwrap();
        let upstream = provider.upstream().unwrap();
        assert_eq!((upstream.speech, provider.model.as_str()), (speech, model));
        assert_eq!(upstream.base.to_string(), base);
        assert_eq!(upstream.keys[0].secret.expose(), "k");
    }
    let both = given()
        .env("GOOGLE_API_KEY", "b")
        .env("GEMINI_API_KEY", "a");
    let config = both.load();
    let upstream = config.provider("gemini").unwrap().upstream().unwrap();
    assert_eq!(upstream.keys[0].secret.expose(), "a");
}

#[test]
fn several_keys_need_a_choice_and_then_all_are_there() {
    let keys = || {
        given()
            .env("OPENAI_API_KEY", "a")
            .env("ANTHROPIC_API_KEY", "b")
            .env("GEMINI_API_KEY", "c")
    };
    let words = keys().words();
    assert!(
        words.contains("MAITRED_DEFAULT_PROVIDER is one of anthropic, gemini, openai"),
        "{words}"
    );
    let config = keys().env("MAITRED_DEFAULT_PROVIDER", "gemini").load();
    assert_eq!(
        (config.default_provider.as_str(), config.providers.len()),
        ("gemini", 4)
    );
}

#[test]
fn a_kind_says_how_a_provider_of_any_name_is_spoken_to() {
    let text = "
        [provider.claude]
        kind = 'anthropic'
        base_url = 'http://10.0.0.7'
        model = 'm'";
    let config = file(text).load();
    let upstream = config.provider("claude").unwrap().upstream().unwrap();
    assert_eq!(upstream.speech, Speech::Anthropic);
    // A vendor's name with another kind is another server: its defaults do not hold.
    let words = file("[provider.gemini]\nkind = 'openai'\nkey = 'k'").words();
    assert!(
        words.contains("`provider.gemini.base_url` is not set"),
        "{words}"
    );
    // And without a key the vendor itself has no use for us.
    let words = file("[provider.anthropic]").words();
    assert!(words.contains("set ANTHROPIC_API_KEY"), "{words}");
}

#[test]
fn a_local_server_needs_no_key() {
    let given = given()
        .env("OPENAI_BASE_URL", "http://localhost:11434/v1")
        .env("OPENAI_MODEL", "m");
    let config = given.load();
    let provider = config.provider("openai").unwrap();
    assert_eq!(
        (provider.model.as_str(), &provider.upstream().unwrap().keys),
        ("m", &Vec::new())
    );
    // OpenAI itself does.
    let words = file("[provider.openai]").words();
    assert!(
        words.contains("`provider.openai.key` is not set: set OPENAI_API_KEY"),
        "{words}"
    );
}

#[test]
fn a_bad_key_is_named_by_its_variable_and_not_shown() {
    for key in ["sk secret", "sk-secret\r\nX-Evil: 1", "sécret"] {
        let words = given().env("OPENAI_API_KEY", key).words();
        assert!(words.starts_with("environment OPENAI_API_KEY: "), "{words}");
        assert!(
            !words.contains("secret") && !words.contains("sécret"),
            "{words}"
        );
    }
    let words = given()
        .env("OPENAI_BASE_URL", "https://me:secret@host/")
        .words();
    assert!(
        words.contains("OPENAI_BASE_URL") && !words.contains("secret"),
        "{words}"
    );
}

#[test]
fn a_provider_of_the_file_can_be_completed_by_variables() {
    let text = "
        default_provider = 'my-vllm'
        [provider.my-vllm]
        base_url = 'https://10.0.0.7:8000/v1'
        model = 'm'
        concurrency = 5
        ca_file = 'ca.pem'
        total_ms = 1000
        [provider.openai]
        model = 'big'";
    let given = file(text)
        .env("MAITRED_PROVIDER_MY_VLLM_KEY", "k1")
        .env("OPENAI_API_KEY", "k2");
    let config = given.load();
    let names: Vec<_> = config.providers.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["my-vllm", "openai", "offline"]);
    let vllm = config.provider("my-vllm").unwrap();
    assert_eq!(vllm.concurrency, Some(Concurrency::Fixed(5)));
    let upstream = vllm.upstream().unwrap();
    assert_eq!(upstream.keys[0].secret.expose(), "k1");
    assert_eq!(upstream.timeouts.total_ms, 1000);
    assert_eq!(
        upstream.ca_file.as_deref(),
        Some(std::path::Path::new("ca.pem"))
    );
    assert_eq!(config.provider("openai").unwrap().model, "big");
}

#[test]
fn providers_that_make_no_sense_are_refused() {
    let two = "[provider.a]\nbase_url='http://a'\nmodel='m'\n\
               [provider.b]\nbase_url='http://b'\nmodel='m'\n";
    let chosen = format!("default_provider = 'c'\n{two}");
    let cases = [
        (
            "[provider.a]\nmodel = 'm'",
            "`provider.a.base_url` is not set",
        ),
        (
            "[provider.a]\nbase_url = 'http://a'",
            "`provider.a.model` is not set",
        ),
        (
            "[provider.a]\nkind = 'telepathy'",
            "`provider.a.kind` must be one of openai, anthropic, gemini",
        ),
        (
            "[provider.a]\nbase_url = 'a'",
            "`provider.a.base_url` must begin with http",
        ),
        (
            "[provider.a]\nmodel = ''\nbase_url = 'http://a'",
            "`provider.a.model` is empty",
        ),
        ("[provider.A_B]", "must have a name of"),
        ("[provider.offline]", "is built in"),
        (
            two,
            "several providers are configured, say which one to use: MAITRED_DEFAULT_PROVIDER is \
             one of a, b",
        ),
        (&chosen, "`default_provider` must be one of a, b, offline"),
    ];
    for (text, words) in cases {
        let error = file(text).words();
        assert!(error.contains(words), "{error}");
    }
}
