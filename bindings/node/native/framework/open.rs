//! The framework that is made of the options: [`open`].

use std::sync::Arc;
use std::time::Duration;

use pabawi::json::Failure;
use pabawi::permissions::Permissions;
use pabawi::ports::Plugin as _;
use pabawi::v1::{V1Adapter, V1Settings};
use pabawi::{AllowAll, Caller, Framework, FrameworkBuilder};

use super::feed::Feed;
use super::host::Host;
use super::opening::{AuthorizerKind, ObjectOptions, Opening};
use super::services::{JsAuthorizer, JsDatabase, JsJournal, JsMetrics, JsObject, JsPermissions, LogFeed};

/// How long an answer of the permission service is remembered.
const PERMISSIONS_FRESH: Duration = Duration::from_secs(5);

/// A framework that is open.
pub(super) struct Opened {
    pub(super) framework: Framework,
    /// What each plugin of Pabawi v1.x is given.
    pub(super) v1: V1Settings,
}

/// Opens a framework.
pub(super) async fn open(
    opening: Opening,
    host: Arc<Host>,
    log: Arc<Feed>,
    metrics: Arc<Feed>,
) -> Result<Opened, Failure> {
    let Opening { options, authorizer, logger, host_database, host_journal, performance_monitor, plugins } =
        opening;
    let v1 = options.v1_settings();
    let (mirror, journal) = (options.mirror_options(), options.host_journal_options());
    let mut builder = options.builder()?;
    builder = match authorizer {
        None => builder,
        Some(AuthorizerKind::AllowAll) => builder.authorizer(AllowAll),
        Some(AuthorizerKind::Function) => builder.authorizer(JsAuthorizer::new(Arc::clone(&host))),
        Some(AuthorizerKind::Permissions) => {
            let tables = JsPermissions::new(Arc::clone(&host));
            builder.permissions(Permissions::of_tables(Arc::new(tables)).fresh_for(PERMISSIONS_FRESH))
        }
    };
    if logger {
        builder = builder.log_sink(LogFeed::new(log));
    }
    if let Some(dialect) = host_database {
        builder = builder.host_database(Arc::new(JsDatabase::new(Arc::clone(&host), dialect)), mirror);
    }
    if host_journal {
        builder = builder.host_journal(Arc::new(JsJournal::new(Arc::clone(&host))), journal);
    }
    if performance_monitor {
        builder = builder.metrics(JsMetrics::new(metrics));
    }
    let mut adopted = Vec::new();
    let opened = match adopt(plugins, v1, &host, &mut adopted).await {
        Ok(()) => {
            let with = |builder: FrameworkBuilder, adapter: &V1Adapter| {
                builder.plugin(adapter.clone(), adapter.config())
            };
            adopted.iter().fold(builder, with).open().await.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    if opened.is_err() {
        // They have been got ready, and nobody else would let them go.
        for adapter in &adopted {
            adapter.shutdown().await;
        }
    }
    Ok(Opened { framework: opened?, v1 })
}

/// Gets the host's plugins ready, in their order; those that are ready stand in `adopted`, also where one fails.
async fn adopt(
    plugins: Vec<ObjectOptions>,
    settings: V1Settings,
    host: &Arc<Host>,
    adopted: &mut Vec<V1Adapter>,
) -> Result<(), Failure> {
    for ObjectOptions { object, name, config } in plugins {
        let object = Arc::new(JsObject::new(Arc::clone(host), object, name));
        adopted.push(V1Adapter::adopt(object, config, settings).await?);
    }
    Ok(())
}

/// Puts an object of the host in the place of a plugin. Returns when it is ready, and new runs go to it.
pub(super) async fn reload(
    opened: &Opened,
    caller: Caller,
    host: &Arc<Host>,
    with: ObjectOptions,
) -> Result<String, Failure> {
    let Opened { framework, v1 } = opened;
    let ObjectOptions { object, name, config } = with;
    // Whatever becomes of it, the other side hears when it is let go of.
    let object = Arc::new(JsObject::new(Arc::clone(host), object, name));
    // Getting it ready is more than asking.
    framework.may_reload_plugins(&caller).await?;
    let adapter = V1Adapter::adopt(object, config, *v1).await?;
    let reloaded = framework.reload_plugin(&caller, Arc::new(adapter.clone()), adapter.config()).await;
    if reloaded.is_err() {
        // It has been got ready, and nobody else would let it go.
        adapter.shutdown().await;
    }
    reloaded?;
    Ok("{}".to_owned())
}
