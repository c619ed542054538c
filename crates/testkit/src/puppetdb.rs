//! A real PuppetDB on loopback addresses, with a PostgreSQL of its own. Main type: [`PuppetDb`].
//!
//! It is Debian's package `puppetdb`, started as its unit starts it, with configuration of its own; the machine's
//! `/etc/puppetdb` is only read for the list of services. Starting takes half a minute on two idle cores, which is
//! Clojure being compiled.

use std::fs;
use std::net::SocketAddrV4;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::certificates::TestCa;
use crate::fleet::FleetError;
use crate::fleet::addresses::free_addresses;
use crate::http;
use crate::postgres::Postgres;
use crate::service::Service;

/// How long PuppetDB may take to start; a busy machine with two cores needs minutes.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);
const JAR: &str = "/usr/share/puppetdb/puppetdb.jar";
const SERVICES: &str = "/etc/puppetdb/bootstrap.cfg";
const DATABASE: &str = "puppetdb";

const LOGGING: &str = "<configuration><appender name='OUT' class='ch.qos.logback.core.ConsoleAppender'>\
    <encoder><pattern>%d %-5p [%c{2}] %m%n</pattern></encoder></appender>\
    <root level='warn'><appender-ref ref='OUT'/></root></configuration>\n";

/// A running PuppetDB; it and its database end when this is dropped.
#[derive(Debug)]
pub struct PuppetDb {
    // Dropped before the database it uses.
    service: Service,
    _postgres: Postgres,
    plain: SocketAddrV4,
    tls: SocketAddrV4,
    ca: TestCa,
}

impl PuppetDb {
    /// Starts PostgreSQL and PuppetDB and returns when PuppetDB answers.
    ///
    /// # Errors
    /// [`FleetError::Missing`] says what to install; [`FleetError::NotReady`] has the log.
    pub fn start() -> Result<Self, FleetError> {
        for path in [JAR, SERVICES] {
            if !Path::new(path).is_file() {
                return Err(FleetError::Missing { program: path.to_owned(), package: "puppetdb" });
            }
        }
        let postgres = Postgres::start()?;
        postgres.create_database(DATABASE)?;
        postgres.query(DATABASE, "CREATE EXTENSION pg_trgm")?;
        let [plain, tls] = free_addresses(2)?.try_into().map_err(|_| FleetError::NoAddresses { count: 2 })?;
        let ca = TestCa::new("Pabawi test CA")?;
        let service = Service::new("puppetdb", &["puppetdb"])?;
        let mut server = Self { service, _postgres: postgres, plain, tls, ca };
        let configuration = server.configure()?;
        let temporary = server.service.make_directory("tmp")?;
        let temporary = format!("-Djava.io.tmpdir={}", temporary.display());
        // The quick compiler alone and the simple collector: half the time to start.
        let java = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"];
        let main = ["-cp", JAR, "clojure.main", "-m", "puppetlabs.puppetdb.core", "services"];
        let files = ["--config", &configuration, "--bootstrap-config", SERVICES];
        let command = [&java[..], &[&temporary], &main, &files].concat();
        server.service.start(&command, START_LIMIT, || {
            http::request(plain, "GET /pdb/meta/v1/version", "", ANSWER_LIMIT)
                .is_ok_and(|(status, _)| status == 200)
        })?;
        Ok(server)
    }

    /// Writes the configuration and returns its directory.
    fn configure(&self) -> Result<String, FleetError> {
        let service = &self.service;
        let directory = service.make_directory("conf.d")?;
        let data = service.make_directory("data")?;
        let logging = service.write("logback.xml", LOGGING)?;
        let (certificate, key) = self.ca.issue("puppetdb", &[*self.tls.ip()])?.read()?;
        let certificate = service.write("certificate.pem", &certificate)?;
        let key = service.write("key.pem", &key)?;
        let trusted = self.ca.certificate();
        let trusted = fs::read_to_string(&trusted).map_err(FleetError::file(trusted))?;
        let trusted = service.write("ca.pem", &trusted)?;
        let Self { plain, tls, _postgres: postgres, .. } = self;
        // Nodes never expire here, and nobody is asked for a newer version.
        let text = format!(
            "[global]\nvardir = {data}\nlogging-config = {logging}\n\
             [puppetdb]\ndisable-update-checking = true\n\
             [database]\nsubname = //{database}/{DATABASE}\nusername = {user}\npassword = {password}\n\
             gc-interval = 0\nnode-ttl = 0s\n\
             [jetty]\nhost = {plain_host}\nport = {plain_port}\nssl-host = {tls_host}\nssl-port = {tls_port}\n\
             ssl-cert = {certificate}\nssl-key = {key}\nssl-ca-cert = {trusted}\n",
            data = data.display(),
            logging = logging.display(),
            database = postgres.address(),
            user = postgres.user(),
            password = postgres.password(),
            plain_host = plain.ip(),
            plain_port = plain.port(),
            tls_host = tls.ip(),
            tls_port = tls.port(),
            certificate = certificate.display(),
            key = key.display(),
            trusted = trusted.display(),
        );
        service.write("conf.d/all.ini", &text)?;
        service.write("conf.d/auth.conf", "authorization: {\n  version: 1\n  rules: []\n}\n")?;
        Ok(directory.display().to_string())
    }

