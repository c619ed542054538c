//! Addresses of interfaces as `ip` and `ifconfig` print them: [`Interface`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

/// One interface.
#[derive(Debug, Default)]
pub(super) struct Interface {
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<u64>,
    pub(super) state: Option<String>,
    pub(super) v4: Vec<(Ipv4Addr, Ipv4Addr)>,
    pub(super) v6: Vec<(Ipv6Addr, Ipv6Addr)>,
}

/// Interfaces by their names.
pub(super) type Interfaces = BTreeMap<String, Interface>;

/// No machine has more that anybody would want to see.
const MAX_INTERFACES: usize = 4096;

/// The interface of that name; `None` past the limit.
pub(super) fn interface<'a>(all: &'a mut Interfaces, name: &str) -> Option<&'a mut Interface> {
    if all.len() >= MAX_INTERFACES && !all.contains_key(name) {
        return None;
    }
    Some(all.entry(name.to_owned()).or_default())
}

/// Lines of `ip -o addr show`: `2: eth0    inet 192.0.2.2/24 brd ... scope global eth0\ ...`. An interface of a container
/// is printed as `eth0@if5`, and its name is what stands before the sign.
pub(super) fn from_ip(lines: &[&str], all: &mut Interfaces) {
    for line in lines {
        let mut words = line.split_whitespace().skip(1);
        let (Some(name), Some(kind), Some(address)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if !matches!(kind, "inet" | "inet6") {
            continue;
        }
        let (address, length) = address.split_once('/').unwrap_or((address, ""));
        let Some(interface) = interface(all, name.split('@').next().unwrap_or(name)) else { continue };
        add(interface, address, length.parse().ok());
    }
}

/// Lines of `ifconfig -a` of FreeBSD, macOS, net-tools and busybox.
pub(super) fn from_ifconfig(lines: &[&str], all: &mut Interfaces) {
    let mut name = String::new();
    for line in lines {
        // A line that does not begin with white space begins an interface: `em0: flags=...` or `eth0      Link encap:...`.
        if !line.starts_with([' ', '\t'])
            && let Some(first) = line.split_whitespace().next()
        {
            name = first.trim_end_matches(':').to_owned();
        }
        if name.is_empty() {
            continue;
        }
        let Some(interface) = interface(all, &name) else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let &[key, value] = pair else { continue };
            match key {
                "ether" | "HWaddr" => interface.mac = Some(value.to_ascii_lowercase()),
                "mtu" => interface.mtu = value.parse().ok(),
                "status:" => interface.state = state_of(value),
                _ => {}
            }
        }
        if let Some(mtu) = words.iter().find_map(|word| word.strip_prefix("MTU:")) {
            interface.mtu = mtu.parse().ok();
        }
        match words.as_slice() {
            ["inet", address, rest @ ..] => {
                let address = address.strip_prefix("addr:").unwrap_or(address);
                let (address, length) = address.split_once('/').unwrap_or((address, ""));
                let mask = after(rest, "netmask").and_then(mask_of).or_else(|| {
                    rest.iter().find_map(|word| word.strip_prefix("Mask:"))?.parse().ok().map(length_of_v4)
                });
                add(interface, address, length.parse().ok().or(mask));
            }
            ["inet6", "addr:", address, ..] | ["inet6", address, ..] => {
                let (address, length) = address.split_once('/').unwrap_or((address, ""));
                let address = address.split('%').next().unwrap_or(address);
                let length = length.parse().ok().or_else(|| after(&words, "prefixlen")?.parse().ok());
                add(interface, address, length);
            }
            _ => {}
        }
    }
}

fn after<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    let place = words.iter().position(|word| *word == key)?;
    words.get(place + 1).copied()
}

/// The length of a mask as `0xffffff00` or `255.255.255.0`.
fn mask_of(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => Some(u32::from_str_radix(digits, 16).ok()?.leading_ones()),
        None => text.parse().ok().map(length_of_v4),
    }
}

fn length_of_v4(mask: Ipv4Addr) -> u32 {
    mask.to_bits().leading_ones()
}

/// The word for a link's state as Facter has it.
pub(super) fn state_of(text: &str) -> Option<String> {
    match text {
        "up" | "active" => Some("up".to_owned()),
        "down" | "inactive" | "no" => Some("down".to_owned()),
        _ => None,
    }
}

fn add(interface: &mut Interface, address: &str, length: Option<u32>) {
    // More addresses than this on one interface are left out.
    const MOST: usize = 1024;
    match address.parse() {
        Ok(IpAddr::V4(address)) if interface.v4.len() < MOST => {
            let mask = u32::MAX.checked_shl(32 - length.unwrap_or(32).min(32)).unwrap_or(0);
            interface.v4.push((address, Ipv4Addr::from_bits(mask)));
        }
        Ok(IpAddr::V6(address)) if interface.v6.len() < MOST => {
            let mask = u128::MAX.checked_shl(128 - length.unwrap_or(128).min(128)).unwrap_or(0);
            interface.v6.push((address, Ipv6Addr::from_bits(mask)));
        }
        _ => {}
    }
}

impl Interface {
    /// The address that stands for it: the first that is good outside of the link.
    pub(super) fn ip(&self) -> Option<&(Ipv4Addr, Ipv4Addr)> {
        self.v4.iter().find(|(address, _)| !address.is_link_local()).or(self.v4.first())
    }

    /// The same for IPv6.
    pub(super) fn ip6(&self) -> Option<&(Ipv6Addr, Ipv6Addr)> {
        let global = |(address, _): &&(Ipv6Addr, Ipv6Addr)| !address.is_unicast_link_local();
        self.v6.iter().find(global).or(self.v6.first())
    }

    /// Under Facter's names.
    pub(super) fn to_value(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        put("mac", self.mac.clone().map(Value::from));
        put("mtu", self.mtu.map(Value::from));
        put("operational_state", self.state.clone().map(Value::from));
        let network4 =
            |(address, mask): &(Ipv4Addr, Ipv4Addr)| Ipv4Addr::from_bits(address.to_bits() & mask.to_bits());
        let network6 =
            |(address, mask): &(Ipv6Addr, Ipv6Addr)| Ipv6Addr::from_bits(address.to_bits() & mask.to_bits());
        let binding4 = |one: &(Ipv4Addr, Ipv4Addr)| json!({"address": one.0.to_string(), "netmask": one.1.to_string(), "network": network4(one).to_string()});
        let binding6 = |one: &(Ipv6Addr, Ipv6Addr)| json!({"address": one.0.to_string(), "netmask": one.1.to_string(), "network": network6(one).to_string()});
        if let Some(one) = self.ip() {
            put("ip", Some(one.0.to_string().into()));
            put("netmask", Some(one.1.to_string().into()));
            put("network", Some(network4(one).to_string().into()));
            put("bindings", Some(self.v4.iter().map(binding4).collect()));
        }
        if let Some(one) = self.ip6() {
            put("ip6", Some(one.0.to_string().into()));
            put("netmask6", Some(one.1.to_string().into()));
            put("network6", Some(network6(one).to_string().into()));
            put("bindings6", Some(self.v6.iter().map(binding6).collect()));
        }
        map
    }
}
