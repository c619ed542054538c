//! A real PuppetDB with 300 nodes: inventory and facts without TLS, with TLS, and when it goes; beside these the plugin
//! with its calls.
//!
//! Starting it takes half a minute and more, so one test goes through everything with one PuppetDB.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

mod calls;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider as _, InventorySnapshot, InventorySource as _};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::puppetdb::{
    PuppetDbClient, PuppetDbError, PuppetDbFacts, PuppetDbFault, PuppetDbInventory, PuppetDbSettings,
};
use pabawi_testkit::certificates::{CertificateFiles, TestCa};
use pabawi_testkit::puppetdb::PuppetDb;
use serde_json::{Value, json};

/// Nodes that report.
const NODES: u32 = 300;
/// The last ones are taken out of service.
const ACTIVE: u32 = 295;
/// What loads PuppetDB at the same time.
const LOADERS: usize = 4;

fn certname(number: u32) -> String {
    format!("node{number:03}.example.org")
}

fn environment(number: u32) -> &'static str {
    if number.is_multiple_of(3) { "test" } else { "production" }
}

fn family(number: u32) -> &'static str {
    if number.is_multiple_of(2) { "Debian" } else { "RedHat" }
}

fn facts(number: u32) -> Value {
    json!({
        "kernel": "Linux",
        "os": {"family": family(number), "release": {"major": "12", "full": "12.5"}},
        "networking": {"ip": format!("10.0.{}.{}", number / 250, number % 250), "fqdn": format!("host{number}.lan")},
        "processors": {"count": 2, "models": ["a \"quoted\" model", "größer"]},
        "is_virtual": number.is_multiple_of(5),
        "uptime_seconds": 12.5,
        "nothing": null,
    })
}

/// What agents would have sent: facts of all nodes, reports of those whose number divides by 10.
fn load(puppetdb: &PuppetDb) {
    let next = AtomicU32::new(1);
    std::thread::scope(|scope| {
        for _ in 0..LOADERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > NODES {
                        break;
                    }
                    let name = certname(number);
                    puppetdb.replace_facts(&name, environment(number), &facts(number)).unwrap();
                    if number.is_multiple_of(10) {
                        let status = if number.is_multiple_of(20) { "failed" } else { "changed" };
                        puppetdb.store_report(&name, environment(number), status).unwrap();
                    }
                    if number > ACTIVE {
                        puppetdb.deactivate(&name).unwrap();
                    }
                }
            });
        }
    });
    puppetdb.replace_facts("two words", "production", &facts(1)).unwrap();
}

fn plain(puppetdb: &PuppetDb) -> PuppetDbSettings {
    PuppetDbSettings::new(format!("http://{}", puppetdb.plain()))
}

fn tls(puppetdb: &PuppetDb, ca: &Path, client: Option<&CertificateFiles>) -> PuppetDbSettings {
    let mut settings = PuppetDbSettings::new(format!("https://{}", puppetdb.tls()));
    settings.ca_file = Some(ca.to_owned());
    settings.certificate_file = client.map(|client| client.certificate.clone());
    settings.key_file = client.map(|client| client.key.clone());
    settings
}

async fn read(settings: PuppetDbSettings) -> Result<InventorySnapshot, PuppetDbError> {
    PuppetDbInventory::new(PuppetDbClient::new(settings).unwrap()).read().await
}

fn names(snapshot: &InventorySnapshot) -> Vec<&str> {
    snapshot.nodes.iter().map(|node| node.id.as_str()).collect()
}

fn members(snapshot: &InventorySnapshot, group: &str) -> usize {
    let found = snapshot.groups.iter().find(|known| known.name.as_str() == group);
    found.unwrap_or_else(|| panic!("no group {group}")).nodes.len()
}

fn caller() -> Caller {
    Caller { user: "ops".into(), entry_point: EntryPoint::Rust }
}

