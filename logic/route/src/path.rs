//! The order in which the routes of a site are tried for a path. It looks at nothing but the path.

use crate::rule::Rule;
use crate::tree::Tree;
use evener_plan::{PathMatch, Route};
use regex::bytes::Regex;
use std::cmp::Reverse;
use std::ops::ControlFlow;

/// The paths of the routes of one site.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    tree: Tree,
    /// Each expression with its routes, in the order of the file.
    regexes: Box<[(Regex, Box<[usize]>)]>,
    /// Routes with the prefix `/`.
    every: Box<[usize]>,
}

impl Paths {
    /// Takes the routes of a site and, in the same order, their rules.
    pub(crate) fn new(routes: &[Route], rules: &[Rule]) -> Self {
        // Routes with more conditions come first; the sort is stable, so the order of the file decides among equals.
        let mut order: Vec<usize> = (0..routes.len()).collect();
        order.sort_by_key(|route| Reverse(rules[*route].conditions()));

        let mut tree = Tree::new();
        let mut every = Vec::new();
        let mut patterns: Vec<(&str, Vec<usize>)> = Vec::new();
        for route in order {
            match &routes[route].path {
                PathMatch::Exact(path) => tree.insert_exact(path, route),
                PathMatch::Prefix(path) if path == "/" => every.push(route),
                PathMatch::Prefix(path) => tree.insert_prefix(path, route),
                PathMatch::Regex(pattern) => match patterns.iter_mut().find(|(other, _)| other == pattern) {
                    Some((_, group)) => group.push(route),
                    None => patterns.push((pattern, vec![route])),
                },
            }
        }
        // An expression that is written twice stands where it stands first.
        patterns.sort_by_key(|(_, group)| group.iter().min().copied());
        let regexes = patterns.into_iter().map(|(pattern, group)| (compile(pattern), group.into())).collect();
        Self { tree, regexes, every: every.into() }
    }

    /// Visits the routes whose path admits `path`, the most specific first, until `visit` breaks.
    pub(crate) fn walk<B>(&self, path: &[u8], visit: &mut impl FnMut(usize) -> ControlFlow<B>) -> ControlFlow<B> {
        self.tree.walk(path, visit)?;
        // `OPTIONS *` asks about the server as a whole; an expression like `.` is not meant for it.
        if path != b"*" {
            let found = self.regexes.iter().filter(|(regex, _)| regex.is_match(path));
            found.flat_map(|(_, group)| group.iter().copied()).try_for_each(&mut *visit)?;
        }
        self.every.iter().copied().try_for_each(visit)
    }
}

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a plan holds only regular expressions that were checked")
}
