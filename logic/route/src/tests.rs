//! Routes through the front door, and what is written about paths.

use super::*;
use evener_plan::{Action, HeaderMatch, HostMode, HostPattern, PathMatch, Respond, Route, Site, TextPart};
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};
use std::borrow::Cow;

const LISTEN: Listen = Listen::Any(8080);

/// A route from `[METHODS ]PATH[ name=value]...`; the path is written as in the config (`= /x`, `~ x`, `/x`), with `_`
/// for the space in it.
fn route(text: &str) -> Route {
    let (methods, rest) = match text.split_once(' ') {
        Some((methods, rest)) if methods.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b',') => {
            (methods.split(',').map(str::to_owned).collect(), rest)
        }
        _ => (Vec::new(), text),
    };
    let mut words = rest.split(' ');
    let path = words.next().unwrap();
    let path = match path.split_once('_') {
        Some(("=", path)) => PathMatch::Exact(path.into()),
        Some(("~", pattern)) => PathMatch::Regex(pattern.into()),
        _ => PathMatch::Prefix(path.into()),
    };
    let headers = words.map(|word| word.split_once('=').unwrap());
    Route {
        path,
        methods,
        headers: headers.map(|(name, value)| HeaderMatch { name: name.into(), value: value.into() }).collect(),
        action: Action::Respond(Respond { status: 200, body: String::new(), content_type: "text/plain".into() }),
        strip_prefix: None,
        timeout: None,
        set_headers: Vec::new(),
        host: HostMode::Client,
    }
}

fn site(hosts: &[&str], routes: &[&str]) -> Site {
    let pattern = |host: &&str| match host.strip_prefix("*.") {
        Some(host) => HostPattern::Wildcard(host.into()),
        None => HostPattern::Exact((*host).into()),
    };
    Site {
        listen: vec![LISTEN],
        tls: None,
        http2: false,
        accept_proxy: None,
        hosts: hosts.iter().map(pattern).collect(),
        trusted_proxies: Vec::new(),
        routes: routes.iter().map(|text| route(text)).collect(),
    }
}

fn plan(sites: Vec<Site>) -> Plan {
    use evener_plan::{AccessFormat, Acme, Limits, LogPlan, LogTarget};
    let log = LogPlan { access: LogTarget::Off, format: AccessFormat::Json };
    Plan {
        workers: None,
        shutdown_grace: std::time::Duration::from_secs(1),
        admin: None,
        log,
        limits: Limits::default(),
        sites,
        acme: Acme::default(),
        state_dir: String::new(),
        tcp: Vec::new(),
        udp: Vec::new(),
        upstreams: Vec::new(),
    }
}

fn view<'a, H: ?Sized>(host: &'a str, method: &'a str, path: &'a str, headers: &'a H) -> RequestView<'a, H> {
    RequestView { host: host.as_bytes(), path: path.as_bytes(), method: method.as_bytes(), headers }
}

/// Which of the routes of a single site answers `METHOD PATH[ name=value]...`.
fn check(routes: &[&str], request: &str, expected: Result<usize, Miss>) {
    let router = Router::new(&plan(vec![site(&[], routes)]), LISTEN);
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let fields: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
    let headers = |name: &str, value: &str| fields.contains(&(name, value));
    let found = router.route(&view("example.com", method, path, &headers)).map(|found| found.route);
    assert_eq!(found, expected, "{request} in {routes:?}");
}

const NO_ROUTE: Result<usize, Miss> = Err(Miss::NoRoute(0));