/// R3.1, R3.2, R3.4, R3.9, R3.10, R4.1, R4.5, R6.1, R6.7
#[tokio::test(flavor = "multi_thread")]
async fn a_real_puppetdb_is_read_as_it_is() {
    let (mut puppetdb, strangers) = tokio::task::spawn_blocking(|| {
        let puppetdb = PuppetDb::start().unwrap();
        load(&puppetdb);
        (puppetdb, TestCa::new("Somebody else's CA").unwrap())
    })
    .await
    .unwrap();
    active_nodes_are_listed(&puppetdb).await;
    pages_metadata_and_groups(&puppetdb).await;
    own_queries(&puppetdb).await;
    client_certificates(&puppetdb, &strangers).await;
    facts_of_many_nodes(&puppetdb).await;
    new_nodes_are_seen(&puppetdb).await;
    calls::the_plugin_answers(&puppetdb).await;
    what_a_node_sends_spoils_no_other(&puppetdb).await;
    puppetdb = it_goes_while_it_is_read(puppetdb).await;
    calls::nothing_is_there_any_more(&puppetdb).await;
    drop(puppetdb);
}

async fn active_nodes_are_listed(puppetdb: &PuppetDb) {
    let snapshot = read(plain(puppetdb)).await.unwrap();
    let expected: Vec<String> = (1..=ACTIVE).map(certname).collect();
    assert_eq!(names(&snapshot), expected, "those taken out of service are gone");
    assert_eq!(snapshot.warnings.len(), 1, "{:?}", snapshot.warnings);
    assert!(snapshot.warnings[0].contains("\"two words\""), "{:?}", snapshot.warnings);
    let columns = &snapshot.nodes[19].metadata["puppetdb"];
    assert_eq!(
        (&columns["latest_report_status"], &columns["report_environment"]),
        (&json!("failed"), &json!("production"))
    );
    assert!(snapshot.nodes[0].metadata["puppetdb"].get("latest_report_status").is_none());
}

async fn pages_metadata_and_groups(puppetdb: &PuppetDb) {
    let mut settings = plain(puppetdb);
    settings.page_size = 50;
    settings.facts = ["networking.fqdn", "os.release", "nothing", "unknown.fact"].map(str::to_owned).into();
    settings.group_by = ["environment", "os.family", "is_virtual"].map(str::to_owned).into();
    settings.groups = [
        ("failed", "nodes[certname] { latest_report_status = \"failed\" }"),
        ("small", "inventory[certname] { facts.networking.ip ~ \"^10.0.0.[1-9]$\" }"),
        ("everybody", "facts[certname] { }"),
        ("nobody", "nodes[certname] { certname = \"none\" }"),
    ]
    .map(|(name, pql)| (name.to_owned(), pql.to_owned()))
    .into();
    let snapshot = read(settings).await.unwrap();
    assert_eq!(snapshot.nodes.len(), ACTIVE as usize);
    let node = &snapshot.nodes[6];
    assert_eq!(node.metadata["os"], json!({"family": "RedHat", "release": {"major": "12", "full": "12.5"}}));
    assert_eq!(node.metadata["networking"], json!({"fqdn": "host7.lan"}));
    assert!(!node.metadata.contains_key("nothing") && !node.metadata.contains_key("unknown"));
    assert_eq!(node.aliases, [NodeId::new("host7.lan").unwrap()]);
    let expected = [
        ("environment=production", ACTIVE - ACTIVE / 3),
        ("environment=test", ACTIVE / 3),
        ("os.family=Debian", ACTIVE / 2),
        ("os.family=RedHat", ACTIVE.div_ceil(2)),
        ("is_virtual=true", ACTIVE / 5),
        ("failed", 14),
        ("small", 9),
        ("everybody", ACTIVE),
        ("nobody", 0),
    ];
    for (group, count) in expected {
        assert_eq!(members(&snapshot, group), count as usize, "{group}");
    }
}

