//! `disks.*`.

use serde_json::{Map, Value};

use crate::ssh::sections::Sections;
use crate::tree::{Tree, for_people};

/// More disks than this are left out.
const MOST: usize = 4096;

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    for line in sections.lines("disks").iter().take(MOST) {
        let mut fields = line.split('\t').map(str::trim);
        let Some(name) = fields.next().filter(|name| !name.is_empty()) else { continue };
        // The kernel counts blocks of 512 bytes, whatever the disk's own are (sysfs-block).
        let size = fields.next().and_then(|text| text.parse::<u64>().ok()?.checked_mul(512));
        let mut disk = sized(size);
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                disk.insert(key.to_owned(), value.into());
            }
        };
        text("vendor", fields.next());
        text("model", fields.next());
        let kind = fields.next().and_then(|rotational| match rotational {
            "0" => Some("ssd"),
            "1" => Some("hdd"),
            _ => None,
        });
        text("type", kind);
        tree.put(&["disks", name], disk);
    }
    geom(sections.lines("geom"), tree);
}

/// What `geom disk list` prints: "1. Name: ada0", "   Mediasize: 1000204886016 (932G)", "   descr: VBOX HARDDISK".
fn geom(lines: &[&str], tree: &mut Tree) {
    let mut name = None;
    for line in lines {
        let Some((key, value)) = line.trim().split_once(": ") else { continue };
        match (key.rsplit(' ').next(), name) {
            (Some("Name"), _) => name = Some(value.trim()),
            (Some("Mediasize"), Some(name)) => {
                let size = value.split_whitespace().next().and_then(|text| text.parse().ok());
                for (key, value) in sized(size) {
                    tree.put(&["disks", name, &key], value);
                }
            }
            (Some("descr"), Some(name)) => tree.put(&["disks", name, "model"], value.trim()),
            _ => {}
        }
    }
}

fn sized(bytes: Option<u64>) -> Map<String, Value> {
    let pair = |bytes: u64| [("size_bytes", Value::from(bytes)), ("size", for_people(bytes).into())];
    bytes.into_iter().flat_map(pair).map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn disks_of_linux_and_freebsd() {
        let mut tree = Tree::default();
        put(
            &Sections::of(
                "@disks\n sda\t1953525168\tATA     \tSamsung SSD 860 \t0\n vdb\tx\t\t\t\n@geom\n Geom name: ada0\n \
                 Providers:\n 1. Name: ada0\n    Mediasize: 1024 (1K)\n    descr: VBOX HARDDISK\n@end\n",
            ),
            &mut tree,
        );
        assert_eq!(
            Value::Object(tree.into_map()),
            json!({"disks": {
                "sda": {"size_bytes": 1_000_204_886_016_u64, "size": "931.51 GiB", "vendor": "ATA",
                    "model": "Samsung SSD 860", "type": "ssd"},
                "vdb": {},
                "ada0": {"size_bytes": 1024, "size": "1.00 KiB", "model": "VBOX HARDDISK"},
            }})
        );
    }
}
