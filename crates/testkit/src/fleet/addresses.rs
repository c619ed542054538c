//! Loopback addresses for the nodes of a fleet. Main function: [`free_addresses`]. It never leaves 127.0.0.0/8.

use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use super::error::FleetError;

/// Tries to find addresses that nobody uses.
const ADDRESS_TRIES: usize = 50;

/// Addresses that nobody listens on, all with one port that is below the range from which the kernel takes
/// client ports. They come from a part of 127.0.0.0/8 chosen at random, so that fleets of parallel tests do
/// not meet.
pub(crate) fn free_addresses(count: usize) -> Result<Vec<SocketAddrV4>, FleetError> {
    for _ in 0..ADDRESS_TRIES {
        let random = random_u32();
        let [a, b, c, d] = random.to_be_bytes();
        let port = 20_000 + u16::from_be_bytes([c, d]) % 12_000;
        let first = u32::from(Ipv4Addr::new(127, 64 + a % 128, b & 0xc0, 0));
        let addresses: Vec<SocketAddrV4> = (0_u32..)
            .map(|number| Ipv4Addr::from(first + number / 250 * 256 + number % 250 + 1))
            .map(|ip| SocketAddrV4::new(ip, port))
            .take(count)
            .collect();
        if addresses.iter().all(|address| TcpListener::bind(address).is_ok()) {
            return Ok(addresses);
        }
    }
    Err(FleetError::NoAddresses { count })
}

/// A random number; the standard library's hash seeds come from the operating system.
fn random_u32() -> u32 {
    let hash = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0)
}
