//! The header of the C library, made of its Rust sources by cbindgen. Main functions: [`write()`], [`check`].
//!
//! It is committed, so that it can be read and reviewed without building anything.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use cbindgen::{Builder, Config};

use crate::shell;

/// Writes the header.
pub(crate) fn write() -> Result<()> {
    let path = path();
    fs::write(&path, made()?).with_context(|| format!("write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Fails when the header that is there is another one.
pub(crate) fn check() -> Result<()> {
    let path = path();
    let there = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    if there != made()? {
        bail!("{} is not what the sources say; run `cargo xtask header` and commit it", path.display());
    }
    println!("header: {} is current", path.display());
    Ok(())
}

fn path() -> PathBuf {
    place().join("include/pabawi.h")
}

fn place() -> PathBuf {
    shell::root().join("bindings/c")
}

fn made() -> Result<String> {
    let place = place();
    let file = place.join("cbindgen.toml");
    let mut config =
        Config::from_file(&file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let contract = place.join("contract.h");
    let contract = fs::read_to_string(&contract).with_context(|| format!("read {}", contract.display()))?;
    config.header = Some(contract.trim_end().to_owned());
    config.autogen_warning = Some("/* Made by `cargo xtask header` of the Rust sources. */".to_owned());
    let bindings = Builder::new().with_crate(&place).with_config(config).generate();
    let mut text = Vec::new();
    bindings.context("make the header")?.write(&mut text);
    String::from_utf8(text).context("the header is no text")
}
