//! The listener as the control thread sees it: bound, replaced under way, closed.
//!
//! LIFECYCLE: a plan is prepared first, which binds what is new and may fail, and then installed, which cannot. A listener
//! that is replaced takes what the system has queued, lets answers under way come to their end, and is gone after
//! [`LINGER`]. Whoever drops the server ends everything at once.

use crate::binding::{AdminError, Binding, Listener, OwnFile};
use crate::connection::{self, Door};
use evener_plan::AdminListen;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What can be looked at.
#[derive(Clone)]
pub struct Views {
    /// Makes the page of metrics as it is now.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether evener takes requests.
    pub readiness: watch::Receiver<Readiness>,
}

/// Whether evener takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet: the workers begin.
    Starting,
    /// All workers listen.
    Ready,
    /// No more: what has begun comes to its end.
    Draining,
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        })
    }
}

/// The admin listener, or none.
pub struct Server {
    views: Views,
    open: Option<Open>,
    /// The one that is open and those that were replaced.
    tasks: JoinSet<()>,
}

struct Open {
    listen: AdminListen,
    file: Option<OwnFile>,
    closing: watch::Sender<bool>,
}

impl Open {
    /// Whether clients that look for it find it: somebody may have taken away the file of a socket.
    fn is_found(&self) -> bool {
        self.file.as_ref().is_none_or(OwnFile::is_own)
    }
}

/// What a plan asks for, bound but not yet served.
#[derive(Debug)]
pub struct Prepared(Change);

#[derive(Debug)]
enum Change {
    Nothing,
    Close,
    Open(Binding),
}

impl Server {
    /// One that listens nowhere.
    pub fn new(views: Views) -> Self {
        Self { views, open: None, tasks: JoinSet::new() }
    }

    /// Binds what a plan asks for, unless it is open and can be found. What is open stays as it is. Must run within tokio.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn prepare(&self, listen: Option<&AdminListen>) -> Result<Prepared, AdminError> {
        let change = match (listen, &self.open) {
            (Some(listen), Some(open)) if open.listen == *listen && open.is_found() => Change::Nothing,
            (Some(listen), _) => Change::Open(Binding::bind(listen)?),
            (None, Some(_)) => Change::Close,
            (None, None) => Change::Nothing,
        };
        Ok(Prepared(change))
    }

    /// Serves what was prepared, in place of what was served before.
    pub fn install(&mut self, prepared: Prepared) {
        while self.tasks.try_join_next().is_some() {}
        match prepared.0 {
            Change::Nothing => {}
            Change::Close => self.retire(),
            Change::Open(Binding { listen, listener }) => {
                self.retire();
                let (closing, receiver) = watch::channel(false);
                let file = listener.file().cloned();
                self.tasks.spawn(accept_all(listener, self.views.clone(), receiver));
                self.open = Some(Open { listen, file, closing });
            }
        }
    }

    /// Where it listens.
    pub fn listen(&self) -> Option<&AdminListen> {
        self.open.as_ref().map(|open| &open.listen)
    }

    /// Ends it; answers under way come to their end, but not later than in two seconds.
    pub async fn close(mut self) {
        self.retire();
        while self.tasks.join_next().await.is_some() {}
    }

    fn retire(&mut self) {
        if let Some(open) = self.open.take() {
            // One that has ended by a panic need not be told.
            let _ended = open.closing.send(true);
        }
    }
}

async fn accept_all(listener: Listener, views: Views, mut closing: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        // All arms are cancel safe: what is not taken stays where it is.
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok(stream) => stream.serve(&mut connections, &views, &closing),
                // Most likely there are no descriptors left.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = closing.changed() => break,
        }
    }
    listener.unlink();
    // What the system has queued came before the end and is served. The moment of waiting lets the event loop learn of it.
    while connections.len() < CONNECTIONS_MAX
        && let Ok(Ok(stream)) = timeout(MOMENT, listener.accept()).await
    {
        stream.serve(&mut connections, &views, &closing);
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // The others are cut when the set is dropped.
    let _late = timeout(LINGER, all_ended).await;
}

impl crate::binding::Stream {
    fn serve(self, connections: &mut JoinSet<()>, views: &Views, closing: &watch::Receiver<bool>) {
        let (views, closing) = (views.clone(), closing.clone());
        match self {
            Self::Tcp(stream) => connections.spawn(connection::serve(stream, Door::Tcp, views, closing)),
            Self::Unix(stream) => connections.spawn(connection::serve(stream, Door::Unix, views, closing)),
        };
    }
}

/// Enough for every scraper of a machine; who comes later waits in the queue of the system.
const CONNECTIONS_MAX: usize = 64;
/// How long a listener waits after it could not accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// One turn of the event loop.
const MOMENT: Duration = Duration::from_millis(1);
/// How long answers under way may take once their listener is closed.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
