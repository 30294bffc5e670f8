//! D7: the bytes of the database come one by one.

use crate::support::postgres::Postgres;
use crate::support::proxy::{Harm, Proxy};
use crate::support::{Server, generate, get};
use crate::{config, wait_until_ready};

#[test]
#[ignore = "needs postgresql"]
fn byte_by_byte() {
    let postgres = Postgres::start();
    let proxy = Proxy::start(postgres.addr, |_| Harm::slices(1));
    let server = Server::start(&config(proxy.addr, ""));
    wait_until_ready(&server);
    let answer = server.ask(generate("green tea", false)).json();
    assert_eq!(answer["stored"], true);
    let path = format!("/contents/{}", answer["id"].as_str().unwrap());
    assert_eq!(
        server.ask(get(&path)).json()["text"],
        answer["generated_text"]
    );
}
