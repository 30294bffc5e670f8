//! Two targets and a server, and what must hold whatever happens to them.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::sim::{DIALECTS, Sim};
use crate::support::provider::nobody;
use crate::support::{House, Server, database, until};
use crate::told::{self, Told};

/// The text of the good target; the bad one's begins with `Tea`.
pub(crate) const GOOD: &str = "Coffee is the other drink, and it is warm as well.";
/// The text of the bad one, where it comes to its end.
pub(crate) const BAD: &str =
    "Tea is a drink that people have made for a very long time, and they like it warm.";

/// Small limits, no breaker: a drill is about one fault many times.
const LIMITS: &str = "connect_ms = 300\nfirst_byte_ms = 500\nfirst_content_ms = 900\n\
     content_gap_ms = 500\ntotal_ms = 8000\nretry_base_ms = 10\nbreaker_failures = 0\n";

/// See the module.
pub(crate) struct Drill {
    pub(crate) server: Server,
    pub(crate) bad: Sim,
    pub(crate) good: Sim,
    /// What the client speaks.
    pub(crate) dialect: &'static str,
    /// What the bad target speaks.
    pub(crate) bad_speaks: String,
    asked: AtomicI64,
}

/// Runs a drill for each dialect of a client: with both targets in that dialect, and with both in
/// others. `models` are the orders for the bad target.
pub(crate) fn for_all(models: &[&str], row: impl Fn(&Drill) + Sync) {
    std::thread::scope(|scope| {
        for at in 0..DIALECTS.len() {
            for shift in [0, 1] {
                let row = &row;
                scope.spawn(move || {
                    let bad = DIALECTS[(at + shift) % 3];
                    let good = DIALECTS[(at + 2 * shift) % 3];
                    let drill = Drill::start(DIALECTS[at], bad, good, models);
                    row(&drill);
                    drill.end();
                });
            }
        }
    });
}

impl Drill {
    /// A server for a client of `dialect` with a model for each of `orders`, whose first target is
    /// the bad one.
    pub(crate) fn start(
        dialect: &'static str,
        bad_speaks: &str,
        good_speaks: &str,
        orders: &[&str],
    ) -> Drill {
        let mut models = String::new();
        for order in orders {
            let first = match *order {
                "nobody" => "nobody/sim".to_owned(),
                order => format!("bad/{order}"),
            };
            models += &model(&name_of(order), [&first, "good/sim"], "slow_ms = 300");
        }
        Drill::with(
            dialect,
            [bad_speaks, good_speaks],
            "key = \"sk-bad\"",
            &models,
        )
    }

    /// A server whose model `model` has these two targets; all speak as the client does.
    pub(crate) fn of_two(dialect: &'static str, targets: [&str; 2], further: &str) -> Drill {
        let models = model("model", targets, further);
        Drill::with(dialect, [dialect; 2], "key = \"sk-bad\"", &models)
    }

    /// A server whose bad target has these keys.
    pub(crate) fn with_keys(dialect: &'static str, keys: &str) -> Drill {
        Drill::with(dialect, [dialect; 2], keys, "")
    }

    fn with(dialect: &'static str, speak: [&str; 2], keys: &str, models: &str) -> Drill {
        let house = House::new();
        let text = house.write("good.txt", GOOD);
        let bad = Sim::with(|options| options.gap_ms = 2);
        let good = Sim::with(|options| options.text = Some(text));
        let mut config = String::from("default_provider = \"good\"\n");
        provider(&mut config, "bad", speak[0], bad.addr, keys);
        provider(
            &mut config,
            "good",
            speak[1],
            good.addr,
            "key = \"sk-good\"",
        );
        provider(&mut config, "nobody", speak[0], nobody(), "");
        config.push_str(models);
        Drill {
            server: Server::start_in(house, &config),
            bad,
            good,
            dialect,
            bad_speaks: speak[0].to_owned(),
            asked: AtomicI64::new(0),
        }
    }

    /// Asks for the model whose first target has this order.
    pub(crate) fn ask(&self, order: &str, stream: bool) -> Told {
        self.ask_for(&name_of(order), stream)
    }

    /// A request was sent by the test itself: it will have a row, too.
    pub(crate) fn note_request(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
    }

    /// Asks for a model by its name.
    pub(crate) fn ask_for(&self, model: &str, stream: bool) -> Told {
        self.ask_with(model, stream, "")
    }

    /// The same with further fields in the head, each with its CRLF.
    pub(crate) fn ask_with(&self, model: &str, stream: bool, fields: &str) -> Told {
        self.note_request();
        let request = told::request(self.dialect, model, stream);
        let request = request.replacen("Host:", &format!("{fields}Host:"), 1);
        let told = told::ask(&mut self.server.connect(), self.dialect, &request);
        if told.is_answer() {
            assert_eq!(told.status, 200, "{told:?}");
        } else {
            assert!(told.error.is_some(), "neither answer nor error: {told:?}");
        }
        assert!(told.field("x-request-id").is_some(), "{told:?}");
        told
    }

    /// Rows of failures are written after the answer.
    pub(crate) fn wait_for_rows(&self, number: i64) {
        let data = self.server.house().data();
        database::wait_for_count(&data, "SELECT count(*) FROM requests", number);
    }

    /// How the requests ended, by their rows.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let db = database::open(&self.server.house().data());
        let sql = "SELECT outcome FROM requests ORDER BY started_ms";
        let mut rows = db.prepare(sql).unwrap();
        let outcomes = rows.query_map([], |row| row.get(0)).unwrap();
        outcomes.map(|outcome| outcome.unwrap()).collect()
    }

    /// How many rows there are of requests that ended like this.
    pub(crate) fn rows(&self, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM requests WHERE {condition}");
        database::count(&database::open(&self.server.house().data()), &sql)
    }

    /// The end: nothing is left, and each request has its row.
    pub(crate) fn end(self) {
        let left = ["maitred_calls", "maitred_generations"];
        until("the end of every call", || {
            let left: f64 = left.iter().map(|name| self.server.total(name)).sum();
            (left == 0.0).then_some(())
        });
        let asked = self.asked.load(Ordering::SeqCst);
        self.wait_for_rows(asked);
        database::check(&database::open(&self.server.house().data()));
        assert!(
            !self.server.log().contains("panicked"),
            "{}",
            self.server.log()
        );
    }
}

/// A model's name may have nothing of its order that means something in a path.
fn name_of(order: &str) -> String {
    format!("pair-{}", order.replace([':', '+', '.'], "-"))
}

/// A table of a model.
fn model(name: &str, targets: [&str; 2], further: &str) -> String {
    let [first, second] = targets;
    format!("[model.\"{name}\"]\ntargets = [\"{first}\", \"{second}\"]\n{further}\n")
}

fn provider(
    config: &mut String,
    name: &str,
    kind: &str,
    addr: std::net::SocketAddr,
    further: &str,
) {
    let path = if kind == "openai" { "/v1" } else { "" };
    // A String takes every line.
    let _ = writeln!(
        config,
        "[provider.{name}]\nkind = \"{kind}\"\nbase_url = \"http://{addr}{path}\"\n\
         model = \"sim\"\n{LIMITS}{further}"
    );
}
