//! Many streams at once, by h2load: every request is answered, whatever is behind.

use std::process::Command;
use std::time::Duration;

use super::farm::Farm;
use crate::harness::process::Process;

const REQUESTS: usize = 400;
const LOAD_TIME: Duration = Duration::from_secs(30);

#[test]
fn h2load_loses_no_request() {
    let farm = Farm::start();
    for base in [farm.clear_url(), farm.secure_url()] {
        for name in farm.names() {
            check(&format!("{base}/{name}/small"));
        }
        check(&format!("{base}/nginx-h2c/large"));
    }
}

#[track_caller]
fn check(url: &str) {
    let mut command = Command::new("h2load");
    let mut process = Process::start(command.args(["-n", &REQUESTS.to_string(), "-c", "4", "-m", "10", url]));
    let status = process.wait_exit(LOAD_TIME);
    let said = process.stdout();
    assert!(status.success(), "{url}: {status}\n{said}\n{}", process.stderr());
    let expected = format!("{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout");
    assert!(said.contains(&expected), "{url}: {said}");
    assert!(said.contains(&format!("{REQUESTS} 2xx")), "{url}: {said}");
}
