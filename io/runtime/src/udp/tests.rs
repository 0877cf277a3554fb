//! Sockets on loopback: borders of datagrams, refusals, ports in use, and the address that answers leave from.

use super::*;
use std::future::poll_fn;

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = std::time::Duration::from_secs(10);
    runtime.block_on(async { tokio::time::timeout(limit, test).await.unwrap() })
}

fn listening() -> (Datagrams, SocketAddr) {
    let fd = bind(HERE, 1).unwrap().remove(0);
    let socket = Datagrams::new(fd).unwrap();
    let address = socket.local_address().unwrap();
    (socket, address)
}

#[test]
fn datagrams_keep_their_borders_also_empty_and_long_ones() {
    on_a_worker(async {
        let (server, address) = listening();
        let client = Datagrams::connect(address).unwrap();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        for length in [0, 1, 65_507] {
            client.send_now(&vec![7; length]).unwrap();
            let (count, from) = poll_fn(|cx| server.poll_receive_from(cx, &mut buffer)).await.unwrap();
            assert_eq!(count, length);
            server.answer_now(&buffer[..count], from).unwrap();
            assert_eq!(client.arrival().await.unwrap().take(&mut buffer).unwrap(), Some(length));
        }
    });
}

#[test]
fn a_server_that_is_not_there_is_told_of() {
    on_a_worker(async {
        let (server, address) = listening();
        drop(server);
        let client = Datagrams::connect(address).unwrap();
        client.send_now(b"?").unwrap();
        let mut buffer = [0; 16];
        let mut arrival = client.arrival().await.unwrap();
        let error = arrival.take(&mut buffer).unwrap_err();
        assert!(is_refusal(&error), "{error}");
        assert_eq!(arrival.take(&mut buffer).unwrap(), None, "it is told once");
    });
}

#[test]
fn a_port_in_use_is_not_shared_with_a_stranger() {
    let first = bind(HERE, 1).unwrap();
    let address = SocketAddr::try_from(rustix::net::getsockname(&first[0]).unwrap()).unwrap();
    assert_eq!(bind(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(first);
    assert_eq!(bind(address, 2).unwrap().len(), 2);
}

/// Sends a question from a client that takes answers from one address alone, and answers it.
async fn ask(server: &Datagrams, at: SocketAddr) {
    let client = Datagrams::connect(at).unwrap();
    client.send_now(b"?").unwrap();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let (count, asker) = poll_fn(|cx| server.poll_receive_from(cx, &mut buffer)).await.unwrap();
    assert_eq!(&buffer[..count], b"?");
    assert_eq!(asker.address.port(), client.local_address().unwrap().port());
    server.answer_now(b"!", asker).unwrap();
    let told = client.arrival().await.unwrap().take(&mut buffer).unwrap();
    assert_eq!((told, buffer[0]), (Some(1), b'!'), "asked at {at}");
}

fn port_of(fd: &OwnedFd) -> u16 {
    SocketAddr::try_from(rustix::net::getsockname(fd).unwrap()).unwrap().port()
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    on_a_worker(async {
        let fd = bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), 1).unwrap().remove(0);
        let port = port_of(&fd);
        let server = Datagrams::new(fd).unwrap();
        for last in [1, 2, 77] {
            ask(&server, SocketAddr::from(([127, 0, 0, last], port))).await;
        }
    });
}

#[test]
fn a_socket_for_both_kinds_answers_from_the_address_that_was_asked() {
    on_a_worker(async {
        let fd = bind_any(0, 1).unwrap().remove(0);
        let port = port_of(&fd);
        let server = Datagrams::new(fd).unwrap();
        for last in [1, 2] {
            ask(&server, SocketAddr::from(([127, 0, 0, last], port))).await;
        }
        if std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            ask(&server, SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await;
        }
    });
}

#[test]
fn clients_are_told_apart_by_the_address_that_they_ask() {
    on_a_worker(async {
        let fd = bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), 1).unwrap().remove(0);
        let port = port_of(&fd);
        let server = Datagrams::new(fd).unwrap();
        let client = std::net::UdpSocket::bind(HERE).unwrap();
        let mut askers = std::collections::HashSet::new();
        for last in [1, 2, 1, 2] {
            client.send_to(b"?", SocketAddr::from(([127, 0, 0, last], port))).unwrap();
            let (_, asker) = poll_fn(|cx| server.poll_receive_from(cx, &mut [0; 16])).await.unwrap();
            askers.insert(asker);
        }
        assert_eq!(askers.len(), 2, "{askers:?}");
    });
}

#[test]
fn memory_for_the_kernel_is_the_same_memory() {
    let mut bytes = [1, 2, 3];
    for_kernel(&mut bytes)[1].write(9);
    assert_eq!(bytes, [1, 9, 3]);
    assert_eq!(for_kernel(&mut []).len(), 0);
}