#[test]
fn the_host_chooses_the_site() {
    let sites = [
        (LISTEN, &["*.example.com"][..]),
        (LISTEN, &["www.example.com", "[::1]", "127.0.0.1"]),
        (LISTEN, &["*.a.example.com"]),
        (LISTEN, &[]),
        (Listen::Any(9090), &["other.example.org"]),
        (LISTEN, &["www.example.com", "late.example.net"]),
        (LISTEN, &[]),
    ];
    let sites = sites.map(|(listen, hosts)| Site { listen: vec![listen], ..site(hosts, &["/"]) });
    let plan = plan(sites.into());
    let check = |listen, host, expected: Result<usize, Miss>| {
        let router = Router::new(&plan, listen);
        let found = router.route(&view(host, "GET", "/", &|_: &str, _: &str| false));
        assert_eq!(found.map(|found| found.site), expected, "host {host:?} on {listen}");
    };
    check(LISTEN, "www.example.com", Ok(1));
    check(LISTEN, "b.example.com", Ok(0));
    check(LISTEN, "c.b.example.com", Ok(0));
    check(LISTEN, "b.a.example.com", Ok(2));
    check(LISTEN, "c.b.a.example.com", Ok(2));
    check(LISTEN, "a.example.com", Ok(0));
    check(LISTEN, "example.com", Ok(3));
    check(LISTEN, ".example.com", Ok(3));
    check(LISTEN, "badexample.com", Ok(3));
    check(LISTEN, "example.com.evil", Ok(3));
    check(LISTEN, "[::1]", Ok(1));
    check(LISTEN, "127.0.0.1", Ok(1));
    check(LISTEN, "", Ok(3));
    check(LISTEN, ".", Ok(3));
    check(LISTEN, "late.example.net", Ok(5));
    check(LISTEN, "other.example.org", Ok(3));
    check(Listen::Any(9090), "other.example.org", Ok(4));
    check(Listen::Any(9090), "www.example.com", Err(Miss::NoSite));
    check(Listen::Any(9090), "", Err(Miss::NoSite));
    check(Listen::Any(7070), "other.example.org", Err(Miss::NoSite));
}

#[test]
fn the_most_specific_path_wins() {
    let routes = ["/", "/api/", "/api/v1/", "~_^/api/v[0-9]+$", "=_/api/v1/"];
    check(&routes, "GET /api/v1/", Ok(4));
    check(&routes, "GET /api/v1/x", Ok(2));
    check(&routes, "GET /api/v1", Ok(1));
    check(&routes, "GET /api/", Ok(1));
    check(&routes, "GET /api", Ok(0));
    check(&routes, "GET /", Ok(0));
    check(&routes, "GET *", Ok(0));
}

#[test]
fn expressions_come_after_prefixes_and_before_the_rest() {
    let routes = ["/", "~_\\.php$", "~_^/a", "/a/b/"];
    check(&routes, "GET /a/b/x.php", Ok(3));
    check(&routes, "GET /a/x.php", Ok(1));
    check(&routes, "GET /a/x", Ok(2));
    check(&routes, "GET /b/x", Ok(0));
    // Bytes that are not UTF-8 are bytes like others.
    let router = Router::new(&plan(vec![site(&[], &["/", "~_x$"])]), LISTEN);
    let headers = |_: &str, _: &str| false;
    let request = RequestView { host: b"a", path: b"/\xff\xfex", method: b"GET", headers: &headers };
    assert_eq!(router.route(&request), Ok(Match { site: 0, route: 1 }));
}

#[test]
fn a_prefix_without_a_slash_ends_with_a_segment() {
    let routes = ["/api", "=_/apix/y"];
    check(&routes, "GET /api", Ok(0));
    check(&routes, "GET /api/", Ok(0));
    check(&routes, "GET /api/x", Ok(0));
    check(&routes, "GET /api//x", Ok(0));
    check(&routes, "GET /apix", NO_ROUTE);
    check(&routes, "GET /apix/", NO_ROUTE);
    check(&routes, "GET /apix/y", Ok(1));
    check(&routes, "GET /ap", NO_ROUTE);
    check(&routes, "GET /API", NO_ROUTE);
    check(&routes, "GET x/api", NO_ROUTE);
    // Both forms of a prefix: the one with the slash is longer.
    check(&["/api", "/api/"], "GET /api/x", Ok(1));
    check(&["/api", "/api/"], "GET /api", Ok(0));
}

#[test]
fn empty_segments_count() {
    let routes = ["//", "/a//b", "/a/"];
    check(&routes, "GET //x", Ok(0));
    check(&routes, "GET /x", NO_ROUTE);
    check(&routes, "GET /a//b/c", Ok(1));
    check(&routes, "GET /a/b", Ok(2));
    check(&routes, "GET /a//bc", Ok(2));
}

#[test]
fn the_asterisk_is_only_under_the_root() {
    check(&["~_.", "=_*", "/*"], "OPTIONS *", NO_ROUTE);
    check(&["~_.", "OPTIONS /"], "OPTIONS *", Ok(1));
}

