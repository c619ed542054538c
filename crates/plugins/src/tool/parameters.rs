//! Parameters of an action, read by their names: [`Parameters`]. Each is looked at again here, whoever has checked it before.

use pabawi_domain::validation::FieldError;
use serde_json::{Map, Value};

use super::argv::operand;

/// Parameters of an action, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Parameters<'a> {
    /// A fault of a parameter.
    pub(crate) fn fault(name: &str, message: &str) -> FieldError {
        FieldError { path: format!("action.parameters.{name}"), message: message.to_owned() }
    }

    /// A parameter that is no null.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether it is switched on.
    pub(crate) fn flag(self, name: &str) -> Result<bool, FieldError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Self::fault(name, "must be true or false")),
        }
    }

    /// A text that may hold anything.
    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, FieldError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Self::fault(name, "must be a text")),
        }
    }

    /// A text that can be an operand.
    pub(crate) fn word(self, name: &str) -> Result<Option<&'a str>, FieldError> {
        let text = self.text(name)?;
        text.map(|text| operand(&format!("action.parameters.{name}"), text)).transpose()
    }

    /// An object.
    pub(crate) fn object(self, name: &str) -> Result<Option<&'a Map<String, Value>>, FieldError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields)),
            Some(_) => Err(Self::fault(name, "must be an object")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(self, name: &str) -> Result<Vec<&'a str>, FieldError> {
        let fault = || Self::fault(name, "must be a list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(fault)).collect(),
            Some(_) => Err(fault()),
        }
    }

    /// Nothing but these.
    ///
    /// # Errors
    /// The first that is another one.
    pub(crate) fn only(self, known: &[&str]) -> Result<(), FieldError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Self::fault(name, &format!("is not known; known are {}", known.join(", ")))),
        }
    }
}
