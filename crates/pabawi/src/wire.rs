//! The one page where the parts meet: store, transports, inventory and engine become a [`Framework`].

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::validation::ValidationError;
use pabawi_engine::{Engine, EngineLimits, Graphs, SystemClock};
use pabawi_inventory::{Catalog, Resolver};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_transport::local::{LocalOptions, LocalTransport};
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

use crate::knowledge::Knowledge;
use crate::{Framework, FrameworkBuilder, FrameworkError};

pub(crate) async fn open(options: FrameworkBuilder) -> Result<Framework, FrameworkError> {
    let database = options.database.map_or_else(default_database, Ok)?;

    let ssh = options.ssh.map_or_else(default_ssh, Ok)?;
    let ssh = SshTransport::new(ssh);
    let local = LocalTransport::new(LocalOptions::default());

    let mut limits = options.limits.unwrap_or_default();
    if limits.spill_dir == EngineLimits::default().spill_dir {
        // Beside the database, so that the store takes the files over by a rename.
        let mut beside = database.clone().into_os_string();
        beside.push(".spill");
        limits.spill_dir = PathBuf::from(beside);
    }

    let store = Arc::new(SqliteStore::open(SqliteOptions::new(&database)).await?);
    let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));

    let knowledge = Knowledge { store: Arc::clone(&store) as _, clock: Arc::clone(&clock) };
    let mut resolver = Resolver::over(Arc::new(Catalog::new(options.sources)))
        .endpoint_defaults(options.endpoint_defaults)
        .knowledge(Arc::new(knowledge));
    if let Some(meaning) = options.unknown_names {
        resolver = resolver.unknown_names(meaning);
    }
    let resolver = Arc::new(resolver);

    let mut engine = Engine::builder()
        .store(Arc::clone(&store) as _)
        .journal(Arc::clone(&store) as _)
        .breakers(Arc::clone(&store) as _)
        .plans(Arc::clone(&store) as _)
        .transport(Arc::new(ssh))
        .transport(Arc::new(local))
        .resolver(Arc::clone(&resolver) as _)
        .clock(clock)
        .limits(limits);
    if let Some(authorizer) = options.authorizer {
        engine = engine.authorizer(authorizer);
    }
    if let Some(metrics) = options.metrics {
        engine = engine.metrics(metrics);
    }
    let engine = engine.build().await?;
    let graphs = Graphs::open(engine.clone(), Arc::clone(&store) as _).await?;
    Ok(Framework { engine, graphs, resolver, journal: store, database })
}

/// `$XDG_DATA_HOME/pabawi/executions.db` (XDG Base Directory Specification: a relative path is ignored).
fn default_database() -> Result<PathBuf, FrameworkError> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Ok(data.ok_or(FrameworkError::NoDataDirectory)?.join("pabawi").join("executions.db"))
}

fn default_ssh() -> Result<SshSettings, FrameworkError> {
    let config =
        SshConfig::load_default().map_err(|error| ValidationError::of("ssh.config", error.to_string()))?;
    let mut settings = SshSettings::default();
    settings.config = Arc::new(config);
    Ok(settings)
}