async fn own_queries(puppetdb: &PuppetDb) {
    let mut settings = plain(puppetdb);
    settings.query = Some(
        "inventory[certname, facts.kernel] { facts.os.family = \"Debian\" and certname ~ \"node01\" }".into(),
    );
    let snapshot = read(settings.clone()).await.unwrap();
    assert_eq!(names(&snapshot), [10, 12, 14, 16, 18].map(certname));
    assert_eq!(snapshot.nodes[0].metadata["kernel"], "Linux");

    // Rows of a node that come more than once are one node, over the seams of pages too.
    settings.query =
        Some("facts { certname ~ \"node00\" and name in [\"kernel\", \"os\", \"networking\"] }".into());
    settings.page_size = 4;
    let snapshot = read(settings.clone()).await.unwrap();
    assert_eq!(names(&snapshot), (1..=9).map(certname).collect::<Vec<_>>());

    for (pql, part) in [
        ("nodes { certname = ", "PQL parse error at line 1"),
        ("nodes[wrong] { }", "unknown 'nodes' field 'wrong'"),
        ("nodes[certname] { certname = \"a\" } ; drop table facts", "PQL parse error"),
    ] {
        settings.query = Some(pql.to_owned());
        let error = read(settings.clone()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(
            (error.fault.code(), error.fault.is_retryable()),
            (ErrorCode::BadConfig, false),
            "{error}"
        );
    }
    // A query without certnames cannot even be put in order.
    settings.query = Some("nodes[count()] { }".to_owned());
    assert!(read(settings.clone()).await.is_err());
    settings.query = None;
    settings.url.push_str("/elsewhere");
    let error = read(settings).await.unwrap_err();
    assert!(matches!(error.fault, PuppetDbFault::NotThere { .. }), "{error}");
}

async fn client_certificates(puppetdb: &PuppetDb, strangers: &TestCa) {
    let ca = puppetdb.ca();
    let client = ca.issue("pabawi.example.org", &[]).unwrap();
    let snapshot = read(tls(puppetdb, &ca.certificate(), Some(&client))).await.unwrap();
    assert_eq!(snapshot.nodes.len(), ACTIVE as usize);

    // The other side's certificate has to be of the CA that is trusted here, and name the host.
    let error = read(tls(puppetdb, &strangers.certificate(), Some(&client))).await.unwrap_err();
    assert!(
        error.to_string().contains("its certificate is refused") && error.to_string().contains("caFile"),
        "{error}"
    );
    let mut other_name = tls(puppetdb, &ca.certificate(), Some(&client));
    let relay = relay_to(puppetdb.tls()).await;
    other_name.url = format!("https://{relay}");
    let error = read(other_name).await.unwrap_err();
    assert!(error.to_string().contains("mismatch") && error.to_string().contains("another name"), "{error}");

    // Ours has to be of the CA that is trusted there.
    // The alert comes before or after the question has been sent, as it happens.
    for _ in 0..50 {
        let error = read(tls(puppetdb, &ca.certificate(), None)).await.unwrap_err();
        assert!(
            error.to_string().contains("alert bad certificate; it wants a client certificate"),
            "{error}"
        );
        assert_eq!(
            (error.fault.code(), error.fault.is_retryable()),
            (ErrorCode::BadConfig, false),
            "{error}"
        );
    }
    let stranger = strangers.issue("pabawi.example.org", &[]).unwrap();
    let error = read(tls(puppetdb, &ca.certificate(), Some(&stranger))).await.unwrap_err();
    assert!(matches!(error.fault, PuppetDbFault::Tls { .. }), "{error}");

    // A port without TLS, and a port with TLS that is spoken to without.
    let mut wrong_port = tls(puppetdb, &ca.certificate(), Some(&client));
    wrong_port.url = format!("https://{}", puppetdb.plain());
    let error = read(wrong_port).await.unwrap_err();
    assert!(matches!(error.fault, PuppetDbFault::Tls { .. }), "{error}");
    let error = read(PuppetDbSettings::new(format!("http://{}", puppetdb.tls()))).await.unwrap_err();
    assert!(!error.fault.is_retryable() || error.fault.code() == ErrorCode::ConnectionReset, "{error}");

    let mut other_key = tls(puppetdb, &ca.certificate(), Some(&client));
    other_key.key_file = Some(stranger.key);
    let error = PuppetDbClient::new(other_key).unwrap_err();
    assert!(error.fields[0].path == "keyFile" && error.to_string().contains("is not the key of"), "{error}");
}

/// Passes connections on from another address, for which the other side has no certificate.
async fn relay_to(target: std::net::SocketAddrV4) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut to = tokio::net::TcpStream::connect(target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
        }
    });
    address
}

