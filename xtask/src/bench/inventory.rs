//! The benchmark of the inventory: merging, reading, target expressions, Ansible's own files beside Ansible, facts. Main
//! function: [`run`].

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::cold::mib;
use super::facts;
use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::{number, result_of};
use super::report::{Aim, Table};
use crate::ansible;

/// One line about it.
pub(super) const ABOUT: &str = "sources merged and linked, cached reads, target expressions, folding, Ansible's files beside Ansible, facts";

const PARTS: &[Part] = &[("merge", merge), ("ansible", ansible_files), ("facts", facts::cache)];

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    run_parts(PARTS, options)
}

/// The program fails when nodes are lost or not linked, so what it prints is complete.
fn merge(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== merge: five sources that know the same nodes under several names ==");
    let mut table = Table::new(&["nodes", "merge ms", "us a node", "to the fewest", "peak MiB"]);
    let mut costs = Vec::new();
    let mut best = [f64::INFINITY; 4];
    let mut peak = 0.0_f64;
    for nodes in ["1000", "10000", "100000"] {
        best = [f64::INFINITY; 4];
        for _ in 0..options.rounds.max(1) {
            let result = result_of("pabawi-inventory", "bench_inventory", &[nodes])?;
            for (best, name) in best.iter_mut().zip(["merge_ms", "cached_ms", "expression_ms", "fold_ms"]) {
                *best = best.min(number(&result, name)?);
            }
            peak = mib(number(&result, "peak_bytes")?);
        }
        let [merge_ms, ..] = best;
        let each = merge_ms * 1000.0 / nodes.parse::<f64>()?;
        costs.push(each);
        let first = costs.first().copied().unwrap_or(each);
        table.row(vec![
            nodes.to_owned(),
            format!("{merge_ms:.1}"),
            format!("{each:.2}"),
            format!("{:.2}x", each / first),
            format!("{peak:.0}"),
        ]);
    }
    println!("\n{}", table.text());
    let [merge_ms, cached_ms, expression_ms, fold_ms] = best;
    let growth = costs.last().copied().unwrap_or_default() / costs.first().copied().unwrap_or(1.0);
    Ok(vec![
        Aim::at_most("100,000 nodes of five sources merged and linked", merge_ms, 1500.0, "ms"),
        Aim::at_most("peak memory of that", peak, 600.0, "MiB"),
        Aim::at_most("cost of a node among 100,000 to one among 1,000", growth, 2.0, "x"),
        Aim::at_most("cached read up to the first node", cached_ms, 1.0, "ms"),
        Aim::at_most("a target expression over 100,000 nodes", expression_ms, 50.0, "ms"),
        Aim::at_most("100,000 irregular names folded", fold_ms, 200.0, "ms"),
    ])
}

/// Both read the file and write it as JSON; the time of the process counts for Ansible, as for who calls it.
fn ansible_files(options: &Options) -> Result<Vec<Aim>> {
    const HOSTS: usize = 10_000;
    println!("\n== ansible: an INI inventory of {HOSTS} hosts in 100 groups ==");
    let program = ansible::install()?.join("ansible-inventory");
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("hosts.ini");
    std::fs::write(&file, ini(HOSTS)?)?;
    let path = file.display().to_string();
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for round in 1..=options.rounds.max(1) {
        let result = result_of("pabawi-inventory", "bench_ansible", &[&path])?;
        ensure!(number(&result, "hosts")? == 10_000.0, "hosts were lost: {result}");
        ours = ours.min(number(&result, "list_ms")?);
        let begin = Instant::now();
        let status = Command::new(&program)
            .args(["-i", &path, "--list"])
            .env("ANSIBLE_HOME", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "ansible-inventory ended with {status}");
        theirs = theirs.min(begin.elapsed().as_secs_f64() * 1000.0);
        println!("   round {round}: {result}, ansible-inventory {theirs:.0} ms");
    }
    let ratio = theirs / ours;
    println!("   ansible-inventory --list takes {ratio:.0} times as long");
    Ok(vec![Aim::at_least("an INI of 10,000 hosts faster than ansible-inventory by", ratio, 20.0, "x")])
}

fn ini(hosts: usize) -> Result<String> {
    let mut text = String::new();
    for group in 0..100 {
        writeln!(text, "[group{group:02}]")?;
        for host in (group..hosts).step_by(100) {
            writeln!(
                text,
                "host{host:05}.example.org ansible_host=10.{}.{}.{} ansible_user=deploy rack={} role='web server'",
                host / 65_536,
                host / 256 % 256,
                host % 256,
                host % 40
            )?;
        }
        writeln!(text, "[group{group:02}:vars]\nproxy=proxy{group}.example.org\nntp=ntp.example.org")?;
    }
    text.push_str("[site:children]\n");
    for group in 0..100 {
        writeln!(text, "group{group:02}")?;
    }
    Ok(text)
}
