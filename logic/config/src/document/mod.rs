//! Documents made from the definition of the keys: the JSON schema for editors and the reference page for people.

mod page;
mod schema;

pub(crate) use page::reference;
pub(crate) use schema::schema;
