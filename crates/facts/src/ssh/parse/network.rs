//! Names, interfaces and default routes: `networking.*`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::addresses::{Interfaces, from_ifconfig, from_ip, interface, state_of};
use crate::ssh::sections::Sections;
use crate::tree::Tree;

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    names(sections, tree);
    let mut interfaces = Interfaces::new();
    for line in sections.lines("links") {
        let mut fields = line.split('\t');
        let Some(name) = fields.next().filter(|name| !name.is_empty()) else { continue };
        let Some(interface) = interface(&mut interfaces, name) else { continue };
        // An address of zeros is the kernel's way to say that there is none.
        let mac = fields.next().filter(|mac| mac.contains(|c| c != '0' && c != ':'));
        interface.mac = mac.map(str::to_owned);
        interface.mtu = fields.next().and_then(|mtu| mtu.parse().ok());
        interface.state = fields.next().and_then(state_of);
    }
    from_ip(sections.lines("ip_addr"), &mut interfaces);
    from_ifconfig(sections.lines("ifconfig"), &mut interfaces);

    let v4 = linux_v4(sections.lines("route"), sections.value("hardware"))
        .or_else(|| bsd(sections.lines("route_get")));
    let v6 = linux_v6(sections.lines("ipv6_route")).or_else(|| bsd(sections.lines("route_get6")));
    tree.put_some(&["networking", "gateway"], v4.as_ref().and_then(|route| route.gateway.clone()));
    tree.put_some(&["networking", "gateway6"], v6.as_ref().and_then(|route| route.gateway.clone()));
    // Without a default route none is the primary one: which it were would be a guess.
    if let Some(name) = v4.or(v6).map(|route| route.interface) {
        if let Some(primary) = interfaces.get(&name) {
            let shown = primary.to_value();
            for key in ["ip", "netmask", "network", "ip6", "netmask6", "network6", "mac", "mtu"] {
                tree.put_some(&["networking", key], shown.get(key).cloned());
            }
        }
        tree.put(&["networking", "primary"], name);
    }
    for (name, interface) in interfaces {
        tree.put(&["networking", "interfaces", &name], interface.to_value());
    }
}

fn names(sections: &Sections<'_>, tree: &mut Tree) {
    let node = sections.value("hostname");
    let short = node.and_then(|name| name.split('.').next());
    tree.put_some(&["networking", "hostname"], short);
    // As Facter does: what the resolver says, or else what the node calls itself, or else the domain of resolv.conf(5).
    let full = |name: &&str| name.contains('.') && !name.starts_with("localhost");
    let fqdn = sections.value("fqdn").filter(full).or(node.filter(full));
    let domain = match fqdn {
        Some(fqdn) => fqdn.split_once('.').map(|(_, domain)| domain),
        None => domain_of(sections.lines("resolv_conf")),
    };
    tree.put_some(&["networking", "domain"], domain);
    let composed = || Some(format!("{}.{}", short?, domain?));
    tree.put_some(
        &["networking", "fqdn"],
        fqdn.map(str::to_owned).or_else(composed).or(short.map(str::to_owned)),
    );
}

fn domain_of<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let named = |key: &str| {
        lines.iter().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next()? == key).then(|| words.next())?
        })
    };
    named("domain")
        .or_else(|| named("search"))
        .map(|name| name.trim_matches('.'))
        .filter(|name| !name.is_empty())
}

struct Route {
    interface: String,
    gateway: Option<String>,
}

/// Lines of `/proc/net/route` with the destination 0 (proc(5)): addresses are hexadecimal in the machine's byte order.
fn linux_v4(lines: &[&str], hardware: Option<&str>) -> Option<Route> {
    let address = |bits: u32| match hardware {
        Some("s390" | "s390x" | "ppc" | "ppc64" | "sparc64") => Some(Ipv4Addr::from(bits.to_be_bytes())),
        // The name is the same for both orders.
        Some(name) if name.starts_with("mips") => None,
        _ => Some(Ipv4Addr::from(bits.to_le_bytes())),
    };
    let mut best: Option<(u64, Route)> = None;
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[name, "00000000", gateway, _, _, _, metric, "00000000", ..] = fields.as_slice() else {
            continue;
        };
        let metric = metric.parse().unwrap_or(u64::MAX);
        let gateway = u32::from_str_radix(gateway, 16).ok().filter(|bits| *bits != 0);
        let gateway = gateway.and_then(address).map(|address| address.to_string());
        if best.as_ref().is_none_or(|(known, _)| metric < *known) {
            best = Some((metric, Route { interface: name.to_owned(), gateway }));
        }
    }
    best.map(|(_, route)| route)
}

/// Lines of `/proc/net/ipv6_route` with the destination `::/0`.
fn linux_v6(lines: &[&str]) -> Option<Route> {
    let mut best: Option<(u32, Route)> = None;
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[target, "00", _, _, gateway, metric, _, _, _, name, ..] = fields.as_slice() else { continue };
        let metric = u32::from_str_radix(metric, 16).unwrap_or(u32::MAX);
        // The kernel always has one that rejects everything, on `lo`.
        if name == "lo" || metric == u32::MAX || target.contains(|c| c != '0') {
            continue;
        }
        let gateway = u128::from_str_radix(gateway, 16).ok().filter(|bits| *bits != 0);
        let gateway = gateway.map(|bits| Ipv6Addr::from_bits(bits).to_string());
        if best.as_ref().is_none_or(|(known, _)| metric < *known) {
            best = Some((metric, Route { interface: name.to_owned(), gateway }));
        }
    }
    best.map(|(_, route)| route)
}

