//! The servers behind a TCP proxy: what comes goes back. They run as a process of their own.
//!
//! One word is answered instead: `who`, with the server's port, so that a check can see who got a
//! connection.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::generate::socket;

/// Serves on these ports until the process is ended.
pub(crate) fn serve(ports: &[u16]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no event loop: {error}"))?;
    runtime.block_on(async {
        let mut servers = JoinSet::new();
        for port in ports {
            let fault = |error| format!("port {port}: {error}");
            servers.spawn(accept(TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await.map_err(fault)?, *port));
        }
        match servers.join_next().await {
            Some(Ok(fault)) => Err(fault),
            Some(Err(error)) => Err(format!("a server failed: {error}")),
            None => Err("echo needs a port".to_owned()),
        }
    })
}

/// Accepts for ever; gives back why it could not.
pub(crate) async fn accept(listener: TcpListener, port: u16) -> String {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(answer(socket, port))),
            Err(error) => return format!("port {port}: {error}"),
        }
    }
}

/// Whatever ends a connection, the client sees it.
async fn answer(mut socket: TcpStream, port: u16) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let mut room = vec![0; ROOM_BYTES];
    while let Ok(length @ 1..) = socket::read(&mut socket, &mut room).await {
        let said = &room[..length];
        let written = match said {
            WHO => socket::write_all(&mut socket, format!("{port}\r\n").as_bytes()).await,
            _ => socket::write_all(&mut socket, said).await,
        };
        if written.is_err() {
            return;
        }
    }
}

/// The question for the server's port.
pub(crate) const WHO: &[u8] = b"who\r\n";
const ROOM_BYTES: usize = 256 * 1024;
