//! Sends a run while it goes on, on a thread of its own that nobody waits for, and all of it at its end.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gristmill_core::Clock;
use gristmill_track::RunId;

use super::courier::Courier;
use super::http::{Address, Link, Patience};
use super::outbox;
use super::send::{SentLine, deliver, lock_of};
use crate::alive::Alive;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::{Home, Result};

/// How often it is looked what is new.
const LOOK: Duration = Duration::from_secs(2);
/// The longest rest after a server did not answer.
const MAX_REST: Duration = Duration::from_secs(30);

/// A run on its way to a server.
pub(crate) struct Live {
    home: Home,
    address: Address,
    run: RunId,
    stop: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
    /// Nobody else sends the run meanwhile.
    _lock: Alive,
}

impl Live {
    /// Writes down that the run is to be sent, and begins with it.
    ///
    /// # Errors
    /// When that cannot be written down, or no thread be had.
    pub fn begin(home: &Home, run: RunId, address: &Address) -> Result<Self> {
        let lock = Alive::wait_for(home, lock_of(run))?;
        outbox::put(home, run, &address.to_string(), SystemClock.now())?;
        let (stop, stopped) = channel();
        let teller = std::thread::Builder::new().name("gristmill-send".into()).spawn({
            let (home, address) = (home.clone(), address.clone());
            move || {
                let (Ok(keeper), Ok(link)) = (Keeper::open(&home), Link::to(&address)) else {
                    // Whatever is wrong with them is said at the end.
                    return;
                };
                let mut courier = Courier::new(&keeper, &link, Patience::LITTLE);
                let mut rest = Duration::ZERO;
                while stopped.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
                    // What did not arrive is told the next time, or at the end.
                    rest = match courier.tell(run) {
                        Ok(()) => LOOK,
                        Err(_) => (rest.max(LOOK) * 2).min(MAX_REST),
                    };
                }
            }
        })?;
        let (stop, teller) = (Some(stop), Some(teller));
        Ok(Self { home: home.clone(), address: address.clone(), run, stop, teller, _lock: lock })
    }

    /// Sends all of the run, which has ended. What does not arrive waits, and the line says why.
    pub fn finish(mut self, keeper: &Keeper, pipeline: &str) -> SentLine {
        self.end_telling();
        let delivered = Link::to(&self.address)
            .and_then(|link| deliver(&self.home, keeper, &link, self.run, Patience::ENOUGH));
        SentLine::new(self.run, pipeline, &self.address.to_string(), delivered)
    }

    fn end_telling(&mut self) {
        drop(self.stop.take());
        if let Some(teller) = self.teller.take() {
            // One that panicked has said so already.
            let _ = teller.join();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end_telling();
    }
}
