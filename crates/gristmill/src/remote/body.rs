//! Content as the body of a request: read piece by piece on a thread of its own.

use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use gristmill_track::{ArtifactKind, pack};
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// How much of a file is in memory at a time, and how many such pieces wait for a slow network.
const PIECE: u64 = 1 << 18;
const AHEAD: usize = 2;

/// The bytes of bodies, by the name that everybody can say.
type Piece = <String as Body>::Data;

/// Content on its way.
struct Content {
    pieces: mpsc::Receiver<io::Result<Piece>>,
}

impl Body for Content {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Piece>>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The file, or the folder as one stream, at `path`. Whoever takes it learns of an error by the early
/// end. Must be called inside a runtime.
pub(super) fn body(path: PathBuf, kind: ArtifactKind) -> reqwest::Body {
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut send = |piece: Vec<u8>| sender.blocking_send(Ok(Piece::from(piece))).is_ok();
        let read = match kind == ArtifactKind::File {
            true => file(&path, &mut send),
            false => pack(&path, &mut send).map_err(io::Error::other),
        };
        if let Err(error) = read {
            // Whoever takes it may have gone as well.
            let _ = sender.blocking_send(Err(error));
        }
    });
    reqwest::Body::wrap(Content { pieces })
}

fn file(path: &std::path::Path, send: &mut impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let mut file = fs_err::File::open(path)?;
    loop {
        let mut piece = Vec::with_capacity(PIECE as usize);
        file.by_ref().take(PIECE).read_to_end(&mut piece)?;
        if piece.is_empty() || !send(piece) {
            return Ok(());
        }
    }
}
