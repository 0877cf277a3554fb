//! A real PostgreSQL behind evener, with `psql` as the client: results are right or there are none while the server is
//! killed and comes back.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::{Service, SetOnDrop, service};
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::wait::{PATIENCE, pause_unless, wait_for};

/// A cluster in a folder of its own. PostgreSQL does not run as root, so there it runs as its own user.
struct Postgres {
    process: Option<Process>,
    address: SocketAddr,
    folder: Folder,
    programs: PathBuf,
}

impl Postgres {
    fn new() -> Self {
        let folder = Folder::new();
        let programs = programs();
        if rustix::process::getuid().is_root() {
            let passwd = fs::read_to_string("/etc/passwd").expect("a list of users");
            let line = passwd.lines().find(|line| line.starts_with("postgres:")).expect("Debian makes the user");
            let ids: Vec<u32> = line.split(':').skip(2).take(2).filter_map(|id| id.parse().ok()).collect();
            chown(&folder.0, Some(ids[0]), Some(ids[1])).expect("root may give a folder away");
        }
        let mut postgres = Self { process: None, address: free_address(), folder, programs };
        let data = postgres.data();
        let made = postgres
            .program("initdb")
            .args(["--auth", "trust", "--username", "tester", "--no-sync", "--no-instructions", "--pgdata"])
            .arg(&data)
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        postgres.start();
        postgres
    }

    fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    /// One of its programs, as a user who may run it.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if rustix::process::getuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder.0).env("LC_ALL", "C");
        command
    }

    fn start(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data());
        command.args(["-h", &self.address.ip().to_string(), "-p", &self.address.port().to_string()]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=30"]);
        self.process = Some(Process::start(&mut command));
        wait_for(PATIENCE, "PostgreSQL answers", || query(self.address, "select 1").ok());
    }

    /// Ends it at once, with all its connections.
    fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Its way of ending without asking anybody: the children, each of which serves a client, end too.
        process.signal(Signal::QUIT);
        process.wait_exit(PATIENCE);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where Debian keeps the programs of the newest version.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: run `cargo xtask test`");
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    folders.filter(|folder| folder.join("postgres").exists()).max().expect("a server among them")
}

/// The rows of a query, or what went wrong.
fn query(address: SocketAddr, text: &str) -> Result<String, String> {
    let target = format!(
        "host={} port={} user=tester dbname=postgres connect_timeout=10 sslmode=disable",
        address.ip(),
        address.port()
    );
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", &target, "-c", text]);
    let Output { status, stdout, stderr } = psql.current_dir("/").output().expect("psql starts");
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&stderr).into_owned())
    }
}

/// A sum that the server has to compute, and what it is.
fn sum(from: u64) -> (String, String) {
    let to = from + 20_000;
    let text = format!("select sum(n) from generate_series({from}, {to}) n");
    (text, ((from + to) * (to - from + 1) / 2).to_string())
}

#[test]
fn results_are_right_while_the_server_is_killed_and_comes_back() {
    let mut postgres = Postgres::new();
    let service = service(&[postgres.address], "", "");
    let made = query(service.address(), "create table t (n int); insert into t select generate_series(1, 1000)");
    assert_eq!(made.as_deref(), Ok(""));
    let is_over = AtomicBool::new(false);
    let (good, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _end = SetOnDrop(&is_over);
        for number in 0..3 {
            let (service, is_over, good, lost): (&Service, _, _, _) = (&service, &is_over, &good, &lost);
            scope.spawn(move || {
                for round in 0.. {
                    if is_over.load(Ordering::Acquire) {
                        return;
                    }
                    let (text, wanted) = sum(number * 1_000_000 + round);
                    match query(service.address(), &text) {
                        Ok(got) => {
                            assert_eq!(got, wanted, "{text}");
                            good.fetch_add(1, Ordering::AcqRel);
                        }
                        Err(_) => {
                            lost.fetch_add(1, Ordering::AcqRel);
                        }
                    }
                }
            });
        }
        for _ in 0..2 {
            let before = good.load(Ordering::Acquire);
            wait_for(PATIENCE, "right results", || (good.load(Ordering::Acquire) > before + 3).then_some(()));
            let before = lost.load(Ordering::Acquire);
            postgres.kill();
            wait_for(PATIENCE, "lost connections", || (lost.load(Ordering::Acquire) > before).then_some(()));
            postgres.start();
        }
        let before = good.load(Ordering::Acquire);
        wait_for(PATIENCE, "right results again", || (good.load(Ordering::Acquire) > before + 3).then_some(()));
    });
    // What was written before is there, a long result comes whole, and so does a copy.
    assert_eq!(query(service.address(), "select sum(n) from t").as_deref(), Ok("500500"));
    let long = query(service.address(), "select repeat('x', 3000000)").expect("a long result");
    assert_eq!(long.len(), 3_000_000);
    let copied = query(service.address(), "copy (select n from generate_series(1, 50000) n) to stdout");
    assert_eq!(copied.expect("a copy").lines().count(), 50_000);
}

#[test]
fn a_session_that_waits_learns_of_the_end_of_its_server() {
    let mut postgres = Postgres::new();
    let service = service(&[postgres.address], "", "");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| query(service.address(), "select pg_sleep(60)"));
        let asleep = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
        wait_for(PATIENCE, "it sleeps", || (query(postgres.address, asleep).as_deref() == Ok("1")).then_some(()));
        pause_unless(Duration::from_millis(50), || false);
        postgres.kill();
        let error = waiting.join().expect("no panic").expect_err("no result");
        assert!(error.contains("closed the connection") || error.contains("terminating connection"), "{error}");
    });
}
