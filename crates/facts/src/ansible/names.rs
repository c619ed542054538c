//! From Ansible's names to those of Facter. Main function: [`from_ansible`].

use serde_json::{Map, Value, json};

use crate::tree::{Tree, share};

/// The facts of the module `setup` under the common names. What Ansible writes for "not there" (`NA`, an empty text) is
/// absent.
pub fn from_ansible(ansible: &Map<String, Value>) -> Map<String, Value> {
    let facts = Said(ansible);
    let mut tree = Tree::default();
    os(&facts, &mut tree);
    network(&facts, &mut tree);
    hardware(&facts, &mut tree);
    system(&facts, &mut tree);
    tree.into_map()
}

/// Ansible's facts, without the beginning of their names.
struct Said<'a>(&'a Map<String, Value>);

impl<'a> Said<'a> {
    fn value(&self, name: &str) -> Option<&'a Value> {
        let value = self.0.get(&format!("ansible_{name}"))?;
        is_said(value).then_some(value)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }
}

fn is_said(value: &Value) -> bool {
    !(value.is_null() || matches!(value.as_str(), Some("" | "NA" | "N/A")))
}

/// A value below another.
fn below<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|value| is_said(value))
}

fn os(facts: &Said<'_>, tree: &mut Tree) {
    let name = facts.text("distribution").map(|name| match name {
        "MacOSX" => "Darwin",
        name => name.split(' ').next().unwrap_or(name),
    });
    tree.put_some(&["os", "name"], name);
    tree.put_some(&["os", "family"], facts.text("os_family"));
    tree.put_some(&["os", "hardware"], facts.text("machine").or(facts.text("architecture")));
    let architecture = match (facts.text("os_family"), facts.text("architecture")) {
        (Some("Debian"), Some("x86_64")) => Some("amd64"),
        (Some("Debian"), Some("aarch64")) => Some("arm64"),
        (_, other) => other,
    };
    tree.put_some(&["os", "architecture"], architecture);
    let full = facts.text("distribution_version");
    tree.put_some(&["os", "release", "full"], full);
    if name == Some("Ubuntu") {
        tree.put_some(&["os", "release", "major"], full);
    } else {
        tree.put_some(&["os", "release", "major"], facts.text("distribution_major_version"));
        tree.put_some(&["os", "release", "minor"], facts.text("distribution_minor_version"));
    }
    tree.put_some(&["os", "distro", "codename"], facts.text("distribution_release"));
    if let Some(lsb) = facts.value("lsb") {
        tree.put_some(&["os", "distro", "description"], below(lsb, "description").cloned());
        tree.put_some(&["os", "distro", "id"], below(lsb, "id").cloned());
    }
    tree.put_some(&["kernel"], facts.text("system"));
    tree.put_some(&["kernelrelease"], facts.text("kernel"));
    let selinux = facts.value("selinux").and_then(|selinux| below(selinux, "status")?.as_str());
    tree.put_some(&["os", "selinux", "enabled"], selinux.map(|status| status == "enabled"));
}

fn network(facts: &Said<'_>, tree: &mut Tree) {
    tree.put_some(&["networking", "hostname"], facts.text("hostname"));
    tree.put_some(&["networking", "domain"], facts.text("domain"));
    let fqdn = facts.text("fqdn").filter(|name| !name.starts_with("localhost"));
    tree.put_some(&["networking", "fqdn"], fqdn);
    for (name, keys) in [
        (
            "default_ipv4",
            [
                ("address", "ip"),
                ("netmask", "netmask"),
                ("network", "network"),
                ("gateway", "gateway"),
                ("macaddress", "mac"),
                ("mtu", "mtu"),
                ("interface", "primary"),
            ]
            .as_slice(),
        ),
        ("default_ipv6", &[("address", "ip6"), ("gateway", "gateway6")]),
    ] {
        let Some(default) = facts.value(name) else { continue };
        for (key, own) in keys {
            tree.put_some(&["networking", own], below(default, key).cloned());
        }
    }
    let names = facts.value("interfaces").and_then(Value::as_array);
    for name in names.into_iter().flatten().filter_map(Value::as_str).take(4096) {
        // Ansible's own names hold no dashes, dots and colons.
        let key = name.replace(['-', '.', ':'], "_");
        if let Some(said) = facts.value(&key) {
            tree.put(&["networking", "interfaces", name], interface(said));
        }
    }
}

fn interface(said: &Value) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), value);
        }
    };
    put("mac", below(said, "macaddress").cloned());
    put("mtu", below(said, "mtu").cloned());
    let state = below(said, "active").and_then(Value::as_bool);
    put("operational_state", state.map(|up| if up { "up" } else { "down" }.into()));
    if let Some(v4) = below(said, "ipv4") {
        put("ip", below(v4, "address").cloned());
        put("netmask", below(v4, "netmask").cloned());
        put("network", below(v4, "network").cloned());
    }
    let all = below(said, "ipv6").and_then(Value::as_array);
    let address = |one: &Value| below(one, "address").cloned();
    let global = |one: &&Value| one.get("scope").and_then(Value::as_str) == Some("global");
    let first = all.and_then(|all| address(all.iter().find(global).or(all.first())?));
    put("ip6", first);
    map
}

