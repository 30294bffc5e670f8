//! Each rule of the configuration, on sources made of text.
#![allow(clippy::unwrap_used)]

mod models;
mod providers;

use super::*;

/// Sources under construction.
#[derive(Default)]
struct Given(Sources);

impl Given {
    fn file(mut self, text: &str) -> Self {
        self.0.file = Some(source("maitred.toml", text));
        self
    }

    fn dotenv(mut self, text: &str) -> Self {
        self.0.dotenv = Some(source(".env", text));
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.0.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn listen(mut self, address: &str) -> Self {
        self.0.flags.listen = Some(address.to_owned());
        self
    }

    fn load(&self) -> Config {
        Config::load(&self.0).unwrap()
    }

    fn error(&self) -> ConfigError {
        Config::load(&self.0).unwrap_err()
    }

    /// The error as one line for a person.
    fn words(&self) -> String {
        let words = self.error().to_string();
        assert!(!words.contains('\n'), "{words}");
        words
    }
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.into(),
        text: text.to_owned(),
    }
}

fn given() -> Given {
    Given::default()
}

fn file(text: &str) -> Given {
    given().file(text)
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = given().load();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.default_provider, OFFLINE);
    let [only] = &config.providers[..] else {
        panic!("one provider");
    };
    assert_eq!(
        (only.name.as_str(), &only.kind),
        (OFFLINE, &ProviderKind::Offline)
    );
    assert!(config.coalesce && !config.half_close && !config.debug && !config.allow_anonymous);
    assert_eq!(
        (config.limits, config.offline),
        (Limits::default(), Offline::default())
    );
    assert_eq!(config.limits.body_bytes, crate::limits::BODY_BYTES);
    assert_eq!(config.drill, Drill::default());
    assert!(
        config
            .prompt
            .fill("tea")
            .ends_with("a detailed article about tea.")
    );
}

#[test]
fn the_upper_layer_wins() {
    let mut given = file("listen = '127.0.0.1:1'");
    assert_eq!(given.load().listen.port(), 1);
    given = given.dotenv("MAITRED_LISTEN=127.0.0.1:2\n");
    assert_eq!(given.load().listen.port(), 2);
    given = given.env("MAITRED_LISTEN", "127.0.0.1:3");
    assert_eq!(given.load().listen.port(), 3);
    given = given.listen("127.0.0.1:4");
    assert_eq!(given.load().listen.port(), 4);
}

#[test]
fn a_variable_set_to_nothing_is_not_set() {
    let given = file("listen = '127.0.0.1:1'")
        .env("MAITRED_LISTEN", "")
        .env("OPENAI_API_KEY", "");
    assert_eq!(given.load().listen.port(), 1);
    assert_eq!(given.load().default_provider, OFFLINE);
}

#[test]
fn values_have_their_types_in_file_and_variable() {
    let written =
        file("hosts = ['a.example', 'B.example']\ndebug = true\n[limits]\nhead_ms = 5_000");
    let typed = given()
        .env("MAITRED_HOSTS", "a.example, B.example")
        .env("MAITRED_DEBUG", "true")
        .env("MAITRED_LIMITS_HEAD_MS", "5000");
    for config in [written.load(), typed.load()] {
        let hosts: Vec<_> = config.hosts.iter().map(HostName::as_str).collect();
        assert_eq!(hosts, ["a.example", "b.example"]);
        assert_eq!((config.debug, config.limits.head_ms), (true, 5_000));
    }
}

#[test]
fn an_unknown_key_names_file_line_and_the_nearest() {
    let cases = [
        (
            "\nlisen = 'x'",
            "maitred.toml:2: `lisen` is not a setting; did you mean `listen`?",
        ),
        (
            "[limits]\nhead_ms = 5\nbody_byte = 5",
            "maitred.toml:3: `limits.body_byte` is not a setting; did you mean `limits.body_bytes`?",
        ),
        (
            "ledger_bytes = 5",
            "maitred.toml:1: `ledger_bytes` is not a setting; did you mean `limits.ledger_bytes`?",
        ),
        (
            "[limts]",
            "maitred.toml:1: `limts` is not a setting; did you mean `limits`?",
        ),
        (
            "[provider.ollama]\nbase_ulr = 'http://localhost'",
            "maitred.toml:2: `provider.ollama.base_ulr` is not a setting; \
             did you mean `provider.ollama.base_url`?",
        ),
        (
            "limits = 5",
            "maitred.toml:1: `limits` is not a setting; \
             `maitred check-config` without it lists all settings",
        ),
    ];
    for (text, words) in cases {
        // A legal value of limits.head_ms is not what this is about.
        let text = text.replace("head_ms = 5", "head_ms = 5000");
        assert_eq!(file(&text).words(), words);
    }
}

