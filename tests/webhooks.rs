//! Webhooks in the whole server: the end of a job comes to whoever was named for it, at least once and
//! under one id, whoever fails, hangs or is killed meanwhile.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use support::client::post;
use support::postgres::{DATABASE, PASSWORD, Postgres, USER};
use support::tls::Identity;
use support::{House, Provider, Script, Server, get, provider, until};

/// The bytes behind `whsec_`, as everybody can read them.
const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const NEW: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A webhook called `orders` that is soon asked again; leases that end soon.
fn config(url: &str) -> String {
    format!(
        "[jobs]\nlease_ms = 1000\n[webhook.orders]\nurl = \"{url}\"\n\
         secret = [\"whsec_{NEW}\", \"whsec_{OLD}\"]\ntimeout_ms = 1000\nretry_ms = 100\n"
    )
}

/// Makes a job of one text that is scored; its path.
fn make(server: &Server) -> String {
    let body = r#"{"kind": "analyze", "contents": ["I like tea."], "webhook": "orders"}"#;
    let reply = server.ask(post("/jobs", body));
    assert_eq!(reply.status, 202, "{}", reply.json());
    format!("/jobs/{}", reply.json()["id"].as_str().unwrap())
}

/// What is said about the webhook of a job, once it is in this state.
fn in_state(server: &Server, job: &str, state: &str) -> Value {
    until(&format!("the news are {state}"), || {
        let mut page = server.ask(get(job)).json();
        (page["webhook"]["state"] == state).then(|| page["webhook"].take())
    })
}

