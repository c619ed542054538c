//! The operating system: `os.*`, `kernel*`.

use std::collections::HashMap;

use crate::ssh::sections::Sections;
use crate::tree::Tree;

/// `ID` of os-release(5), Facter's name of it and its family.
const KNOWN: &[(&str, &str, &str)] = &[
    ("almalinux", "AlmaLinux", "RedHat"),
    ("alpine", "Alpine", "Alpine"),
    ("amzn", "Amazon", "RedHat"),
    ("arch", "Archlinux", "Archlinux"),
    ("centos", "CentOS", "RedHat"),
    ("cloudlinux", "CloudLinux", "RedHat"),
    ("debian", "Debian", "Debian"),
    ("devuan", "Devuan", "Debian"),
    ("fedora", "Fedora", "RedHat"),
    ("gentoo", "Gentoo", "Gentoo"),
    ("kali", "Kali", "Debian"),
    ("linuxmint", "LinuxMint", "Debian"),
    ("manjaro", "Manjaro", "Archlinux"),
    ("ol", "OracleLinux", "RedHat"),
    ("opensuse-leap", "openSUSE", "Suse"),
    ("opensuse-tumbleweed", "openSUSE", "Suse"),
    ("pop", "Pop!_OS", "Debian"),
    ("raspbian", "Raspbian", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("scientific", "Scientific", "RedHat"),
    ("sled", "SLED", "Suse"),
    ("sles", "SLES", "Suse"),
    ("ubuntu", "Ubuntu", "Debian"),
    // Words of ID_LIKE that are no system of their own.
    ("suse", "SUSE", "Suse"),
];

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    let kernel = sections.value("kernel");
    tree.put_some(&["kernel"], kernel);
    tree.put_some(&["kernelrelease"], sections.value("kernelrelease"));
    let release = sections.value("kernelrelease").unwrap_or_default();
    let version = match kernel {
        // Facter takes the leading numbers of the release.
        Some("Linux") => leading_version(release),
        _ => sections.value("kernelrelease"),
    };
    tree.put_some(&["kernelversion"], version);
    if let Some([major, minor, ..]) = version.map(|text| text.split('.').collect::<Vec<_>>()).as_deref() {
        tree.put(&["kernelmajversion"], format!("{major}.{minor}"));
    }
    let hardware = sections.value("hardware");
    tree.put_some(&["os", "hardware"], hardware);
    match kernel {
        Some("Linux") => linux(sections, hardware, tree),
        Some("Darwin") => darwin(sections, hardware, tree),
        Some(other) => bsd(other, sections, hardware, tree),
        None => {}
    }
}

fn linux(sections: &Sections<'_>, hardware: Option<&str>, tree: &mut Tree) {
    let release = os_release(sections.lines("os_release"));
    let get = |key: &str| release.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let id = get("ID");
    let known = |id: &str| KNOWN.iter().find(|(known, ..)| *known == id);
    let own = id.and_then(known);
    let name = own.map(|(_, name, _)| *name).or(get("NAME"));
    let like = || get("ID_LIKE")?.split_whitespace().find_map(known);
    let family = own.or_else(like).map(|(.., family)| *family);
    tree.put_some(&["os", "name"], name);
    tree.put_some(&["os", "family"], family);

    // Debian's own file has the point release, as has redhat-release where the release does not.
    let from_file = match own.map(|(.., name)| *name) {
        Some("Debian") if id == Some("debian") => sections.value("debian_version").filter(is_version),
        Some("RedHat") => sections.value("redhat_release").and_then(version_in),
        _ => None,
    };
    let full = from_file.or(get("VERSION_ID"));
    if let Some(full) = full {
        let mut parts = full.split('.');
        let major = parts.next().unwrap_or(full);
        // A release of Ubuntu is its year and month together.
        if id == Some("ubuntu") {
            tree.put(&["os", "release", "major"], full);
        } else {
            tree.put(&["os", "release", "major"], major);
            tree.put_some(&["os", "release", "minor"], parts.next());
        }
        tree.put(&["os", "release", "full"], full);
    }
    tree.put_some(&["os", "distro", "id"], name);
    tree.put_some(&["os", "distro", "codename"], get("VERSION_CODENAME"));
    tree.put_some(&["os", "distro", "description"], get("PRETTY_NAME"));
    if let Some(full) = full {
        tree.put(&["os", "distro", "release", "full"], full);
        tree.put_some(&["os", "distro", "release", "major"], full.split('.').next());
    }
    let architecture = match (family, hardware) {
        (Some("Debian"), Some("x86_64")) => Some("amd64"),
        (Some("Debian"), Some("i486" | "i586" | "i686")) => Some("i386"),
        (Some("Debian"), Some("aarch64")) => Some("arm64"),
        (_, other) => other,
    };
    tree.put_some(&["os", "architecture"], architecture);
}

fn darwin(sections: &Sections<'_>, hardware: Option<&str>, tree: &mut Tree) {
    tree.put(&["os", "name"], "Darwin");
    tree.put(&["os", "family"], "Darwin");
    tree.put_some(&["os", "architecture"], hardware);
    put_release(sections.value("kernelrelease"), tree);
    // sw_vers(1): "ProductVersion:\t14.4.1".
    for line in sections.lines("sw_vers") {
        let Some((key, value)) = line.split_once(':') else { continue };
        let key = match key {
            "ProductName" => "product",
            "BuildVersion" => "build",
            "ProductVersion" => {
                let mut parts = value.trim().split('.');
                tree.put_some(&["os", "macosx", "version", "major"], parts.next());
                tree.put_some(&["os", "macosx", "version", "minor"], parts.next());
                tree.put(&["os", "macosx", "version", "full"], value.trim());
                continue;
            }
            _ => continue,
        };
        tree.put(&["os", "macosx", key], value.trim());
    }
}

