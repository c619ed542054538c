//! [`expand`]: host patterns of Ansible's inventories: `web[01:20:2].example.org:2222`, `db-[a:f]`, `[::1]:22`.
//!
//! The rules are those of Ansible's `parse_address` and `expand_hostname_range`.

/// The names of a pattern and the port that stands behind it. `most` limits the names.
///
/// # Errors
/// Why it is no pattern.
pub(super) fn expand(pattern: &str, most: u64) -> Result<(Vec<String>, Option<u64>), String> {
    let (host, port) = split_port(pattern);
    if pattern.ends_with(':') && port.is_none() {
        return Err("a host must not end in ':', which is for a port".to_owned());
    }
    if host == "---" {
        return Err("'---' begins a YAML file; give it the extension .yml".to_owned());
    }
    if !host.contains('[') {
        return Ok((vec![host.to_owned()], port));
    }
    let parts = parts(host)?;
    let counts = parts.iter().map(|(_, range)| range.count());
    let count = counts.fold(1_u64, |product, count| product.saturating_mul(count));
    if count > most {
        return Err(format!("names {count} hosts; at most {most} more are allowed"));
    }
    let mut names = vec![String::new()];
    for (head, range) in &parts {
        let values = range.values();
        names = names
            .iter()
            .flat_map(|name| values.iter().map(move |value| format!("{name}{head}{value}")))
            .collect();
    }
    Ok((names, port))
}

/// Cuts a port off, where what stands before it is a host name or an address.
fn split_port(pattern: &str) -> (&str, Option<u64>) {
    let Some((before, port)) = pattern.rsplit_once(':') else { return (pattern, None) };
    let Ok(port) = port.parse::<u64>() else { return (pattern, None) };
    if let Some(inside) = before.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && (inside.parse::<std::net::Ipv6Addr>().is_ok() || is_host_name(inside))
    {
        return (inside, Some(port));
    }
    if is_host_name(before) { (before, Some(port)) } else { (pattern, None) }
}

/// Labels with dots between them; a label may hold ranges and does not end in `-` or `_`.
fn is_host_name(text: &str) -> bool {
    let mut at_start = true;
    let mut last = '.';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '[' => match rest.find(']') {
                Some(end) if rest.get(1..end).is_some_and(is_range) => end + 1,
                _ => return false,
            },
            '.' if at_start || matches!(last, '-' | '_') => return false,
            '-' if at_start => return false,
            '.' | '-' | '_' => 1,
            c if c.is_alphanumeric() => c.len_utf8(),
            _ => return false,
        };
        at_start = c == '.';
        last = c;
        rest = rest.get(length..).unwrap_or_default();
    }
    !matches!(last, '.' | '-' | '_')
}

fn is_range(text: &str) -> bool {
    let bounds: Vec<&str> = text.split(':').collect();
    let number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let letter = |text: &&str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match bounds.as_slice() {
        [first, last] | [first, last, _] => {
            ((number(first) && number(last)) || (letter(first) && letter(last)))
                && bounds.get(2).is_none_or(number)
        }
        _ => false,
    }
}