/// The id and the body of a request whose two signatures are right and which is of this moment.
fn verified(text: &str) -> (String, Value) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {head}")).1
    };
    let (id, stamp) = (field("webhook-id"), field("webhook-timestamp"));
    let signed = [NEW, OLD].map(|secret| {
        let secret = STANDARD.decode(secret).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("{id}.{stamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    assert_eq!(field("webhook-signature"), signed.join(" "));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.as_secs().abs_diff(stamp.parse().unwrap()) < 60);
    (id.to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn who_fails_first_and_hangs_then_gets_it_under_the_same_id() {
    let hook = Provider::start(|asked| match asked.before {
        0 => Script::status(500, "", "{}"),
        1 => Script::hang(),
        _ => Script::status(200, "", "{}"),
    });
    let server = Server::start(&config(&format!("http://{}/hook?from=here", hook.addr)));
    let job = make(&server);
    let shown = in_state(&server, &job, "delivered");
    let asked = hook.asked();
    assert_eq!(asked.len(), 3);
    for request in &asked {
        assert!(
            request
                .text
                .starts_with("POST /hook?from=here HTTP/1.1\r\n")
        );
        let (id, event) = verified(&request.text);
        assert_eq!(id, shown["id"].as_str().unwrap());
        assert_eq!(event["type"], "job.ended");
        let page = server.ask(get(&job)).json();
        for member in [
            "id",
            "kind",
            "state",
            "items",
            "done",
            "failed",
            "finished_at",
        ] {
            assert_eq!(event["data"][member], page[member], "{member}");
        }
    }
    assert_eq!(
        (&shown["attempts"], &shown["next_at"]),
        (&3.into(), &Value::Null)
    );
    let delivered = "maitred_webhook_deliveries_total{what=\"delivered\"}";
    assert_eq!(server.metric(delivered), 1.0);
}

#[test]
fn a_server_that_is_killed_over_the_news_tells_them_when_it_is_back() {
    let hook = Provider::start(|asked| match asked.before {
        0 => Script::hang(),
        _ => Script::status(204, "", ""),
    });
    let config = config(&format!("http://{}/", hook.addr));
    let server = Server::start(&config);
    let job = make(&server);
    hook.wait_for_requests(1);
    let server = Server::start_in(server.kill(), &config);
    let shown = in_state(&server, &job, "delivered");
    let ids: Vec<String> = (hook.asked().iter())
        .map(|request| verified(&request.text).0)
        .collect();
    let id = shown["id"].as_str().unwrap();
    assert_eq!(ids, [id, id]);
    assert_eq!(shown["attempts"], 2);
}

#[test]
fn the_news_of_a_job_that_ended_before_the_kill_are_told_after_it() {
    let addr = provider::free_addr();
    let config = config(&format!("http://{addr}/")).replace("retry_ms = 100", "retry_ms = 3000");
    let server = Server::start(&config);
    let job = make(&server);
    // Nobody listens yet.
    let shown = until("the first attempt has failed", || {
        let mut page = server.ask(get(&job)).json();
        let webhook = page["webhook"].take();
        (webhook["attempts"] == 1 && webhook["state"] == "due").then_some(webhook)
    });
    assert_eq!(shown["last_error"], "nobody listens there");
    let house = server.kill();
    let hook = Listening::at(addr);
    let server = Server::start_in(house, &config);
    in_state(&server, &job, "delivered");
    assert_eq!(verified(&hook.first()).0, shown["id"].as_str().unwrap());
}

/// Takes one request at an address of its own, and answers with 204.
struct Listening(std::thread::JoinHandle<String>);

impl Listening {
    fn at(addr: std::net::SocketAddr) -> Listening {
        let listener = std::net::TcpListener::bind(addr).unwrap();
        Listening(std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            while !text.ends_with(b"}}") {
                let mut piece = [0; 4096];
                let count = stream.read(&mut piece).unwrap();
                assert!(count > 0, "the request is cut");
                text.extend_from_slice(&piece[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            String::from_utf8(text).unwrap()
        }))
    }

    fn first(self) -> String {
        self.0.join().unwrap()
    }
}

#[test]
fn a_webhook_behind_tls_is_known_by_its_certificate() {
    let identity = Identity::of(&["127.0.0.1"]);
    let hook = Provider::start_tls(identity.server.clone(), |_| Script::status(204, "", ""));
    let house = House::new();
    let ca = house.write("ca.pem", &identity.pem);
    let url = format!("https://{}/", hook.addr);
    let trusted = format!("{}ca_file = \"{}\"\n", config(&url), ca.display());
    let server = Server::start_in(house, &trusted);
    let job = make(&server);
    in_state(&server, &job, "delivered");
    verified(&hook.asked()[0].text);
    // Without it nobody who is trusted has signed the certificate, and nothing is said.
    let server = Server::start(&config(&url));
    let job = make(&server);
    let shown = until("an attempt has failed", || {
        let mut page = server.ask(get(&job)).json();
        (page["webhook"]["last_error"].is_string()).then(|| page["webhook"].take())
    });
    assert_eq!(
        shown["last_error"],
        "nobody who is trusted has signed its certificate"
    );
    assert_eq!(hook.asked().len(), 1);
}

#[test]
fn a_name_that_is_not_configured_is_refused_and_the_secret_is_never_shown() {
    // As Slack and Discord have it: who knows the path may write.
    let config = config("https://orders.example:8443/services/T0/hidden?token=hidden");
    let server = Server::start(&config);
    let body = r#"{"kind": "analyze", "contents": ["I like tea."], "webhook": "order"}"#;
    let reply = server.ask(post("/jobs", body));
    let problem = reply.json();
    assert_eq!((reply.status, &problem["field"]), (422, &"webhook".into()));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("one of: orders")
    );
    let output = House::new().run_to_exit(&config, &["check-config"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("[webhook.orders]") && shown.contains("\"https://orders.example:8443/***\"")
    );
    let status = String::from_utf8(server.ask(get("/status")).body).unwrap();
    for shown in [shown, status, server.log()] {
        assert!(!shown.contains(OLD) && !shown.contains("hidden"), "{shown}");
    }
    // Nor is it when the address is no good.
    let broken = config.replace("orders.example:8443/", "orders.example:99999/");
    let output = House::new().run_to_exit(&broken, &["check-config"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("webhook.orders.url") && !told.contains("hidden"),
        "{told}"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn one_of_two_replicas_is_killed_over_the_news_and_the_other_tells_them() {
    let postgres = Postgres::start();
    let password: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let addr = postgres.addr;
    let url = format!("postgres://{USER}:{password}@{addr}/{DATABASE}?sslmode=disable");
    let hook = Provider::start(|asked| match asked.before {
        0 => Script::hang(),
        _ => Script::status(200, "", "{}"),
    });
    let hooked = config(&format!("http://{}/", hook.addr));
    let database = format!("[database]\nurl = '{url}'\n");
    let first = Server::start(&format!("{hooked}{database}"));
    until("it is ready", || {
        (first.ask(get("/readyz")).status == 200).then_some(())
    });
    let job = make(&first);
    hook.wait_for_requests(1);
    let second = Server::start(&format!("{hooked}{database}"));
    drop(first.kill());
    until("it is ready", || {
        (second.ask(get("/readyz")).status == 200).then_some(())
    });
    let shown = in_state(&second, &job, "delivered");
    let ids: Vec<String> = (hook.asked().iter())
        .map(|request| verified(&request.text).0)
        .collect();
    let id = shown["id"].as_str().unwrap();
    assert_eq!(ids, [id, id]);
    let rows = "SELECT state, attempts, due_ms IS NULL, claim IS NULL FROM deliveries";
    assert_eq!(postgres.psql(DATABASE, rows), "delivered|2|t|t");
}

/// The program of `docs/jobs.md`, at a port that it is told.
fn receiver(port: u16, secret: &str) -> Child {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/jobs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, program) = page.split_once("```python\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", program]);
    python.env("PORT", port.to_string());
    python.env("WEBHOOK_SECRET", format!("whsec_{secret}"));
    python.stdout(Stdio::piped()).stderr(Stdio::null());
    python.spawn().unwrap()
}

#[test]
#[ignore = "needs python3"]
fn the_program_of_the_page_takes_what_is_signed_and_nothing_else() {
    for (secret, is_ours) in [(OLD, true), (STANDARD.encode([9; 24]).as_str(), false)] {
        let port = provider::free_addr().port();
        let mut python = receiver(port, secret);
        let server = Server::start(&config(&format!("http://127.0.0.1:{port}/")));
        let job = make(&server);
        if is_ours {
            in_state(&server, &job, "delivered");
            let mut line = String::new();
            let said = python.stdout.take().unwrap();
            BufReader::new(said).read_line(&mut line).unwrap();
            assert!(line.contains(job.trim_start_matches("/jobs/")), "{line}");
        } else {
            until("it was refused", || {
                let page = server.ask(get(&job)).json();
                (page["webhook"]["last_error"] == "it answered 401").then_some(())
            });
        }
        python.kill().unwrap();
        python.wait().unwrap();
    }
}
