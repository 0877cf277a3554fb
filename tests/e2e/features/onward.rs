//! What a server gets to see of a request: `strip_prefix`, `set_headers`, `host`, and what routes inherit of them.

use super::{ask, request};
use crate::harness::message::Request;
use crate::harness::recorder::ok;
use crate::harness::{Evener, Recorder};

fn last(recorder: &Recorder) -> Request {
    recorder.requests().pop().expect("a request was sent on")
}

#[test]
fn a_prefix_is_removed_where_a_segment_ends() {
    let recorder = Recorder::answering(ok(""));
    let config = "workers = 1\n[[site]]\nlisten = \"{listen}\"\nto = \"web\"\ntrusted_proxies = \"127.0.0.1\"\n\
                  [[site.route]]\npath = \"/api\"\nto = \"web\"\nstrip_prefix = \"/api\"\n\
                  [[site.route]]\npath = \"/slash/\"\nto = \"web\"\nstrip_prefix = \"/slash/\"\n\
                  [[site.route]]\npath = \"~ ^/v[0-9]/\"\nto = \"web\"\nstrip_prefix = \"/v1\"\n\
                  [upstream.web]\nservers = [\"{server}\"]\n";
    let evener = Evener::start(&config.replace("{server}", &recorder.address().to_string()));
    let mut client = evener.connect();
    for (target, expected) in [
        ("/api/users?id=1", "/users?id=1"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/api?x", "/?x"),
        ("/api/api/x", "/api/x"),
        ("/apix/y", "/apix/y"),
        ("/api/a%2Fb%20c", "/a%2Fb%20c"),
        ("/slash/x", "/x"),
        ("/slash/", "/"),
        ("/slash", "/slash"),
        ("/v1/x", "/x"),
        ("/v2/x", "/v2/x"),
        ("/other/api/x", "/other/api/x"),
        ("http://test/api/x?y", "/x?y"),
    ] {
        assert_eq!(client.send(request("GET", target, "test", "")).response().status, 200, "{target}");
        assert_eq!(last(&recorder).target, expected, "{target}");
    }
    let before = recorder.requests().len();
    for target in ["/api/..", "/api/x/../../y"] {
        let refused = client.send(request("GET", target, "test", "")).response();
        assert_eq!(refused.status, 400, "{target}");
    }
    assert_eq!(recorder.requests().len(), before);
}

#[test]
fn header_fields_are_set_replaced_and_removed_and_those_of_a_route_win() {
    let recorder = Recorder::answering(ok(""));
    let config = "workers = 1\n[[site]]\nlisten = \"{listen}\"\nto = \"web\"\n\
                  set_headers = { x-from = \"site\", x-both = \"site\", cookie = \"\", x-forwarded-proto = \"https\" }\n\
                  [[site.route]]\npath = \"/route\"\nto = \"web\"\n\
                  set_headers = { X-Both = \"route\", x-own = \"a, b\", x-from = \"\" }\n\
                  [upstream.web]\nservers = [\"{server}\"]\n";
    let evener = Evener::start(&config.replace("{server}", &recorder.address().to_string()));
    let sent = "x-before: 1\r\nX-From: client\r\nx-from: again\r\nCookie: secret=1\r\ncookie: more\r\nX-BOTH: c\r\nx-after: 2\r\n";
    let values = |name: &str| last(&recorder).fields.all(name).map(str::to_owned).collect::<Vec<_>>();

    ask(&evener, "GET", "/", "a.test", sent);
    assert_eq!((values("x-from"), values("x-both")), (vec!["site".to_owned()], vec!["site".to_owned()]));
    assert_eq!((values("cookie").len(), values("x-own").len()), (0, 0));
    assert_eq!((values("x-before"), values("x-after")), (vec!["1".to_owned()], vec!["2".to_owned()]));
    assert_eq!(values("x-forwarded-proto"), ["https"]);

    ask(&evener, "GET", "/route", "a.test", sent);
    assert_eq!((values("x-from").len(), values("cookie").len()), (0, 0));
    assert_eq!((values("x-both"), values("x-own")), (vec!["route".to_owned()], vec!["a, b".to_owned()]));

    // They are there when the client sends none, too.
    ask(&evener, "POST", "/route", "a.test", "Content-Length: 0\r\n");
    assert_eq!((values("x-both"), values("x-own")), (vec!["route".to_owned()], vec!["a, b".to_owned()]));
    ask(&evener, "GET", "/", "a.test", "Connection: x-from, x-both\r\n");
    assert_eq!((values("x-from"), values("x-both")), (vec!["site".to_owned()], vec!["site".to_owned()]));
}

#[test]
fn the_host_that_a_server_sees_is_chosen_by_site_and_route() {
    let recorder = Recorder::answering(ok(""));
    let port = recorder.address().port();
    let config = "workers = 1\n[[site]]\nlisten = \"{listen}\"\nto = \"web\"\nhost = \"fixed.test\"\n\
                  [[site.route]]\npath = \"/inherit\"\nto = \"web\"\n\
                  [[site.route]]\npath = \"/client\"\nto = \"web\"\nhost = \"client\"\n\
                  [[site.route]]\npath = \"/upstream\"\nto = \"web\"\nhost = \"upstream\"\n\
                  [upstream.web]\nservers = [\"localhost:{port}\"]\n";
    let evener = Evener::start(&config.replace("{port}", &port.to_string()));
    for (target, expected) in [
        ("/", "fixed.test".to_owned()),
        ("/inherit", "fixed.test".to_owned()),
        ("/client", "A.Test:8080".to_owned()),
        ("/upstream", format!("localhost:{port}")),
    ] {
        assert_eq!(ask(&evener, "GET", target, "A.Test:8080", "").status, 200, "{target}");
        let request = last(&recorder);
        assert_eq!(request.fields.all("host").collect::<Vec<_>>(), [expected.as_str()], "{target}");
        assert_eq!(request.fields.get("x-forwarded-host"), Some("A.Test:8080"), "{target}");
    }
    // A client of 1.0 need not name a host.
    evener.connect().send("GET /client HTTP/1.0\r\n\r\n").response();
    let request = last(&recorder);
    assert_eq!(request.version, "HTTP/1.1");
    assert_eq!(request.fields.all("host").count(), 1);
    assert_eq!(request.fields.get("x-forwarded-host"), None);
}
