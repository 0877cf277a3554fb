//! One thread with one single-threaded event loop.

use std::future::Future;
use std::io::{self, Write as _};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, LocalOptions};

/// Starts a worker thread and runs `main` on it to its end; tasks that are left then are dropped, which cuts their
/// connections. `main` is called on the new thread, so that what it makes need not be `Send`.
pub fn start<F, M>(name: &str, main: M) -> io::Result<JoinHandle<()>>
where
    F: Future<Output = ()>,
    M: FnOnce() -> F + Send + 'static,
{
    let runtime = Builder::new_current_thread();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || run(runtime, main))
}

fn run<F: Future<Output = ()>>(mut builder: Builder, main: impl FnOnce() -> F) {
    match builder.enable_io().enable_time().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime.block_on(async move { main().await }),
        Err(error) => {
            // A standard error that is gone must not turn this into a panic.
            let _ = writeln!(io::stderr(), "evener: a worker cannot start its event loop: {error}");
        }
    }
}
