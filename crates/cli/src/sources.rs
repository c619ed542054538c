//! From options to the sources of nodes: [`sources`]. Nothing is asked yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi::GroupName;
use pabawi::inventory::{
    Catalog, ConfiguredSource, Detected, MadeSource, OwnGroups, Resolver, SourceKind, SourceSettings,
    SourceSpec, SourcesFile, StaticInventory, detect, hosts_list, source_of,
};

use pabawi::ports::FactProvider;

use crate::args::SourceArgs;
use crate::exit::Failure;
use crate::request::absolute;

/// The sources that were named, and the own groups of files that list sources.
#[derive(Default)]
pub(crate) struct Sources {
    /// The sources; where two know a node, the one that was named more directly wins.
    pub(crate) list: Vec<ConfiguredSource>,
    /// Own groups.
    pub(crate) groups: OwnGroups,
    /// Those of the sources that tell facts.
    pub(crate) facts: Vec<Arc<dyn FactProvider>>,
}

/// The sources that were named.
///
/// # Errors
/// A list that is not understood, an inventory that is not there, a list of sources with faults.
pub(crate) fn sources(args: &SourceArgs) -> Result<Sources, Failure> {
    let mut list: Vec<ConfiguredSource> = Vec::new();
    let mut groups: Vec<(GroupName, String)> = Vec::new();
    let mut facts = Vec::new();
    let mut add = |spec: &SourceSpec, list: &mut Vec<ConfiguredSource>| -> Result<(), Failure> {
        let made = made(spec)?;
        list.push(made.source);
        facts.extend(made.facts);
        Ok(())
    };
    for (hosts, number) in args.hosts.iter().zip(1..) {
        let name = if args.hosts.len() == 1 { "--hosts".to_owned() } else { format!("--hosts ({number})") };
        let snapshot = hosts_list(&name, hosts).map_err(Failure::usage)?;
        list.push((Arc::new(StaticInventory::new(name, 40, snapshot)), SourceSettings::default()));
    }
    for path in &args.hosts_file {
        add(&SourceSpec::new(SourceKind::Hosts(path.clone())), &mut list)?;
    }
    for path in &args.inventory {
        let text = path.to_string_lossy();
        match detect(&text).map_err(|error| Failure::usage(format!("--inventory: {error}")))? {
            Detected::Source(kind) => add(&SourceSpec::new(kind), &mut list)?,
            Detected::SourcesFile => {
                let path = text.strip_prefix("sources:").map_or(path.as_path(), Path::new);
                let file = SourcesFile::read(path)
                    .map_err(|error| Failure::usage(format!("--inventory: {error}")))?;
                for spec in &file.sources {
                    add(spec, &mut list)?;
                }
                groups.extend(file.groups);
            }
        }
    }
    if let Some(path) = &args.ssh_config {
        add(&SourceSpec::new(SourceKind::SshConfig(path.clone())), &mut list)?;
    }
    let mut names = std::collections::HashSet::new();
    if let Some((twice, _)) = list.iter().find(|(source, _)| !names.insert(source.name().to_owned())) {
        let text = format!("two sources are called {}; give one of them a name of its own", twice.name());
        return Err(Failure::usage(format!("--inventory: {text}")));
    }
    let groups = OwnGroups::new(groups)
        .map_err(|error| Failure::usage(format!("--inventory: own groups: {error}")))?;
    Ok(Sources { list, groups, facts })
}

fn made(spec: &SourceSpec) -> Result<MadeSource, Failure> {
    source_of(spec).map_err(|error| {
        let name = spec.name.as_deref().unwrap_or("a source");
        Failure::usage(format!("--inventory: {name}: {error}"))
    })
}

/// The sources that were named, to be asked without a framework.
///
/// # Errors
/// As for [`sources`]; also that none was named.
pub(crate) fn resolver(args: &SourceArgs) -> Result<Resolver, Failure> {
    let sources = sources(args)?;
    if sources.list.is_empty() {
        return Err(Failure::usage(
            "no source of nodes; name one with --inventory, --hosts, --hosts-file or --ssh-config",
        ));
    }
    Ok(sources.resolver())
}

impl Sources {
    /// Resolves expressions without facts and history.
    pub(crate) fn resolver(self) -> Resolver {
        Resolver::over(Arc::new(Catalog::new(self.list))).own_groups(self.groups)
    }
}

/// An inventory as it can be named from another directory.
pub(crate) fn absolute_inventory(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    match text.split_once(':') {
        Some((word, rest)) if SourceKind::WORDS.contains(&word) || word == "sources" => {
            PathBuf::from(format!("{word}:{}", absolute(Path::new(rest)).display()))
        }
        _ => absolute(path),
    }
}