    /// Where it listens without TLS.
    #[must_use]
    pub fn plain(&self) -> SocketAddrV4 {
        self.plain
    }

    /// Where it listens with TLS, for clients with a certificate of [`PuppetDb::ca`].
    #[must_use]
    pub fn tls(&self) -> SocketAddrV4 {
        self.tls
    }

    /// The CA that it trusts and that signed its own certificate.
    #[must_use]
    pub fn ca(&self) -> &TestCa {
        &self.ca
    }

    /// Facts of a node, as its agent sends them.
    ///
    /// # Errors
    /// [`FleetError::Program`] when PuppetDB does not take them.
    pub fn replace_facts(&self, certname: &str, environment: &str, facts: &Value) -> Result<(), FleetError> {
        let payload = json!({
            "certname": certname, "environment": environment, "producer": "puppet",
            "producer_timestamp": jiff::Timestamp::now().to_string(), "values": facts,
        });
        self.command("replace_facts", 5, certname, &payload)
    }

    /// A report of a run that ended with that status: `changed`, `unchanged` or `failed`.
    ///
    /// # Errors
    /// As for [`PuppetDb::replace_facts`].
    pub fn store_report(&self, certname: &str, environment: &str, status: &str) -> Result<(), FleetError> {
        self.store_report_with(certname, environment, status, &json!({}))
    }

    /// Such a report with other fields than the usual ones: times, `resources` with their events, `logs`, `metrics`.
    ///
    /// # Errors
    /// As for [`PuppetDb::replace_facts`].
    pub fn store_report_with(
        &self,
        certname: &str,
        environment: &str,
        status: &str,
        fields: &Value,
    ) -> Result<(), FleetError> {
        let now = jiff::Timestamp::now().to_string();
        let mut payload = json!({
            "certname": certname, "environment": environment, "producer": "puppet", "producer_timestamp": now,
            "start_time": now, "end_time": now, "puppet_version": "7.23.0", "report_format": 12,
            "configuration_version": "1", "transaction_uuid": null, "catalog_uuid": null, "code_id": null,
            "job_id": null, "cached_catalog_status": "not_used", "noop": false, "noop_pending": false,
            "corrective_change": false, "logs": [], "metrics": [], "resources": [], "status": status,
        });
        replace(&mut payload, fields);
        self.command("store_report", 8, certname, &payload)
    }

    /// A node's catalog with these resources and edges.
    ///
    /// # Errors
    /// As for [`PuppetDb::replace_facts`].
    pub fn replace_catalog(
        &self,
        certname: &str,
        environment: &str,
        resources: &Value,
        edges: &Value,
    ) -> Result<(), FleetError> {
        let payload = json!({
            "certname": certname, "environment": environment, "producer": "puppet",
            "producer_timestamp": jiff::Timestamp::now().to_string(), "version": "1", "transaction_uuid": null,
            "catalog_uuid": null, "code_id": null, "job_id": null, "resources": resources, "edges": edges,
        });
        self.command("replace_catalog", 9, certname, &payload)
    }

    /// Takes a node out of service.
    ///
    /// # Errors
    /// As for [`PuppetDb::replace_facts`].
    pub fn deactivate(&self, certname: &str) -> Result<(), FleetError> {
        let now = jiff::Timestamp::now().to_string();
        self.command(
            "deactivate_node",
            3,
            certname,
            &json!({"certname": certname, "producer_timestamp": now}),
        )
    }

    /// Sends a command of the command API, version 1, and waits until it is in the database.
    fn command(&self, name: &str, version: u32, certname: &str, payload: &Value) -> Result<(), FleetError> {
        let failed = |message: String| {
            let program = format!("PuppetDB's command {name} for {certname}");
            FleetError::Program { program, message: format!("{message}\n{}", self.service.log_tail()) }
        };
        // Names in a query string are encoded (RFC 3986 section 2.1).
        let encoded: String = certname.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let head = format!(
            "POST /pdb/cmd/v1?command={name}&version={version}&certname={encoded}&secondsToWaitForCompletion=60"
        );
        let (status, body) = http::request(self.plain, &head, &payload.to_string(), ANSWER_LIMIT)
            .map_err(|error| failed(error.to_string()))?;
        let processed = serde_json::from_str::<Value>(&body)
            .is_ok_and(|answer| answer.get("processed") == Some(&Value::Bool(true)));
        if status == 200 && processed { Ok(()) } else { Err(failed(format!("answered {status}: {body}"))) }
    }

    /// Ends PuppetDB and leaves its database.
    pub fn stop(&mut self) {
        self.service.stop(Signal::TERM);
    }
}

/// Puts other values in place of an object's own.
fn replace(object: &mut Value, others: &Value) {
    if let (Value::Object(object), Value::Object(others)) = (object, others) {
        object.extend(others.clone());
    }
}
