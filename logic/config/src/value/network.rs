//! Blocks of addresses: `10.0.0.0/8`, or one address.

use super::{Fault, quote};
use evener_plan::Cidr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, or a block of them with the length of their common prefix.
pub(crate) fn cidr(text: &str) -> Result<Cidr, Fault> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(Fault::new("bad-network", format!("{} is not a block of addresses", quote(text)))
            .help("for example: \"10.0.0.0/8\", \"192.0.2.7\" or \"fd00::/8\""));
    };
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => bits,
        Some(prefix) => match prefix.parse::<u8>() {
            Ok(number) if number <= bits && prefix.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => {
                return Err(Fault::new("bad-network", format!("{} is no length of a prefix", quote(prefix)))
                    .part(text.len() - prefix.len()..text.len())
                    .help(format!("write a number from 0 to {bits}")));
            }
        },
    };
    let network = first(address, prefix);
    if network != address {
        return Err(Fault::new("bad-network", format!("{address} is not the first address of a /{prefix}"))
            .help(format!("write \"{network}/{prefix}\", or \"{address}\" for this address alone")));
    }
    Ok(canonical(network, prefix))
}

fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// IPv4 written inside IPv6 becomes IPv4, as the addresses of peers do.
fn canonical(network: IpAddr, prefix: u8) -> Cidr {
    match network.to_canonical() {
        IpAddr::V4(inner) if network.is_ipv6() && prefix >= 96 => {
            Cidr { network: IpAddr::V4(inner), prefix: prefix - 96 }
        }
        _ => Cidr { network, prefix },
    }
}
