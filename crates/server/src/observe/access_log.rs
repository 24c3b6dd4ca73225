//! The access log: one line of JSON for each request, written in the background. Whoever asks never waits for
//! it: a line that finds no room is dropped and counted. No header, query, body or token is in it.

use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use gristmill_core::Timestamp;
use serde::Serialize;

use crate::{ServerError, limits};

/// How many lines may wait.
const QUEUE: usize = 10_000;

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// To stdout.
    Stdout,
    /// To the end of this file, which is made when it is not there.
    File(PathBuf),
}

/// A request, as the log tells of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Line {
    /// When it came, as RFC 3339 has it.
    pub time: String,
    pub request_id: String,
    /// The name of the caller's token; empty where none is asked for.
    pub caller: String,
    pub remote: Option<IpAddr>,
    pub method: String,
    /// Without the query, which may hold a secret.
    pub path: String,
    pub model: Option<String>,
    pub version: Option<String>,
    pub rows: Option<usize>,
    pub status: u16,
    /// From its head to the head of its answer.
    pub micros: u64,
    /// How long it waited for its turn.
    pub queue_micros: u64,
    /// How long the model worked on it, with the reading and the writing.
    pub compute_micros: u64,
    pub bytes_in: Option<u64>,
    pub bytes_out: Option<u64>,
}

/// The door to the log. When it goes all is written, unless whoever takes it hangs.
pub(crate) struct Log {
    lines: Option<SyncSender<Line>>,
    dropped: AtomicU64,
    /// Closed when the writer is at its end; nothing is ever sent.
    ended: Mutex<Receiver<()>>,
}

impl Log {
    /// Opens the log and starts to write.
    pub fn start(log: &AccessLog) -> Result<Self, ServerError> {
        match log {
            AccessLog::Stdout => Self::write_to(std::io::stdout()),
            AccessLog::File(path) => Self::write_to(open(path)?),
        }
    }

    fn write_to(to: impl Write + Send + 'static) -> Result<Self, ServerError> {
        let (lines, queue) = sync_channel(QUEUE);
        let (at_end, ended) = sync_channel(0);
        let writing = move || {
            write(&queue, BufWriter::new(to));
            drop(at_end);
        };
        std::thread::Builder::new()
            .name("gristmill-log".into())
            .spawn(writing)
            .map_err(|error| ServerError::Start { found: error.to_string() })?;
        Ok(Self { lines: Some(lines), dropped: AtomicU64::new(0), ended: Mutex::new(ended) })
    }

    /// Has a line written, if there is room for it.
    pub fn tell(&self, line: Line) {
        if let Some(lines) = &self.lines
            && lines.try_send(line).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.lines.take());
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It fails when the writer has ended, which is what is waited for.
        let _ = ended.recv_timeout(limits::FAREWELL);
    }
}

fn open(path: &Path) -> Result<fs_err::File, ServerError> {
    let mut options = fs_err::OpenOptions::new();
    let opened = options.create(true).append(true).open(path);
    opened.map_err(|error| ServerError::Observe {
        found: format!("the access log cannot be opened: {error}"),
        hint: "name a file that can be written, or `-` for stdout",
    })
}

/// Writes what comes until nobody has more. A disk that is full is told of once, and tried again.
fn write(queue: &Receiver<Line>, mut to: BufWriter<impl Write>) {
    let mut well = true;
    while let Ok(line) = queue.recv() {
        let mut written = put(&mut to, &line);
        while let (Ok(()), Ok(line)) = (&written, queue.try_recv()) {
            written = put(&mut to, &line);
        }
        let done = written.and_then(|()| to.flush());
        if let (true, Err(error)) = (well, &done) {
            eprintln!("the access log cannot be written: {error}");
        }
        well = done.is_ok();
    }
}

fn put(to: &mut impl Write, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    to.write_all(&text)
}

/// A moment as RFC 3339 has it.
pub(crate) fn moment(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.to_string(),
        // Beyond the years that a calendar has: the number says it too.
        Err(_) => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;
    use std::sync::{Arc, Condvar};

    use super::*;

    /// Writes nothing until it may.
    struct Stuck {
        may: Arc<(Mutex<bool>, Condvar)>,
        to: Sender<Vec<u8>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let (may, told) = &*self.may;
            drop(told.wait_while(may.lock().unwrap(), |may| !*may).unwrap());
            self.to.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_hangs_holds_nobody_up_and_what_finds_no_room_is_counted() {
        let (to, written) = std::sync::mpsc::channel();
        let may = Arc::new((Mutex::new(false), Condvar::new()));
        let log = Log::write_to(Stuck { may: Arc::clone(&may), to }).unwrap();
        let line = |number: usize| Line { request_id: number.to_string(), ..Line::default() };
        (0..3 * QUEUE).for_each(|number| log.tell(line(number)));
        assert!(log.dropped() >= QUEUE as u64, "{}", log.dropped());
        *may.0.lock().unwrap() = true;
        may.1.notify_all();
        let dropped = log.dropped() as usize;
        drop(log);
        let text: Vec<u8> = written.iter().flatten().collect();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert_eq!(lines + dropped, 3 * QUEUE, "what was taken is written to the end");
    }

    #[test]
    fn control_characters_are_escaped() {
        let line = Line { path: "/a\n\u{1b}[31m\"".into(), ..Line::default() };
        let mut text = Vec::new();
        put(&mut text, &line).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r#""path":"/a\n\u001b[31m\"""#), "{text}");
        assert_eq!(text.matches('\n').count(), 1);
    }
}
