//! Single values looked up in a request: a field, a cookie, a parameter of the query. For choosing a server by them; what
//! they mean is the application's.
//!
//! Nothing is decoded: two spellings of a value are two values.

use crate::field::Field;
use crate::grammar::trim;

/// The value of the first field of that name, which is compared without regard to case.
pub fn field_value<'m>(message: &'m [u8], fields: &[Field], name: &[u8]) -> Option<&'m [u8]> {
    let found = fields.iter().find(|field| field.name.of(message).eq_ignore_ascii_case(name));
    found.map(|field| field.value.of(message))
}

/// The value of the first cookie of that name (RFC 6265 §4.2.1); names are compared with regard to case.
pub fn cookie_value<'m>(message: &'m [u8], fields: &[Field], name: &[u8]) -> Option<&'m [u8]> {
    let is_cookie = |field: &&Field| field.name.of(message).eq_ignore_ascii_case(b"cookie");
    let pairs = fields.iter().filter(is_cookie).flat_map(|field| field.value.of(message).split(|byte| *byte == b';'));
    value_in(pairs, name)
}

/// The value of the first parameter of that name in a query without its `?`.
pub fn query_value<'m>(query: &'m [u8], name: &[u8]) -> Option<&'m [u8]> {
    value_in(query.split(|byte| *byte == b'&'), name)
}

fn value_in<'m>(mut pairs: impl Iterator<Item = &'m [u8]>, name: &[u8]) -> Option<&'m [u8]> {
    pairs.find_map(|pair| {
        let pair = trim(pair);
        let (own, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        (own == name).then_some(value)
    })
}

#[cfg(test)]
mod tests;