#[test]
fn an_unknown_variable_of_ours_is_an_error_and_others_are_not() {
    let words = given().env("MAITRED_LISTN", "x").words();
    assert!(words.contains("environment MAITRED_LISTN"), "{words}");
    assert!(words.contains("did you mean `MAITRED_LISTEN`?"), "{words}");
    let words = given().dotenv("MAITRED_LISTN=x").words();
    assert!(words.starts_with(".env:1 MAITRED_LISTN"), "{words}");
    given()
        .env("PATH", "/bin")
        .env("OPENAI_ORG", "x")
        .env("OPENAI_MODEL", "x")
        .load();
}

#[test]
fn a_variable_of_a_table_that_is_not_there_is_told_so() {
    for (variable, table) in [
        ("MAITRED_PROVIDER_OPENAI_KEY", "provider.openai"),
        ("MAITRED_PROVIDER_MY_LLM_BASE_URL", "provider.my-llm"),
        ("MAITRED_WEBHOOK_ORDERS_SECRET", "webhook.orders"),
    ] {
        let told = format!(
            "environment {variable}: `{variable}` sets nothing: \
             there is no [{table}] in the configuration file"
        );
        assert_eq!(given().env(variable, "x").words(), told);
    }
    let slip = file("[provider.openai]\nkey = 'k'").env("MAITRED_PROVIDER_OPENI_KEY", "x");
    let words = slip.words();
    assert!(
        words.contains("did you mean `MAITRED_PROVIDER_OPENAI_KEY`?"),
        "{words}"
    );
}

#[test]
fn what_is_wrong_in_dotenv_is_told_with_its_line() {
    let words = given()
        .dotenv("# ours\n\nexport MAITRED_LISTEN = x\n")
        .words();
    assert!(
        words.starts_with(".env:3 MAITRED_LISTEN: `listen` must be"),
        "{words}"
    );
    for (name, value) in [("MAITRED_LISTEN", "127.0.0.1:1"), ("OPENAI_API_KEY", "k")] {
        let twice = format!("A=b\n{name}={value}\nA=c\n{name}={value}\n");
        let told = format!(".env:4: `{name}` is given twice");
        assert_eq!(given().dotenv(&twice).words(), told);
    }
    given().dotenv("A=b\nA=c\n").load(); // another program's
}

#[test]
fn a_key_that_is_there_twice_is_named() {
    for (text, told) in [
        (
            "debug = true\ndebug = true",
            "maitred.toml:2: duplicate key `debug`",
        ),
        (
            "[log]\n[limits]\n[log]",
            "maitred.toml:3: duplicate key `log`",
        ),
        (
            "[log]\nlevel = 'info'\n\"level\" = 'warn'",
            "maitred.toml:3: duplicate key `level`",
        ),
    ] {
        assert_eq!(file(text).words(), told);
    }
}

#[test]
fn a_model_without_a_provider_is_said_to_be_of_no_use() {
    let alone = given().env("OPENAI_MODEL", "x").load();
    let note = "OPENAI_MODEL is set, but openai is not asked: OPENAI_API_KEY or OPENAI_BASE_URL is missing";
    assert_eq!(alone.notes, [note]);
    assert!(alone.effective().ends_with(&format!("\n# {note}\n")));
    for with in ["OPENAI_API_KEY", "OPENAI_BASE_URL"] {
        let model = given().env("OPENAI_MODEL", "x");
        let used = model.env(with, "http://127.0.0.1:1/v1").load();
        assert_eq!(used.notes, [""; 0]);
    }
    let table = file("[provider.openai]\nkey = 'k'").env("OPENAI_MODEL", "x");
    assert_eq!(table.load().notes, [""; 0]);
}

#[test]
fn a_syntax_error_names_its_line_and_quotes_nothing() {
    let words = file("debug = true\nkey = \"sk-secret").words();
    assert!(words.starts_with("maitred.toml:2: "), "{words}");
    assert!(!words.contains("sk-secret"), "{words}");
    let words = given().dotenv("A=b\nOPENAI_API_KEY=sk secret\n").words();
    assert!(words.starts_with(".env:2: "), "{words}");
    assert!(!words.contains("secret"), "{words}");
}

