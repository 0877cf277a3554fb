//! Whose fault a failed connection is. Real connections are opened in the tests of the crate.

use super::*;
use rustix::io::Errno;

#[test]
fn only_what_this_process_lacks_is_its_own_fault() {
    let check = |errno: Errno, is_own: bool| {
        let fault = classify(errno.into());
        assert_eq!(matches!(fault, ConnectFault::Exhausted(_)), is_own, "{fault:?}");
        assert_eq!(matches!(fault, ConnectFault::Refused(_)), !is_own, "{fault:?}");
    };
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
        check(errno, true);
    }
    // The last one is what a machine without IPv6 says of `::1`.
    for errno in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NOENT, Errno::ADDRNOTAVAIL] {
        check(errno, false);
    }
}