/// What stands in one bracket.
enum Range {
    Numbers {
        first: u64,
        last: u64,
        step: u64,
        width: usize,
    },
    /// Places among the letters a to z, then A to Z.
    Letters {
        first: usize,
        last: usize,
        step: usize,
    },
    /// Behind the last bracket.
    End,
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Range {
    fn parse(text: &str) -> Result<Self, String> {
        let bounds: Vec<&str> = text.split(':').collect();
        let (first, last, step) = match bounds.as_slice() {
            [first, last] => (*first, *last, "1"),
            [first, last, step] => (*first, *last, *step),
            _ => return Err(format!("[{text}] is no range; write [first:last] or [first:last:step]")),
        };
        let first = if first.is_empty() { "0" } else { first };
        if last.is_empty() {
            return Err(format!("[{text}] has no end; write [first:last]"));
        }
        let width = if first.len() > 1 && first.starts_with('0') { first.len() } else { 0 };
        if width > 0 && width != last.len() {
            return Err(format!("[{text}]: write both numbers with the same number of digits"));
        }
        let step: usize = step
            .parse()
            .ok()
            .filter(|step| *step > 0)
            .ok_or_else(|| format!("[{text}]: the step must be a number of at least 1"))?;
        if let (1, 1, Some(first), Some(last)) =
            (first.len(), last.len(), LETTERS.find(first), LETTERS.find(last))
        {
            return if first > last {
                Err(format!("[{text}] runs backwards"))
            } else {
                Ok(Self::Letters { first, last, step })
            };
        }
        let number =
            |digits: &str| {
                let good = digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
                digits.parse::<u64>().ok().filter(|_| good).ok_or_else(|| {
                    format!("[{text}]: write two numbers of at most 18 digits, or two letters")
                })
            };
        Ok(Self::Numbers { first: number(first)?, last: number(last)?, step: step as u64, width })
    }

    fn count(&self) -> u64 {
        match self {
            // One that runs backwards has no names, as in Python.
            Self::Numbers { first, last, step, .. } => {
                last.checked_sub(*first).map_or(0, |span| span / (*step).max(1) + 1)
            }
            Self::Letters { .. } => self.values().len() as u64,
            Self::End => 1,
        }
    }

    fn values(&self) -> Vec<String> {
        match self {
            Self::Numbers { first, step, width, .. } => (0..self.count())
                .map(|index| {
                    format!("{:0width$}", first.saturating_add(step.saturating_mul(index)), width = *width)
                })
                .collect(),
            Self::Letters { first, last, step } => {
                let letters = LETTERS.get(*first..=*last).unwrap_or_default();
                letters.chars().step_by((*step).max(1)).map(String::from).collect()
            }
            Self::End => vec![String::new()],
        }
    }
}

/// Each bracket with the text before it.
fn parts(host: &str) -> Result<Vec<(&str, Range)>, String> {
    let mut parts = Vec::new();
    let mut rest = host;
    while let Some((head, after)) = rest.split_once('[') {
        let (range, tail) = after.split_once(']').ok_or("'[' has no ']'")?;
        parts.push((head, Range::parse(range)?));
        rest = tail;
    }
    if rest.contains(']') || parts.iter().any(|(head, _)| head.contains(']')) {
        return Err("']' has no '['".to_owned());
    }
    parts.push((rest, Range::End));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> String {
        let (names, port) = expand(pattern, 1_000_000).unwrap();
        names.join(",") + &port.map_or_else(String::new, |port| format!(" {port}"))
    }

    #[test]
    fn ranges_and_ports_are_those_of_ansible() {
        for (pattern, expected) in [
            ("web1", "web1"),
            ("web1:2222", "web1 2222"),
            ("web[1:3]", "web1,web2,web3"),
            ("web[01:07:3].x:22", "web01.x,web04.x,web07.x 22"),
            ("n[8:10]", "n8,n9,n10"),
            ("n[:2]", "n0,n1,n2"),
            ("db-[a:c]-[1:2]", "db-a-1,db-a-2,db-b-1,db-b-2,db-c-1,db-c-2"),
            ("[y:B]x", "yx,zx,Ax,Bx"),
            ("[a:e:2]", "a,c,e"),
            ("[::1]:22", "::1 22"),
            ("::1", "::1"),
            ("fe80::1:22", "fe80::1:22"),
            ("10.0.0.[1:2]:22", "10.0.0.1,10.0.0.2 22"),
            ("web_:22", "web_:22"),
            ("[3:1]", ""),
        ] {
            assert_eq!(names(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn bad_ranges_are_told() {
        for (pattern, why) in [
            ("web[1:3", "no ']'"),
            ("web[1:]", "no end"),
            ("web[1]", "no range"),
            ("web1]", "web1]"),
            ("web[01:5]", "same number of digits"),
            ("web[1:5:0]", "step"),
            ("web[c:a]", "backwards"),
            ("web[a:5]", "two numbers"),
            ("web[1:99999999999999999999]", "18 digits"),
            ("web[1:999999999]", "at most"),
            ("web[1:9]:", "port"),
            ("---", "YAML"),
        ] {
            match expand(pattern, 1_000_000) {
                Err(error) => assert!(error.contains(why), "{pattern}: {error}"),
                Ok((names, _)) => assert_eq!(names, [why], "{pattern}"),
            }
        }
    }
}
