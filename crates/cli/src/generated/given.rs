//! From what was typed to the parameters of a capability: [`Wanted::collect`]. Everything that is wrong is told at once, by the
//! option that is meant, before anything runs (R12.10).

use std::collections::BTreeSet;

use clap::ArgMatches;
use pabawi::plugin::ParameterSchema;
use serde_json::{Map, Value};

use super::option::ParameterOption;
use super::parameter::{Secrecy, Shape};
use super::secret::{SecretParameter, Source, put};
use crate::exit::Failure;
use crate::request::{read_file, read_stdin};

/// What is collected.
pub(crate) struct Wanted<'a> {
    /// The options of properties.
    pub(crate) options: &'a [ParameterOption],
    /// The schema; none where only the plugin that is chosen later knows it.
    pub(crate) schema: Option<&'a Value>,
    /// JSON pointers to secrets.
    pub(crate) sensitive: &'a [String],
    /// Properties that are given in another way, such as the positional argument, by name, with what they are called there.
    pub(crate) placed: Vec<(String, String, Option<Value>)>,
    /// Nothing is run, so that no secret is asked for.
    pub(crate) is_dry: bool,
}

/// Parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// The values.
    pub(crate) parameters: Map<String, Value>,
    /// JSON pointers to secrets beside those that the capability names.
    pub(crate) sensitive: Vec<String>,
}

/// Something that is wrong.
struct Wrong {
    option: String,
    path: String,
    message: String,
}

