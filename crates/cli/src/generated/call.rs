//! The commands for what a plugin answers at once, of one plugin or of whichever can: [`command`] makes one, [`run`] asks.

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _};
use pabawi::plugin::{Capability, CapabilityCall};
use pabawi::{Caller, Framework, NodeId, PluginName, StreamKind, TargetExpression};
use serde_json::{Map, Value};

use super::answer::{Shown, preferred, shown};
use super::given::{Given, Wanted};
use super::option::{ParameterOption, options_of, taken};
use super::parameter::{Parameter, Secrecy, Shape, parameters_of};
use super::tool::provider;
use crate::args::{CallArgs, Format, GlobalArgs, SelectionArgs, SourceArgs};
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::plugins::Described;
use crate::request::new_correlation_id;
use crate::text::escape_for_terminal;
use crate::watch::Sink;
use crate::{care, open};

/// What is asked, and which plugins can answer.
pub(super) struct Question<'a> {
    /// The capability.
    pub(super) capability: &'a str,
    /// Those that have it, with what they say of it; the one that goes first comes first.
    pub(super) providers: Vec<(&'a Described, &'a Capability)>,
    /// It is the command of the one plugin.
    pub(super) is_own: bool,
    /// Without a plugin by name, all of them are asked and not only the first.
    pub(super) asks_all: bool,
}

/// The command for a question.
pub(super) fn command(word: &str, about: String, question: &Question<'_>) -> Command {
    let command = CallArgs::augment_args(Command::new(word.to_owned())).about(about);
    let command = command.mut_args(|arg| {
        // The word before it says which plugin answers.
        if arg.get_id() == "plugin" { arg.hide(question.is_own) } else { arg }
    });
    let (parameters, options) = options(question);
    let positional = match main_of(&parameters) {
        Some(main) => Arg::new("main").value_name(placeholder(&main.name)).help(main.description.clone()),
        None => {
            Arg::new("nodes").value_name("NODES").num_args(0..).help("Nodes that it is about, as --targets")
        }
    };
    let args: Vec<Arg> = options.iter().flat_map(ParameterOption::args).collect();
    command.arg(positional).args(args)
}

/// The parameters that any of the plugins takes, and their options.
fn options(question: &Question<'_>) -> (Vec<Parameter>, Vec<ParameterOption>) {
    let mut parameters: Vec<Parameter> = Vec::new();
    for (_, capability) in &question.providers {
        for parameter in parameters_of(&capability.parameters, &capability.sensitive) {
            if !parameters.iter().any(|known| known.name == parameter.name) {
                parameters.push(parameter);
            }
        }
    }
    let blank = CallArgs::augment_args(Command::new("blank"));
    (parameters.clone(), options_of(parameters, &mut taken(&blank)))
}

/// The text that has to be given and is not worth an option, where there is exactly one.
fn main_of(parameters: &[Parameter]) -> Option<&Parameter> {
    let mut required =
        parameters.iter().filter(|parameter| parameter.required && parameter.default.is_none());
    match (required.next(), required.next()) {
        (Some(only), None) if only.shape == Shape::Text && only.secrecy == Secrecy::Open => Some(only),
        _ => None,
    }
}

fn placeholder(name: &str) -> String {
    name.to_uppercase()
}

