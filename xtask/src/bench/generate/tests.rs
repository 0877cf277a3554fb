//! The load generator against servers of the tests' own, on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::{Job, percentile, play};
use crate::bench::{echo, tls};

fn job(line: &str) -> Result<Job, String> {
    Job::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn jobs_are_read() {
    assert!(job("handshake /128 4001 64 2").is_ok());
    assert!(job("echo 1048576 4001 16 2").is_ok());
    for wrong in ["", "echo 128 4001 64", "echo /128 4001 64 2", "knock 1 4001 64 2", "echo 128 0 64 2", "echo 0 1 1 1"]
    {
        assert!(job(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn percentiles_are_values_that_were_measured() {
    assert_eq!(percentile(&[], 50), None);
    assert_eq!(percentile(&[7.0], 99), Some(7.0));
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50.0), Some(99.0)));
}

/// An echo server on a thread that ends with the test's process.
fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { echo::accept(tokio::net::TcpListener::from_std(listener).unwrap(), port).await })
    });
    port
}

#[test]
fn small_and_large_messages_come_back() {
    let port = echo_server();
    for size in [128, 1 << 20] {
        let seen = play(&job(&format!("echo {size} {port} 4 1")).unwrap()).unwrap();
        assert!(seen.errors.is_empty(), "{:?}", seen.errors);
        assert!(seen.requests > 8.0 && seen.per_second > 0.0, "{seen:?}");
        assert!(seen.p50_us.unwrap() > 0.0 && seen.p50_us <= seen.p99_us, "{seen:?}");
    }
}

#[test]
fn an_echo_server_says_who_it_is() {
    let port = echo_server();
    let mut client = crate::bench::client::Client::connect(port).unwrap();
    assert_eq!(client.ask(echo::WHO), Ok(port.to_string()));
}

#[test]
fn a_server_that_closes_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    for work in ["echo 128", "handshake /128"] {
        let seen = play(&job(&format!("{work} {port} 5 1")).unwrap()).unwrap();
        assert_eq!(seen.requests, 0.0);
        assert_eq!(seen.errors.len(), 4, "three faults and their number: {:?}", seen.errors);
    }
}

/// A TLS server that answers one request on each connection; gives back its port.
fn tls_server(answer: &'static str) -> u16 {
    let folder = std::env::temp_dir().join(format!("evener-bench-tls-{}-{}", std::process::id(), answer.len()));
    std::fs::create_dir_all(&folder).unwrap();
    tls::prepare(&folder).unwrap();
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut session, &mut socket);
            let mut room = [0; 1024];
            // A client may leave; the next one is served all the same.
            if stream.read(&mut room).is_ok() && stream.write_all(answer.as_bytes()).is_ok() {
                session.send_close_notify();
                let _ = session.complete_io(&mut socket);
            }
        }
    });
    port
}

#[test]
fn each_request_is_a_whole_handshake() {
    let port = tls_server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    let seen = play(&job(&format!("handshake /128 {port} 4 1")).unwrap()).unwrap();
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
    assert!(seen.requests > 8.0, "{seen:?}");
}

#[test]
fn an_answer_that_is_no_success_is_an_error() {
    let port = tls_server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let seen = play(&job(&format!("handshake /128 {port} 1 1")).unwrap()).unwrap();
    assert_eq!((seen.requests, seen.errors.len()), (0.0, 1), "{seen:?}");
    assert!(seen.errors[0].contains("503"), "{:?}", seen.errors);
}