impl Wanted<'_> {
    /// The parameters: `--params` first, above it `key=value` words, above these the options.
    ///
    /// # Errors
    /// Everything that is wrong, and what cannot be read.
    pub(crate) fn collect(self, matches: &ArgMatches, words: &[String]) -> Result<Given, Failure> {
        let text = |id: &str| matches.try_get_one::<String>(id).ok().flatten();
        let mut parameters = match text("params") {
            Some(typed) => self.document(typed)?,
            None => Map::new(),
        };
        let mut wrong = Vec::new();
        for word in words {
            let (name, value) = self.word(word)?;
            parameters.insert(name, value);
        }
        for option in self.options {
            if let Some(value) = self.option(option, matches)? {
                parameters.insert(option.parameter.name.clone(), value);
            }
        }
        for (name, _, value) in &self.placed {
            if let Some(value) = value {
                parameters.insert(name.clone(), value.clone());
            }
        }
        let typed: Vec<String> = matches
            .try_get_many::<String>("secret_param")
            .ok()
            .flatten()
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let mut sensitive = Vec::new();
        for secret in SecretParameter::all(&typed)? {
            let value = if self.is_dry { pabawi::REDACTED.into() } else { secret.value()? };
            put(&mut parameters, &secret.pointer, value)?;
            sensitive.push(secret.pointer);
        }
        let mut missing = BTreeSet::new();
        let mut asked = Vec::new();
        for option in self.options.iter().filter(|option| option.parameter.required) {
            let parameter = &option.parameter;
            if parameters.contains_key(&parameter.name) {
                continue;
            }
            if let Some(default) = &parameter.default {
                parameters.insert(parameter.name.clone(), default.clone());
                continue;
            }
            missing.insert(parameter.name.clone());
            if parameter.secrecy == Secrecy::Secret {
                asked.push(option);
                continue;
            }
            wrong.push(Wrong {
                option: self.called(&parameter.name),
                path: format!("parameters.{}", parameter.name),
                message: "has to be given".to_owned(),
            });
        }
        self.check(&parameters, &sensitive, &missing, &mut wrong)?;
        told(&wrong)?;
        if !asked.is_empty() {
            // Only when all the rest is right is a person asked.
            for option in asked {
                parameters.insert(option.parameter.name.clone(), self.secret(option, &Source::Asked)?);
            }
            self.check(&parameters, &sensitive, &BTreeSet::new(), &mut wrong)?;
            told(&wrong)?;
        }
        Ok(Given { parameters, sensitive })
    }

    /// `--params`: JSON, a file with it, or standard input.
    fn document(&self, typed: &str) -> Result<Map<String, Value>, Failure> {
        let bytes = match typed.strip_prefix('@') {
            Some(file) => read_file("--params", file.as_ref())?,
            None if typed == "-" => read_stdin("--params")?,
            None => typed.as_bytes().to_vec(),
        };
        let is_file = typed == "-" || typed.starts_with('@');
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            // The message of a file may show a part of it, which may be a secret.
            Failure::usage(format!("--params: is no JSON (line {}, column {})", error.line(), error.column()))
        })?;
        let Value::Object(map) = value else {
            return Err(Failure::usage("--params: must be a JSON object such as '{\"name\": \"nginx\"}'"));
        };
        let whole = Value::Object(map);
        if let Some(secret) = self.sensitive.iter().find(|pointer| whole.pointer(pointer).is_some())
            && !is_file
        {
            return Err(Failure::usage(format!(
                "--params: {secret} is a secret, which must not stand on the command line; give it with {}",
                self.secret_option(secret)
            )));
        }
        Ok(whole.as_object().cloned().unwrap_or_default())
    }

    /// `key=value` is a value of the property's type, and a text where that is not known; `key:=JSON` is any value.
    fn word(&self, word: &str) -> Result<(String, Value), Failure> {
        let Some((name, text)) = word.split_once('=') else {
            return Err(Failure::usage(format!(
                "{word:?} is no parameter; write NAME=TEXT, or NAME:=JSON for a number, a list and the like"
            )));
        };
        let (name, is_json) = match name.strip_suffix(':') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let is_in = |secret: &&String| {
            secret.strip_prefix(pointer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if let Some(secret) = self.sensitive.iter().find(is_in) {
            return Err(Failure::usage(format!(
                "{name}: {secret} is a secret, which must not stand on the command line; give it with {}",
                self.secret_option(secret)
            )));
        }
        let value = if is_json {
            serde_json::from_str(text)
                .map_err(|error| Failure::usage(format!("{name}: is no JSON: {error}")))?
        } else {
            let known = self.options.iter().find(|option| option.parameter.name == name);
            match known.map(|option| &option.parameter.shape) {
                Some(shape @ Shape::List(_)) => vec![shape.value(text)].into(),
                Some(shape) => shape.value(text),
                None => text.into(),
            }
        };
        Ok((name.to_owned(), value))
    }

    fn option(&self, option: &ParameterOption, matches: &ArgMatches) -> Result<Option<Value>, Failure> {
        let parameter = &option.parameter;
        let other = option.other_id();
        if parameter.secrecy != Secrecy::Open {
            if let Some(name) = matches.try_get_one::<String>(&other).ok().flatten() {
                return Ok(Some(self.secret(option, &Source::Variable(name.clone()))?));
            }
            let Some(typed) = matches.try_get_one::<String>(&option.id()).ok().flatten() else {
                return Ok(None);
            };
            let source = Source::of(&option.typed(), typed)?;
            if parameter.secrecy == Secrecy::HoldsSecret && source == Source::Asked {
                let text = "give it as @FILE, - or env:NAME, or the secret in it with --secret-param";
                return Err(Failure::usage(format!("{}: holds a secret; {text}", option.typed())));
            }
            return Ok(Some(self.secret(option, &source)?));
        }
        if parameter.shape == Shape::Switch {
            let is = |id: &str| matches.try_get_one::<bool>(id).ok().flatten() == Some(&true);
            return Ok(match (is(&option.id()), is(&other)) {
                (true, _) => Some(true.into()),
                (_, true) => Some(false.into()),
                _ => None,
            });
        }
        let Some(texts) = matches.try_get_many::<String>(&option.id()).ok().flatten() else {
            return Ok(None);
        };
        let mut values = Vec::new();
        for text in texts {
            let read = self.read(option, text)?;
            match (&parameter.shape, serde_json::from_str::<Value>(&read)) {
                // The whole list at once.
                (Shape::List(_), Ok(Value::Array(all))) => values.extend(all),
                (shape, _) => values.push(shape.value(&read)),
            }
        }
        Ok(match parameter.shape {
            Shape::List(_) => Some(values.into()),
            _ => values.pop(),
        })
    }

    /// What was typed, or stands in the file that was named in its place where JSON is expected.
    fn read(&self, option: &ParameterOption, text: &str) -> Result<String, Failure> {
        let takes_file = match &option.parameter.shape {
            Shape::Json => true,
            Shape::List(item) => **item == Shape::Json,
            _ => false,
        };
        match text.strip_prefix('@').filter(|_| takes_file) {
            None => Ok(text.to_owned()),
            Some(file) => String::from_utf8(read_file(&option.typed(), file.as_ref())?)
                .map_err(|_| Failure::usage(format!("{}: {file} is not UTF-8", option.typed()))),
        }
    }

    fn secret(&self, option: &ParameterOption, source: &Source) -> Result<Value, Failure> {
        if self.is_dry {
            return Ok(pabawi::REDACTED.into());
        }
        Ok(option.parameter.shape.value(&source.text(&option.typed())?))
    }

    /// What a property is called on the command line.
    fn called(&self, name: &str) -> String {
        let placed =
            self.placed.iter().find(|(placed, ..)| placed == name).map(|(_, called, _)| called.clone());
        let option = self.options.iter().find(|option| option.parameter.name == name);
        placed.or_else(|| option.map(ParameterOption::typed)).unwrap_or_else(|| "--params".to_owned())
    }

    /// The option that gives the secret at a pointer.
    fn secret_option(&self, pointer: &str) -> String {
        let name = pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
        let option = self.options.iter().find(|option| option.parameter.name == name);
        option.map_or_else(|| format!("{} {pointer}=@FILE", SecretParameter::OPTION), ParameterOption::typed)
    }

    fn check(
        &self,
        parameters: &Map<String, Value>,
        more: &[String],
        missing: &BTreeSet<String>,
        wrong: &mut Vec<Wrong>,
    ) -> Result<(), Failure> {
        let Some(schema) = self.schema else { return Ok(()) };
        let schema =
            ParameterSchema::new(schema).map_err(|error| Failure::usage(format!("the schema {error}")))?;
        let secrets: Vec<String> = self.sensitive.iter().chain(more).cloned().collect();
        let value = Value::Object(parameters.clone());
        for fault in schema.violations("parameters", &value, &secrets) {
            let is_missing =
                |name: &String| fault.message.starts_with(&format!("{name:?} is a required property"));
            if fault.path == "parameters" && missing.iter().any(is_missing) {
                continue;
            }
            if self.is_dry && fault.message.contains(pabawi::REDACTED) {
                // What stands in for a secret is no value of its type.
                continue;
            }
            let option = self.called(&self.property(&fault.path));
            wrong.push(Wrong { option, path: fault.path, message: fault.message });
        }
        Ok(())
    }

    /// The property that a path such as `parameters.hosts[1]` leads into.
    fn property(&self, path: &str) -> String {
        let rest = path.strip_prefix("parameters.").unwrap_or_default();
        let names = self.options.iter().map(|option| &option.parameter.name);
        let names = names.chain(self.placed.iter().map(|(name, ..)| name));
        let leads = |name: &&String| {
            rest.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        names.filter(leads).max_by_key(|name| name.len()).cloned().unwrap_or_default()
    }
}

fn told(wrong: &[Wrong]) -> Result<(), Failure> {
    let line = |one: &Wrong| format!("{} ({}): {}", one.option, one.path, one.message);
    match wrong {
        [] => Ok(()),
        [one] => Err(Failure::usage(line(one))),
        several => {
            let lines: String = several.iter().map(|one| format!("\n  {}", line(one))).collect();
            Err(Failure::usage(format!("{} things are not valid:{lines}", several.len())))
        }
    }
}
