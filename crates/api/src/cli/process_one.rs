//! Signals to process 1, which this program is in a container.

use std::io::Result;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Set once the server handles the signals itself.
static IS_SERVING: AtomicBool = AtomicBool::new(false);

/// Ends process 1 at SIGTERM or Ctrl-C, until [`handled_by_server`] is called. The kernel does so
/// for all other processes, but ignores the signals for process 1:
/// <https://man7.org/linux/man-pages/man7/pid_namespaces.7.html>
#[expect(
    clippy::disallowed_methods,
    reason = "the main thread may be blocked, and cannot return an exit code"
)]
pub(super) fn exit_at_signals() {
    if std::process::id() == 1 {
        // A thread of its own: waiting for the database and migrations block the others.
        std::thread::spawn(|| {
            if let Ok(code) = wait_for_signal()
                && !IS_SERVING.load(Ordering::Acquire)
            {
                std::process::exit(code);
            }
        });
    }
}

/// States that the server stops at the signals from now on.
pub(super) fn handled_by_server() {
    IS_SERVING.store(true, Ordering::Release);
}

/// Returns the exit code that shells report for a process that ended with the signal.
fn wait_for_signal() -> Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(tokio::select! {
            _ = terminate.recv() => 128 + SignalKind::terminate().as_raw_value(),
            _ = interrupt.recv() => 128 + SignalKind::interrupt().as_raw_value(),
        })
    })
}
