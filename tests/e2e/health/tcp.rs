//! Checks that only connect, and servers on unix sockets.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use super::{OFTEN, Patient, Ward, config};
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::PATIENCE;

#[test]
fn without_a_path_a_connection_is_enough() {
    let (address, b) = (free_address(), Patient::new("b"));
    let ward = Ward::start(&[address, b.address()], "every = \"100ms\", timeout = \"20s\"");
    ward.wait_until_down(address, "it took no connection: Connection refused");
    ward.expect_served_by(&["b"]);
    let a = Patient::at(address, "a");
    // Nobody asks for this.
    a.sicken();
    ward.wait_until_up(address);
    ward.wait_until_served_by(&["a", "b"]);
    assert!(a.checks().is_empty());
    assert!(a.recorder.conversations().iter().any(|one| one.length() == 0 && one.is_over()));
}

/// Answers every request on every connection with `unix`, for as long as the test runs.
fn serve_unix(listener: UnixListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a time-out");
                let (mut bytes, mut piece) = (Vec::new(), [0; 4_096]);
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    bytes.extend_from_slice(&piece[..count]);
                    if bytes.ends_with(b"\r\n\r\n") {
                        bytes.clear();
                        if stream.write_all(ok("unix").as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn a_server_on_a_unix_socket_is_checked() {
    let folder = Folder::new();
    let (path, b) = (folder.0.join("app.sock"), Patient::new("b"));
    for health in [OFTEN, "every = \"100ms\", timeout = \"20s\""] {
        let server = format!("unix:{}", path.display());
        let ward = Ward::with(&config(&format!("\"{server}\", \"{}\"", b.address()), health));
        let down = format!("server {server} of upstream web is down: it took no connection: No such file or directory");
        ward.wait_until_said(&down);
        ward.expect_served_by(&["b"]);
        serve_unix(UnixListener::bind(&path).expect("a socket can be made"));
        ward.wait_until_said(&format!("server {server} of upstream web is up again"));
        ward.wait_until_served_by(&["unix", "b"]);
        std::fs::remove_file(&path).expect("it is there");
    }
}
