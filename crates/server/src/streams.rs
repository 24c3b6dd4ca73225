//! Files as bodies: read and written piece by piece, away from the threads that answer requests.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use fs_err as fs;
use gristmill_track::{ArtifactStore, Content, ContentHash, Uploads, pack};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::limits::{self, BodyError};
use crate::mlflow::Refusal;

/// How much of a file is in memory at a time.
const PIECE: usize = 1 << 18;
/// How many pieces may wait for a slow reader.
const AHEAD: usize = 2;

/// These bytes of the file at `path` as a body. Whoever reads it learns of an error by the early end.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) async fn body_of(path: PathBuf, range: Range<u64>) -> io::Result<Body> {
    let Range { start, end } = range;
    let size = end - start;
    let open = tokio::task::spawn_blocking(move || {
        let mut file = fs::File::open(path)?;
        file.seek(SeekFrom::Start(start)).map(|_| file)
    });
    let file = open.await.map_err(io::Error::other)??;
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || send(file, size, &sender));
    Ok(Body::new(FileBody { pieces, left: size }))
}

/// Sends the pieces of a file until it ends or nobody reads any more.
fn send(file: fs::File, size: u64, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut rest = file.take(size);
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = rest.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let piece = match read {
            Ok(0) => return,
            Ok(_) => Ok(Bytes::from(piece)),
            Err(error) => Err(error),
        };
        let is_last = piece.is_err();
        if sender.blocking_send(piece).is_err() || is_last {
            return;
        }
    }
}

struct FileBody {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

/// The folder at `root` as one stream. Whoever reads it learns of an error by the early end.
pub(crate) fn packed(root: PathBuf) -> FolderBody {
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let packed = pack(&root, |piece| sender.blocking_send(Ok(Bytes::from(piece))).is_ok());
        if let Err(error) = packed {
            // Whoever reads may have gone as well.
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
    });
    FolderBody { pieces }
}

/// A folder as a body.
pub(crate) struct FolderBody {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl HttpBody for FolderBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces.poll_recv(context).map(|piece| {
            let piece = piece?;
            if let Ok(bytes) = &piece {
                self.left = self.left.saturating_sub(bytes.len() as u64);
            }
            Some(piece.map(Frame::data))
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Stores a body as one file.
pub(crate) async fn store(artifacts: &dyn ArtifactStore, body: Body) -> Result<Content, Refusal> {
    let mut draft = artifacts.draft();
    let mut body = body;
    while let Some(piece) = next_piece(&mut body).await? {
        draft.write(&piece).await?;
    }
    Ok(draft.finish().await?)
}

/// Stores a body as a part of an upload.
pub(crate) async fn store_part(
    uploads: &Uploads,
    upload: ContentHash,
    number: u32,
    body: Body,
) -> Result<Content, Refusal> {
    let mut part = uploads.part(upload, number).await?;
    let mut body = body;
    while let Some(piece) = next_piece(&mut body).await? {
        part.write(&piece).await?;
    }
    Ok(part.finish().await?)
}

/// The next bytes of a body, if they come in time.
pub(crate) async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let frame = tokio::time::timeout(limits::BODY, next).await;
        match frame.map_err(|_| BodyError::TooSlow)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            // What is no data is a trailer, of which nothing is expected.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
        }
    }
}