/// Asks what was typed and shows the answer.
///
/// # Errors
/// [`Failure`].
pub(super) async fn run(
    global: &GlobalArgs,
    matches: &ArgMatches,
    question: Question<'_>,
) -> Result<Exit, Failure> {
    let mut args = CallArgs::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
    let chosen = chosen(&question, &args)?;
    let (parameters, options) = options(&question);
    let main = main_of(&parameters);
    let mut placed = Vec::new();
    if let Some(main) = main {
        let text = matches.try_get_one::<String>("main").ok().flatten();
        placed.push((main.name.clone(), placeholder(&main.name), text.map(|text| Value::from(text.clone()))));
    }
    let nodes = matches.try_get_many::<String>("nodes").ok().flatten().into_iter().flatten();
    args.targets.extend(nodes.cloned());
    // One plugin's schema can be looked at here; of several, each looks itself.
    let known = match chosen.as_slice() {
        [(_, capability)] => Some(*capability),
        _ => None,
    };
    let wanted = Wanted {
        options: &options,
        schema: known.map(|capability| &capability.parameters),
        sensitive: known.map(|capability| capability.sensitive.as_slice()).unwrap_or_default(),
        placed,
        is_dry: args.care.dry_run,
    };
    let Given { parameters, sensitive } = wanted.collect(matches, &[])?;
    if !sensitive.is_empty()
        && known.is_some_and(|known| sensitive.iter().any(|one| !known.sensitive.contains(one)))
    {
        // Nothing of a call is stored; what the plugin does not know as a secret it may show.
        return Err(Failure::usage(format!(
            "--secret-param: {} does not take this parameter as a secret",
            question.capability
        )));
    }
    let risk = chosen.iter().map(|(_, capability)| capability.risk).max();
    let selection = SelectionArgs { targets: args.targets.clone(), ..SelectionArgs::default() };
    let what = format!("{} of {}", question.capability, names(&chosen));
    if let Some(risk) = risk {
        care::ask(&what, risk, args.care, &selection)?;
    }
    let mut sink = Sink::standard(global.no_color);
    if args.care.dry_run {
        dry(&question, &chosen, &args, &parameters, &mut sink);
        return written(sink, Exit::AllSucceeded);
    }
    let correlation_id = args.debug.then(new_correlation_id);
    if let Some(id) = &correlation_id {
        sink.line(StreamKind::Stderr, &format!("correlation id {id}"));
    }
    let call = CapabilityCall {
        plugin: None,
        capability: question.capability.to_owned(),
        parameters,
        nodes: Vec::new(),
        correlation_id: correlation_id.map(|id| id.parse()).transpose().map_err(Failure::usage)?,
    };
    let asked = Asked { call, args: &args, chosen: &chosen, asks_all: question.asks_all };
    let exit = open::with_sources_of(global, &args.sources, async |framework, caller| {
        asked.answers(framework, caller, &mut sink).await
    })
    .await?;
    written(sink, exit)
}

/// What one plugin is asked alone, where all are asked otherwise.
pub(crate) struct Named<'a> {
    /// The capability.
    pub(crate) capability: &'static str,
    /// The plugin.
    pub(crate) plugin: &'a PluginName,
    /// The nodes that it is about.
    pub(crate) targets: &'a [String],
}

impl Named<'_> {
    /// Asks and shows the answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn ask(
        self,
        global: &GlobalArgs,
        sources: &SourceArgs,
        format: Format,
    ) -> Result<Exit, Failure> {
        let all = global.plugins.all().0;
        provider(&all, self.capability, Some(self.plugin))?;
        let call = CapabilityCall {
            plugin: Some(self.plugin.clone()),
            capability: self.capability.to_owned(),
            ..CapabilityCall::default()
        };
        let mut sink = Sink::standard(global.no_color);
        open::with_sources_of(global, sources, async |framework, caller| {
            let nodes = nodes(framework, self.targets).await?;
            let answer = framework.call(caller, CapabilityCall { nodes, ..call }).await;
            let answer = answer.map_err(|error| Failure::of_call(self.capability, error))?;
            write(&answer, format, &mut sink)
        })
        .await?;
        written(sink, Exit::AllSucceeded)
    }
}

/// The nodes of these expressions.
async fn nodes(framework: &Framework, targets: &[String]) -> Result<Vec<NodeId>, Failure> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let targets = framework.resolve(&TargetExpression::new(targets.join(","))).await?;
    Ok(targets.into_iter().map(|target| target.node).collect())
}

fn written(mut sink: Sink, exit: Exit) -> Result<Exit, Failure> {
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the answer: {error}")))?;
    Ok(exit)
}

type Provider<'a> = (&'a Described, &'a Capability);

fn names(all: &[Provider<'_>]) -> String {
    all.iter().map(|(plugin, _)| plugin.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The plugins that may be asked.
fn chosen<'a>(question: &Question<'a>, args: &CallArgs) -> Result<Vec<Provider<'a>>, Failure> {
    if let Some(wanted) = &args.provider.plugin {
        if question.is_own {
            return Err(Failure::usage(format!(
                "--plugin {wanted}: this is a command of {}",
                names(&question.providers)
            )));
        }
        let found = question.providers.iter().find(|(plugin, _)| plugin.name == *wanted);
        return found.map(|one| vec![*one]).ok_or_else(|| {
            let text = format!("{wanted} does not have the capability {}", question.capability);
            Failure::usage(format!("--plugin: {text}; those that have it: {}", names(&question.providers)))
        });
    }
    if question.providers.is_empty() {
        return Err(Failure::usage(format!(
            "no plugin has the capability {}; configure one in the file that pab config path shows",
            question.capability
        )));
    }
    Ok(question.providers.clone())
}

/// Shows what would be asked.
fn dry(
    question: &Question<'_>,
    chosen: &[Provider<'_>],
    args: &CallArgs,
    parameters: &Map<String, Value>,
    sink: &mut Sink,
) {
    let mut fact = |name: &str, value: &str| {
        sink.line(StreamKind::Stdout, &format!("{name:<12} {}", escape_for_terminal(value.as_bytes())));
    };
    fact("capability", question.capability);
    fact("plugin", &names(chosen));
    if !args.targets.is_empty() {
        fact("nodes", &args.targets.join(","));
    }
    for (name, value) in parameters {
        fact("parameter", &format!("{name} = {value}"));
    }
    sink.line(StreamKind::Stderr, "nothing was asked");
}

/// A call that is made.
struct Asked<'a> {
    call: CapabilityCall,
    args: &'a CallArgs,
    chosen: &'a [Provider<'a>],
    asks_all: bool,
}

