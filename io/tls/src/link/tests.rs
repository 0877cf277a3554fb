//! Links over real sockets: both ends of a connection on loopback, each a link of its own.

use super::*;
use evener_runtime::{Alarm, Alarms, Millis};
use rcgen::generate_simple_self_signed;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::future::{Future, poll_fn};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Runs on an event loop like that of a worker.
fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<Alarms>) -> F) {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(Default::default()).expect("an event loop starts");
    runtime.block_on(async move {
        let alarms = Alarms::new();
        tokio::task::spawn_local(Rc::clone(&alarms).drive());
        let test = tokio::time::timeout(Duration::from_secs(20), test(alarms));
        test.await.expect("the test ends in time");
    });
}

fn alarm(alarms: &Rc<Alarms>) -> Alarm {
    let alarm = alarms.register();
    alarm.set(Millis::now().after(Duration::from_secs(10)));
    alarm
}

/// Both ends of a connection.
fn pair() -> (Socket, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let client = TcpStream::connect(address).expect("it accepts");
    let (server, _) = listener.accept().expect("somebody came");
    (socket(client), socket(server))
}

fn socket(stream: TcpStream) -> Socket {
    stream.set_nonblocking(true).expect("it is a socket");
    Socket::new(stream.into()).expect("it goes on the event loop")
}

fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let own = generate_simple_self_signed(["example.com".to_owned()]).expect("a key can be made");
    let chain = vec![own.cert.der().clone()];
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let mut server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key.into())
        .expect("the key is that of the certificate");
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).expect("it is a certificate");
    let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    (Arc::new(client), Arc::new(server))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("example.com").expect("it is a name")
}

/// Two links after their handshake.
async fn links(alarms: &Rc<Alarms>) -> (Link, Link) {
    let (client, server) = pair();
    let (client_config, server_config) = configs();
    let server_alarm = alarm(alarms);
    let accepting = tokio::task::spawn_local(async move {
        accept(server, &[], &server_alarm, |hello| {
            assert_eq!(hello.server_name(), Some("example.com"));
            Ok((server_config, 7))
        })
        .await
    });
    let (client, shaken) = connect(client, client_config, name(), &alarm(alarms)).await.expect("the client agrees");
    assert_eq!(shaken.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert!(shaken.certificate.is_some());
    let (server, shaken, chosen) = accepting.await.expect("no panic").expect("the server agrees");
    assert_eq!((shaken.version, chosen), (Some("TLSv1.3"), 7));
    (client, server)
}

async fn write_all(link: &Link, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| link.poll_write(cx, bytes)).await.expect("the peer reads");
        bytes = &bytes[written..];
    }
}

