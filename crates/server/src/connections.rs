//! Connections: taken up to a limit, given time for each request, and seen out when the server stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::util::MapRequest;

use crate::access::Peer;
use crate::limits;

/// How long the next try waits after a connection could not be taken: too many open files, mostly.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers every connection until `stop` turns, and then those that are under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        let next = tokio::select! {
            next = accept(&listener, &room) => next,
            () = turned(&mut stop) => break,
        };
        while open.try_join_next().is_some() {}
        if let Some((stream, permit)) = next {
            open.spawn(converse(stream, permit, router.clone(), stop.clone()));
        }
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    // Whoever has not ended by then is cut off with the runtime.
    let _ = tokio::time::timeout(limits::FAREWELL, ended).await;
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(_) => {
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Comes back when the server is to stop.
async fn turned(stop: &mut watch::Receiver<bool>) {
    // It fails when the server is gone, which is the same.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn converse(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small: each is to leave at once. Where that cannot be set it only takes longer.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD)
        .max_buf_size(limits::HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEAD_BYTES as u32)
        .keep_alive_interval(limits::HEAD);
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let service = MapRequest::new(router, move |mut request: Request<_>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        request
    });
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    // A caller that goes away, or speaks no HTTP, is no trouble of ours.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = turned(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(permit);
}
