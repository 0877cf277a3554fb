//! What the admin listener shows, and where: gathered from the counters, from TLS and from orders whenever somebody asks.
//!
//! How it is served is known in `evener-admin`.

use super::security::Books;
use crate::operator::{reason, say};
use evener_admin::{AdminError, Measured, Prepared, Readiness, Server, Views, page};
use evener_observe::Counters;
use evener_plan::{AdminListen, Plan};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;

/// The admin listener of the process.
pub(super) struct Admin {
    server: Server,
    readiness: watch::Sender<Readiness>,
}

impl Admin {
    /// One that listens nowhere yet.
    pub(super) fn new(counters: &Arc<Counters>, books: Books) -> Self {
        let (readiness, receiver) = watch::channel(Readiness::Starting);
        let (counters, started_at) = (Arc::clone(counters), SystemTime::now());
        let metrics = move || {
            let (certificates, orders) = (books.certificates(), books.orders());
            page(&Measured { totals: counters.totals(), started_at, certificates, orders })
        };
        let views = Views { metrics: Arc::new(metrics), readiness: receiver };
        Self { server: Server::new(views), readiness }
    }

    /// Takes the address that a plan asks for. On an error everything stays as it was.
    pub(super) fn prepare(&self, plan: &Plan) -> Result<Prepared, String> {
        self.server.prepare(plan.admin.as_ref()).map_err(|error| text(&error))
    }

    /// A plan is run from now on.
    pub(super) fn install(&mut self, prepared: Prepared) {
        let before = self.server.listen().cloned();
        self.server.install(prepared);
        match self.server.listen() {
            now if now == before.as_ref() => {}
            Some(AdminListen::Tcp(address)) => say(format_args!("metrics are at http://{address}/metrics")),
            Some(listen @ AdminListen::Unix(_)) => say(format_args!("metrics are at {listen}, path /metrics")),
            None => say("metrics are switched off"),
        }
    }

    /// Whether requests are taken has changed.
    pub(super) fn becomes(&self, readiness: Readiness) {
        self.readiness.send_replace(readiness);
    }

    /// Ends it, within seconds.
    pub(super) async fn close(self) {
        self.server.close().await;
    }
}

fn text(error: &AdminError) -> String {
    let AdminError::Refused(_, cause) = error else { return error.to_string() };
    let advice = match cause.kind() {
        ErrorKind::AddrInUse => " (another program listens there; `ss -ltnp` shows which)",
        ErrorKind::NotFound => " (its folder must be there)",
        _ => "",
    };
    format!("{error}: {}{advice}", reason(cause))
}
