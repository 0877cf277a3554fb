//! Which route a request takes, and which paths take none because servers do not agree on them.

use super::*;
use crate::state::{Blueprint, Security, ServerStates};
use evener_http::{HeadLimits, Progress};
use evener_plan::{
    AccessFormat, Acme, Action, HostMode, HostPattern, Limits, LogPlan, LogTarget, PathMatch, Plan, Respond, Route,
    Site,
};
use evener_upstream::Pools;
use std::sync::Arc;
use std::time::Duration;

const LISTEN: Listen = Listen::Any(8080);

/// A route from `[METHOD ]PATH`; `=` before the path is an exact one.
fn plan_route(text: &str) -> Route {
    let (methods, path) = match text.split_once(' ') {
        Some((method, path)) => (vec![method.to_owned()], path),
        None => (Vec::new(), text),
    };
    let path = match path.strip_prefix('=') {
        Some(path) => PathMatch::Exact(path.to_owned()),
        None => PathMatch::Prefix(path.to_owned()),
    };
    Route {
        path,
        methods,
        headers: Vec::new(),
        action: Action::Respond(Respond { status: 200, body: String::new(), content_type: String::new() }),
        strip_prefix: None,
        timeout: None,
        set_headers: Vec::new(),
        host: HostMode::Client,
    }
}

fn site(host: Option<&str>, routes: &[&str]) -> Site {
    Site {
        listen: vec![LISTEN],
        tls: None,
        http2: false,
        accept_proxy: None,
        hosts: host.map(|host| HostPattern::Exact(host.to_owned())).into_iter().collect(),
        trusted_proxies: Vec::new(),
        routes: routes.iter().map(|text| plan_route(text)).collect(),
    }
}

fn snapshot(sites: Vec<Site>) -> Snapshot {
    let plan = Plan {
        workers: None,
        shutdown_grace: Duration::from_secs(1),
        admin: None,
        log: LogPlan { access: LogTarget::Off, format: AccessFormat::Json },
        limits: Limits::default(),
        sites,
        acme: Acme::default(),
        state_dir: String::new(),
        tcp: Vec::new(),
        udp: Vec::new(),
        upstreams: Vec::new(),
    };
    let blueprint = Blueprint::new(plan, &mut ServerStates::default(), Security::default());
    Snapshot::new(Arc::new(blueprint), &Pools::default())
}

/// A session with the head of a request; what was routed before has left its traces.
fn session(method: &str, target: &str, host: &str) -> Session {
    let mut session = Session { host: b"old.example".to_vec(), out: b"/old".to_vec(), ..Session::default() };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    session.inbound.grow(4096);
    assert_eq!(session.inbound.append(head.as_bytes()), head.len());
    let bounds = HeadLimits { bytes_max: 4096, fields_max: 10 };
    let parsed = session.parser.parse(session.inbound.filled(), &bounds);
    assert!(matches!(parsed, Ok(Progress::Complete)), "{target}: {parsed:?}");
    session
}

/// The site that is noted, and the route or the reason why there is none.
fn find(snapshot: &Snapshot, session: &mut Session, listen: Listen) -> (Option<usize>, Result<usize, &'static str>) {
    let mut trip = Trip::new(session);
    let found = route(listen, session, snapshot, &mut trip);
    (trip.site, found.map(|found| found.route).map_err(|fault| fault.reason()))
}

#[track_caller]
fn check(routes: &[&str], target: &str, expected: Result<usize, &'static str>) {
    let snapshot = snapshot(vec![site(None, routes)]);
    let found = find(&snapshot, &mut session("GET", target, "a"), LISTEN);
    assert_eq!(found, (Some(0), expected), "{target} in {routes:?}");
}

#[test]
fn a_path_that_servers_read_as_one_for_another_route_has_none() {
    let routes = ["/", "/admin/", "=/exact"];
    check(&routes, "/admin/x", Ok(1));
    check(&routes, "/public", Ok(0));
    for target in
        ["/x/../admin/x", "/%61dmin/x", "//admin/x", "/./admin/x", "/x/%2e%2e/admin/", "/ex%61ct", "/;/admin/x"]
    {
        check(&routes, target, Err("ambiguous_path"));
    }
    // The other way round is as bad: a route that was made for one folder would serve another.
    check(&routes, "/admin/../public", Err("ambiguous_path"));
    check(&["/admin/"], "/admin/../public", Ok(0));
    // Odd, but the same for everybody.
    check(&routes, "/admin/a%20b", Ok(1));
    check(&routes, "/admin/x/../y", Ok(1));
    check(&routes, "/a//b", Ok(0));
    check(&routes, "/public?x=/../admin/", Ok(0));
}

#[test]
fn without_a_choice_no_path_is_ambiguous() {
    for target in ["/x/../admin/x", "/%61dmin/x", "//admin/x"] {
        check(&["/"], target, Ok(0));
    }
}

#[test]
fn a_reading_that_has_no_route_or_no_method_is_another_one_too() {
    check(&["/a/", "/b/"], "/a/../c", Err("ambiguous_path"));
    check(&["/a/", "POST /b/"], "/a/../b/x", Err("ambiguous_path"));
    // Nobody would answer it, whatever the reading.
    check(&["/a/", "/b/"], "/c/../d", Err("no_route"));
}

#[test]
fn what_is_missing_is_told_and_the_site_is_noted() {
    let snapshot = snapshot(vec![site(Some("a.example"), &["/x", "POST /y"]), site(Some("b.example"), &["GET /"])]);
    let check = |method: &str, target: &str, host: &str, listen, expected| {
        let mut session = session(method, target, host);
        assert_eq!(find(&snapshot, &mut session, listen), expected, "{method} {target} at {host}");
        session
    };
    check("GET", "/x", "A.Example:8080", LISTEN, (Some(0), Ok(0)));
    check("GET", "/", "b.example.", LISTEN, (Some(1), Ok(0)));
    check("GET", "/z", "a.example", LISTEN, (Some(0), Err("no_route")));
    check("GET", "/x", "c.example", LISTEN, (None, Err("no_site")));
    check("GET", "http://b.example", "b.example", LISTEN, (Some(1), Ok(0)));
    // A reload has taken the listener out of the config.
    check("GET", "/x", "a.example", Listen::Any(9090), (None, Err("no_site")));
    let session = check("GET", "/y", "a.example", LISTEN, (Some(0), Err("method_not_allowed")));
    let mut allowed = Vec::new();
    allowed_methods(LISTEN, &session, &snapshot, &mut allowed);
    assert_eq!(allowed, b"POST");
}
