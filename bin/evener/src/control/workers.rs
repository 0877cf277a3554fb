//! The worker threads, seen from the control thread: what they are told, and when they end.
//!
//! It does not know what workers do, and does not start one anew. A worker that ends unasked is a fault of the program.

use evener_proxy::Command;
use std::future::Future;
use std::{fmt, io};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// All workers.
#[derive(Debug)]
pub(crate) struct Workers {
    commands: Vec<UnboundedSender<Command>>,
    /// Kept, so that `news` never closes: the count tells when the last worker has ended.
    sender: UnboundedSender<News>,
    news: UnboundedReceiver<News>,
    running: usize,
    panicked: Option<End>,
}

/// What a worker tells of itself.
#[derive(Debug)]
enum News {
    /// It has an event loop and runs.
    Begun,
    Ended(End),
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) index: usize,
    pub(crate) manner: Manner,
}

/// Whether a worker came to its end or was torn out of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Returned,
    Panicked,
}

impl Workers {
    pub(crate) fn new() -> Self {
        let (sender, news) = unbounded_channel();
        Self { commands: Vec::new(), sender, news, running: 0, panicked: None }
    }

    /// Starts a thread that runs `main` to its end.
    pub(crate) fn add<F, M>(&mut self, main: M) -> io::Result<()>
    where
        F: Future<Output = ()>,
        M: FnOnce(UnboundedReceiver<Command>) -> F + Send + 'static,
    {
        let index = self.commands.len();
        let (sender, receiver) = unbounded_channel();
        let notice = Notice { index, sender: self.sender.clone() };
        // Before the start, since a thread that cannot be started gives notice of its end as well.
        self.running += 1;
        evener_runtime::worker::start(&format!("worker-{index}"), move || async move {
            notice.tell(News::Begun);
            main(receiver).await;
            drop(notice);
        })?;
        self.commands.push(sender);
        Ok(())
    }

    /// Waits until each worker has begun; gives the first that ended instead.
    pub(crate) async fn all_begun(&mut self) -> Result<(), End> {
        let mut begun = 0;
        while begun < self.count() {
            match self.next_news().await {
                News::Begun => begun += 1,
                News::Ended(end) => return Err(end),
            }
        }
        Ok(())
    }

    pub(crate) fn count(&self) -> usize {
        self.commands.len()
    }

    /// Tells each worker something of its own. A worker that has ended needs no telling.
    pub(crate) fn tell_each(&self, commands: impl Iterator<Item = Command>) {
        for (worker, command) in self.commands.iter().zip(commands) {
            let _ended = worker.send(command);
        }
    }

    pub(crate) fn tell_all(&self, command: impl Fn() -> Command) {
        self.tell_each(std::iter::repeat_with(command));
    }

    /// Waits for the next worker to end. Cancel safe: an end that is not taken stays in the channel.
    pub(crate) async fn next_end(&mut self) -> End {
        loop {
            if let News::Ended(end) = self.next_news().await {
                return end;
            }
        }
    }

    async fn next_news(&mut self) -> News {
        // It holds a sender itself, so the channel cannot close.
        let Some(news) = self.news.recv().await else { return std::future::pending().await };
        if let News::Ended(end) = news {
            self.running -= 1;
            if end.manner == Manner::Panicked {
                self.panicked = Some(end);
            }
        }
        news
    }

    /// Waits for all of them to end. Cancel safe.
    pub(crate) async fn all_ended(&mut self) {
        while self.running > 0 {
            self.next_end().await;
        }
    }

    /// A worker that has panicked so far.
    pub(crate) fn panicked(&self) -> Option<End> {
        self.panicked
    }

    /// How many have not ended.
    pub(crate) fn running(&self) -> usize {
        self.running
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.manner {
            Manner::Returned => write!(f, "worker-{} ended unasked", self.index),
            Manner::Panicked => write!(f, "worker-{} panicked", self.index),
        }
    }
}

/// Tells of a worker; of its end in whatever way it comes, also when its event loop could not start.
struct Notice {
    index: usize,
    sender: UnboundedSender<News>,
}

impl Notice {
    fn tell(&self, news: News) {
        // A control thread that is gone has no use for it.
        let _gone = self.sender.send(news);
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        let manner = if std::thread::panicking() { Manner::Panicked } else { Manner::Returned };
        self.tell(News::Ended(End { index: self.index, manner }));
    }
}
