//! The address that a datagram was sent to: asked for at the kernel, read from what it tells beside a datagram, and given
//! back to it with the answer (`IP_PKTINFO` of ip(7), `IPV6_PKTINFO` of RFC 3542 §6).
//!
//! It sends and receives nothing.

use libc::{IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, IPV6_RECVPKTINFO, c_int};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};

/// One of our addresses; nothing if the socket has but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked(Option<Local>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Local {
    address: IpAddr,
    /// The interface of an address that has a meaning on one link only, else 0: the route decides.
    interface: u32,
}

/// Has the kernel tell of each datagram which address it was sent to.
pub(super) fn want(socket: &impl AsFd, is_ipv6: bool) -> io::Result<()> {
    // A socket for both kinds is told of IPv4 by the message for IPv4, which knows more: see `local_of_ipv4`.
    switch_on(socket, IPPROTO_IP, IP_PKTINFO)?;
    if is_ipv6 { switch_on(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "no crate has a safe call for these options")]
fn switch_on(socket: &impl AsFd, level: c_int, option: c_int) -> io::Result<()> {
    let on: c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<c_int>()).expect("four bytes");
    // SAFETY: the descriptor is open for as long as it is borrowed, and the call reads `length` bytes of `on`.
    let outcome =
        unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, (&raw const on).cast(), length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Asked {
    /// What the kernel has told. Other messages are passed over.
    pub(super) fn read(mut control: &[u8]) -> Self {
        let mut found = None;
        while let Some((level, kind, data, rest)) = split_message(control) {
            match (level, kind) {
                (IPPROTO_IP, IP_PKTINFO) => return Self(local_of_ipv4(data)),
                (IPPROTO_IPV6, IPV6_PKTINFO) => found = local_of_ipv6(data),
                _ => {}
            }
            control = rest;
        }
        Self(found)
    }

    /// The same for an answer. Empty if there is nothing to tell.
    pub(super) fn write(self, control: &mut [u8; CONTROL_BYTES_MAX]) -> &[u8] {
        let Some(Local { address, interface }) = self.0 else { return &[] };
        let mut data = [0; IPV6_INFO_BYTES];
        let (level, kind, data) = match address {
            IpAddr::V4(address) => {
                // Interface, source, and a destination that the kernel does not look at.
                data[4..8].copy_from_slice(&address.octets());
                (IPPROTO_IP, IP_PKTINFO, &data[..IPV4_INFO_BYTES])
            }
            IpAddr::V6(address) => {
                data[..16].copy_from_slice(&address.octets());
                data[16..].copy_from_slice(&interface.to_ne_bytes());
                (IPPROTO_IPV6, IPV6_PKTINFO, &data[..])
            }
        };
        let length = HEADER_BYTES + data.len();
        control[..WORD].copy_from_slice(&length.to_ne_bytes());
        control[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        control[WORD + 4..HEADER_BYTES].copy_from_slice(&kind.to_ne_bytes());
        control[HEADER_BYTES..length].copy_from_slice(data);
        &control[..length.next_multiple_of(WORD)]
    }
}

/// The first message: its level, its kind, its data, and what follows it. `None`: there is no further one.
fn split_message(control: &[u8]) -> Option<(c_int, c_int, &[u8], &[u8])> {
    let (length, rest) = control.split_first_chunk::<WORD>()?;
    let (level, rest) = rest.split_first_chunk()?;
    let (kind, _) = rest.split_first_chunk()?;
    let length = usize::from_ne_bytes(*length);
    let data = control.get(HEADER_BYTES..length)?;
    let next = control.get(length.next_multiple_of(WORD)..).unwrap_or_default();
    Some((c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind), data, next))
}

/// Interface, our address for an answer, and the destination: of a datagram to many the second is still one of ours.
fn local_of_ipv4(data: &[u8]) -> Option<Local> {
    let octets: [u8; 4] = data.get(4..8)?.try_into().ok()?;
    let address = Ipv4Addr::from(octets);
    (!address.is_unspecified()).then_some(Local { address: address.into(), interface: 0 })
}

/// Destination and interface. One that many have is not an address to answer from.
fn local_of_ipv6(data: &[u8]) -> Option<Local> {
    let octets: [u8; 16] = data.get(..16)?.try_into().ok()?;
    let interface = u32::from_ne_bytes(data.get(16..20)?.try_into().ok()?);
    let address = Ipv6Addr::from(octets);
    let interface = if address.is_unicast_link_local() { interface } else { 0 };
    let is_ours = !address.is_multicast() && !address.is_unspecified();
    is_ours.then_some(Local { address: address.to_canonical(), interface })
}

const WORD: usize = size_of::<usize>();
/// `struct cmsghdr`: a length as wide as a word, level and kind.
const HEADER_BYTES: usize = WORD + 8;
/// `struct in_pktinfo` and `struct in6_pktinfo`.
const IPV4_INFO_BYTES: usize = 12;
const IPV6_INFO_BYTES: usize = 20;
/// Both messages, each filled up to whole words.
pub(super) const CONTROL_BYTES_MAX: usize = 2 * HEADER_BYTES + 16 + 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER_BYTES + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        bytes
    }

    fn ipv4(own: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        message(IPPROTO_IP, IP_PKTINFO, &[&7_u32.to_ne_bytes()[..], &own, &destination].concat())
    }

    fn ipv6(address: &str, interface: u32) -> Vec<u8> {
        let address: Ipv6Addr = address.parse().unwrap();
        message(IPPROTO_IPV6, IPV6_PKTINFO, &[&address.octets()[..], &interface.to_ne_bytes()].concat())
    }

    #[track_caller]
    fn check(control: &[u8], expected: Option<(&str, u32)>) {
        let local = |(address, interface): (&str, u32)| Local { address: address.parse().unwrap(), interface };
        let asked = Asked::read(control);
        assert_eq!(asked, Asked(expected.map(local)));
        // What is told to the kernel means the same when the kernel tells it.
        assert_eq!(Asked::read(asked.write(&mut [0; CONTROL_BYTES_MAX])), asked);
    }

    #[test]
    fn what_the_kernel_tells_is_read_and_told_again() {
        check(&[], None);
        check(&ipv4([127, 0, 0, 2], [127, 0, 0, 2]), Some(("127.0.0.2", 0)));
        check(&ipv4([192, 0, 2, 2], [192, 0, 2, 255]), Some(("192.0.2.2", 0)));
        check(&ipv4([0; 4], [224, 0, 0, 1]), None);
        check(&ipv6("2001:db8::1", 3), Some(("2001:db8::1", 0)));
        check(&ipv6("fe80::1", 3), Some(("fe80::1", 3)));
        check(&ipv6("ff02::1", 3), None);
        check(&ipv6("::ffff:127.0.0.2", 1), Some(("127.0.0.2", 0)));
        let both = [ipv6("::ffff:192.0.2.255", 1), ipv4([192, 0, 2, 2], [192, 0, 2, 255])].concat();
        assert!(both.len() <= CONTROL_BYTES_MAX);
        check(&both, Some(("192.0.2.2", 0)));
        let others = [message(1, 29, &[0; 16]), ipv6("::1", 1), message(IPPROTO_IP, 2, &[0; 4])].concat();
        check(&others, Some(("::1", 0)));
    }

    #[test]
    fn what_is_cut_short_tells_nothing() {
        for whole in [ipv4([127, 0, 0, 2], [127, 0, 0, 2]), ipv6("::1", 1)] {
            for length in 0..whole.len() {
                let asked = Asked::read(&whole[..length]);
                // All that may be missing is what fills the last word.
                assert!(asked == Asked(None) || length + WORD > whole.len(), "{length}");
            }
        }
        for length in [0, 1, HEADER_BYTES - 1, usize::MAX, usize::MAX - WORD] {
            let mut lying = ipv6("::1", 1);
            lying[..WORD].copy_from_slice(&length.to_ne_bytes());
            check(&lying, None);
        }
    }

    #[test]
    fn an_answer_has_the_size_that_the_kernel_expects() {
        let written = |control: &[u8]| Asked::read(control).write(&mut [0; CONTROL_BYTES_MAX]).len();
        assert_eq!(written(&ipv4([127, 0, 0, 2], [0; 4])), (HEADER_BYTES + 12).next_multiple_of(WORD));
        assert_eq!(written(&ipv6("::1", 0)), (HEADER_BYTES + 20).next_multiple_of(WORD));
        assert_eq!(written(&[]), 0);
    }
}
