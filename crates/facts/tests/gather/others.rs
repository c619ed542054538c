//! FreeBSD and macOS, by programs that print what their manuals show.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::shell::Shell;

/// Programs that these systems have too and that do the same there.
const COMMON: [&str; 6] = ["sed", "head", "date", "sleep", "ps", "tr"];

fn stand_in(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn prints(folder: &Path, name: &str, text: &str) {
    stand_in(folder, name, &format!("echo '{text}'"));
}

/// A `sysctl -n` that knows these names.
fn sysctl(folder: &Path, values: &[(&str, &str)]) {
    let mut body = "case $2 in\n".to_owned();
    for (name, value) in values {
        body += &format!("{name}) echo '{value}';;\n");
    }
    stand_in(folder, "sysctl", &(body + "*) echo \"sysctl: unknown oid '$2'\" >&2; exit 1;;\nesac"));
}

fn uname(folder: &Path, [s, n, r, v, m, p]: [&str; 6]) {
    stand_in(
        folder,
        "uname",
        &format!(
            "case $1 in -s) echo '{s}';; -n) echo '{n}';; -r) echo '{r}';; -v) echo '{v}';; -m) echo '{m}';; -p) echo '{p}';; esac"
        ),
    );
}

async fn gathered(folder: &Path) -> Value {
    for name in COMMON {
        std::os::unix::fs::symlink("/bin/busybox", folder.join(name)).unwrap();
    }
    let mut seen = Vec::new();
    for words in ["dash", "busybox sh"] {
        let mut shell = Shell::new(words);
        shell.path = Some(folder.to_owned());
        let facts = shell.facts().await;
        assert_eq!(facts.warnings, Vec::<String>::new());
        let mut facts = Value::Object(facts.facts);
        // The clock of this machine goes on between the two.
        let uptime = facts["system_uptime"]["seconds"].take();
        assert!(uptime.as_u64().unwrap() > 1_000_000, "{uptime}");
        facts["system_uptime"] = Value::Null;
        seen.push(facts);
    }
    assert_eq!(seen[0], seen[1]);
    seen.remove(0)
}

/// R4.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freebsd_is_gathered_by_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    uname(
        to,
        [
            "FreeBSD",
            "bsd1.example.org",
            "14.1-RELEASE",
            "FreeBSD 14.1-RELEASE releng/14.1-n267679",
            "amd64",
            "amd64",
        ],
    );
    prints(to, "freebsd-version", "14.1-RELEASE-p3");
    prints(to, "hostname", "bsd1.example.org");
    sysctl(
        to,
        &[
            ("kern.boottime", "{ sec = 1700000000, usec = 123456 } Tue Nov 14 22:13:20 2023"),
            ("vm.loadavg", "{ 0.21 0.30 0.35 }"),
            ("hw.ncpu", "4"),
            ("hw.model", "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"),
            ("hw.physmem", "8547889152"),
            ("hw.pagesize", "4096"),
            ("vm.stats.vm.v_free_count", "1500000"),
            ("vm.stats.vm.v_inactive_count", "100000"),
            ("kern.vm_guest", "kvm"),
            ("security.jail.jailed", "0"),
        ],
    );
    prints(
        to,
        "ifconfig",
        "vtnet0: flags=1008843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu 1500
\toptions=4c07bb<RXCSUM,TXCSUM>
\tether 58:9c:fc:00:11:22
\tinet 192.0.2.10 netmask 0xffffff00 broadcast 192.0.2.255
\tinet6 fe80::5a9c:fcff:fe00:1122%vtnet0 prefixlen 64 scopeid 0x1
\tinet6 2001:db8::10 prefixlen 64
\tmedia: Ethernet autoselect (10Gbase-T <full-duplex>)
\tstatus: active
lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384
\tinet 127.0.0.1 netmask 0xff000000",
    );
    stand_in(
        to,
        "route",
        "case $* in *inet6*) exit 1;; esac
echo '   route to: default
destination: default
       mask: default
    gateway: 192.0.2.1
        fib: 0
  interface: vtnet0
      flags: <UP,GATEWAY,DONE,STATIC>'",
    );
    prints(to, "mount", "/dev/vtbd0p2 on / (ufs, local, journaled soft-updates)\ndevfs on /dev (devfs)");
    prints(
        to,
        "df",
        "Filesystem   1024-blocks     Used    Avail Capacity  Mounted on\n/dev/vtbd0p2    20307196  4064576 14618048    22%    /\ndevfs                  1        0        1     0%    /dev",
    );
    prints(
        to,
        "swapinfo",
        "Device          1K-blocks     Used    Avail Capacity\n/dev/vtbd0p3      1048576     1024  1047552     0%",
    );
    prints(
        to,
        "geom",
        "Geom name: vtbd0\nProviders:\n1. Name: vtbd0\n   Mediasize: 21474836480 (20G)\n   Sectorsize: 512\n   descr: (null)",
    );
    prints(to, "who", "root             pts/0        Nov 26 02:00 (192.0.2.99)");
    prints(to, "pkg", "1.21.3");
    let facts = gathered(to).await;
    assert_eq!(
        (&facts["os"]["family"], &facts["os"]["release"]["patchlevel"]),
        (&json!("FreeBSD"), &json!("3"))
    );
    assert_eq!(
        (&facts["kernelversion"], &facts["kernelrelease"]),
        (&json!("14.1-RELEASE"), &json!("14.1-RELEASE"))
    );
    assert_eq!((&facts["processors"]["count"], &facts["processors"]["isa"]), (&json!(4), &json!("amd64")));
    assert_eq!(facts["memory"]["system"]["total_bytes"], 8_547_889_152_u64);
    assert_eq!(facts["memory"]["system"]["available_bytes"], 1_600_000_u64 * 4096);
    assert_eq!(facts["memory"]["swap"]["used_bytes"], 1024 * 1024);
    let networking = &facts["networking"];
    assert_eq!((&networking["fqdn"], &networking["primary"]), (&json!("bsd1.example.org"), &json!("vtnet0")));
    assert_eq!((&networking["ip"], &networking["gateway"]), (&json!("192.0.2.10"), &json!("192.0.2.1")));
    assert_eq!(
        (&networking["ip6"], &networking["mac"]),
        (&json!("2001:db8::10"), &json!("58:9c:fc:00:11:22"))
    );
    assert_eq!(networking["interfaces"]["vtnet0"]["operational_state"], "up");
    assert_eq!(
        (&facts["mountpoints"]["/"]["filesystem"], &facts["mountpoints"]["/dev"]),
        (&json!("ufs"), &json!(null))
    );
    assert_eq!(facts["mountpoints"]["/"]["used_bytes"], 4_064_576_u64 * 1024);
    assert_eq!(facts["disks"]["vtbd0"]["size"], "20.00 GiB");
    assert_eq!((&facts["virtual"], &facts["is_virtual"]), (&json!("kvm"), &json!(true)));
    assert_eq!(facts["pabawi"], json!({"package_manager": "pkg", "init": "rc", "users": ["root"]}));
    assert_eq!(facts["load_averages"], json!({"1m": 0.21, "5m": 0.3, "15m": 0.35}));
}