#[test]
fn illegal_values_are_refused_where_they_stand() {
    let cases = [
        ("listen = 8080", "`listen` must be a string"),
        (
            "rate.requests = ['5/s', '60/min', '5/1s']",
            "`rate.requests` has \"5/s\" twice",
        ),
        (
            "listen = 'localhost'",
            "`listen` must be an address and a port",
        ),
        ("debug = 'true'", "`debug` must be true or false"),
        ("hosts = 'a'", "`hosts` must be a list"),
        ("hosts = ['a b']", "`hosts` names a host that cannot exist"),
        ("hosts = [['a']]", "`hosts` must be a string"),
        ("origins = ['*']", "`origins` must name its origins"),
        ("origins = ['https://a/b']", "which have no path"),
        ("prompt = 'Say hello'", "`prompt` has no {topic} in it"),
        (
            "connections = 1",
            "`connections` must be between 16 and 65536",
        ),
        (
            "seed = -1",
            "`seed` must be a whole number that is not negative",
        ),
        ("data_dir = ''", "`data_dir` is empty"),
        (
            "log.level = 'loud'",
            "`log.level` must be one of error, warn, info, debug, trace",
        ),
        (
            "log.format = 'xml'",
            "`log.format` must be one of text, json",
        ),
        (
            "limits.body_bytes = 1.5",
            "`limits.body_bytes` must be a whole number",
        ),
        (
            "limits.body_bytes = 10",
            "`limits.body_bytes` must be between 1024 and 67108864",
        ),
        (
            "limits.resume_grace_ms = 90000",
            "must not be greater than `limits.replay_ms`",
        ),
        (
            "offline.gap_ms = 99999",
            "`offline.gap_ms` must be between 0 and 10000",
        ),
        ("drill.stall_loop_ms = 99999", "must be between 0 and 60000"),
    ];
    for (text, words) in cases {
        let error = file(text).words();
        assert!(
            error.starts_with("maitred.toml:1: ") && error.contains(words),
            "{error}"
        );
    }
}

#[test]
fn drills_are_for_those_who_ask() {
    let config = file("[drill]\nstall_scorer_ms = 100\npanic_scorer_on = 'boom'").load();
    assert_eq!(config.drill.stall_scorer_ms, 100);
    assert_eq!(config.drill.panic_scorer_on.as_deref(), Some("boom"));
    assert_eq!(config.drill.stall_loop_ms, 0);
}

#[test]
fn beyond_loopback_somebody_has_to_mean_it() {
    for safe in [
        "127.0.0.1:0",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        given().listen(safe).load();
    }
    for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
        let mut given = given().listen(open);
        let words = given.words();
        assert!(
            words.contains("flag --listen") && words.contains("--allow-anonymous"),
            "{words}"
        );
        given.0.flags.allow_anonymous = true;
        assert_eq!(given.load().listen.to_string(), open);
    }
}

#[test]
fn the_effective_configuration_says_where_each_value_is_from() {
    let given = file("[limits]\n\nhead_ms = 5000")
        .dotenv("OPENAI_API_KEY=sk-secret")
        .env("OPENAI_MODEL", "m")
        .listen("[::1]:9");
    let config = given.load();
    let lines: Vec<_> = config.effective().lines().collect();
    for line in [
        "listen = \"[::1]:9\"  # from flag --listen",
        "debug = false  # from default",
        "# seed is not set",
        "[limits]",
        "head_ms = 5000  # from maitred.toml:3",
        "default_provider = \"openai\"  # from default",
        "[provider.openai]",
        "model = \"m\"  # from environment OPENAI_MODEL",
        "base_url = \"https://api.openai.com/v1\"  # from default",
        "key = \"***\"  # from .env:1 OPENAI_API_KEY",
    ] {
        assert!(
            lines.contains(&line),
            "{line}\nis not in\n{}",
            config.effective()
        );
    }
    assert!(!config.effective().contains("sk-secret"));
    assert!(!format!("{config:?}").contains("sk-secret"));
}

#[test]
fn the_effective_configuration_is_a_configuration() {
    let first = given()
        .env("OPENAI_BASE_URL", "http://[::1]:1/v1")
        .env("MAITRED_PROMPT", "a \"quoted\"\n{topic} \\ é")
        .env("MAITRED_ORIGINS", "https://a.example,http://b.example:81")
        .env("MAITRED_SEED", "7")
        .load();
    let second = file(first.effective()).load();
    assert_eq!(
        Config {
            effective: String::new(),
            ..first
        },
        Config {
            effective: String::new(),
            ..second
        }
    );
}

#[test]
fn name_servers_are_one_or_several_addresses_that_can_be_asked() {
    let servers = |given: Given| {
        let config = given.load();
        let addresses = config.dns.as_slice().iter();
        addresses.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(servers(given()).is_empty());
    assert_eq!(servers(file("dns = \"10.0.0.2:53\"")), ["10.0.0.2:53"]);
    let two = ["10.0.0.2:53", "[fd00::2]:5353"];
    assert_eq!(servers(file(&format!("dns = {two:?}"))), two);
    assert_eq!(servers(given().env("MAITRED_DNS", &two.join(", "))), two);
    for (wrong, words) in [
        ("\"10.0.0.2\"", "such as 10.0.0.2:53"),
        ("\"ns.test:53\"", "such as 10.0.0.2:53"),
        ("53", "such as 10.0.0.2:53"),
        ("\"10.0.0.2:0\"", "that a server can have"),
        ("\"0.0.0.0:53\"", "that a server can have"),
        ("[\"a:1\"]", "such as 10.0.0.2:53"),
        (
            "[\"10.0.0.1:1\", \"10.0.0.1:2\", \"10.0.0.1:3\", \"10.0.0.1:4\"]",
            "at most 3",
        ),
    ] {
        let said = file(&format!("dns = {wrong}")).words();
        assert!(said.contains("`dns`") && said.contains(words), "{said}");
    }
}
