#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::{Config, SourceFile, Sources};

fn config(text: &str) -> Config {
    let file = SourceFile {
        path: "maitred.toml".into(),
        text: text.to_owned(),
    };
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    Config::load(&sources).unwrap()
}

fn router(text: &str) -> Router {
    Router::new(&config(text))
}

/// The targets of a route in words.
fn told(route: &ModelRoute) -> Vec<String> {
    let targets = route.targets().iter();
    targets
        .map(|target| format!("{}/{}", target.provider_name, target.model))
        .collect()
}

const THREE: &str = "
    default_provider = 'local'
    [provider.local]
    base_url = 'http://10.0.0.1'
    model = 'llama'
    models = []
    [provider.openai]
    key = 'k'
    models = ['tuned']
    [provider.azure]
    base_url = 'http://10.0.0.2'
    model = 'gpt-4o'
    models = ['gpt-4o', 'tuned']
    [model.smart]
    targets = ['openai/gpt-4o', { target = 'azure', priority = 0 }]
    [model.'azure/fast']
    targets = 'local'
";

#[test]
fn a_name_is_looked_up_from_the_most_to_the_least_particular() {
    let router = router(THREE);
    for (name, expected) in [
        ("smart", vec!["azure/gpt-4o", "openai/gpt-4o"]),
        ("azure/fast", vec!["local/llama"]),
        ("azure/slow", vec!["azure/slow"]),
        ("local/a/b", vec!["local/a/b"]),
        ("gpt-4o", vec!["azure/gpt-4o"]),
        ("tuned", vec!["azure/tuned", "openai/tuned"]),
        ("gpt-5", vec!["openai/gpt-5"]),
        ("o3", vec!["openai/o3"]),
        ("o3-mini", vec!["openai/o3-mini"]),
        ("o3x", vec!["local/o3x"]),
        (
            "text-embedding-3-small",
            vec!["openai/text-embedding-3-small"],
        ),
        ("claude-sonnet-4-5", vec!["local/claude-sonnet-4-5"]),
        ("text-embedding-004", vec!["local/text-embedding-004"]),
        ("nobody/else", vec!["local/nobody/else"]),
        ("azure/", vec!["local/azure/"]),
    ] {
        assert_eq!(told(&router.resolve(name).unwrap()), expected, "{name}");
    }
    assert_eq!(told(&router.default_route()), ["local/llama"]);
}

#[test]
fn a_vendor_is_not_asked_for_what_is_another_vendors() {
    let router = router("[provider.anthropic]\nkey = 'k'\n[model.smart]\ntargets = 'anthropic'");
    for (name, near) in [("gpt-4o", None), ("gemini-2.5-pro", None), ("", None)] {
        assert_eq!(router.resolve(name), Err(UnknownModel { near }), "{name}");
    }
    // What nobody is known for may be new.
    assert_eq!(told(&router.resolve("opus").unwrap()), ["anthropic/opus"]);
}

#[test]
fn a_proxy_under_a_vendors_name_may_have_everything() {
    let router = router("[provider.openai]\nbase_url = 'http://127.0.0.1:4000'");
    let route = router.resolve("claude-sonnet-4-5").unwrap();
    assert_eq!(told(&route), ["openai/claude-sonnet-4-5"]);
}

#[test]
fn a_list_is_all_there_is_and_near_names_are_told() {
    let router = router(
        "[provider.local]\nbase_url = 'http://a'\nmodel = 'llama-3.2'\nmodels = ['llama-3.2']",
    );
    let near = Some("llama-3.2".to_owned());
    assert_eq!(router.resolve("lama-3.2"), Err(UnknownModel { near }));
}

#[test]
fn without_a_provider_every_name_is_the_built_in_one() {
    let route = router("").resolve("gpt-4o").unwrap();
    assert!(route.first().offline);
    assert_eq!(told(&route), ["offline/offline"]);
}

#[test]
fn requests_that_name_nothing_can_have_a_route_too() {
    let router = router(&format!("default_model = 'smart'\n{THREE}"));
    assert_eq!(
        told(&router.default_route()),
        ["azure/gpt-4o", "openai/gpt-4o"]
    );
    assert_eq!(router.default_provider(), 1);
}

/// A route with these priorities and weights.
fn route(ranks: &[(u64, u64)]) -> ModelRoute {
    let target = |at: usize| Target {
        provider: at as u16,
        provider_name: "p".into(),
        offline: false,
        model: "m".into(),
    };
    ModelRoute {
        targets: (0..ranks.len()).map(target).collect(),
        ranks: (ranks.iter())
            .map(|&(priority, weight)| Rank { priority, weight })
            .collect(),
        slow_ms: None,
        hedge_ms: None,
    }
}

fn awake(outstanding: usize) -> Standing {
    Standing {
        rests_ms: None,
        outstanding,
    }
}

fn asleep(ms: u64) -> Standing {
    Standing {
        rests_ms: Some(ms),
        outstanding: 0,
    }
}

fn choose(route: &ModelRoute, tried: u32, standings: &[Standing]) -> Option<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    let standing = |target: &Target| standings[usize::from(target.provider)];
    route.choose(tried, standing, &mut random)
}

#[test]
fn the_preferred_one_first_whatever_it_has_to_do() {
    let route = route(&[(1, 1), (2, 1), (2, 1)]);
    let busy = [awake(100), awake(3), awake(2)];
    assert_eq!(choose(&route, 0, &busy), Some(0));
    assert_eq!(
        choose(&route, 0b001, &busy),
        Some(2),
        "then who has less to do"
    );
    assert_eq!(choose(&route, 0b101, &busy), Some(1));
    assert_eq!(choose(&route, 0b111, &busy), None);
    let resting = [asleep(9), awake(2), asleep(1)];
    assert_eq!(choose(&route, 0, &resting), Some(1));
    assert_eq!(choose(&route, 0b010, &resting), None);
}

#[test]
fn when_all_rest_it_is_known_who_wakes_first() {
    let route = route(&[(1, 1), (2, 1), (2, 1)]);
    let standings = [asleep(9), asleep(5), asleep(7)];
    let standing = |target: &Target| standings[usize::from(target.provider)];
    assert_eq!(route.wakes_first(0, standing), Some(1));
    assert_eq!(route.wakes_first(0b010, standing), Some(2));
    assert_eq!(route.wakes_first(0b111, standing), None);
}

#[test]
fn load_is_shared_by_weight_and_ties_by_chance() {
    let route = route(&[(1, 3), (1, 1)]);
    assert_eq!(choose(&route, 0, &[awake(5), awake(2)]), Some(0));
    assert_eq!(choose(&route, 0, &[awake(7), awake(2)]), Some(1));
    let mut random = fastrand::Rng::with_seed(7);
    let mut draw = || route.choose(0, |_| awake(0), &mut random);
    let first = (0..4_000).filter(|_| draw() == Some(0)).count();
    assert!((2_850..3_150).contains(&first), "{first} of 4000");
}
