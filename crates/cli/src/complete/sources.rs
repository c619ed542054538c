//! Values that somebody has to be asked for: [`ask`]. What cannot be told is left out.

use pabawi::inventory::{Freshness, View};
use pabawi::plugin::CapabilityCall;
use pabawi::{ExecutionQuery, PluginName};
use serde_json::Value;

use super::values::Wanted;
use super::words::Typed;
use crate::args::{GlobalArgs, SourceArgs};
use crate::exit::Failure;
use crate::open;
use crate::sources::{resolver, sources};

/// Most values that are offered.
const MOST: usize = 2_000;
/// Executions and plans that are offered.
const NEWEST: u32 = 30;

/// A value and what it is.
pub(super) type Offer = (String, String);

/// Asks for values.
///
/// # Errors
/// [`Failure`], which nobody is told.
pub(super) async fn ask(
    global: &GlobalArgs,
    wanted: Wanted,
    typed: &Typed,
    plugin: Option<&str>,
) -> Result<Vec<Offer>, Failure> {
    match wanted {
        Wanted::Nodes | Wanted::Groups => of_nodes(global, wanted, typed).await,
        Wanted::Executions => {
            let query = ExecutionQuery { limit: Some(NEWEST), ..ExecutionQuery::default() };
            open::with_history(global, async |framework, caller| {
                let page = framework.executions(caller, &query).await?;
                let of_record = |record: &pabawi::ExecutionRecord| {
                    (record.id.to_string(), format!("{} {}", record.status.as_str(), record.action_text))
                };
                let last = ("last".to_owned(), "the newest".to_owned());
                Ok(std::iter::once(last).chain(page.items.iter().map(of_record)).collect())
            })
            .await
        }
        Wanted::Plans => {
            open::with_history(global, async |framework, caller| {
                let plans = framework.plans(caller, "", NEWEST).await?;
                let last = ("last".to_owned(), "the newest".to_owned());
                let of_plan = |plan: pabawi::PlanHead| (plan.hash.to_string(), plan.created_at.to_string());
                Ok(std::iter::once(last).chain(plans.into_iter().map(of_plan)).collect())
            })
            .await
        }
        Wanted::Known(capability) => of_tool(global, capability, plugin).await,
        Wanted::Plugins => {
            let all = global.plugins.all().0;
            Ok(all.into_iter().map(|plugin| (plugin.name.to_string(), plugin.about)).collect())
        }
        Wanted::Capabilities => {
            let all = global.plugins.all().0;
            let capabilities = all.into_iter().flat_map(|plugin| plugin.capabilities);
            Ok(capabilities.map(|capability| (capability.name, capability.description)).collect())
        }
        Wanted::Words | Wanted::Files | Wanted::Nothing => Ok(Vec::new()),
    }
}

async fn of_nodes(global: &GlobalArgs, wanted: Wanted, typed: &Typed) -> Result<Vec<Offer>, Failure> {
    let args = source_args(typed, global);
    let view: View = if global.plugins.tell_nodes() || global.guard.decides() {
        open::with_sources_of(global, &args, async |framework, caller| {
            Ok(framework.inventory_for(caller, Freshness::Cached).await?)
        })
        .await?
    } else if sources(&args)?.list.is_empty() {
        return Ok(Vec::new());
    } else {
        resolver(&args)?.catalog().read(Freshness::Cached).await
    };
    let mark = if wanted == Wanted::Groups { "" } else { "@" };
    let groups =
        view.inventory.groups().iter().map(|group| (format!("{mark}{}", group.name), "group".to_owned()));
    if wanted == Wanted::Groups {
        return Ok(groups.take(MOST).collect());
    }
    let nodes = view.inventory.nodes().iter().map(|node| (node.id.to_string(), String::new()));
    let all = ("all".to_owned(), "every node".to_owned());
    Ok(std::iter::once(all).chain(groups).chain(nodes).take(MOST).collect())
}

/// The sources that the line names so far, or those of the environment and the configuration.
fn source_args(typed: &Typed, global: &GlobalArgs) -> SourceArgs {
    let given = |name: &str| -> Vec<String> {
        let option = format!("--{name}");
        let with_value = format!("{option}=");
        let behind = typed.before.windows(2).filter_map(|pair| match pair {
            [word, value] if *word == option => Some(value.clone()),
            _ => None,
        });
        let within = typed.before.iter().filter_map(|word| word.strip_prefix(&with_value).map(str::to_owned));
        behind.chain(within).collect()
    };
    let paths = |all: Vec<String>| all.into_iter().map(Into::into).collect::<Vec<std::path::PathBuf>>();
    let default = |name: &str| -> Vec<String> {
        let found = global.defaults.iter().find(|(key, _)| key == name);
        found.map(|(_, values)| values.clone()).unwrap_or_default()
    };
    let or = |given: Vec<String>, name: &str| if given.is_empty() { default(name) } else { given };
    let inventory = match given("inventory") {
        all if !all.is_empty() => all,
        _ => match std::env::var("PABAWI_INVENTORY") {
            Ok(one) => vec![one],
            Err(_) => default("inventory"),
        },
    };
    SourceArgs {
        hosts: given("hosts"),
        hosts_file: paths(given("hosts-file")),
        inventory: paths(inventory),
        ssh_config: or(given("ssh-config"), "ssh-config").pop().map(Into::into),
    }
}

/// The names in what a tool tells under a capability.
async fn of_tool(
    global: &GlobalArgs,
    capability: &'static str,
    plugin: Option<&str>,
) -> Result<Vec<Offer>, Failure> {
    let plugin = plugin.map(PluginName::new).transpose().map_err(Failure::usage)?;
    let call = CapabilityCall { plugin, capability: capability.to_owned(), ..CapabilityCall::default() };
    open::with_the_plugins(global, async |framework, caller| {
        let answer = framework.call(caller, call).await;
        let answer = answer.map_err(|error| Failure::of_call(capability, error))?;
        let rows = match &answer {
            Value::Array(rows) => rows.as_slice(),
            Value::Object(map) => {
                map.values().find_map(Value::as_array).map(Vec::as_slice).unwrap_or_default()
            }
            _ => &[],
        };
        let text =
            |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_row = |row: &Value| match row.as_str() {
            Some(name) => (name.to_owned(), String::new()),
            None => (text(row, "name"), text(row, "description")),
        };
        Ok(rows.iter().map(of_row).filter(|(name, _)| !name.is_empty()).take(MOST).collect())
    })
    .await
}
