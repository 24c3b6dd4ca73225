//! Ctrl-C and a polite request to end: the first stops the run in order, the second at once.

use std::sync::Arc;

use gristmill::Cancel;

/// What a shell says of a command that Ctrl-C ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// A wish to stop that the signals of this process raise.
pub fn cancel_on_interrupt() -> std::io::Result<Cancel> {
    let cancel = Cancel::new();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the first signal finds the flag down, and raises it for the second.
        let flag = cancel.flag();
        signal_hook::flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, flag)?;
    }
    Ok(cancel)
}
