//! `evener demo`: three built-in servers of unlike speed, the balancer in front, and what to try.
//!
//! The balancer is the real one with a made-up config; only the servers are part of the demo.

mod answer;
mod server;

use crate::cli::Demo;
use crate::operator::{fail, print, reason};
use crate::source::{Source, quoted};
use evener_plan::Listen;
use server::{SPEEDS, STOPPED, Speed};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

/// Where the demo listens if nobody says otherwise: not for others in the network.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Runs the demo until a signal ends it.
pub(crate) fn demo(options: &Demo) -> ExitCode {
    let (listen, note) = match &options.listen {
        Some(listen) => (listen.clone(), None),
        None => match usual_or_free() {
            Ok((address, note)) => (address.to_string(), note),
            Err(error) => return fail(format_args!("there is no port to listen on: {}", reason(&error))),
        },
    };
    let servers = match server::start() {
        Ok(servers) => servers,
        Err(error) => return fail(format_args!("cannot start the built-in servers: {}", reason(&error))),
    };
    let config = config(&listen, &options.balance, &servers);
    let shown = config.clone();
    super::run(Source::Options(config), |plan| {
        let address = plan.listens().first().copied();
        let text = format!("{}{}", note.unwrap_or_default(), introduction(address, &servers, &shown));
        move || {
            // Without a reader of the introduction the demo is still there to be asked.
            let _printed = print(&text);
        }
    })
}

/// The usual address, or a free port beside it and a note that says so.
fn usual_or_free() -> std::io::Result<(SocketAddr, Option<String>)> {
    match TcpListener::bind(USUAL) {
        Ok(_) => Ok((USUAL, None)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let free = TcpListener::bind((USUAL.ip(), 0))?.local_addr()?;
            let note = format!(
                "Another program listens on {USUAL}, so this is on port {} (--listen chooses one).\n\n",
                free.port()
            );
            Ok((free, Some(note)))
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn config(listen: &str, balance: &str, servers: &[SocketAddr]) -> String {
    let servers: Vec<String> = servers.iter().map(|server| quoted(&server.to_string())).collect();
    format!(
        "workers = 1\nshutdown_grace = \"5s\"\n\n\
         [log]\naccess = \"stdout\"\nformat = \"{{method}} {{target}} {{status}} {{server}} {{duration_ms}} ms\"\n\n\
         [[site]]\nlisten = {}\nto = \"demo\"\n\n\
         [upstream.demo]\nservers = [{}]\nbalance = {}\n",
        quoted(listen),
        servers.join(", "),
        quoted(balance),
    )
}

/// What to open and try.
fn introduction(listen: Option<Listen>, servers: &[SocketAddr], config: &str) -> String {
    let url = url(listen);
    let line = |(speed, address): (&Speed, &SocketAddr)| {
        format!("  {:<7} takes {:>2} ms  {address}\n", speed.name, speed.delay.as_millis())
    };
    let list: String = SPEEDS.iter().zip(servers).map(line).collect();
    let config: String = config.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect();
    let [quick, ..] = &SPEEDS;
    let tries = [
        (format!("curl {url}/hello"), String::from("who answers? Ask again and again")),
        (
            format!("curl -X POST {url}/stop/{}", quick.name),
            format!("it refuses connections for {} s; no GET fails", STOPPED.as_secs()),
        ),
    ];
    let width = tries.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    let tries: String = tries.iter().map(|(command, what)| format!("  {command:width$}  {what}\n")).collect();
    format!(
        "Three servers of unlike speed, and evener in front of them on {url}\n\n{list}\n\
         Open {url}/ in a browser, or try in another terminal:\n\n{tries}\n\
         The quick server gets most requests. With --balance round_robin each gets a third: compare the times.\n\
         It runs what this evener.toml says:\n\n{config}\n\
         Ctrl-C ends it. From here on, a line for each request:\n\n",
    )
}

/// Where a client on this machine finds it.
fn url(listen: Option<Listen>) -> String {
    let address = match listen {
        Some(Listen::At(address)) if !address.ip().is_unspecified() => address,
        Some(Listen::At(address)) => SocketAddr::new(USUAL.ip(), address.port()),
        Some(Listen::Any(port)) => SocketAddr::new(USUAL.ip(), port),
        None => USUAL,
    };
    format!("http://{address}")
}

#[cfg(test)]
mod tests;