async fn read_to_end(link: &Link) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 10_000];
    loop {
        match poll_fn(|cx| link.poll_read(cx, &mut buffer)).await? {
            0 => return Ok(all),
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn bytes_arrive_whole_and_in_order_both_ways_under_back_pressure() {
    run(|alarms| async move {
        let (client, server) = links(&alarms).await;
        let sent = pattern(5_000_000);
        let expected = sent.clone();
        let sending = tokio::task::spawn_local(async move {
            let cut = sent.len() / 3;
            write_all(&client, &sent[..cut]).await;
            let mut rest = &sent[cut..];
            while !rest.is_empty() {
                let (first, second) = rest.split_at(rest.len().min(100));
                let pieces = [first, second];
                let written = poll_fn(|cx| client.poll_write_pieces(cx, &pieces)).await.expect("the peer reads");
                rest = &rest[written..];
            }
            client.shutdown_write();
            read_to_end(&client).await.expect("an orderly end")
        });
        // The reader begins late: the writer must wait meanwhile, not buffer without bound.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!sending.is_finished());
        assert_eq!(read_to_end(&server).await.expect("an orderly end"), expected);
        write_all(&server, b"answer").await;
        server.shutdown_write();
        assert_eq!(sending.await.expect("no panic"), b"answer");
    });
}

#[test]
fn what_was_reported_as_written_arrives_although_the_link_is_dropped() {
    run(|alarms| async move {
        let (client, server) = links(&alarms).await;
        let bytes = pattern(60_000);
        write_all(&server, &bytes).await;
        drop(server);
        let mut got = vec![0; bytes.len()];
        let mut count = 0;
        while count < got.len() {
            count += poll_fn(|cx| client.poll_read(cx, &mut got[count..])).await.expect("the bytes are on their way");
        }
        assert_eq!(got, bytes);
        // Nobody announced the end, so it may be a cut.
        let end = poll_fn(|cx| client.poll_read(cx, &mut [0; 10])).await;
        assert_eq!(end.expect_err("a cut").kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn an_idle_link_is_quiet_although_tickets_wait_on_it() {
    run(|alarms| async move {
        let (client, server) = links(&alarms).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        // The server's tickets have come; they are no word of the application.
        assert!(client.is_quiet() && server.is_quiet());
        assert!(client.read_now(&mut [0; 10]).is_none());
        write_all(&server, b"x").await;
        // The tickets may have left the event loop with the belief that there is more.
        while client.is_quiet() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(client.is_readable());
        let mut byte = [0; 10];
        assert_eq!(client.read_now(&mut byte).expect("a byte waits").expect("it can be read"), 1);
        assert!(client.is_quiet());
        assert!(poll_fn(|cx| Poll::Ready(client.poll_read(cx, &mut byte))).await.is_pending());
        assert!(!client.is_readable());
        server.shutdown_write();
        while client.is_quiet() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(client.read_now(&mut byte).expect("an end waits").expect("an orderly one"), 0);
    });
}

#[test]
fn a_handshake_fails_in_time_and_says_why() {
    run(|alarms| async move {
        let (_silent, server) = pair();
        let short = alarms.register();
        short.set(Millis::now().after(Duration::from_millis(30)));
        let fault =
            accept(server, &[], &short, |_| Err::<(Arc<ServerConfig>, ()), _>(Refusal::UnknownName)).await.err();
        assert!(matches!(fault, Some(HandshakeFault::TimedOut)), "{fault:?}");

        let (client, server) = pair();
        let own = alarm(&alarms);
        let fault = accept(server, b"GET / HTTP/1.1\r\n\r\n", &own, |_| {
            Err::<(Arc<ServerConfig>, ()), _>(Refusal::UnknownName)
        })
        .await
        .err();
        assert!(matches!(fault, Some(HandshakeFault::Tls(_))));
        drop(client);

        let (client, server) = pair();
        let own = alarm(&alarms);
        tokio::task::spawn_local(async move {
            let turned_away =
                accept(server, &[], &own, |_| Err::<(Arc<ServerConfig>, ()), _>(Refusal::UnknownName)).await;
            assert!(matches!(turned_away.err(), Some(HandshakeFault::UnknownName)));
        });
        let fault = connect(client, configs().0, name(), &alarm(&alarms)).await.err();
        let told = rustls::Error::AlertReceived(rustls::AlertDescription::UnrecognisedName);
        assert!(matches!(&fault, Some(HandshakeFault::Tls(fault)) if *fault == told), "{fault:?}");

        let (client, server) = pair();
        let own = alarm(&alarms);
        let (_, server_config) = configs();
        let accepting =
            tokio::task::spawn_local(async move { accept(server, &[], &own, |_| Ok((server_config, ()))).await.err() });
        // A certificate that the client does not trust.
        let fault = connect(client, configs().0, name(), &alarm(&alarms)).await.err();
        assert!(matches!(fault, Some(HandshakeFault::Tls(rustls::Error::InvalidCertificate(_)))), "{fault:?}");
        assert!(matches!(accepting.await.expect("no panic"), Some(HandshakeFault::Tls(_))));
    });
}
