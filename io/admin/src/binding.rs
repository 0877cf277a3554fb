//! Taking the address: a loopback port, or a unix socket that only its user may open.
//!
//! A file that is left over from a process that is gone is replaced; one on which somebody answers is not, nor one that is
//! no socket.

use evener_plan::AdminListen;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::error::Error;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::{fmt, net};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// An address that is taken.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) listen: AdminListen,
    pub(crate) listener: Listener,
}

#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, OwnFile),
}

/// A connection that was accepted.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The file of a unix socket, and which it is: another process may have put its own in this place.
#[derive(Debug, Clone)]
pub(crate) struct OwnFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why the admin listener cannot have its address.
#[derive(Debug)]
pub enum AdminError {
    /// The system refuses it.
    Refused(AdminListen, io::Error),
    /// Somebody answers on the unix socket.
    Taken(AdminListen),
    /// Something else than a socket has the path.
    NoSocket(AdminListen),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(listen, _) => write!(f, "cannot listen on {listen} for `admin`"),
            Self::Taken(listen) => write!(f, "cannot listen on {listen} for `admin`: another program answers there"),
            Self::NoSocket(listen) => write!(f, "cannot listen on {listen} for `admin`: the file is no socket"),
        }
    }
}

impl Error for AdminError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(_, error) => Some(error),
            Self::Taken(_) | Self::NoSocket(_) => None,
        }
    }
}

impl Binding {
    pub(crate) fn bind(listen: &AdminListen) -> Result<Self, AdminError> {
        let listener = match listen {
            AdminListen::Tcp(address) => tcp(*address).map_err(Obstacle::Refused),
            AdminListen::Unix(path) => unix(Path::new(path)),
        };
        let listener = listener.map_err(|obstacle| match obstacle {
            Obstacle::Refused(error) => AdminError::Refused(listen.clone(), error),
            Obstacle::Taken => AdminError::Taken(listen.clone()),
            Obstacle::NoSocket => AdminError::NoSocket(listen.clone()),
        })?;
        Ok(Self { listen: listen.clone(), listener })
    }
}

impl Listener {
    /// The next connection. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }

    /// The file of the socket, if it has one.
    pub(crate) fn file(&self) -> Option<&OwnFile> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, file) => Some(file),
        }
    }

    /// Takes the file of the socket away, if it is still this one's: nobody finds it from now on.
    pub(crate) fn unlink(&self) {
        let Self::Unix(_, file) = self else { return };
        if file.is_own() {
            // A folder that is gone or locked meanwhile leaves a file that the next start replaces.
            let _left_behind = fs::remove_file(&file.path);
        }
    }
}

impl OwnFile {
    fn of(path: &Path) -> io::Result<Self> {
        let facts = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: facts.dev(), inode: facts.ino() })
    }

    /// Whether it is still there.
    pub(crate) fn is_own(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|facts| (facts.dev(), facts.ino()) == (self.device, self.inode))
    }
}

/// An [`AdminError`] that does not know where.
enum Obstacle {
    Refused(io::Error),
    Taken,
    NoSocket,
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Errno> for Obstacle {
    fn from(error: Errno) -> Self {
        Self::Refused(error.into())
    }
}

fn tcp(address: SocketAddr) -> io::Result<Listener> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Listener::Tcp)
}

fn unix(path: &Path) -> Result<Listener, Obstacle> {
    let address = SocketAddrUnix::new(path)?;
    let socket = new_socket()?;
    match rustix::net::bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            make_way(path, &address)?;
            rustix::net::bind(&socket, &address)?;
        }
        other => other?,
    }
    let listener = (|| {
        // Nobody gets in before: a socket takes connections only once it listens.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        rustix::net::listen(&socket, BACKLOG)?;
        let file = OwnFile::of(path)?;
        UnixListener::from_std(StdUnixListener::from(socket)).map(|listener| Listener::Unix(listener, file))
    })();
    if listener.is_err() {
        let _left_behind = fs::remove_file(path);
    }
    Ok(listener?)
}

/// Removes a socket that nobody listens on.
fn make_way(path: &Path, address: &SocketAddrUnix) -> Result<(), Obstacle> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.file_type().is_socket() => {}
        Ok(_) => return Err(Obstacle::NoSocket),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // It does not wait: a full queue is an answer, too.
    match rustix::net::connect(new_socket()?, address) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(Obstacle::Refused),
        _ => Err(Obstacle::Taken),
    }
}

fn new_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// For the user whom evener runs as.
const MODE: u32 = 0o600;
/// As many as are served at once may wait.
const BACKLOG: i32 = 64;
