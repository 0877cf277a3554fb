//! The routes of a site: its actions checked for sense, its own settings handed down, routes in vain found.

use super::pool::Pools;
use crate::diagnostic::Report;
use crate::draft::{Choice, DraftAction, DraftRoute, DraftSite};
use crate::source::Span;
use evener_plan::{Action, HostMode, PathMatch, Route, SetHeader, UpstreamId};

pub(super) fn build(site: &DraftSite, pools: &mut Pools<'_>, report: &mut Report) -> Vec<Route> {
    check_site(site, report);
    check_repeats(site, report);
    let mut routes = Vec::new();
    for draft in &site.routes {
        check_route(draft, report);
        let Some(action) = action(&draft.action, pools, report) else { continue };
        let Some(path) = &draft.path else { continue };
        check_strip(&path.value, &draft.action, report);
        routes.push(Route {
            path: path.value.clone(),
            methods: draft.methods.clone(),
            headers: draft.headers.clone(),
            ..route(action, &draft.action, Some(&site.action))
        });
    }
    if let Some(action) = action(&site.action, pools, report) {
        routes.push(route(action, &site.action, None));
    }
    routes
}

/// A route for every path; `above` is the site that a route belongs to.
fn route(action: Action, own: &DraftAction, above: Option<&DraftAction>) -> Route {
    let is_proxy = matches!(action, Action::Proxy(_));
    let above = above.filter(|_| is_proxy);
    let mut set_headers: Vec<SetHeader> = own.set_headers.clone();
    for inherited in above.into_iter().flat_map(|above| &above.set_headers) {
        if !set_headers.iter().any(|header| header.name == inherited.name) {
            set_headers.push(inherited.clone());
        }
    }
    Route {
        path: PathMatch::Prefix(String::from("/")),
        methods: Vec::new(),
        headers: Vec::new(),
        action,
        strip_prefix: own.strip_prefix.as_ref().map(|at| at.value.clone()),
        timeout: own.timeout.or_else(|| above.and_then(|above| above.timeout)),
        set_headers,
        host: own.host.clone().or_else(|| above.and_then(|above| above.host.clone())).unwrap_or(HostMode::Client),
    }
}

fn action(draft: &DraftAction, pools: &mut Pools<'_>, report: &mut Report) -> Option<Action> {
    Some(match draft.choice.as_ref()? {
        // A pool that could not be made was reported; its number stands for nothing, since there will be no plan.
        Choice::ToName(name) => Action::Proxy(pools.named(name, report).unwrap_or(UpstreamId(0))),
        Choice::ToServers(servers) => Action::Proxy(pools.in_place(&servers.value, report).unwrap_or(UpstreamId(0))),
        Choice::Redirect { status, location } => Action::Redirect { status: *status, location: location.clone() },
        Choice::Respond(respond) => Action::Respond(respond.clone()),
    })
}

fn check_site(site: &DraftSite, report: &mut Report) {
    check_single(&site.action, report);
    if site.action.is_missing && site.routes.is_empty() && !report.is_torn() {
        report
            .error("no-action", site.span, "the site does nothing")
            .help("add one of `to`, `redirect` and `respond`, or a [[site.route]]");
    }
    let own = !site.action.lacks_to;
    let any = own || site.routes.iter().any(|route| !route.action.lacks_to);
    for option in &site.action.options {
        let is_used = if option.value == "strip_prefix" { own } else { any };
        if !is_used {
            needs_to(option.value, option.span, report);
        }
    }
}

fn check_route(route: &DraftRoute, report: &mut Report) {
    check_single(&route.action, report);
    if route.action.is_missing && !report.is_torn() {
        report
            .error("no-action", route.span, "the route does nothing")
            .help("add one of `to`, `redirect` and `respond`; keys below a header belong to it");
        return;
    }
    if route.action.lacks_to {
        for option in &route.action.options {
            needs_to(option.value, option.span, report);
        }
    }
}

fn needs_to(name: &str, span: Span, report: &mut Report) {
    if report.is_torn() {
        return;
    }
    report
        .error("needs-to", span, format!("`{name}` changes what a server gets, but there is no `to`"))
        .help("add `to`, or remove the key");
}

fn check_single(action: &DraftAction, report: &mut Report) {
    let [first, others @ ..] = action.written.as_slice() else { return };
    for other in others {
        report
            .error("two-actions", other.span, format!("`{}` and `{}` exclude each other", first.value, other.value))
            .label(first.span, "the first action is here")
            .help("keep one of them; a [[site.route]] can do something else");
    }
}

/// A prefix that no path of the route begins with would never be stripped.
fn check_strip(path: &PathMatch, action: &DraftAction, report: &mut Report) {
    let Some(strip) = &action.strip_prefix else { return };
    let begins = match path {
        PathMatch::Prefix(path) => path.starts_with(&strip.value) || strip.value.starts_with(path),
        PathMatch::Exact(path) => path.starts_with(&strip.value),
        PathMatch::Regex(_) => true,
    };
    if !begins {
        let (PathMatch::Prefix(path) | PathMatch::Exact(path) | PathMatch::Regex(path)) = path;
        let message = format!("no path of this route begins with {}", crate::value::quote(&strip.value));
        report.error("strip-in-vain", strip.span, message).help(format!("the path of the route is {path}"));
    }
}

/// Of two routes that ask for the same, the later one never gets a request.
fn check_repeats(site: &DraftSite, report: &mut Report) {
    let mut seen: Vec<(RouteKey, Span)> = Vec::new();
    for route in &site.routes {
        let Some(key) = RouteKey::of(route) else { continue };
        let place = route.path.as_ref().map_or(route.span, |path| path.span);
        match seen.iter().find(|(known, _)| *known == key) {
            Some((_, first)) => {
                report
                    .warning("route-in-vain", place, "this route never matches: an earlier one takes the same requests")
                    .label(*first, "the earlier route is here");
            }
            None => seen.push((key, place)),
        }
    }
    let every = seen.iter().find(|(key, _)| key.is_every());
    if let (Some((_, first)), Some(own)) = (every, site.action.written.first()) {
        report
            .warning(
                "route-in-vain",
                own.span,
                format!("`{}` of the site gets no request: a route takes every path", own.value),
            )
            .label(*first, "the route is here");
    }
}

/// What a route asks of a request, in an order that does not depend on how it was written.
#[derive(PartialEq)]
struct RouteKey {
    path: PathMatch,
    methods: Vec<String>,
    headers: Vec<(String, String)>,
}

impl RouteKey {
    fn of(route: &DraftRoute) -> Option<Self> {
        let path = route.path.as_ref()?.value.clone();
        let mut methods = route.methods.clone();
        methods.sort();
        let mut headers: Vec<(String, String)> =
            route.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        headers.sort();
        Some(Self { path, methods, headers })
    }

    fn is_every(&self) -> bool {
        self.methods.is_empty() && self.headers.is_empty() && self.path == PathMatch::Prefix(String::from("/"))
    }
}