fn bsd(kernel: &str, sections: &Sections<'_>, hardware: Option<&str>, tree: &mut Tree) {
    tree.put(&["os", "name"], kernel);
    tree.put(&["os", "family"], kernel);
    tree.put_some(&["os", "architecture"], hardware);
    // freebsd-version(1): "14.1-RELEASE-p3".
    let full = sections.value("userland").or(sections.value("kernelrelease"));
    put_release(full, tree);
    let mut parts = full.unwrap_or_default().splitn(3, '-');
    let (_, branch, patch) = (parts.next(), parts.next(), parts.next());
    tree.put_some(&["os", "release", "branch"], branch);
    tree.put_some(&["os", "release", "patchlevel"], patch.and_then(|patch| patch.strip_prefix('p')));
}

fn put_release(full: Option<&str>, tree: &mut Tree) {
    let Some(full) = full else { return };
    tree.put(&["os", "release", "full"], full);
    let numbers = leading_version(full).unwrap_or_default();
    let mut parts = numbers.split('.').filter(|part| !part.is_empty());
    tree.put_some(&["os", "release", "major"], parts.next());
    tree.put_some(&["os", "release", "minor"], parts.next());
}

/// `KEY=value` and `KEY="value"` lines of os-release(5).
fn os_release(lines: &[&str]) -> HashMap<String, String> {
    let pair = |line: &&str| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let value = match quoted {
            // Within quotes, the characters that mean something to a shell have a backslash before them.
            Some(inside) => unescaped(inside),
            None => value.to_owned(),
        };
        Some((key.trim().to_owned(), value))
    };
    lines.iter().filter_map(pair).collect()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

fn is_version(text: &&str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The version in "CentOS Linux release 7.9.2009 (Core)".
fn version_in(text: &str) -> Option<&str> {
    text.split_whitespace().find(is_version)
}

/// "6.1.0" of "6.1.0-25-amd64".
fn leading_version(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end).map(|version| version.trim_end_matches('.')).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::facts_of;
    use super::*;
    use serde_json::{Value, json};

    fn facts(output: &str) -> Value {
        facts_of(put, output)
    }

    #[test]
    fn systems_have_the_names_that_facter_gives_them() {
        let debian = facts(
            "@kernel\n Linux\n@kernelrelease\n 6.1.0-25-amd64\n@hardware\n x86_64\n@os_release\n ID=debian\n \
             PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n VERSION_ID=\"12\"\n VERSION_CODENAME=bookworm\n\
             @debian_version\n 12.7\n@end\n",
        );
        assert_eq!(debian["os"]["release"], json!({"full": "12.7", "major": "12", "minor": "7"}));
        assert_eq!(debian["os"]["distro"]["codename"], "bookworm");
        assert_eq!(
            (&debian["os"]["architecture"], &debian["os"]["hardware"]),
            (&json!("amd64"), &json!("x86_64"))
        );
        assert_eq!((&debian["kernelversion"], &debian["kernelmajversion"]), (&json!("6.1.0"), &json!("6.1")));
        for (output, name, family, full, major) in [
            ("ID=ubuntu\n VERSION_ID=\"22.04\"", "Ubuntu", "Debian", "22.04", "22.04"),
            ("ID=\"rocky\"\n VERSION_ID=\"9.4\"", "Rocky", "RedHat", "9.4", "9"),
            ("ID=alpine\n VERSION_ID=3.20.1", "Alpine", "Alpine", "3.20.1", "3"),
            (
                "ID=centos\n VERSION_ID=7\n@redhat_release\n CentOS Linux release 7.9.2009 (Core)",
                "CentOS",
                "RedHat",
                "7.9.2009",
                "7",
            ),
            (
                "ID=zorin\n NAME='Zorin \\$OS'\n ID_LIKE=\"ubuntu debian\"\n VERSION_ID=17",
                "Zorin $OS",
                "Debian",
                "17",
                "17",
            ),
        ] {
            let facts = facts(&format!("@kernel\n Linux\n@os_release\n {output}\n@end\n"));
            let os = &facts["os"];
            assert_eq!(
                (&os["name"], &os["family"], &os["release"]["full"], &os["release"]["major"]),
                (&json!(name), &json!(family), &json!(full), &json!(major))
            );
        }
        let unknown = facts("@kernel\n Linux\n@os_release\n ID=own\n@end\n");
        assert_eq!(unknown["os"], Value::Null, "nothing is invented: {unknown}");
    }

    #[test]
    fn freebsd_and_macos_are_told_by_their_own_tools() {
        let freebsd = facts(
            "@kernel\n FreeBSD\n@kernelrelease\n 14.1-RELEASE\n@hardware\n amd64\n@userland\n 14.1-RELEASE-p3\n@end\n",
        );
        assert_eq!(freebsd["os"]["family"], "FreeBSD");
        assert_eq!(
            freebsd["os"]["release"],
            json!({"full": "14.1-RELEASE-p3", "major": "14", "minor": "1", "branch": "RELEASE", "patchlevel": "3"})
        );
        let macos = facts(
            "@kernel\n Darwin\n@kernelrelease\n 23.4.0\n@hardware\n arm64\n@sw_vers\n ProductName:\t\tmacOS\n \
             ProductVersion:\t\t14.4.1\n BuildVersion:\t\t23E224\n@end\n",
        );
        assert_eq!(
            (&macos["os"]["family"], &macos["os"]["release"]["major"]),
            (&json!("Darwin"), &json!("23"))
        );
        let version = json!({"full": "14.4.1", "major": "14", "minor": "4"});
        assert_eq!(macos["os"]["macosx"], json!({"product": "macOS", "build": "23E224", "version": version}));
    }
}
