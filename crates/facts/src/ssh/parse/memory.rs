//! `memory.system.*`, `memory.swap.*`.

use crate::ssh::sections::Sections;
use crate::tree::{Tree, share};

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    let (system, swap) = match sections.value("kernel") {
        Some("Linux") => linux(sections.lines("meminfo")),
        Some("Darwin") => darwin(sections),
        _ => bsd(sections),
    };
    put_pool("system", system, tree);
    // A machine without swap has none, and not one of no bytes.
    put_pool("swap", swap.filter(|(total, _)| *total > 0), tree);
}

/// Total and available bytes.
type Pool = Option<(u64, Option<u64>)>;

fn put_pool(name: &str, pool: Pool, tree: &mut Tree) {
    let Some((total, available)) = pool else { return };
    let used = available.map(|available| total.saturating_sub(available));
    tree.put_bytes(&["memory", name, "total"], Some(total));
    tree.put_bytes(&["memory", name, "available"], available);
    tree.put_bytes(&["memory", name, "used"], used);
    tree.put_some(&["memory", name, "capacity"], used.and_then(|used| share(used, total)));
}

/// Lines of `/proc/meminfo`. Kernels before 3.14 do not tell what is available; then it is taken for what is free or can be
/// freed at once, as free(1) did.
fn linux(lines: &[&str]) -> (Pool, Pool) {
    let kib = |key: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let older = || kib("MemFree")?.checked_add(kib("Buffers")?)?.checked_add(kib("Cached")?);
    let system = kib("MemTotal").map(|total| (total, kib("MemAvailable").or_else(older)));
    let swap = kib("SwapTotal").map(|total| (total, kib("SwapFree")));
    (system, swap)
}

/// FreeBSD: pages that are free or inactive can be had; `swapinfo -k` in KiB.
fn bsd(sections: &Sections<'_>) -> (Pool, Pool) {
    let pages = || sections.number("pages_free")?.checked_add(sections.number("pages_inactive").unwrap_or(0));
    let available = || pages()?.checked_mul(sections.number("page_size")?);
    let system = sections.number("memory").map(|total| (total, available()));
    // "Device 1K-blocks Used Avail Capacity"; where there are several devices, a last line has their sum.
    let mut sum: Option<(u64, u64)> = None;
    for line in sections.lines("swapinfo") {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[device, total, _, available, ..] = fields.as_slice() else { continue };
        let (Ok(total), Ok(available)) = (total.parse::<u64>(), available.parse::<u64>()) else { continue };
        if device == "Total" {
            continue;
        }
        let (all, free) = sum.unwrap_or_default();
        sum = Some((all.saturating_add(total), free.saturating_add(available)));
    }
    let swap =
        sum.map(|(total, available)| (total.saturating_mul(1024), Some(available.saturating_mul(1024))));
    (system, swap)
}

/// macOS: vm_stat(1) counts pages, whose size its first line tells; `vm.swapusage` has megabytes.
fn darwin(sections: &Sections<'_>) -> (Pool, Pool) {
    let lines = sections.lines("vm_stat");
    let size = lines
        .first()
        .and_then(|line| line.split_once("page size of ")?.1.split_whitespace().next()?.parse::<u64>().ok());
    let pages = |key: &str| {
        let count = lines.iter().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'))?;
        count.trim().trim_end_matches('.').parse::<u64>().ok()
    };
    // As Facter counts it.
    let available = || {
        let free = pages("Pages free")?.checked_add(pages("Pages speculative").unwrap_or(0))?;
        free.checked_add(pages("Pages inactive").unwrap_or(0))?.checked_mul(size?)
    };
    let system = sections.number("memory").map(|total| (total, available()));
    // "total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)"
    let usage = sections.value("swapusage").unwrap_or_default();
    let amount = |key: &str| {
        let rest = usage.split_once(key)?.1.trim_start().strip_prefix('=')?.trim_start();
        megabytes(rest.split_whitespace().next()?)
    };
    (system, amount("total").map(|total| (total, amount("free"))))
}

/// "1023.50M" in bytes.
fn megabytes(text: &str) -> Option<u64> {
    let (whole, rest) = text.strip_suffix('M')?.split_once('.')?;
    let hundredths = rest.get(..2)?.parse::<u64>().ok()?;
    let hundredths = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    Some(hundredths.checked_mul(1024 * 1024)? / 100)
}

#[cfg(test)]
mod tests {
    use super::super::facts_of;
    use super::*;
    use serde_json::{Value, json};

    fn facts(output: &str) -> Value {
        facts_of(put, output).get("memory").cloned().unwrap_or_default()
    }

    #[test]
    fn linux_tells_kibibytes() {
        let memory = facts(
            "@kernel\n Linux\n@meminfo\n MemTotal:        4096 kB\n MemFree:  1 kB\n MemAvailable:  1024 kB\n \
             SwapTotal:  2048 kB\n SwapFree:  2048 kB\n@end\n",
        );
        assert_eq!(
            memory["system"],
            json!({"total_bytes": 4_194_304, "total": "4.00 MiB", "available_bytes": 1_048_576,
                "available": "1.00 MiB", "used_bytes": 3_145_728, "used": "3.00 MiB", "capacity": "75.00%"})
        );
        assert_eq!(
            (&memory["swap"]["used_bytes"], &memory["swap"]["capacity"]),
            (&json!(0), &json!("0.00%"))
        );
        let old = facts(
            "@kernel\n Linux\n@meminfo\n MemTotal: 100 kB\n MemFree: 10 kB\n Buffers: 5 kB\n Cached: 15 kB\n \
             SwapTotal: 0 kB\n SwapFree: 0 kB\n@end\n",
        );
        assert_eq!((&old["system"]["available_bytes"], &old["swap"]), (&json!(30 * 1024), &Value::Null));
        assert_eq!(
            facts("@kernel\n Linux\n@meminfo\n MemTotal: 99999999999999999999 kB\n@end\n"),
            Value::Null
        );
    }

    #[test]
    fn freebsd_and_macos_tell_pages() {
        let freebsd = facts(
            "@kernel\n FreeBSD\n@memory\n 8589934592\n@page_size\n 4096\n@pages_free\n 1000\n@pages_inactive\n 24\n\
             @swapinfo\n Device          1K-blocks     Used    Avail Capacity\n /dev/ada0p3       2097152        0  \
             2097152     0%\n@end\n",
        );
        assert_eq!(freebsd["system"]["available_bytes"], 1024 * 4096);
        assert_eq!(freebsd["swap"]["total"], "2.00 GiB");
        let macos = facts(
            "@kernel\n Darwin\n@memory\n 17179869184\n@vm_stat\n Mach Virtual Memory Statistics: (page size of 16384 \
             bytes)\n Pages free:                               100.\n Pages active:    9.\n Pages inactive:   20.\n \
             Pages speculative:   8.\n@swapusage\n total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)\n@end\n",
        );
        assert_eq!(macos["system"]["available_bytes"], 128 * 16384);
        assert_eq!(macos["swap"]["used_bytes"], 1_074_266_112);
    }
}