#[test]
fn more_conditions_come_first() {
    let routes = ["/a/", "GET /a/", "/a/ x-canary=1", "GET /a/ x-canary=1", "POST /a/", "/"];
    check(&routes, "GET /a/x", Ok(1));
    check(&routes, "GET /a/x x-canary=1", Ok(3));
    check(&routes, "PUT /a/x x-canary=1", Ok(2));
    check(&routes, "PUT /a/x x-canary=2", Ok(0));
    check(&routes, "POST /a/x", Ok(4));
    // Equal in all: the order of the file.
    check(&["GET /", "GET /"], "GET /", Ok(0));
    check(&["/ a=1", "/ b=1"], "GET / b=1 a=1", Ok(0));
    check(&["~_x", "/ a=1", "~_x a=1"], "GET /x a=1", Ok(2));
    check(&["~_x", "~_y", "~_x a=1"], "GET /yx", Ok(0));
    check(&["/ a=1 b=2", "/ a=1"], "GET / a=1", Ok(1));
}

#[test]
fn a_route_that_refuses_gives_way_to_the_next() {
    let routes = ["GET =_/a/b", "PUT /a/b", "POST /a", "PATCH ~_b", "DELETE /"];
    check(&routes, "GET /a/b", Ok(0));
    check(&routes, "PUT /a/b", Ok(1));
    check(&routes, "POST /a/b", Ok(2));
    check(&routes, "PATCH /a/b", Ok(3));
    check(&routes, "DELETE /a/b", Ok(4));
    check(&routes, "get /a/b", Err(Miss::NoMethod(0)));
    check(&routes, "HEAD /a/b", Err(Miss::NoMethod(0)));
}

#[test]
fn a_miss_tells_what_was_missing() {
    check(&["GET /a"], "POST /a", Err(Miss::NoMethod(0)));
    check(&["GET /a"], "POST /b", NO_ROUTE);
    check(&["GET /a x=1"], "POST /a", NO_ROUTE);
    check(&["GET /a x=1"], "POST /a x=1", Err(Miss::NoMethod(0)));
    check(&["/a x=1"], "POST /a x=2", NO_ROUTE);
    check(&[], "GET /", NO_ROUTE);
}

