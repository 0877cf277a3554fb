//! The proof that a proxy does the work that is measured: it balances over all three servers, keeps
//! its connections to them and adds `X-Forwarded-For`; under TLS it speaks HTTP/2 too; a TCP proxy
//! gives every byte back.
//!
//! How fast it does so is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::client::Client;
use super::echo;
use super::front::Front;
use super::tls;

/// Asks a proxy and judges its answers. `ports` are those of the servers.
pub(crate) fn demand(front: Front, port: u16, ports: &[u16; 3]) -> Result<(), String> {
    match front {
        Front::Http1 => judge(&who_answers(&mut Client::connect(port)?)?, ports),
        Front::Https => {
            judge(&who_answers(&mut Client::connect_tls(port, &tls::client("http/1.1")?)?)?, ports)?;
            Client::connect_tls(port, &tls::client("h2")?).map(|_| ())
        }
        Front::Tcp => {
            judge_shares(&who_gets_connections(port)?, ports)?;
            gives_back(port)
        }
    }
}

/// What the servers said about requests on one connection: their port, their connection,
/// `X-Forwarded-For`.
fn who_answers(client: &mut Client) -> Result<Vec<String>, String> {
    let mut answers = Vec::new();
    for _ in 0..PROBES {
        let body = client.fetch("/who")?;
        answers.push(String::from_utf8_lossy(&body).trim_end().to_owned());
    }
    Ok(answers)
}

/// Whether a proxy spread these requests, kept its connections and named the client.
pub(crate) fn judge(answers: &[String], ports: &[u16; 3]) -> Result<(), String> {
    let mut servers = Vec::new();
    let mut connections = BTreeSet::new();
    for answer in answers {
        let mut words = answer.split(' ');
        let port = words.next().unwrap_or_default();
        connections.insert((port, words.next().unwrap_or_default()));
        servers.push(port.to_owned());
        let forwarded_for: Vec<&str> = words.collect();
        // Any one address will do: Envoy puts the machine's own in the place of a loopback client.
        if forwarded_for.len() != 1 || forwarded_for[0].parse::<IpAddr>().is_err() {
            return Err(format!("X-Forwarded-For was `{}`, not an address", forwarded_for.join(" ")));
        }
    }
    judge_shares(&servers, ports)?;
    if connections.len() > answers.len() / 3 {
        let (used, asked) = (connections.len(), answers.len());
        return Err(format!("{used} connections to the servers for {asked} requests: they are not kept"));
    }
    Ok(())
}

/// Whether each of the ports is named about as often as the others.
pub(crate) fn judge_shares(servers: &[String], ports: &[u16; 3]) -> Result<(), String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for server in servers {
        *counts.entry(server).or_default() += 1;
    }
    let least = (servers.len() / 3).saturating_sub(servers.len() / 10);
    for port in ports {
        let count = counts.get(port.to_string().as_str()).copied().unwrap_or(0);
        if count < least {
            return Err(format!("the server on port {port} got {count} of {}", servers.len()));
        }
    }
    Ok(())
}

/// The ports of the servers that connections came to, all of them open at once.
fn who_gets_connections(port: u16) -> Result<Vec<String>, String> {
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..PROBES {
        let mut client = Client::connect(port)?;
        servers.push(client.ask(echo::WHO)?);
        clients.push(client);
    }
    Ok(servers)
}

/// Whether bytes come back as they were.
fn gives_back(port: u16) -> Result<(), String> {
    let mut client = Client::connect(port)?;
    let sent: Vec<u8> = (0..=250).cycle().take(ECHO_BYTES).collect();
    let mut answer = vec![0; sent.len()];
    client.swap(&sent, &mut answer)?;
    if answer == sent { Ok(()) } else { Err("bytes were changed on their way".to_owned()) }
}

const PROBES: usize = 30;
/// Less than the sockets on the way hold, because it is sent before anything is read.
const ECHO_BYTES: usize = 32 * 1024;
