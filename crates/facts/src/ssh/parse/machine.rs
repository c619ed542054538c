//! What the machine is: `virtual`, `is_virtual`, `dmi.*`.

use crate::ssh::sections::Sections;
use crate::tree::Tree;

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    let virtual_ = match sections.value("kernel") {
        Some("Linux") => linux(sections),
        Some("Darwin") => match sections.value("hypervised") {
            Some("0") => Some("physical".to_owned()),
            // It is one, and of which kind the model may tell.
            Some("1") => sections.value("product").and_then(|model| by_product("", model)).map(str::to_owned),
            _ => None,
        },
        _ => bsd(sections),
    };
    let known = virtual_.as_deref().map(|name| name != "physical");
    let hypervised = (sections.value("hypervised") == Some("1")).then_some(true);
    tree.put_some(&["is_virtual"], known.or(hypervised));
    tree.put_some(&["virtual"], virtual_);

    let dmi = |key: &str| of_dmi(sections, key);
    for (key, place) in [
        ("sys_vendor", &["dmi", "manufacturer"][..]),
        ("product_name", &["dmi", "product", "name"]),
        ("bios_vendor", &["dmi", "bios", "vendor"]),
        ("bios_version", &["dmi", "bios", "version"]),
        ("bios_date", &["dmi", "bios", "release_date"]),
        ("board_vendor", &["dmi", "board", "manufacturer"]),
        ("board_name", &["dmi", "board", "product"]),
        ("chassis_asset_tag", &["dmi", "chassis", "asset_tag"]),
    ] {
        tree.put_some(place, dmi(key));
    }
    if sections.value("kernel") == Some("Darwin") {
        tree.put_some(&["dmi", "product", "name"], sections.value("product"));
    }
}

fn of_dmi<'a>(sections: &Sections<'a>, key: &str) -> Option<&'a str> {
    let line = sections.lines("dmi").iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'))?;
    Some(line.trim()).filter(|value| !value.is_empty())
}

/// Containers first, since they look like their host; then what systemd says; then what the firmware says.
fn linux(sections: &Sections<'_>) -> Option<String> {
    let container = sections.value("container_env").or(sections.value("container"));
    if let Some(name) = container {
        return Some(named(name).to_owned());
    }
    match sections.value("detect_virt") {
        Some("none") => return Some("physical".to_owned()),
        Some(name) => return Some(named(name).to_owned()),
        None => {}
    }
    let product = of_dmi(sections, "product_name");
    let vendor = of_dmi(sections, "sys_vendor").unwrap_or_default();
    if let Some(found) = product.and_then(|product| by_product(vendor, product)) {
        return Some(found.to_owned());
    }
    let hypervisor = sections.lines("cpuinfo").iter().any(|line| line.starts_with("hypervisor:"));
    // Firmware that is no hypervisor's, and a processor that does not say that there is one above it. On processors other
    // than those of x86 nothing says so.
    let is_x86 = matches!(sections.value("hardware"), Some("x86_64" | "i686" | "i586"));
    (product.is_some() && is_x86 && !hypervisor).then(|| "physical".to_owned())
}

fn bsd(sections: &Sections<'_>) -> Option<String> {
    if sections.value("jailed") == Some("1") {
        return Some("jail".to_owned());
    }
    match sections.value("vm_guest")? {
        "none" => Some("physical".to_owned()),
        // There is a hypervisor that it does not know.
        "generic" => None,
        name => Some(named(name).to_owned()),
    }
}

/// Facter's names of what systemd-detect-virt(1), container managers and FreeBSD call otherwise.
fn named(name: &str) -> &str {
    match name {
        "oracle" | "vbox" => "virtualbox",
        "microsoft" | "hv" => "hyperv",
        "qemu" | "amazon" | "google" => "kvm",
        "xen" => "xenu",
        "systemd-nspawn" => "systemd_nspawn",
        "lxc-libvirt" => "lxc",
        other => other,
    }
}

fn by_product(vendor: &str, product: &str) -> Option<&'static str> {
    let starts = |beginning: &str| product.starts_with(beginning);
    if starts("VMware") {
        Some("vmware")
    } else if starts("VirtualBox") {
        Some("virtualbox")
    } else if vendor == "QEMU" || starts("KVM") || starts("Google Compute Engine") || vendor == "Amazon EC2" {
        Some("kvm")
    } else if vendor == "Microsoft Corporation" && starts("Virtual Machine") {
        Some("hyperv")
    } else if starts("HVM domU") {
        Some("xenhvm")
    } else if starts("Parallels") {
        Some("parallels")
    } else if starts("BHYVE") {
        Some("bhyve")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn virtual_machines_and_containers_are_told_apart() {
        for (output, kind, is_virtual) in [
            ("@kernel\n Linux\n@detect_virt\n none", json!("physical"), json!(false)),
            ("@kernel\n Linux\n@detect_virt\n oracle", json!("virtualbox"), json!(true)),
            ("@kernel\n Linux\n@detect_virt\n kvm\n@container\n docker", json!("docker"), json!(true)),
            ("@kernel\n Linux\n@container_env\n lxc", json!("lxc"), json!(true)),
            (
                "@kernel\n Linux\n@dmi\n sys_vendor\tQEMU\n product_name\tStandard PC",
                json!("kvm"),
                json!(true),
            ),
            (
                "@kernel\n Linux\n@hardware\n x86_64\n@dmi\n sys_vendor\tDell Inc.\n product_name\tPowerEdge R640",
                json!("physical"),
                json!(false),
            ),
            (
                "@kernel\n Linux\n@hardware\n x86_64\n@cpuinfo\n hypervisor: yes\n@dmi\n product_name\tOwn",
                Value::Null,
                Value::Null,
            ),
            ("@kernel\n Linux", Value::Null, Value::Null),
            ("@kernel\n FreeBSD\n@vm_guest\n bhyve\n@jailed\n 0", json!("bhyve"), json!(true)),
            ("@kernel\n FreeBSD\n@vm_guest\n none\n@jailed\n 1", json!("jail"), json!(true)),
            ("@kernel\n FreeBSD\n@vm_guest\n generic", Value::Null, Value::Null),
            ("@kernel\n Darwin\n@hypervised\n 0\n@product\n Mac14,2", json!("physical"), json!(false)),
            ("@kernel\n Darwin\n@hypervised\n 1\n@product\n VMware7,1", json!("vmware"), json!(true)),
            ("@kernel\n Darwin\n@hypervised\n 1\n@product\n VirtualMac2,1", Value::Null, json!(true)),
        ] {
            let mut tree = Tree::default();
            put(&Sections::of(&format!("{output}\n@end\n")), &mut tree);
            let found = tree.into_map();
            let get = |key: &str| found.get(key).cloned().unwrap_or_default();
            assert_eq!((get("virtual"), get("is_virtual")), (kind, is_virtual), "{output}");
        }
    }
}