#[test]
fn allowed_methods_are_those_of_this_path() {
    let routes = ["GET,HEAD /a", "POST,GET /a", "DELETE /a x=1", "PUT =_/a", "PATCH /b", "OPTIONS ~_a$"];
    let router = Router::new(&plan(vec![site(&["h"], &routes)]), LISTEN);
    let allowed = |host, path, is_x: bool| {
        let mut out = b"Allow: ".to_vec();
        router.allowed_methods(&view(host, "TRACE", path, &|_: &str, _: &str| is_x), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(allowed("h", "/a", false), "Allow: GET, HEAD, OPTIONS, POST, PUT");
    assert_eq!(allowed("h", "/a/c", true), "Allow: DELETE, GET, HEAD, POST");
    assert_eq!(allowed("h", "/c", true), "Allow: ");
    assert_eq!(allowed("other", "/a", true), "Allow: ");
}

#[test]
fn headers_are_asked_only_by_routes_that_need_them() {
    let router = Router::new(&plan(vec![site(&[], &["GET /a", "/"])]), LISTEN);
    let headers = |_: &str, _: &str| -> bool { panic!("no route has header conditions") };
    assert_eq!(router.route(&view("h", "GET", "/a", &headers)), Ok(Match { site: 0, route: 0 }));
}

#[test]
fn long_requests_cost_little_work() {
    let router = Router::new(&plan(vec![site(&["*.example.com"], &["/a/b/", "/"])]), LISTEN);
    let headers = |_: &str, _: &str| false;
    for _ in 0..1000 {
        let host = ".".repeat(32 * 1024);
        assert_eq!(router.route(&view(&host, "GET", "/", &headers)), Err(Miss::NoSite));
        let path = "/".repeat(32 * 1024);
        let found = router.route(&view("a.example.com", "GET", &path, &headers));
        assert_eq!(found, Ok(Match { site: 0, route: 1 }));
    }
}

/// The order of routes as the documentation says it, without any table: the slow twin of `Paths`.
fn route_slowly(routes: &[Route], path: &str) -> Option<usize> {
    let specificity = |route: &Route| match &route.path {
        PathMatch::Exact(exact) => (exact == path && path != "*").then_some((3, exact.len())),
        PathMatch::Prefix(prefix) if prefix == "/" => Some((0, 0)),
        PathMatch::Prefix(prefix) => {
            let rest = path.strip_prefix(prefix.as_str())?;
            (prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/')).then_some((2, prefix.len()))
        }
        PathMatch::Regex(pattern) => {
            (path != "*" && regex::Regex::new(pattern).unwrap().is_match(path)).then_some((1, 0))
        }
    };
    let found = routes.iter().enumerate().filter_map(|(index, route)| Some((specificity(route)?, index)));
    found.max_by_key(|(specificity, index)| (*specificity, std::cmp::Reverse(*index))).map(|(_, index)| index)
}

proptest! {
    #[test]
    fn the_tables_agree_with_the_documentation(
        routes in prop::collection::vec("(=_|)/[ab/]{0,6}|~_\\^?[ab]/?", 0..20),
        paths in prop::collection::vec("/[abc/]{0,8}|\\*", 1..20),
    ) {
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        let site = site(&[], &routes);
        let slow = site.routes.clone();
        let router = Router::new(&plan(vec![site]), LISTEN);
        for path in &paths {
            let found = router.route(&view("h", "GET", path, &|_: &str, _: &str| false)).ok();
            prop_assert_eq!(found.map(|found| found.route), route_slowly(&slow, path), "{} in {:?}", path, &routes);
        }
    }
}

#[test]
fn a_prefix_is_removed_where_a_segment_ends() {
    let check = |target: &str, prefix: &str, expected: Result<&str, Climbs>| {
        let expected = expected.map(|text| Cow::Borrowed(text.as_bytes()));
        assert_eq!(strip_prefix(target.as_bytes(), prefix), expected, "{target} without {prefix}");
    };
    check("/api/x?y", "/api", Ok("/x?y"));
    check("/api/x?y", "/api/", Ok("/x?y"));
    check("/api", "/api", Ok("/"));
    check("/api", "/api/", Ok("/"));
    check("/api/", "/api", Ok("/"));
    check("/api?y=/../..", "/api", Ok("/?y=/../.."));
    check("/api/?y", "/api", Ok("/?y"));
    check("/apix", "/api", Ok("/apix"));
    check("/apix/../y", "/api", Ok("/apix/../y"));
    check("/api../x", "/api", Ok("/api../x"));
    check("/other", "/api", Ok("/other"));
    check("*", "/api", Ok("*"));
    check("/x", "/", Ok("/x"));
    check("/x", "", Ok("/x"));
    check("//evil/x", "/", Ok("/evil/x"));
    check("/api//evil", "/api", Ok("/evil"));
    check("/api///evil//y", "/api", Ok("/evil//y"));
    check("/api/a/../b", "/api", Ok("/a/../b"));
    check("/api/a/.../../b", "/api", Ok("/a/.../../b"));
    check("/api/..x/..", "/api", Ok("/..x/.."));
    check("/api/%zz/%", "/api", Ok("/%zz/%"));
    for climbing in [
        "/api/..",
        "/api/../",
        "/api/../admin",
        "/api/a/../../admin",
        "/api//../admin",
        "/api/a//../../admin",
        "/api/./../admin",
        "/api/%2e%2E/admin",
        "/api/.%2e/admin",
        "/api/..;/admin",
        "/api/..;x=1/admin",
        "/api/..%3bx/admin",
        "/api/..%2fadmin",
        "/api/..%5Cadmin",
        "/api/..\\admin",
        "/api/a%2f../../admin",
        "/api/a/..%2f../admin",
        "/api/.;/../admin",
        "/api/../admin?x",
    ] {
        check(climbing, "/api", Err(Climbs));
    }
}

/// Where a server ends up that undoes escapes of dots and slashes, drops parameters and resolves `..`; `None` above
/// its root.
fn resolve(path: &str, undo: &[(&str, &str)]) -> Option<Vec<String>> {
    let path = undo.iter().fold(path.to_owned(), |path, (escape, text)| path.replace(escape, text));
    let mut place = Vec::new();
    for segment in path.split('/') {
        match segment.split(';').next().unwrap() {
            "" | "." => {}
            ".." => drop(place.pop()?),
            name => place.push(name.to_owned()),
        }
    }
    Some(place)
}

proptest! {
    /// However a server reads what is left, it stays below its root, and the path begins with one slash.
    #[test]
    fn a_stripped_path_never_escapes(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["/", "/", "/", ".", "..", "a", "%2e", "%2E", "%2f", "%2F", "%5c", "\\", ";x", "?"]),
            0..16,
        ),
    ) {
        let target = format!("/api{}", pieces.concat());
        let Ok(stripped) = strip_prefix(target.as_bytes(), "/api") else { return Ok(()) };
        let stripped = std::str::from_utf8(&stripped).unwrap();
        prop_assert!(stripped.starts_with('/') && !stripped.starts_with("//"), "{target} became {stripped}");
        if stripped.starts_with("/api") {
            return Ok(());
        }
        let path = stripped.split('?').next().unwrap();
        let dots = [("%2e", "."), ("%2E", ".")];
        let slashes = [("%2f", "/"), ("%2F", "/")];
        let backslashes = [("%5c", "/"), ("\\", "/")];
        for undo in [vec![], dots.to_vec(), [dots, slashes].concat(), [dots, slashes, backslashes].concat(), backslashes.to_vec()] {
            prop_assert!(resolve(path, &undo).is_some(), "{target} became {stripped}, read with {undo:?}");
        }
    }

    /// A path that has nothing to do with the prefix comes out as it is, and one below it loses the prefix only.
    #[test]
    fn a_harmless_path_keeps_its_bytes(rest in "(/[a-z0-9%25.-]{1,5}[a-z]){1,4}/?(\\?[a-z/.?]{0,8})?") {
        let target = format!("/some/prefix{rest}");
        let stripped = strip_prefix(target.as_bytes(), "/some/prefix");
        prop_assert_eq!(stripped.unwrap().into_owned(), rest.clone().into_bytes());
        let stripped = strip_prefix(rest.as_bytes(), "/some/prefix");
        prop_assert_eq!(stripped.unwrap().into_owned(), rest.into_bytes());
    }
}

fn text(text: &str) -> TextPart {
    TextPart::Text(text.into())
}

fn rendered(parts: &[TextPart], path: &str, query: Option<&str>) -> String {
    let mut out = b"Location: ".to_vec();
    render(parts, b"h:80", path.as_bytes(), query.map(str::as_bytes), &mut out);
    String::from_utf8(out).unwrap().strip_prefix("Location: ").unwrap().to_owned()
}

#[test]
fn a_host_name_has_no_port() {
    let table = [
        ("example.com:8080", "example.com"),
        ("example.com", "example.com"),
        ("[::1]:8080", "[::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1", "[::1"),
        ("", ""),
    ];
    for (host, expected) in table {
        let mut out = Vec::new();
        render(&[TextPart::HostName], host.as_bytes(), b"/", None, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{host}");
    }
}

#[test]
fn redirects_are_rendered() {
    let check = |parts: &[TextPart], path, query, expected| assert_eq!(rendered(parts, path, query), expected);
    let uri = [text("https://"), TextPart::Host, TextPart::Uri];
    check(&uri, "/a/b", Some("x=1&y"), "https://h:80/a/b?x=1&y");
    check(&uri, "/a/b", Some(""), "https://h:80/a/b?");
    check(&uri, "/a/b", None, "https://h:80/a/b");
    check(&uri, "//a", None, "https://h:80//a");
    check(&uri, "*", None, "https://h:80/");
    let parts = [text("/new"), TextPart::Path, text("?q="), TextPart::Query];
    check(&parts, "/a", Some("x"), "/new/a?q=x");
    check(&parts, "/a", None, "/new/a?q=");
    check(&[], "/a", None, "");
    check(&[text("//other.example"), TextPart::Path], "//a", None, "//other.example//a");
}

#[test]
fn a_redirect_stays_on_the_host() {
    for parts in [&[TextPart::Path][..], &[TextPart::Uri], &[text("/"), TextPart::Path], &[text(""), TextPart::Path]] {
        for path in ["//evil.example", "///evil.example", "/evil.example"] {
            assert_eq!(rendered(parts, path, None), "/evil.example", "{parts:?}");
        }
        assert_eq!(rendered(parts, "/\\evil.example", None), "/%5Cevil.example");
    }
}

#[test]
fn nothing_in_a_redirect_breaks_the_head() {
    let mut out = Vec::new();
    let path: Vec<u8> = (0..=255).collect();
    render(&[text("https://h"), TextPart::Uri], b"h", &path, Some(&path), &mut out);
    assert!(out.iter().all(u8::is_ascii_graphic));
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("%0D") && out.contains("%0A") && out.contains("%00") && out.contains("%FF"), "{out}");
    assert!(out.contains("%20!%22#$%&'()*+,-./0123456789:;%3C=%3E?@ABC"), "{out}");
}
