//! What permissions decide, through the port `Authorizer` alone.

#[cfg(test)]
mod by_policy;
#[cfg(test)]
mod by_tables;
#[cfg(test)]
mod files;
#[cfg(test)]
mod support;
