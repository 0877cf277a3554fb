//! Servers with addresses to which no way leads, or at which nobody listens.

use crate::harness::evener::Folder;
use crate::harness::python::run_script;

/// In a network of its own, in which these ports are free.
const FIRST_PORT: &str = "4000";

#[test]
fn an_address_without_a_route_hangs_nothing_and_the_next_one_serves() {
    let folder = Folder::new();
    let path = folder.0.to_str().expect("temporary folders have plain names");
    let said = run_script("no_route.py", &[env!("CARGO_BIN_EXE_evener"), path, FIRST_PORT]);
    let site = "site HTTP/1.1 200 OK\n".repeat(3);
    let expected = "next server SOME\nnext address FAR\nnext address over tcp TCP\n\
                    after a refusal REFUSED\nremembered ANOTHER\nend 0\n";
    assert_eq!(said, site + expected);
}
