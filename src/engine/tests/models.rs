//! The lists of models, as the vendors' clients ask for them.

use super::World;

const TWO: &str = "default_provider = \"a\"\n\
    [provider.a]\nbase_url = \"http://10.0.0.1:1/v1\"\nmodel = \"m\"\n\
    [provider.b]\nbase_url = \"http://10.0.0.1:2/v1\"\nmodel = \"m:7b\"\n\
    [model.smart]\ntargets = [\"b/x\"]\n";

fn get(world: &mut World, path: &str, fields: &str) -> super::world::Reply {
    let client = world.ask(format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"
    ));
    world.reply(client)
}

#[test]
fn each_client_is_answered_in_its_own_words() {
    let mut world = World::new(TWO);
    let openai = get(&mut world, "/v1/models", "").json();
    let ids: Vec<&str> = (openai["data"].as_array().unwrap().iter())
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["smart", "m", "b/m:7b"]);
    assert_eq!(openai["data"][0]["owned_by"], "b");
    let anthropic = get(
        &mut world,
        "/v1/models",
        "anthropic-version: 2023-06-01\r\n",
    )
    .json();
    assert_eq!(anthropic["last_id"], "b/m:7b");
    for (path, fields) in [
        ("/v1beta/models?queryBase=True", ""),
        ("/v1/models/", "x-goog-api-key: k\r\n"),
    ] {
        let gemini = get(&mut world, path, fields).json();
        assert_eq!(gemini["models"][1]["name"], "models/m");
        assert_eq!(gemini["nextPageToken"], serde_json::Value::Null);
    }
}

#[test]
fn one_model_is_found_by_its_name_however_it_is_written() {
    let mut world = World::new(TWO);
    for name in ["b/m:7b", "b%2Fm%3A7b", "b/other"] {
        let one = get(&mut world, &format!("/v1/models/{name}"), "");
        assert_eq!((one.status, &one.json()["owned_by"]), (200, &"b".into()));
        let one = get(&mut world, &format!("/v1beta/models/{name}"), "").json();
        assert!(one["name"].as_str().unwrap().starts_with("models/b/"));
    }
    // What is not known is what the default provider would be asked for, unless it said what it has.
    assert_eq!(
        get(&mut world, "/v1/models/new", "").json()["owned_by"],
        "a"
    );
    let mut world = World::new(&TWO.replace("\"m\"\n", "\"m\"\nmodels = [\"m\"]\n"));
    let unknown = get(&mut world, "/v1/models/new", "");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["code"], "model_not_found");
}

#[test]
fn a_list_is_read_page_by_page_to_its_end() {
    let mut world = World::new(TWO);
    let version = "anthropic-version: 2023-06-01\r\n";
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/models?limit=2{after}&beta=true");
        let page = get(&mut world, &path, version).json();
        let data = page["data"].as_array().unwrap();
        seen.extend(
            data.iter()
                .map(|model| model["id"].as_str().unwrap().to_owned()),
        );
        if page["has_more"] == false {
            break;
        }
        after = format!(
            "&after_id={}",
            page["last_id"].as_str().unwrap().replace('/', "%2F")
        );
    }
    assert_eq!(seen, ["smart", "m", "b/m:7b"]);
    let first = get(&mut world, "/v1beta/models?pageSize=1", "").json();
    let token = first["nextPageToken"].as_str().unwrap();
    let rest = get(&mut world, &format!("/v1beta/models?pageToken={token}"), "").json();
    assert_eq!(rest["models"].as_array().unwrap().len(), 2);
    assert_eq!(get(&mut world, "/v1/models/m%0D", "").status, 400);
    for wrong in ["limit=0", "limit=x", "after_id=nobody"] {
        let reply = get(&mut world, &format!("/v1/models?{wrong}"), version);
        assert!((400..=422).contains(&reply.status), "{wrong}");
    }
}

#[test]
fn what_gemini_can_do_with_a_model_besides_is_not_there() {
    let mut world = World::new(TWO);
    for path in ["/v1beta/models/m:countTokens", "/v1/models/m%3AcountTokens"] {
        let client = world.post(path, "{}");
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, &reply.json()["error"]["status"]),
            (404, &"NOT_FOUND".into())
        );
    }
    for path in ["/v1/models", "/v1/models/m", "/v1beta/models/m"] {
        let client = world.post(path, "{}");
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, reply.field("allow")),
            (405, Some("GET, HEAD, OPTIONS")),
            "{path}"
        );
    }
}

#[test]
fn without_a_provider_there_is_the_built_in_one() {
    let mut world = World::new("");
    let list = get(&mut world, "/v1/models", "").json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], "offline");
}
