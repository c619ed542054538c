//! YAML as Ansible and Bolt read it (PyYAML, Psych: YAML 1.1): [`read`]. `reader` builds values out of events, within
//! limits; `scalar` tells what a scalar means.

mod reader;
mod scalar;

pub(crate) use reader::{Data, Document, Key, Yaml, read};
