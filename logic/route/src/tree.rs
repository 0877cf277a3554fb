//! Exact and prefix paths as a tree of segments: one step for each segment of a request's path, however many routes
//! there are.
//!
//! `/a/b` is the segments `a` and `b`, `/a/` is `a` and an empty one. A prefix with a slash at its end belongs to the
//! segment before that slash. Expressions and `/` are not in the tree.

use std::ops::ControlFlow;

/// Routes by path.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The first node is the root, before the first slash of a path.
    nodes: Vec<Node>,
}

/// A sequence of segments that some path in the config begins with.
#[derive(Debug, Clone, Default)]
struct Node {
    parent: Option<usize>,
    /// The next segment and its node, sorted by segment.
    children: Vec<(Box<[u8]>, usize)>,
    /// Routes for exactly this path.
    exact: Vec<usize>,
    /// Routes with this path and a slash as their prefix.
    with_slash: Vec<usize>,
    /// Routes with this path as their prefix.
    whole: Vec<usize>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    /// Adds a route for one path. It comes after the routes that have been added for the same path.
    pub(crate) fn insert_exact(&mut self, path: &str, route: usize) {
        if let Some(node) = self.grow(path) {
            self.nodes[node].exact.push(route);
        }
    }

    /// Adds a route for a prefix other than `/`. It comes after the routes that have been added for the same prefix.
    pub(crate) fn insert_prefix(&mut self, path: &str, route: usize) {
        let (segments, has_slash) = path.strip_suffix('/').map_or((path, false), |segments| (segments, true));
        let Some(node) = self.grow(segments) else { return };
        let node = &mut self.nodes[node];
        if has_slash { &mut node.with_slash } else { &mut node.whole }.push(route);
    }

    /// Visits the routes for exactly `path`, then those with a prefix of it, the longest first.
    #[inline]
    pub(crate) fn walk<B>(&self, path: &[u8], visit: &mut impl FnMut(usize) -> ControlFlow<B>) -> ControlFlow<B> {
        if self.nodes[0].children.is_empty() {
            return ControlFlow::Continue(());
        }
        let Some(mut rest) = path.strip_prefix(b"/") else { return ControlFlow::Continue(()) };
        let mut deepest = 0;
        // Whether a slash follows the segments of the deepest node.
        let mut is_followed = true;
        while is_followed {
            let slash = rest.iter().position(|byte| *byte == b'/');
            let segment = &rest[..slash.unwrap_or(rest.len())];
            let Some(child) = self.nodes[deepest].child(segment) else { break };
            deepest = child;
            is_followed = slash.is_some();
            rest = slash.map_or(&[], |slash| &rest[slash + 1..]);
        }

        if !is_followed {
            self.nodes[deepest].exact.iter().copied().try_for_each(&mut *visit)?;
        }
        let mut next = Some(deepest);
        while let Some(index) = next {
            let node = &self.nodes[index];
            if is_followed {
                node.with_slash.iter().copied().try_for_each(&mut *visit)?;
            }
            node.whole.iter().copied().try_for_each(&mut *visit)?;
            is_followed = true;
            next = node.parent;
        }
        ControlFlow::Continue(())
    }

    /// The node of a path, made if need be; `None` if the path does not begin with a slash, since no request has it.
    fn grow(&mut self, path: &str) -> Option<usize> {
        let mut node = 0;
        for segment in path.strip_prefix('/')?.split('/') {
            node = match self.nodes[node].place(segment.as_bytes()) {
                Ok(place) => self.nodes[node].children[place].1,
                Err(place) => {
                    let child = self.nodes.len();
                    self.nodes.push(Node { parent: Some(node), ..Node::default() });
                    self.nodes[node].children.insert(place, (segment.as_bytes().into(), child));
                    child
                }
            };
        }
        Some(node)
    }
}

impl Node {
    fn child(&self, segment: &[u8]) -> Option<usize> {
        self.place(segment).ok().map(|place| self.children[place].1)
    }

    fn place(&self, segment: &[u8]) -> Result<usize, usize> {
        self.children.binary_search_by(|(name, _)| (**name).cmp(segment))
    }
}