/// What `route -n get default` prints (route(8) of FreeBSD and macOS): `    gateway: 192.0.2.1`.
fn bsd(lines: &[&str]) -> Option<Route> {
    let field = |key: &str| {
        lines
            .iter()
            .find_map(|line| Some(line.trim().strip_prefix(key)?.strip_prefix(':')?.trim().to_owned()))
    };
    let gateway = field("gateway").map(|text| text.split('%').next().unwrap_or_default().to_owned());
    Some(Route {
        interface: field("interface")?,
        gateway: gateway.filter(|text| text.parse::<IpAddr>().is_ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::facts_of;
    use super::*;
    use serde_json::{Value, json};

    fn facts(output: &str) -> Value {
        facts_of(put, output).get("networking").cloned().unwrap()
    }

    #[test]
    fn linux_interfaces_and_routes() {
        let found = facts(
            "@hostname\n web1.example.org\n@fqdn\n web1.example.org\n@links\n eth0\t02:fc:00:00:00:01\t1500\tup\n \
             lo\t00:00:00:00:00:00\t65536\tunknown\n eth0.100\t02:fc:00:00:00:01\t1500\tdown\n@ip_addr\n \
             1: lo    inet 127.0.0.1/8 scope host lo\\   valid_lft forever\n \
             2: eth0@if7    inet 169.254.3.4/16 scope link eth0\\ x\n \
             2: eth0@if7    inet 192.0.2.130/25 brd 192.0.2.255 scope global eth0\\ x\n \
             2: eth0@if7    inet6 fe80::1/64 scope link \\ x\n 2: eth0@if7    inet6 2001:db8::2/64 scope global \\ x\n\
             @route\n eth1\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n \
             eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             @ipv6_route\n 00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
             20010db8000000000000000000000001 00000400 00000003 00000000 00000003     eth0\n@end\n",
        );
        assert_eq!((&found["hostname"], &found["domain"]), (&json!("web1"), &json!("example.org")));
        assert_eq!((&found["primary"], &found["gateway"]), (&json!("eth0"), &json!("192.0.2.1")));
        assert_eq!((&found["ip"], &found["netmask"]), (&json!("192.0.2.130"), &json!("255.255.255.128")));
        assert_eq!((&found["network"], &found["ip6"]), (&json!("192.0.2.128"), &json!("2001:db8::2")));
        assert_eq!(found["gateway6"], "2001:db8::1");
        let eth0 = &found["interfaces"]["eth0"];
        assert_eq!(eth0["bindings"].as_array().unwrap().len(), 2);
        assert_eq!((&eth0["mac"], &eth0["network6"]), (&json!("02:fc:00:00:00:01"), &json!("2001:db8::")));
        assert_eq!(found["interfaces"]["eth0.100"]["operational_state"], "down");
        assert_eq!(
            found["interfaces"]["lo"],
            json!({"mtu": 65536, "ip": "127.0.0.1", "netmask": "255.0.0.0",
            "network": "127.0.0.0",
            "bindings": [{"address": "127.0.0.1", "netmask": "255.0.0.0", "network": "127.0.0.0"}]})
        );
    }

    #[test]
    fn ifconfig_of_each_kind_is_understood() {
        // ifconfig(8) of FreeBSD, of macOS, of net-tools 2 and of busybox.
        for (text, ip, mask, mac, mtu) in [
            (
                "em0: flags=1008843<UP,BROADCAST> metric 0 mtu 1500\n \toptions=4e504bb\n \tether 08:00:27:ab:cd:ef\n \
              \tinet 10.0.2.15 netmask 0xffffff00 broadcast 10.0.2.255\n \tstatus: active",
                "10.0.2.15",
                "255.255.255.0",
                "08:00:27:ab:cd:ef",
                1500,
            ),
            (
                "em0: flags=8863<UP> mtu 1500\n \tether 3c:22:fb:00:11:22\n \
              \tinet6 fe80::1%em0 prefixlen 64 secured scopeid 0xf\n \
              \tinet 192.168.1.20 netmask 0xfffffe00 broadcast 192.168.1.255",
                "192.168.1.20",
                "255.255.254.0",
                "3c:22:fb:00:11:22",
                1500,
            ),
            (
                "em0: flags=4163<UP>  mtu 9000\n         inet 192.0.2.2  netmask 255.255.255.0  broadcast 192.0.2.255\n \
              \x20       ether 02:fc:00:00:00:01  txqueuelen 1000  (Ethernet)",
                "192.0.2.2",
                "255.255.255.0",
                "02:fc:00:00:00:01",
                9000,
            ),
            (
                "em0       Link encap:Ethernet  HWaddr 02:FC:00:00:00:01\n           \
              inet addr:192.0.2.2  Bcast:192.0.2.255  Mask:255.255.255.0\n           UP BROADCAST  MTU:1400  Metric:1",
                "192.0.2.2",
                "255.255.255.0",
                "02:fc:00:00:00:01",
                1400,
            ),
        ] {
            let found = facts(&format!(
                "@ifconfig\n {text}\n@route_get\n    route to: default\n     gateway: 10.0.2.2\n   \
                 interface: em0\n@end\n"
            ));
            assert_eq!(
                (&found["ip"], &found["netmask"], &found["mac"], &found["mtu"], &found["gateway"]),
                (&json!(ip), &json!(mask), &json!(mac), &json!(mtu), &json!("10.0.2.2")),
                "{text}"
            );
        }
    }

    #[test]
    fn without_a_default_route_nothing_is_primary() {
        let found = facts(
            "@hostname\n web1\n@resolv_conf\n search example.net other\n@ip_addr\n \
            2: eth0    inet 192.0.2.2/24 scope global eth0\n@end\n",
        );
        assert_eq!((&found["primary"], &found["ip"]), (&Value::Null, &Value::Null));
        assert_eq!((&found["fqdn"], &found["domain"]), (&json!("web1.example.net"), &json!("example.net")));
    }
}
