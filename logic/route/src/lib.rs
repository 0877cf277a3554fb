//! Host, path, method and headers of a request to its route.
//!
//! A [`Router`] is built from a plan for one listener. Its answer is a pair of indexes into the plan, so that the
//! caller keeps beside each route whatever it needs. The order in which routes are tried is told in [`Router::route`].
//! Besides, the crate writes what routes say about paths: the `Location` of a redirect and the path without a prefix.
//!
//! It compares bytes as they are: it does not decode, does not resolve `..` and does not judge whether a host or a path
//! is well formed. Whoever forwards a request must route the very bytes that it forwards.

mod host;
mod path;
mod redirect;
mod rule;
mod strip;
mod tree;

pub use redirect::render;
pub use strip::{Climbs, strip_prefix};

use evener_plan::{Listen, Plan};
use host::Hosts;
use path::Paths;
use rule::{Refusal, Rule};
use std::ops::ControlFlow;

/// Finds routes for the requests of one listener. Looking up allocates nothing.
///
/// Clone it for each thread: clones do not share the scratch space of their regular expressions, which threads would
/// otherwise contend for.
#[derive(Debug, Clone)]
pub struct Router {
    hosts: Hosts,
    sites: Box<[SiteTable]>,
}

/// What a router looks at.
#[derive(Debug)]
pub struct RequestView<'a, H: ?Sized> {
    /// Lower case, without port and without a trailing dot; empty if the request has none. A literal IPv6 address
    /// stands in brackets, as in the plan.
    pub host: &'a [u8],
    /// Path without the query, or `*`.
    pub path: &'a [u8],
    /// Method as it came.
    pub method: &'a [u8],
    /// The header fields. They are asked only for routes that have header conditions.
    pub headers: &'a H,
}

/// The header fields of a request.
pub trait Headers {
    /// Whether one of the field lines called `name`, which is lower case, has exactly this value.
    fn has(&self, name: &str, value: &str) -> bool;
}

impl<F: Fn(&str, &str) -> bool> Headers for F {
    fn has(&self, name: &str, value: &str) -> bool {
        self(name, value)
    }
}

/// A route that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Index in [`Plan::sites`].
    pub site: usize,
    /// Index in the routes of the site.
    pub route: usize,
}

/// Why no route was found. All three are matters between the client and the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// No site of the listener answers for the host.
    NoSite,
    /// No route of this site (index in [`Plan::sites`]) admits the path and the headers.
    NoRoute(usize),
    /// Some routes of this site admit everything but the method; [`Router::allowed_methods`] names theirs.
    NoMethod(usize),
}

/// The routes of one site.
#[derive(Debug, Clone)]
struct SiteTable {
    /// Index in the plan.
    site: usize,
    rules: Box<[Rule]>,
    paths: Paths,
}

impl Router {
    /// Builds the tables for the sites of `plan` that listen on `listen`.
    pub fn new(plan: &Plan, listen: Listen) -> Self {
        let sites = || plan.sites.iter().enumerate().filter(|(_, site)| site.listen.contains(&listen));
        let hosts = Hosts::new(sites().map(|(_, site)| site.hosts.as_slice()));
        let tables = sites().map(|(index, site)| {
            let rules: Box<[Rule]> = site.routes.iter().map(Rule::new).collect();
            let paths = Paths::new(&site.routes, &rules);
            SiteTable { site: index, rules, paths }
        });
        Self { hosts, sites: tables.collect() }
    }

    /// Finds the route of a request.
    ///
    /// The site is the one that names the host, else the one with the longest wildcard over it, else the first without
    /// hosts. Within the site routes are tried in this order, and the first one that admits the request is taken:
    ///
    /// 1. an exact path;
    /// 2. the longest prefix. `/api/` is the beginning of the path; `/api` must also end where a segment ends, so that
    ///    it is `/api` and `/api/x` but not `/apix`;
    /// 3. regular expressions in the order of the file;
    /// 4. `/`, which every path has, also `*`.
    ///
    /// Among routes with the same path those with more conditions come first (methods count as one condition, each
    /// header field as one), then those that stand earlier in the file.
    pub fn route<H: Headers + ?Sized>(&self, request: &RequestView<'_, H>) -> Result<Match, Miss> {
        let table = self.table(request.host).ok_or(Miss::NoSite)?;
        let mut miss = Miss::NoRoute(table.site);
        let found = table.paths.walk(request.path, &mut |route| match table.rules[route].admits(request) {
            Ok(()) => ControlFlow::Break(route),
            Err(Refusal::Method) => {
                miss = Miss::NoMethod(table.site);
                ControlFlow::Continue(())
            }
            Err(Refusal::Header) => ControlFlow::Continue(()),
        });
        match found {
            ControlFlow::Break(route) => Ok(Match { site: table.site, route }),
            ControlFlow::Continue(()) => Err(miss),
        }
    }

    /// Appends the methods that routes would admit for the request, as a value for `Allow`: `GET, POST`. For answers to
    /// [`Miss::NoMethod`]; it is not fast.
    pub fn allowed_methods<H: Headers + ?Sized>(&self, request: &RequestView<'_, H>, out: &mut Vec<u8>) {
        let Some(table) = self.table(request.host) else { return };
        let mut names: Vec<&str> = Vec::new();
        let _every_route_was_seen = table.paths.walk(request.path, &mut |route| {
            if table.rules[route].admits(request) == Err(Refusal::Method) {
                names.extend(table.rules[route].methods());
            }
            ControlFlow::<()>::Continue(())
        });
        names.sort_unstable();
        names.dedup();
        out.extend_from_slice(names.join(", ").as_bytes());
    }

    fn table(&self, host: &[u8]) -> Option<&SiteTable> {
        self.hosts.find(host).map(|site| &self.sites[site])
    }
}

#[cfg(test)]
mod tests;