impl Asked<'_> {
    async fn answers(
        mut self,
        framework: &Framework,
        caller: &Caller,
        sink: &mut Sink,
    ) -> Result<Exit, Failure> {
        self.call.nodes = nodes(framework, &self.args.targets).await?;
        if let ([_], true) | (_, false) = (self.chosen, self.asks_all) {
            self.call.plugin = match self.chosen {
                [(only, _)] => Some(only.name.clone()),
                _ => None,
            };
            let capability = self.call.capability.clone();
            let answer = framework.call(caller, self.call).await;
            let answer = answer.map_err(|error| Failure::of_call(&capability, error))?;
            write(&answer, self.args.format, sink)?;
            return Ok(Exit::AllSucceeded);
        }
        self.of_all(framework, caller, sink).await
    }

    /// Asks one after the other and puts the rows together, each with the plugin that has it.
    async fn of_all(self, framework: &Framework, caller: &Caller, sink: &mut Sink) -> Result<Exit, Failure> {
        let mut rows: Vec<Value> = Vec::new();
        let mut failures = Vec::new();
        for (plugin, _) in self.chosen {
            let call = CapabilityCall { plugin: Some(plugin.name.clone()), ..self.call.clone() };
            match framework.call(caller, call).await {
                Ok(answer) => rows.extend(rows_of(answer).into_iter().map(|row| with_plugin(row, plugin))),
                Err(error) => failures.push(Failure::of_call(&self.call.capability, error)),
            }
        }
        if failures.len() == self.chosen.len()
            && let Some(first) = failures.pop()
        {
            return Err(first);
        }
        for failure in &failures {
            sink.line(StreamKind::Stderr, &format!("warning: {failure}"));
        }
        write(&Value::Array(rows), self.args.format, sink)?;
        Ok(if failures.is_empty() { Exit::AllSucceeded } else { Exit::SomeFailed })
    }
}

/// The rows of an answer: its list, or the list in it.
fn rows_of(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(rows) => rows,
        Value::Object(map) => {
            let list =
                map.iter().find(|(name, value)| value.is_array() && *name != "warnings" && *name != "errors");
            match list {
                Some((_, Value::Array(rows))) => rows.clone(),
                _ => vec![Value::Object(map)],
            }
        }
        other => vec![other],
    }
}

fn with_plugin(row: Value, plugin: &Described) -> Value {
    let mut map = match row {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    map.insert("plugin".to_owned(), plugin.name.to_string().into());
    Value::Object(map)
}

fn write(answer: &Value, format: Format, sink: &mut Sink) -> Result<(), Failure> {
    match format {
        Format::Table => match shown(answer, &preferred()) {
            Shown::Rows(table, beside) => {
                sink.table(&table);
                beside.iter().for_each(|line| sink.line(StreamKind::Stderr, line));
            }
            Shown::Nothing(beside) => {
                sink.line(StreamKind::Stderr, "the answer is an empty list");
                beside.iter().for_each(|line| sink.line(StreamKind::Stderr, line));
            }
            Shown::Text(text) => {
                let text = if sink.out_style.terminal { escape_for_terminal(text.as_bytes()) } else { text };
                sink.line(StreamKind::Stdout, &text);
            }
            Shown::Document => write_value(answer, Format::Yaml, sink)?,
        },
        Format::Ndjson => {
            for row in rows_of(answer.clone()) {
                write_value(&row, format, sink)?;
            }
        }
        format => write_value(answer, format, sink)?,
    }
    Ok(())
}
