//! What a route asks of a request besides its path.

use crate::{Headers, RequestView};
use evener_plan::{HeaderMatch, Route};

/// The methods and headers of one route.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    methods: Box<[String]>,
    headers: Box<[HeaderMatch]>,
}

/// What a request lacks for a route. A missing header outweighs a wrong method: with another method the route would
/// still not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Method,
    Header,
}

impl Rule {
    pub(crate) fn new(route: &Route) -> Self {
        Self { methods: route.methods.as_slice().into(), headers: route.headers.as_slice().into() }
    }

    pub(crate) fn admits<H: Headers + ?Sized>(&self, request: &RequestView<'_, H>) -> Result<(), Refusal> {
        if !self.headers.iter().all(|header| request.headers.has(&header.name, &header.value)) {
            return Err(Refusal::Header);
        }
        let is_admitted = self.methods.is_empty() || self.methods().any(|name| name.as_bytes() == request.method);
        if is_admitted { Ok(()) } else { Err(Refusal::Method) }
    }

    pub(crate) fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }

    /// Number of conditions; among routes with the same path the one with more of them is tried first.
    pub(crate) fn conditions(&self) -> usize {
        usize::from(!self.methods.is_empty()) + self.headers.len()
    }
}
