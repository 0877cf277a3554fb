//! Which site answers for a host. It compares canonical names and does not make names canonical.

use evener_plan::HostPattern;

/// The host names of all sites of a listener.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    exact: Names,
    /// The names below which everything belongs to a site.
    wildcards: Names,
    /// The first site without names.
    any: Option<usize>,
}

/// Names with the site of each, sorted by length and then by text: most comparisons end at the length.
#[derive(Debug, Clone)]
struct Names {
    sorted: Box<[(Box<[u8]>, usize)]>,
}

impl Hosts {
    pub(crate) fn new<'a>(sites: impl Iterator<Item = &'a [HostPattern]>) -> Self {
        let mut exact = Vec::new();
        let mut wildcards = Vec::new();
        let mut any = None;
        for (site, patterns) in sites.enumerate() {
            if patterns.is_empty() && any.is_none() {
                any = Some(site);
            }
            for pattern in patterns {
                match pattern {
                    HostPattern::Exact(name) => exact.push((name.as_bytes().into(), site)),
                    HostPattern::Wildcard(name) => wildcards.push((name.as_bytes().into(), site)),
                }
            }
        }
        Self { exact: Names::new(exact), wildcards: Names::new(wildcards), any }
    }

    /// Position of the site in the list that was given to `new`.
    pub(crate) fn find(&self, host: &[u8]) -> Option<usize> {
        self.exact.find(host).or_else(|| self.find_wildcard(host)).or(self.any)
    }

    fn find_wildcard(&self, host: &[u8]) -> Option<usize> {
        let longest = self.wildcards.longest()?;
        // Suffixes longer than every wildcard are skipped, which also bounds the work for a host of a thousand dots.
        // A label stands before the dot, so the dot is not the first byte.
        let start = host.len().saturating_sub(longest + 1).max(1);
        let tail = host.get(start..)?;
        let dots = tail.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        dots.map(|(dot, _)| &tail[dot + 1..]).find_map(|suffix| self.wildcards.find(suffix))
    }
}

impl Names {
    fn new(mut names: Vec<(Box<[u8]>, usize)>) -> Self {
        names.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        // The sort is stable: of sites with the same name the first one stays.
        names.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self { sorted: names.into() }
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let order = |(other, _): &(Box<[u8]>, usize)| (other.len(), &**other).cmp(&(name.len(), name));
        self.sorted.binary_search_by(order).ok().map(|place| self.sorted[place].1)
    }

    fn longest(&self) -> Option<usize> {
        self.sorted.last().map(|(name, _)| name.len())
    }
}
