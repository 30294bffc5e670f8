//! What the rows of requests say, seen with plain SQL.

use crate::support::{Provider, Script, Server, database, generate, ms};

#[test]
fn a_row_says_where_the_time_went() {
    let provider = Provider::start(|_| Script::streamed(&["tea"], ms(60)));
    let server = Server::start(&provider.config(""));
    for _ in 0..2 {
        let mut client = server.connect();
        client.send(generate("tea", true)).head();
        assert_eq!(client.events().last().unwrap().name, "done");
    }
    let data = server.house().data();
    let phases = "SELECT count(*) FROM requests WHERE inbound = 'own' AND attempts = 1
        AND finish_reason = 'stop' AND native_finish_reason = 'stop'
        AND queue_us = 0 AND lost_us = 0 AND cost IS NULL
        AND first_content_us >= first_byte_us + connect_us
        AND duration_us >= first_content_us";
    database::wait_for_count(&data, phases, 2);
    let fresh = "SELECT count(*) FROM requests WHERE connect_us > 0";
    database::wait_for_count(&data, fresh, 1);
}

/// The statements that `docs/api.md` shows.
#[test]
fn what_the_documents_ask_the_table_can_be_asked() {
    let provider = Provider::start(|_| Script::streamed(&["tea"], ms(1)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    assert_eq!(client.events().last().unwrap().name, "done");
    let page = include_str!("../../docs/api.md");
    let (_, rest) = page.split_once("```sql\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let db = database::open(&server.house().data());
    let mut asked = 0;
    for sql in block.split_inclusive(';').filter(|s| !s.trim().is_empty()) {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |_| Ok(())).unwrap();
        assert_eq!(rows.count(), 1, "{sql}");
        asked += 1;
    }
    assert_eq!(asked, 2);
}
