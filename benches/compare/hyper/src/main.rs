//! `hyper-side LISTEN UPSTREAM`: answers `GET /healthz` itself and hands everything else to the
//! upstream, body by body as it comes. One thread, tokio's single-threaded runtime, hyper's own
//! connection pool.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;

/// Any body.
type Body = BoxBody<Bytes, hyper::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let _ = rlimit::increase_nofile_limit(1 << 20);
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err("usage: hyper-side LISTEN UPSTREAM".into());
    };
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(3600))
        .build::<_, Incoming>(connector);
    let socket = TcpSocket::new_v4()?;
    socket.bind(listen.parse::<SocketAddr>()?)?;
    let listener = socket.listen(4096)?;
    loop {
        // Out of files, mostly: some will be free soon.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(request, client.clone(), upstream.clone()));
            // A client that goes is nobody's concern here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn serve(
    mut request: Request<Incoming>,
    client: Client<HttpConnector, Incoming>,
    upstream: String,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if path == "/healthz" {
        return Ok(Response::new(full("ok\n")));
    }
    let to = format!("http://{upstream}{path}");
    let Ok(uri) = to.parse::<Uri>() else {
        return Ok(refuse(400));
    };
    *request.uri_mut() = uri;
    match client.request(request).await {
        Ok(response) => Ok(response.map(BodyExt::boxed)),
        Err(_) => Ok(refuse(502)),
    }
}

fn refuse(status: u16) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn full(text: &'static str) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed()
}