fn hardware(facts: &Said<'_>, tree: &mut Tree) {
    tree.put_some(&["processors", "count"], facts.number("processor_vcpus"));
    tree.put_some(&["processors", "physicalcount"], facts.number("processor_count"));
    // Number, vendor and model of each processor, one after the other; other architectures have other lists.
    let list = facts.value("processor").and_then(Value::as_array);
    let models: Vec<&Value> = list
        .filter(|list| list.len() % 3 == 0)
        .map(|list| list.chunks_exact(3).filter_map(|three| three.get(2)).collect())
        .unwrap_or_default();
    if !models.is_empty() {
        tree.put(&["processors", "models"], json!(models));
    }
    if let Some(memory) = facts.value("memory_mb") {
        let mib = |pool: &str, key: &str| memory.get(pool)?.get(key)?.as_u64()?.checked_mul(1024 * 1024);
        pool("system", mib("real", "total"), mib("nocache", "free"), tree);
        pool("swap", mib("swap", "total").filter(|total| *total > 0), mib("swap", "free"), tree);
    }
    let mounts = facts.value("mounts").and_then(Value::as_array);
    for mount in mounts.into_iter().flatten().take(4096) {
        let Some(path) = below(mount, "mount").and_then(Value::as_str) else { continue };
        tree.put_some(&["mountpoints", path, "device"], below(mount, "device").cloned());
        tree.put_some(&["mountpoints", path, "filesystem"], below(mount, "fstype").cloned());
        let options = below(mount, "options").and_then(Value::as_str);
        tree.put_some(
            &["mountpoints", path, "options"],
            options.map(|all| all.split(',').collect::<Vec<_>>()),
        );
        let bytes = |key: &str| mount.get(key)?.as_u64();
        tree.put_bytes(&["mountpoints", path, "size"], bytes("size_total"));
        tree.put_bytes(&["mountpoints", path, "available"], bytes("size_available"));
    }
    let devices = facts.value("devices").and_then(Value::as_object);
    for (name, device) in devices.into_iter().flatten().take(4096) {
        // Devices without one below them (loop, device mapper) are no disks.
        if device.get("virtual").and_then(Value::as_u64) == Some(1)
            && below(device, "host").is_none()
            && below(device, "vendor").is_none()
        {
            continue;
        }
        let sectors = device
            .get("sectors")
            .and_then(|sectors| sectors.as_u64().or_else(|| sectors.as_str()?.parse().ok()));
        // The kernel's sectors, of 512 bytes.
        tree.put_bytes(&["disks", name, "size"], sectors.and_then(|count| count.checked_mul(512)));
        for key in ["vendor", "model"] {
            tree.put_some(&["disks", name, key], below(device, key).cloned());
        }
    }
    for (name, place) in [
        ("system_vendor", &["dmi", "manufacturer"][..]),
        ("product_name", &["dmi", "product", "name"]),
        ("bios_vendor", &["dmi", "bios", "vendor"]),
        ("bios_version", &["dmi", "bios", "version"]),
        ("bios_date", &["dmi", "bios", "release_date"]),
    ] {
        tree.put_some(place, facts.text(name));
    }
}

fn pool(name: &str, total: Option<u64>, available: Option<u64>, tree: &mut Tree) {
    let Some(total) = total else { return };
    let used = available.map(|available| total.saturating_sub(available));
    tree.put_bytes(&["memory", name, "total"], Some(total));
    tree.put_bytes(&["memory", name, "available"], available);
    tree.put_bytes(&["memory", name, "used"], used);
    tree.put_some(&["memory", name, "capacity"], used.and_then(|used| share(used, total)));
}

