//! A connection on loopback with both its sides, in the clear or under TLS.

use crate::host::{Host, Manner};
use crate::plan::Dice;
use bytes::Bytes;
use evener_runtime::{Alarms, Millis, Socket};
use evener_tls::Link;
use evener_wire::{ServerSettings, Serving};
use h2::client::{Builder, SendRequest};
use rcgen::generate_simple_self_signed;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio::task::JoinHandle;

/// Long, because a loaded machine is slow and a test that passes never waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const SETTINGS: ServerSettings =
    ServerSettings { streams_max: 100, head_bytes_max: 256 * 1024, taken_back_max: 100 };

/// Runs a test once for each seed, on an event loop like that of a worker.
pub(crate) fn run<T: Future<Output = ()>>(seeds: std::ops::Range<u64>, test: impl Fn(u64) -> T) {
    let only = std::env::var("EVENER_WIRE_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seeds = only.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        println!("EVENER_WIRE_SEED={seed}");
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(LocalOptions::default()).expect("an event loop");
        runtime.block_on(async { tokio::time::timeout(PATIENCE, test(seed)).await.expect("the test ends in time") });
    }
}

/// Both ends of a TCP connection. `is_narrow`: the kernel keeps little of what is on its way.
pub(crate) async fn ends(is_narrow: bool) -> (TcpStream, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    if is_narrow {
        let socket = socket2::SockRef::from(&listener);
        socket.set_send_buffer_size(4096).expect("an open socket");
    }
    let client = tokio::net::TcpSocket::new_v4().expect("a socket");
    if is_narrow {
        client.set_recv_buffer_size(4096).expect("an open socket");
    }
    let client = client.connect(listener.local_addr().expect("an address")).await.expect("a listener");
    client.set_nodelay(true).expect("an open socket");
    let (server, _) = listener.accept().expect("a connection");
    server.set_nonblocking(true).expect("an open socket");
    server.set_nodelay(true).expect("an open socket");
    (client, Socket::new(server.into()).expect("an event loop"))
}

/// A client that can be asked to ask, and what serves it.
pub(crate) struct Scene {
    pub(crate) scheme: &'static str,
    pub(crate) sender: SendRequest<Bytes>,
    /// The client's side of the connection.
    pub(crate) client: JoinHandle<Result<(), h2::Error>>,
    pub(crate) host: Rc<Host>,
    /// The server's.
    pub(crate) server: JoinHandle<Option<io::Error>>,
}

/// What is below HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    Clear,
    Tls,
}

impl Scene {
    pub(crate) async fn with(manner: Manner, below: Below, is_narrow: bool, builder: &Builder) -> Self {
        let (client, server) = ends(is_narrow).await;
        match below {
            Below::Clear => Self::over(manner, client, Link::plain(server), "http", builder).await,
            Below::Tls => {
                let (client, link) = under_tls(client, server).await;
                Self::over(manner, client, link, "https", builder).await
            }
        }
    }

    async fn over(
        manner: Manner,
        client: impl AsyncRead + AsyncWrite + Unpin + 'static,
        link: Link,
        scheme: &'static str,
        builder: &Builder,
    ) -> Self {
        let host = Host::new(manner);
        let serving = {
            let host = Rc::clone(&host);
            async move { host.serve(Serving::begin(link, &SETTINGS).await.expect("a client of HTTP/2")).await }
        };
        let server = tokio::task::spawn_local(serving);
        let (sender, connection) = builder.handshake(client).await.expect("a server of HTTP/2");
        Self { scheme, sender, client: tokio::task::spawn_local(connection), host, server }
    }
}

/// Windows, tables and frames as clients may choose them.
pub(crate) fn any_client(dice: &mut Dice) -> Builder {
    let mut builder = Builder::new();
    builder
        .header_table_size(*dice.pick(&[0, 100, 300, 4096, 65_536]))
        .initial_window_size(*dice.pick(&[500, 20_000, 65_535, 1 << 20, 16 << 20]))
        .initial_connection_window_size(*dice.pick(&[65_535, 200_000, 16 << 20]))
        .max_frame_size(*dice.pick(&[16_384, 100_000, 1 << 20]))
        .max_concurrent_streams(100);
    builder
}

async fn under_tls(client: TcpStream, server: Socket) -> (tokio_rustls::client::TlsStream<TcpStream>, Link) {
    let own = generate_simple_self_signed(["example.com".to_owned()]).expect("a key can be made");
    let chain = vec![own.cert.der().clone()];
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.clone(), key.into());
    let config = Arc::new(config.expect("the key is that of the certificate"));
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).expect("it is a certificate");
    let trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let accepting = tokio::task::spawn_local(async move {
        let alarm = Alarms::new().register();
        alarm.set(Millis::NEVER);
        evener_tls::accept(server, &[], &alarm, |_| Ok((config, ()))).await.expect("they agree").0
    });
    let name = ServerName::try_from("example.com").expect("it is a name");
    let client = tokio_rustls::TlsConnector::from(Arc::new(trusting)).connect(name, client).await;
    (client.expect("they agree"), accepting.await.expect("they agree"))
}
