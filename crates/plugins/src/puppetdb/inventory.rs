//! [`PuppetDbInventory`]: PuppetDB as a source of nodes and groups.

use async_trait::async_trait;
use pabawi_domain::id::GroupName;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};

use super::certnames;
use super::client::PuppetDbClient;
use super::error::{PuppetDbError, PuppetDbFault};
use super::fact_path::FactPath;
use super::metadata::NodeList;
use super::pages::{Pages, Step, certname};
use super::settings::ENVIRONMENT;

/// All active nodes, and what `nodes` tells of each that is worth showing.
const DEFAULT_QUERY: &str = "nodes[certname, catalog_environment, report_environment, facts_environment, \
     catalog_timestamp, report_timestamp, facts_timestamp, latest_report_status] \
     { deactivated is null and expired is null }";

/// How often a list is read that changes while it is read.
const READINGS: u32 = 3;

/// Nodes and groups out of PuppetDB.
#[derive(Debug, Clone)]
pub struct PuppetDbInventory {
    client: PuppetDbClient,
}

impl PuppetDbInventory {
    /// The source behind a client.
    pub fn new(client: PuppetDbClient) -> Self {
        Self { client }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`PuppetDbError`] of the first question that has no answer.
    pub async fn read(&self) -> Result<InventorySnapshot, PuppetDbError> {
        let settings = self.client.settings();
        let query = settings.query.as_deref().unwrap_or(DEFAULT_QUERY);
        let mut list = self.read_steadily(query).await?;
        for what in &settings.group_by {
            list.group_by(what);
        }
        for (name, pql) in &settings.groups {
            let members = self.read_group(pql).await?;
            match GroupName::new(name) {
                Ok(name) => list.add_group(name, members.iter().map(String::as_str)),
                Err(error) => list.warn(error.to_string()),
            }
        }
        Ok(list.finish())
    }

    async fn read_steadily(&self, query: &str) -> Result<NodeList, PuppetDbError> {
        for _ in 0..READINGS {
            if let Some(list) = self.read_nodes(query).await? {
                return Ok(list);
            }
        }
        Err(self.client.error(PuppetDbFault::Unsteady(READINGS)))
    }

    /// All nodes with the facts that are wanted of them; `None` when the list has changed meanwhile.
    async fn read_nodes(&self, query: &str) -> Result<Option<NodeList>, PuppetDbError> {
        let fields = self.fields();
        let mut list = NodeList::default();
        let mut pages = Pages::new(&self.client, query);
        loop {
            let (rows, unreadable) = match pages.next().await? {
                Step::Rows(rows, unreadable) => (rows, unreadable),
                Step::End => return Ok(Some(list)),
                Step::Shifted => return Ok(None),
            };
            let new: Vec<String> = rows.into_iter().filter_map(|row| list.add(row)).collect();
            unreadable.into_iter().for_each(|row| {
                list.warn(format!("node {}: no metadata of it: {}", row.certname, row.reason))
            });
            if fields.len() > 1 {
                let names: Vec<&str> = new.iter().map(String::as_str).collect();
                let found = certnames::ask(&self.client, &fields, &names).await?;
                found.rows.into_iter().for_each(|row| list.add_facts(row));
                for (name, fault) in found.failed {
                    list.warn(format!("node {name}: no facts of it: {fault}"));
                }
            }
        }
    }

    /// The columns to ask of nodes: `certname` and the facts that are shown or grouped by.
    fn fields(&self) -> Vec<String> {
        let settings = self.client.settings();
        let mut fields = vec!["certname".to_owned()];
        let wanted = settings.facts.iter().chain(&settings.group_by).filter(|path| *path != ENVIRONMENT);
        for path in wanted.filter_map(|path| FactPath::parse(path).ok()) {
            let field = path.field();
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        fields
    }

    async fn read_group(&self, pql: &str) -> Result<Vec<String>, PuppetDbError> {
        for _ in 0..READINGS {
            let mut members = Vec::new();
            let mut pages = Pages::new(&self.client, pql);
            loop {
                match pages.next().await? {
                    Step::Rows(rows, _) => {
                        members.extend(rows.iter().filter_map(certname).map(str::to_owned))
                    }
                    Step::End => return Ok(members),
                    Step::Shifted => break,
                }
            }
        }
        Err(self.client.error(PuppetDbFault::Unsteady(READINGS)))
    }
}

#[async_trait]
impl InventorySource for PuppetDbInventory {
    fn name(&self) -> &str {
        &self.client.settings().name
    }

    fn priority(&self) -> i32 {
        self.client.settings().priority
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.read().await.map_err(|error| InventorySourceError {
            source_name: self.client.settings().name.clone(),
            message: error.to_string(),
            retryable: error.fault.is_retryable(),
        })
    }
}
