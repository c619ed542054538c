//! Installing what programs of others need. Main function: [`c_library`], the C library under a prefix: header, shared and static
//! library, and the files of pkg-config(1) and CMake.
//!
//! Of the shared library the linker hides all symbols but ours. An archive has no such thing, so in it every symbol of the C
//! libraries that stand in it gets a name of its own: a program may have an OpenSSL or SQLite beside it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// What is installed.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum What {
    /// The C library: header, libpabawi.so, libpabawi.a, pkg-config and CMake files
    C {
        /// Where to
        #[arg(long)]
        prefix: PathBuf,
        /// Which profile of cargo builds it
        #[arg(long, default_value = "release")]
        profile: String,
        /// Without the static library
        #[arg(long)]
        no_static: bool,
    },
}

/// `PABAWI_ABI_VERSION`, which stands in the SONAME.
const ABI: &str = "1";

/// What else a program links that links the archive, as `rustc --print native-static-libs` tells.
const PRIVATE_LIBS: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl";

/// What is put before the names of other libraries' symbols in the archive.
const OWN: &str = "pabawi_own_";

pub(crate) fn run(what: What) -> Result<()> {
    match what {
        What::C { prefix, profile, no_static } => c_library(&prefix, &profile, !no_static),
    }
}

/// Builds and installs the C library.
fn c_library(prefix: &Path, profile: &str, with_archive: bool) -> Result<()> {
    // Paths in what is installed must hold wherever it is used from.
    let prefix = std::path::absolute(prefix).context("an absolute path of the prefix")?;
    let mut build = shell::cargo(&["build", "--locked", "--profile", profile]);
    shell::run(build.args(shell::or_workspace(&["-p", "pabawi-c"])))?;
    let built = target()?.join(if profile == "dev" { "debug" } else { profile });
    let source = shell::root().join("bindings/c");
    let (lib, include) = (prefix.join("lib"), prefix.join("include"));
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/pabawi"));
    for folder in [&lib, &include, &pkgconfig, &cmake] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    copy(&source.join("include/pabawi.h"), &include.join("pabawi.h"))?;
    let shared = format!("libpabawi.so.{ABI}");
    copy(&built.join("libpabawi_c.so"), &lib.join(&shared))?;
    let link = lib.join("libpabawi.so");
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("replace {}", link.display()))?;
    }
    symlink(&shared, &link).with_context(|| format!("link {}", link.display()))?;
    if with_archive {
        archive(&built.join("libpabawi_c.a"), &lib.join("libpabawi.a"))?;
    }
    let packaging = source.join("packaging");
    for (file, folder) in
        [("pabawi.pc", &pkgconfig), ("pabawi-config.cmake", &cmake), ("pabawi-config-version.cmake", &cmake)]
    {
        fill(&packaging.join(format!("{file}.in")), &folder.join(file), &prefix)?;
    }
    println!("installed {} in {}", shared, prefix.display());
    Ok(())
}

/// The archive with names of its own for what is not ours.
fn archive(from: &Path, to: &Path) -> Result<()> {
    let told = shell::output(Command::new("nm").args(["--extern-only", "--defined-only"]).arg(from))?;
    let names = told.lines().filter_map(symbol);
    let others: BTreeSet<&str> = names.filter(|name| is_of_others(name)).collect();
    if others.is_empty() {
        bail!("{} has no symbols of OpenSSL, so it cannot be what it should be", from.display());
    }
    let map = tempfile::NamedTempFile::new().context("a file for the names")?;
    let lines: String = others.iter().map(|name| format!("{name} {OWN}{name}\n")).collect();
    fs::write(map.path(), lines).context("write the names")?;
    let mut rename = Command::new("objcopy");
    rename.arg("--redefine-syms").arg(map.path()).arg(from).arg(to);
    shell::run(&mut rename)
}

/// The name in a line of nm(1): an address, a letter and the name. There are remarks too, about bitcode that it cannot read.
fn symbol(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let (_, kind, name) = (words.next()?, words.next()?, words.next()?);
    (kind.len() == 1 && words.next().is_none()).then_some(name)
}

/// Whether a symbol is one that another library may have too: neither ours nor mangled by Rust.
fn is_of_others(name: &str) -> bool {
    !["pabawi_", "_ZN", "_R"].iter().any(|beginning| name.starts_with(beginning))
}

/// Copies a file, also over one that a program is using.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_file(to).with_context(|| format!("replace {}", to.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Writes a file with its place holders filled.
fn fill(from: &Path, to: &Path, prefix: &Path) -> Result<()> {
    let text = fs::read_to_string(from).with_context(|| format!("read {}", from.display()))?;
    let text = text
        .replace("@PREFIX@", &prefix.to_string_lossy())
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@ABI@", ABI)
        .replace("@PRIVATE_LIBS@", PRIVATE_LIBS);
    fs::write(to, text).with_context(|| format!("write {}", to.display()))
}

/// Where cargo builds.
fn target() -> Result<PathBuf> {
    let told = shell::output(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let told: serde_json::Value = serde_json::from_str(&told).context("read cargo metadata")?;
    let folder = told.get("target_directory").and_then(serde_json::Value::as_str);
    folder.map(PathBuf::from).context("cargo did not say where it builds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_symbols_that_others_may_have_get_another_name() {
        for (name, of_others) in
            [("SSL_new", true), ("sqlite3_open", true), ("pabawi_submit", false), ("_ZN4core3fmt", false)]
        {
            assert_eq!(is_of_others(name), of_others, "{name}");
        }
    }

    #[test]
    fn remarks_of_nm_are_no_symbols() {
        assert_eq!(symbol("0000000000000000 T SSL_new"), Some("SSL_new"));
        for line in ["bfd plugin: LLVM gold plugin has failed", "", "libcrypto.o:", "x.o: no symbols"] {
            assert_eq!(symbol(line), None, "{line}");
        }
    }

    #[test]
    fn the_abi_is_that_of_the_header_and_of_the_soname() {
        let place = shell::root().join("bindings/c");
        let header = fs::read_to_string(place.join("include/pabawi.h")).unwrap();
        assert!(header.contains(&format!("#define PABAWI_ABI_VERSION {ABI}\n")));
        let build = fs::read_to_string(place.join("build.rs")).unwrap();
        assert!(build.contains(&format!("-soname,libpabawi.so.{ABI}\"")));
    }
}