async fn facts_of_many_nodes(puppetdb: &PuppetDb) {
    let mut settings = plain(puppetdb);
    settings.facts_chunk = 200;
    let provider = PuppetDbFacts::new(PuppetDbClient::new(settings).unwrap());
    let mut asked: Vec<NodeId> = (1..=NODES).map(|number| NodeId::new(certname(number)).unwrap()).collect();
    asked.insert(0, NodeId::new("unknown.example.org").unwrap());
    let answers = provider.collect(&caller(), &asked).await;
    assert_eq!(answers.len(), asked.len());
    for (number, (node, answer)) in (0..).zip(asked.iter().zip(&answers)) {
        if (1..=ACTIVE).contains(&number) {
            let found = answer.as_ref().unwrap();
            assert_eq!(found.node, *node);
            assert_eq!(Value::Object(found.facts.clone()), facts(number), "{node}");
            assert!(found.gathered_at > "2024-01-01T00:00:00Z".parse().unwrap());
        } else {
            let error = &answer.as_ref().unwrap_err().error;
            assert_eq!((&error.node, error.code), (node, ErrorCode::NotFound), "unknown or out of service");
        }
    }
}

/// R3.4: what is asked anew tells what is there now.
async fn new_nodes_are_seen(puppetdb: &PuppetDb) {
    let source = PuppetDbInventory::new(PuppetDbClient::new(plain(puppetdb)).unwrap());
    assert_eq!((source.name(), source.priority()), ("puppetdb", 10));
    let before = source.fetch().await.unwrap().nodes.len();
    puppetdb.replace_facts("another.example.org", "production", &facts(1)).unwrap();
    assert_eq!(source.fetch().await.unwrap().nodes.len(), before + 1);
}

/// Nodes choose their facts; PuppetDB takes nesting that is deeper than is read here.
async fn what_a_node_sends_spoils_no_other(puppetdb: &PuppetDb) {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let forged = json!({"facts_environment": "forged"});
    puppetdb.replace_facts("deep.example.org", "test", &json!({"deep": deep})).unwrap();
    puppetdb.replace_facts("forger.example.org", "test", &json!({"puppetdb": forged})).unwrap();
    let provider = PuppetDbFacts::new(PuppetDbClient::new(plain(puppetdb)).unwrap());
    let nodes = ["deep.example.org", "node001.example.org"].map(|name| NodeId::new(name).unwrap());
    let answers = provider.collect(&caller(), &nodes).await;
    let error = &answers[0].as_ref().unwrap_err().error;
    assert!(error.message.contains("recursion limit"), "{error}");
    assert_eq!(answers[1].as_ref().unwrap().facts["kernel"], "Linux");

    let mut settings = plain(puppetdb);
    settings.query =
        Some("inventory[certname, environment, facts] { certname ~ \"^(deep|forger|node001)\" }".to_owned());
    settings.group_by = vec!["environment".to_owned()];
    let snapshot = read(settings).await.unwrap();
    assert_eq!(names(&snapshot), ["deep.example.org", "forger.example.org", "node001.example.org"]);
    assert!(
        snapshot.warnings.len() == 1 && snapshot.warnings[0].contains("node deep.example.org"),
        "{:?}",
        snapshot.warnings
    );
    let groups: Vec<&str> = snapshot.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(groups, ["environment=production", "environment=test"]);
    assert_eq!(members(&snapshot, "environment=test"), 1, "what a node says of itself is not believed");
}

async fn it_goes_while_it_is_read(mut puppetdb: PuppetDb) -> PuppetDb {
    let mut settings = plain(&puppetdb);
    settings.page_size = 1;
    let url = settings.url.clone();
    let source = Arc::new(PuppetDbInventory::new(PuppetDbClient::new(settings.clone()).unwrap()));
    let reading = tokio::spawn({
        let source = Arc::clone(&source);
        async move {
            // Again and again, until it fails.
            let mut readings = 0;
            loop {
                match source.fetch().await {
                    Ok(_) => readings += 1,
                    Err(error) => return (readings, error),
                }
            }
        }
    });
    let puppetdb = tokio::task::spawn_blocking(move || {
        puppetdb.stop();
        puppetdb
    })
    .await
    .unwrap();
    let (_, error) = reading.await.unwrap();
    assert!(error.retryable && error.message.contains(&url), "{error}");

    let error = source.read().await.unwrap_err();
    assert_eq!(error.fault.code(), ErrorCode::ConnectionRefused, "{error}");
    let provider = PuppetDbFacts::new(PuppetDbClient::new(settings).unwrap());
    let nodes = [1, 2].map(|number| NodeId::new(certname(number)).unwrap());
    for answer in provider.collect(&caller(), &nodes).await {
        let error = answer.unwrap_err();
        assert_eq!(error.error.code, ErrorCode::ConnectionRefused);
        assert!(error.to_string().contains("is PuppetDB running"), "{error}");
    }
    puppetdb
}