fn system(facts: &Said<'_>, tree: &mut Tree) {
    if let Some(seconds) = facts.number("uptime_seconds") {
        tree.put(&["system_uptime", "seconds"], seconds);
        tree.put(&["system_uptime", "hours"], seconds / 3600);
        tree.put(&["system_uptime", "days"], seconds / 86_400);
    }
    let zone = facts.value("date_time").and_then(|time| below(time, "tz"));
    tree.put_some(&["timezone"], zone.cloned());
    tree.put_some(&["load_averages"], facts.value("loadavg").filter(|load| load.is_object()).cloned());
    let kind = facts.text("virtualization_type");
    match (facts.text("virtualization_role"), kind) {
        (Some("guest"), Some(kind)) => {
            let kind = match kind {
                "VMware" => "vmware",
                "VirtualPC" => "hyperv",
                "xen" => "xenu",
                other => other,
            };
            tree.put(&["virtual"], kind);
            tree.put(&["is_virtual"], true);
        }
        (Some("host"), _) => {
            tree.put(&["virtual"], "physical");
            tree.put(&["is_virtual"], false);
        }
        _ => {}
    }
    let manager = facts.text("pkg_mgr").filter(|name| *name != "unknown");
    tree.put_some(&["pabawi", "package_manager"], manager);
    let init = match facts.text("service_mgr") {
        Some("bsdinit") => Some("rc"),
        name @ Some("systemd" | "openrc" | "sysvinit" | "upstart" | "launchd" | "runit") => name,
        // In a container it is the name of the first process, whatever that is.
        _ => None,
    };
    tree.put_some(&["pabawi", "init"], init);
    // Facts of the site, from /etc/ansible/facts.d of the node.
    tree.put_some(&["ansible_local"], facts.value("local").filter(|local| *local != &json!({})).cloned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(facts: Value) -> Value {
        let Value::Object(facts) = facts else { panic!("no mapping") };
        Value::Object(from_ansible(&facts))
    }

    #[test]
    fn ansibles_facts_get_the_common_names() {
        let found = named(json!({
            "ansible_distribution": "Debian", "ansible_os_family": "Debian", "ansible_distribution_version": "12.11",
            "ansible_distribution_major_version": "12", "ansible_distribution_minor_version": "11",
            "ansible_distribution_release": "bookworm", "ansible_architecture": "x86_64", "ansible_machine": "x86_64",
            "ansible_system": "Linux", "ansible_kernel": "6.1.0-25-amd64", "ansible_domain": "", "ansible_fqdn": "localhost",
            "ansible_default_ipv4": {"address": "192.0.2.2", "interface": "br-1.2", "gateway": "192.0.2.1", "macaddress": "02:00"},
            "ansible_interfaces": ["br-1.2", "lo", "gone"],
            "ansible_br_1_2": {"macaddress": "02:00", "active": true, "ipv4": {"address": "192.0.2.2", "netmask": "255.255.255.0"},
                "ipv6": [{"address": "fe80::1", "scope": "link"}, {"address": "2001:db8::2", "scope": "global"}]},
            "ansible_lo": {"mtu": 65536},
            "ansible_processor": ["0", "AuthenticAMD", "EPYC", "1", "AuthenticAMD", "EPYC"],
            "ansible_processor_vcpus": 2, "ansible_processor_count": 1,
            "ansible_memory_mb": {"real": {"total": 4096}, "nocache": {"free": 1024}, "swap": {"total": 0, "free": 0}},
            "ansible_mounts": [{"mount": "/", "device": "/dev/vda", "fstype": "ext4", "options": "rw,relatime",
                "size_total": 1024, "size_available": 512}],
            "ansible_devices": {"sda": {"sectors": "4", "vendor": "ATA", "model": null, "virtual": 1}, "loop0": {"virtual": 1, "host": ""}},
            "ansible_bios_vendor": "NA", "ansible_uptime_seconds": 90_000, "ansible_date_time": {"tz": "UTC"},
            "ansible_virtualization_type": "kvm", "ansible_virtualization_role": "guest",
            "ansible_pkg_mgr": "apt", "ansible_service_mgr": "tail", "ansible_local": {"rack": 7},
        }));
        assert_eq!(found["os"]["release"], json!({"full": "12.11", "major": "12", "minor": "11"}));
        assert_eq!(
            (&found["os"]["architecture"], &found["os"]["distro"]["codename"]),
            (&json!("amd64"), &json!("bookworm"))
        );
        let networking = &found["networking"];
        assert_eq!(
            (&networking["ip"], &networking["primary"], &networking["gateway"]),
            (&json!("192.0.2.2"), &json!("br-1.2"), &json!("192.0.2.1"))
        );
        assert_eq!((networking.get("fqdn"), networking.get("domain")), (None, None));
        assert_eq!(networking["interfaces"]["br-1.2"]["ip6"], "2001:db8::2");
        assert_eq!(networking["interfaces"].as_object().unwrap().len(), 2);
        assert_eq!(found["processors"], json!({"count": 2, "physicalcount": 1, "models": ["EPYC", "EPYC"]}));
        assert_eq!(
            (&found["memory"]["system"]["used"], found["memory"].get("swap")),
            (&json!("3.00 GiB"), None)
        );
        assert_eq!(found["mountpoints"]["/"]["options"], json!(["rw", "relatime"]));
        assert_eq!(found["disks"], json!({"sda": {"size_bytes": 2048, "size": "2.00 KiB", "vendor": "ATA"}}));
        assert_eq!((&found["virtual"], &found["is_virtual"]), (&json!("kvm"), &json!(true)));
        assert_eq!(found["pabawi"], json!({"package_manager": "apt"}));
        assert_eq!(found["ansible_local"], json!({"rack": 7}));
        assert_eq!(found.get("dmi"), None);
        assert_eq!(
            named(json!({"ansible_mounts": "x", "ansible_processor": 7, "ansible_memory_mb": []})),
            json!({})
        );
    }
}