/// R4.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn macos_is_gathered_by_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    uname(to, ["Darwin", "mac1.local", "23.4.0", "Darwin Kernel Version 23.4.0", "arm64", "arm"]);
    prints(to, "sw_vers", "ProductName:\t\tmacOS\nProductVersion:\t\t14.4.1\nBuildVersion:\t\t23E224");
    prints(to, "hostname", "mac1.local");
    sysctl(
        to,
        &[
            ("kern.boottime", "{ sec = 1700000000, usec = 0 } Tue Nov 14 22:13:20 2023"),
            ("vm.loadavg", "{ 2.10 1.90 1.80 }"),
            ("hw.logicalcpu", "8"),
            ("hw.packages", "1"),
            ("machdep.cpu.brand_string", "Apple M2"),
            ("hw.memsize", "17179869184"),
            ("vm.swapusage", "total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)"),
            ("kern.hv_vmm_present", "0"),
            ("hw.model", "Mac14,2"),
        ],
    );
    prints(
        to,
        "vm_stat",
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                               10000.\nPages active:                            300000.\nPages inactive:                          290000.\nPages speculative:                         1000.",
    );
    prints(
        to,
        "ifconfig",
        "lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 3c:22:fb:00:11:22
\tinet6 fe80::c5c:1d2e:3f4a:5b6c%en0 prefixlen 64 secured scopeid 0xf
\tinet 192.0.2.20 netmask 0xfffffe00 broadcast 192.0.3.255
\tmedia: autoselect
\tstatus: active",
    );
    stand_in(
        to,
        "route",
        "case $* in *inet6*) echo 'route: writing to routing socket: not in table' >&2; exit 1;; esac
echo '   route to: default
destination: default
    gateway: 192.0.2.1
  interface: en0'",
    );
    prints(
        to,
        "mount",
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled)",
    );
    prints(
        to,
        "df",
        "Filesystem     1024-blocks      Used Available Capacity  Mounted on\n/dev/disk3s1s1   482797652   9900000 200000000     5%    /\n/dev/disk3s5     482797652 250000000 200000000    56%    /System/Volumes/Data",
    );
    prints(to, "who", "ann              console      Nov 20 09:00");
    prints(to, "brew", "Homebrew 4.2");
    let facts = gathered(to).await;
    assert_eq!(
        (&facts["os"]["family"], &facts["os"]["macosx"]["version"]["full"]),
        (&json!("Darwin"), &json!("14.4.1"))
    );
    assert_eq!(facts["processors"]["models"], json!(vec!["Apple M2"; 8]));
    assert_eq!(facts["memory"]["system"]["available_bytes"], 301_000_u64 * 16384);
    assert_eq!(facts["memory"]["swap"]["total"], "2.00 GiB");
    assert_eq!(
        (&facts["networking"]["ip"], &facts["networking"]["netmask"]),
        (&json!("192.0.2.20"), &json!("255.255.254.0"))
    );
    assert_eq!(facts["mountpoints"]["/System/Volumes/Data"]["capacity"], "55.56%");
    assert_eq!(
        (&facts["virtual"], &facts["dmi"]["product"]["name"]),
        (&json!("physical"), &json!("Mac14,2"))
    );
    assert_eq!(facts["pabawi"], json!({"package_manager": "brew", "init": "launchd", "users": ["ann"]}));
}
