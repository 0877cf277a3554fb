//! Row 72: paths go on as they came, and are routed as they came.

use super::scene::Scene;
use super::{VIA, each};

const PATTERN: &str = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n";

const KEPT: [&str; 26] = [
    "/a/../b",
    "/a/%2e%2e/b",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a\\b",
    "/a;x=/../b",
    "//a",
    "/a//b",
    "///",
    "/%c0%af",
    "/a/.",
    "/./a",
    "/a/..",
    "/a/../",
    "/%0d%0aX:",
    "/%0aX:%20y",
    "/a%20b",
    "/%7Ea/~a",
    "/...",
    "/..a",
    "/a..",
    "/?../../%zz%",
    "/a?b=/../../c",
    "/%25%30%30",
    "/a;b;c=d/e,f'(g)*!$&+",
];

#[test]
fn paths_are_never_changed() {
    let mut scene = Scene::open();
    for path in KEPT {
        let line = format!("GET {path} HTTP/1.1\r\nHost: a\r\n");
        scene.forwards(72, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
    }
    for path in KEPT {
        let input = format!("GET http://a{path} HTTP/1.1\r\nHost: a\r\n\r\n");
        scene.forwards(72, &[(&input, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n{VIA}"))]);
    }
}

#[test]
fn paths_above_the_root_and_bad_escapes_are_refused() {
    let mut scene = Scene::open();
    let above = [
        "/..",
        "/../",
        "/../x",
        "/..;/",
        "/..;x=y/",
        "/%2e%2e/",
        "/%2e%2e",
        "/.%2E/",
        "/%2E./x",
        "/a/../..",
        "/a/../../b",
        "/./../b",
        "/..%2fx",
        "/..%5cx",
        "/..\\x",
        "//..",
        "/a/%2e%2e/%2e%2e/b",
        "/a%2f../../..",
        "/a/..;/..;/b",
        "/..?x=y",
    ];
    scene.refuses(72, 400, &each(PATTERN, &above));
    let escapes =
        ["/%", "/%00", "/a%", "/a%2", "/%zz", "/%2g", "/%g2", "/a%/b", "/%%20", "/a%00b", "/% 0", "/%u002e", "/%?x"];
    scene.refuses(72, 400, &each(PATTERN, &escapes));
    scene.refuses(72, 400, &each("GET http://a{} HTTP/1.1\r\nHost: a\r\n\r\n", &["/..", "/%2e%2e/x", "/%00", "/%"]));
}

#[test]
fn the_path_that_is_matched_is_the_path_that_goes_on() {
    let mut scene = Scene::with(
        "",
        "[[site.route]]\npath = \"/closed/\"\nrespond = { status = 403, body = \"closed\" }\n\
         [[site.route]]\npath = \"/short/\"\nto = [\"{server}\"]\nstrip_prefix = \"/short\"\n",
    );
    for path in ["/closed/x", "/closed//x", "/closed/a/../x", "/closed/%78"] {
        scene.converses(72, &PATTERN.replace("{}", path), &[403], "", 0);
    }
    for path in ["/Closed/x", "/a//x", "/a/../x", "/%61/x", "/a%2fx", "/closedx", "/a?/../closed/x"] {
        let line = format!("GET {path} HTTP/1.1\r\nHost: a\r\n");
        scene.forwards(72, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
    }
    // Some servers would read these as paths of another route than the one that they match.
    let evasive = [
        "/a/../closed/x",
        "/a/%2e%2e/closed/x",
        "//closed/x",
        "/./closed/x",
        "/%63losed/x",
        "/closed%2fx",
        "/closed%5cx",
        "/closed\\x",
        "/a/..;/closed/x",
        "/closed/../x",
        "/closed/%2e%2e/x",
        "/closed/..;a=b/x",
    ];
    for path in evasive {
        scene.converses(72, &PATTERN.replace("{}", path), &[400], "", 0);
    }
    // Only a prefix that is taken off leaves exactly one slash, since `//x` would be a host for some.
    for (path, onward) in
        [("/short/x", "/x"), ("/short/x/../y", "/x/../y"), ("/short//x", "/x"), ("/short/%0d%0aX:", "/%0d%0aX:")]
    {
        let onward = format!("GET {onward} HTTP/1.1\r\nHost: a\r\n{VIA}");
        scene.forwards(72, &[(&PATTERN.replace("{}", path), &onward)]);
    }
    for path in ["/short/../x", "/short/%2e%2e/x", "/short/a/../../b", "/short/..;/x"] {
        scene.converses(72, &PATTERN.replace("{}", path), &[400], "", 0);
    }
}
