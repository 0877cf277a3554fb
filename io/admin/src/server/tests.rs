//! Real sockets: taking, replacing and giving up addresses, and connections that do not do what they should.

use super::*;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn server() -> Server {
    let (_, readiness) = watch::channel(Readiness::Ready);
    Server::new(Views { metrics: Arc::new(|| "x".repeat(100_000)), readiness })
}

/// An address of this machine on which nothing listens, for a moment at least.
fn free() -> AdminListen {
    AdminListen::Tcp(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn port_of(listen: &AdminListen) -> SocketAddr {
    let AdminListen::Tcp(address) = listen else { panic!("{listen} is no port") };
    *address
}

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("evener-admin-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> (PathBuf, AdminListen) {
        let path = self.0.join("admin.sock");
        let listen = AdminListen::Unix(path.to_str().unwrap().to_owned());
        (path, listen)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

fn ask(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Runs blocking work of a client beside the server.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    timeout(PATIENCE, tokio::task::spawn_blocking(work)).await.expect("in time").expect("no panic")
}

async fn ask_port(listen: &AdminListen) -> io::Result<String> {
    let address = port_of(listen);
    beside(move || ask(TcpStream::connect(address)?)).await
}

/// Waits until nobody listens there any more.
async fn until_refused(listen: &AdminListen) {
    let refused = async { while ask_port(listen).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("it is given up");
}

fn install(server: &mut Server, listen: &AdminListen) {
    let prepared = server.prepare(Some(listen)).unwrap();
    server.install(prepared);
}

#[tokio::test]
async fn a_port_is_served_replaced_and_closed() {
    let (mut server, first, second) = (server(), free(), free());
    install(&mut server, &first);
    assert!(ask_port(&first).await.unwrap().ends_with("\r\n\r\nok\n"));
    // The same once more touches nothing.
    install(&mut server, &first);
    assert_eq!((server.listen(), server.tasks.len()), (Some(&first), 1));
    install(&mut server, &second);
    assert!(ask_port(&second).await.unwrap().ends_with("ok\n"));
    until_refused(&first).await;
    let prepared = server.prepare(None).unwrap();
    server.install(prepared);
    assert_eq!(server.listen(), None);
    timeout(PATIENCE, server.close()).await.unwrap();
    assert!(ask_port(&second).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_an_error_and_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = AdminListen::Tcp(taken.local_addr().unwrap());
    let (mut server, first) = (server(), free());
    install(&mut server, &first);
    let error = server.prepare(Some(&listen)).unwrap_err();
    assert!(matches!(&error, AdminError::Refused(_, cause) if cause.kind() == io::ErrorKind::AddrInUse), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot listen on {listen} for `admin`"));
    assert!(ask_port(&first).await.unwrap().ends_with("ok\n"));
}

#[tokio::test]
async fn a_socket_belongs_to_its_user_and_goes_at_the_end() {
    let folder = Folder::new();
    let (path, listen) = folder.socket();
    let mut server = server();
    install(&mut server, &listen);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let own = path.clone();
    assert!(beside(move || ask(UnixStream::connect(own)?)).await.unwrap().ends_with("ok\n"));
    server.close().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_is_replaced_only_if_nobody_answers() {
    let folder = Folder::new();
    let (path, listen) = folder.socket();
    let mut server = server();
    let other = UnixListener::bind(&path).unwrap();
    let error = server.prepare(Some(&listen)).unwrap_err();
    assert!(matches!(error, AdminError::Taken(_)), "{error:?}");
    assert!(error.to_string().ends_with("another program answers there"), "{error}");
    assert!(UnixStream::connect(&path).is_ok(), "it was left alone");
    drop(other);
    assert!(path.exists(), "what a program leaves behind that is gone");
    install(&mut server, &listen);
    let own = path.clone();
    assert!(beside(move || ask(UnixStream::connect(own)?)).await.unwrap().ends_with("ok\n"));

    // Somebody else's file in its place is left alone as well.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    server.close().await;
    assert!(path.exists());
    drop(other);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let error = self::server().prepare(Some(&listen)).unwrap_err();
    assert!(matches!(error, AdminError::NoSocket(_)), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let folder = Folder::new();
    let listen = AdminListen::Unix(folder.0.join("absent/admin.sock").to_str().unwrap().to_owned());
    let error = server().prepare(Some(&listen)).unwrap_err();
    assert!(matches!(&error, AdminError::Refused(_, cause) if cause.kind() == io::ErrorKind::NotFound), "{error:?}");
}

#[tokio::test]
async fn answers_under_way_survive_the_end_of_their_listener() {
    let (mut server, listen) = (server(), free());
    install(&mut server, &listen);
    let address = port_of(&listen);
    let (mut resting, mut reading, mut new) = beside(move || {
        let connect = || {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        };
        let (mut resting, mut reading, new) = (connect(), connect(), connect());
        resting.write_all(REQUEST).unwrap();
        let mut first = [0; 16];
        resting.read_exact(&mut first).unwrap();
        assert_eq!(&first[..15], b"HTTP/1.1 200 OK");
        reading.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        reading.read_exact(&mut first).unwrap();
        (resting, reading, new)
    })
    .await;
    let ending = tokio::spawn(server.close());
    beside(move || {
        let mut rest = Vec::new();
        reading.read_to_end(&mut rest).unwrap();
        assert!(rest.len() > 100_000 && rest.ends_with(b"xxx"), "{} bytes came", rest.len());
        // Accepted by the system, but not yet asked: it is answered, and then closed.
        let mut text = String::new();
        new.write_all(REQUEST).unwrap();
        new.read_to_string(&mut text).unwrap();
        assert!(text.contains("connection: close") && text.ends_with("ok\n"), "{text}");
        resting.read_to_end(&mut rest).unwrap();
    })
    .await;
    timeout(PATIENCE, ending).await.unwrap().unwrap();
}

#[tokio::test]
async fn sixty_four_connections_are_served_and_the_next_one_waits() {
    let (mut server, listen) = (server(), free());
    install(&mut server, &listen);
    let address = port_of(&listen);
    beside(move || {
        let hold = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(REQUEST).unwrap();
            stream.read_exact(&mut [0; 16]).unwrap();
            stream
        };
        let mut held: Vec<TcpStream> = (0..CONNECTIONS_MAX).map(hold).collect();
        let mut late = TcpStream::connect(address).unwrap();
        late.write_all(REQUEST).unwrap();
        late.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let error = late.read_exact(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        held.pop();
        late.set_read_timeout(Some(PATIENCE)).unwrap();
        late.read_exact(&mut [0; 16]).unwrap();
    })
    .await;
}
