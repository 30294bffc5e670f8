//! The page for whoever runs it: the way from one machine to many, typed in as it stands there.

use std::path::Path;
use std::process::Command;

use crate::support::postgres::Postgres;
use crate::support::provider::free_addr;
use crate::support::{Server, generate};

/// What stands between fences after this heading: the language and the lines, in their order.
fn fences(page: &str, heading: &str) -> Vec<(String, String)> {
    let (_, section) = page.split_once(heading).unwrap();
    let pieces: Vec<&str> = section.split("```").collect();
    let fences = pieces.chunks(2).filter_map(|pair| pair.get(1));
    let parts = fences.map(|fence| fence.split_once('\n').unwrap());
    parts
        .map(|(language, lines)| (language.to_owned(), lines.to_owned()))
        .collect()
}

/// One script of all of it, with our ports for those of the page.
fn script(first: &Server, postgres: &Postgres, folder: &Path) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut front = first.addr.to_string();
    let later = free_addr().to_string();
    let [one, two] = [free_addr(), free_addr()].map(|addr| addr.to_string());
    let mut script = String::from("set -euo pipefail -m\ntrap 'kill $(jobs -p)' EXIT\n");
    for (language, lines) in fences(&page, "\n## From one machine to many") {
        if language == "nginx" {
            front.clone_from(&later);
        }
        let lines = lines
            .replace("127.0.0.1:8080", &front)
            .replace("127.0.0.1:8081", &one)
            .replace("127.0.0.1:8082", &two)
            .replace("127.0.0.1:5432", &postgres.addr.to_string());
        match &*language {
            "sh" if lines.contains("\nkill %2\n") => script += &under_load(&lines, &front),
            "sh" => script += &lines,
            "nginx" => script += &nginx(&lines, first, folder),
            other => panic!("{other}"),
        }
    }
    script
}

/// Stops the first server, and starts what takes its place.
fn nginx(lines: &str, first: &Server, folder: &Path) -> String {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths: String = (paths.iter())
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .collect();
    let pid = folder.join("nginx.pid");
    let config = format!(
        "daemon off;\npid {};\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{lines}}}\n",
        pid.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let file = file.display();
    format!(
        "kill {}\nnginx -e stderr -c {file} &\nfor _ in {{1..100}}; do [ -s {} ] || sleep 0.1; done\n",
        first.pid(),
        pid.display()
    )
}

/// The same, while somebody asks all the time.
fn under_load(lines: &str, front: &str) -> String {
    format!(
        "until [ -e over ]; do curl -sS --fail http://{front}/contents > page || echo 'a gap'; done &
         asks=$!\n{lines}touch over\nwait $asks\n"
    )
}

#[test]
#[ignore = "needs postgresql and nginx"]
fn from_one_machine_to_many_as_it_is_written() {
    let postgres = Postgres::start();
    let first = Server::start("[offline]\ngap_ms = 0\n");
    for topic in ["coffee", "cocoa"] {
        assert_eq!(first.ask(generate(topic, false)).status, 200);
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_maitred")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script(&first, &postgres, folder.path())])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", postgres.addr.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGPASSWORD", "postgres")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let topics = "SELECT string_agg(term, ' ' ORDER BY term) FROM search_terms";
    assert_eq!(postgres.psql("maitred", topics), "cocoa coffee green tea");
    for seen in [r#""imported":2"#, r#""topic":"green tea""#] {
        assert!(said.contains(seen), "{seen}: {said}");
    }
    assert!(!said.contains("a gap"), "{said}");
}
