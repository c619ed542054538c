//! The object: [`V1Object`]. Its methods can be replaced and removed at any time, and are looked up when they are called.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pabawi_domain::ports::{V1Error, V1ErrorKind, V1Plugin, V1Stream};
use serde_json::{Value, json};

use super::conduct::V1Conduct;

type Answer = Pin<Box<dyn Future<Output = Result<Value, V1Error>> + Send>>;
type Method = Arc<dyn Fn(Vec<Value>, Option<V1Stream>) -> Answer + Send + Sync>;

/// A call of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct V1Call {
    /// The method.
    pub method: String,
    /// Its arguments, as they came.
    pub args: Vec<Value>,
    /// Whether there was a `streamingCallback`.
    pub streams: bool,
}

/// An object that does what a test says. Cloning it gives the same object.
#[derive(Clone)]
pub struct V1Object {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    properties: HashMap<String, Result<Value, V1Error>>,
    methods: HashMap<String, Method>,
    calls: Vec<V1Call>,
    running: usize,
    most_running: usize,
}

impl V1Object {
    /// An object with all methods of that type (`execution`, `information` or `both`), which all do well: it can do commands
    /// and tasks and knows no nodes.
    #[must_use]
    pub fn new(name: &str, of_type: &str) -> Self {
        let object = Self { inner: Arc::new(Inner { name: name.to_owned(), state: Mutex::default() }) };
        let object = object
            .property("name", json!(name))
            .property("type", json!(of_type))
            .on("initialize", V1Conduct::Returns(Value::Null))
            .on("isInitialized", V1Conduct::Returns(json!(true)))
            .on("getConfig", V1Conduct::Returns(json!({})))
            .on(
                "healthCheck",
                V1Conduct::Returns(json!({"healthy": true, "lastCheck": "2024-01-01T00:00:00Z"})),
            );
        let object = match of_type {
            "information" => object,
            _ => object
                .on("listCapabilities", V1Conduct::Returns(json!([{"name": "command"}, {"name": "task"}])))
                .method("executeAction", |args, _| async move {
                    let target = args.first().and_then(|action| action.get("target")?.as_str());
                    Ok(success(target.unwrap_or_default(), "done"))
                }),
        };
        match of_type {
            "execution" => object,
            _ => object
                .on("getInventory", V1Conduct::Returns(json!([])))
                .on("getGroups", V1Conduct::Returns(json!([])))
                .on("getNodeData", V1Conduct::Returns(Value::Null))
                .method("getNodeFacts", |args, _| async move {
                    Ok(json!({"nodeId": args.first(), "gatheredAt": "2024-01-01T00:00:00.000Z", "facts": {}}))
                }),
        }
    }

    /// What a method does from now on.
    #[must_use]
    pub fn on(self, method: &str, conduct: V1Conduct) -> Self {
        self.set(method, conduct);
        self
    }

    /// What a method does from now on, by what it is asked.
    #[must_use]
    pub fn method<F, A>(self, method: &str, does: F) -> Self
    where
        F: Fn(Vec<Value>, Option<V1Stream>) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Value, V1Error>> + Send + 'static,
    {
        let does: Method = Arc::new(move |args, stream| Box::pin(does(args, stream)));
        self.state().methods.insert(method.to_owned(), does);
        self
    }

    /// A property.
    #[must_use]
    pub fn property(self, name: &str, value: Value) -> Self {
        self.state().properties.insert(name.to_owned(), Ok(value));
        self
    }

    /// A property or method whose getter throws.
    #[must_use]
    pub fn throwing(self, name: &str) -> Self {
        let error = V1Error {
            name: Some("Error".to_owned()),
            ..V1Error::new(V1ErrorKind::Thrown, "scripted getter")
        };
        self.state().properties.insert(name.to_owned(), Err(error));
        self
    }

    /// Without a method.
    #[must_use]
    pub fn without(self, method: &str) -> Self {
        self.remove(method);
        self
    }

    /// Replaces a method while it is in use.
    pub fn set(&self, method: &str, conduct: V1Conduct) {
        let does: Method = Arc::new(move |_, stream| Box::pin(conduct.clone().play(stream)));
        self.state().methods.insert(method.to_owned(), does);
    }

    /// Removes a method while it is in use.
    pub fn remove(&self, method: &str) {
        self.state().methods.remove(method);
    }

    /// The calls so far, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<V1Call> {
        self.state().calls.clone()
    }

    /// The calls of one method.
    #[must_use]
    pub fn calls_of(&self, method: &str) -> Vec<V1Call> {
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    /// Most calls that were under way at once.
    #[must_use]
    pub fn most_running(&self) -> usize {
        self.state().most_running
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for V1Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V1Object({})", self.inner.name)
    }
}

/// Counts a call while it is under way.
struct Running(V1Object);

impl Running {
    fn new(object: &V1Object) -> Self {
        let mut state = object.state();
        state.running += 1;
        state.most_running = state.most_running.max(state.running);
        Self(object.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}

#[async_trait]
impl V1Plugin for V1Object {
    fn name(&self) -> &str {
        &self.inner.name
    }

    async fn read(&self, property: &str) -> Result<Value, V1Error> {
        self.state().properties.get(property).cloned().unwrap_or(Ok(Value::Null))
    }

    async fn has(&self, method: &str) -> Result<bool, V1Error> {
        let state = self.state();
        if let Some(Err(error)) = state.properties.get(method) {
            return Err(error.clone());
        }
        Ok(state.methods.contains_key(method))
    }

    async fn call(&self, method: &str, args: Vec<Value>, stream: Option<V1Stream>) -> Result<Value, V1Error> {
        let does = {
            let mut state = self.state();
            let call = V1Call { method: method.to_owned(), args: args.clone(), streams: stream.is_some() };
            state.calls.push(call);
            state.methods.get(method).cloned()
        };
        let Some(does) = does else {
            let text = format!("{}.{method} is not a function", self.inner.name);
            return Err(V1Error::new(V1ErrorKind::Missing, text));
        };
        let _running = Running::new(self);
        does(args, stream).await
    }
}

/// What one node of an `ExecutionResult` looks like.
#[must_use]
pub fn node_result(node: &str, status: &str, more: Value) -> Value {
    let mut entry = json!({"nodeId": node, "status": status, "duration": 12});
    if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
        entry.extend(more);
    }
    entry
}

/// An `ExecutionResult` as v1.x makes one.
#[must_use]
pub fn result_of(status: &str, results: &[Value]) -> Value {
    json!({
        "id": "exec_1700000000000_abcdefghi", "type": "command", "targetNodes": [], "action": "scripted",
        "status": status, "startedAt": "2024-01-01T00:00:00.000Z", "completedAt": "2024-01-01T00:00:01.000Z",
        "results": results,
    })
}

/// A success on one node that wrote this.
#[must_use]
pub fn success(node: &str, stdout: &str) -> Value {
    let output = json!({"output": {"stdout": stdout, "stderr": "", "exitCode": 0}});
    result_of("success", &[node_result(node, "success", output)])
}
