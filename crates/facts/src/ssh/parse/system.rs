//! What runs on it: `system_uptime.*`, `timezone`, and of ours `pabawi.package_manager`, `pabawi.init`, `pabawi.users`.

use std::collections::BTreeSet;

use crate::ssh::sections::Sections;
use crate::tree::Tree;

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    tree.put_some(&["timezone"], sections.value("timezone"));
    if let Some(seconds) = uptime(sections) {
        let (hours, days) = (seconds / 3600, seconds / 86_400);
        tree.put(&["system_uptime", "seconds"], seconds);
        tree.put(&["system_uptime", "hours"], hours);
        tree.put(&["system_uptime", "days"], days);
        let text = match days {
            0 => format!("{hours}:{:02} hours", seconds / 60 % 60),
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        tree.put(&["system_uptime", "uptime"], text);
    }
    tree.put_some(&["pabawi", "package_manager"], package_manager(sections));
    tree.put_some(&["pabawi", "init"], init(sections));
    // Absent where who(1) is, and empty where nobody is logged in.
    if sections.iter().any(|(name, _)| name == "who") {
        let users = sections.lines("who").iter().filter_map(|line| line.split_whitespace().next());
        let users: BTreeSet<&str> = users.take(10_000).collect();
        tree.put(&["pabawi", "users"], users.into_iter().collect::<Vec<_>>());
    }
}

/// "13021.64 7064.27" of proc(5), or the time of the boot: "{ sec = 1700000000, usec = 0 } Tue Nov 14 ...".
fn uptime(sections: &Sections<'_>) -> Option<u64> {
    if let Some(text) = sections.value("uptime") {
        return text.split(['.', ' ']).next()?.parse().ok();
    }
    let boot = sections.value("boottime")?.split_once("sec = ")?.1;
    let boot: u64 = boot.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    sections.number("now")?.checked_sub(boot)
}

fn package_manager<'a>(sections: &Sections<'a>) -> Option<&'a str> {
    let found = sections.value("package_manager")?;
    Some(if found == "apt-get" { "apt" } else { found })
}

fn init<'a>(sections: &Sections<'a>) -> Option<&'a str> {
    if let Some(init) = sections.value("init") {
        return Some(init);
    }
    match sections.value("process_1")? {
        name @ ("systemd" | "runit" | "s6-svscan" | "dinit" | "shepherd") => Some(name),
        "init" if sections.value("inittab").is_some() => Some("sysvinit"),
        // Whatever else is the first process is no system that starts services.
        _ => None,
    }
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
    fn uptime_and_the_tools_of_the_system() {
        let linux = facts(
            "@timezone\n CEST\n@uptime\n 93784.64 7064.27\n@package_manager\n apt-get\n@process_1\n init\n@inittab\n yes\n\
             @who\n ann pts/0 x\n bob tty1\n ann pts/1\n@end\n",
        );
        let uptime = json!({"seconds": 93_784, "hours": 26, "days": 1, "uptime": "1 day"});
        let own = json!({"package_manager": "apt", "init": "sysvinit", "users": ["ann", "bob"]});
        assert_eq!(linux, json!({"timezone": "CEST", "system_uptime": uptime, "pabawi": own}));
        let bsd = facts(
            "@now\n 1700004500\n@boottime\n { sec = 1700000000, usec = 0 } Tue Nov 14\n@init\n rc\n@who\n\n@end\n",
        );
        assert_eq!(bsd["system_uptime"]["uptime"], "1:15 hours");
        assert_eq!(bsd["pabawi"], json!({"init": "rc", "users": []}));
        assert_eq!(
            facts("@process_1\n tail\n@boottime\n { sec = 9, usec = 0 }\n@now\n 1\n@end\n"),
            json!({})
        );
    }
}
