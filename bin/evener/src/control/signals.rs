//! The signals that the control thread obeys, as orders.
//!
//! Sending a signal to evener is the work of whoever runs it; nothing here ends the program.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// All signals that are obeyed.
#[derive(Debug)]
pub(crate) struct Signals {
    reload: Signal,
    reopen: Signal,
    pub(crate) ending: Ending,
}

/// The signals that end the program.
#[derive(Debug)]
pub(crate) struct Ending {
    terminate: Signal,
    quit: Signal,
    interrupt: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// HUP: read the config again.
    Reload,
    /// USR1: open the log files again.
    Reopen,
    /// TERM, QUIT or INT: finish what is under way and end.
    End,
}

impl Signals {
    /// From now on the signals are orders and no longer end the program by themselves.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            ending: Ending {
                terminate: signal(SignalKind::terminate())?,
                quit: signal(SignalKind::quit())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
        })
    }

    /// Waits for the next order. Cancel safe: a signal that is not received stays pending.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.reload.recv() => Order::Reload,
            _ = self.reopen.recv() => Order::Reopen,
            () = self.ending.recv() => Order::End,
        }
    }
}

impl Ending {
    /// Waits for one of them. Cancel safe in the same way.
    pub(crate) async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.quit.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
