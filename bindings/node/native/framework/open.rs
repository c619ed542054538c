//! The framework that is made of the options: [`open`].

use std::sync::Arc;
use std::time::Duration;

use pabawi::json::Failure;
use pabawi::permissions::Permissions;
use pabawi::ports::Plugin as _;
use pabawi::v1::{V1Adapter, V1Settings};
use pabawi::{AllowAll, Framework, FrameworkBuilder};

use super::feed::Feed;
use super::host::Host;
use super::opening::{AuthorizerKind, ObjectOptions, Opening};
use super::services::{JsAuthorizer, JsDatabase, JsMetrics, JsObject, JsPermissions, LogFeed};

/// How long an answer of the permission service is remembered.
const PERMISSIONS_FRESH: Duration = Duration::from_secs(5);

/// Opens a framework.
pub(super) async fn open(
    opening: Opening,
    host: Arc<Host>,
    log: Arc<Feed>,
    metrics: Arc<Feed>,
) -> Result<Framework, Failure> {
    let Opening { options, authorizer, logger, host_database, performance_monitor, plugins } = opening;
    let settings = options.v1_settings();
    let mirror = options.mirror_options();
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
    if performance_monitor {
        builder = builder.metrics(JsMetrics::new(metrics));
    }
    let mut adopted = Vec::new();
    let opened = match adopt(plugins, settings, &host, &mut adopted).await {
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
    opened
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
