//! The access log: each format in a file and on standard output, and text of clients that must not break a line.

use rustix::process::Signal;

use super::{ask, request};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, wait_for};
use crate::harness::{Evener, Recorder, Step};

/// A site of one worker, whose lines come in the order of the requests, with a log in its folder.
fn logging(recorder: &Recorder, format: &str) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[log]\naccess = \"./access.log\"\nformat = '{format}'\n\
         [[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n[upstream.web]\nservers = [\"{}\"]\n",
        recorder.address()
    ))
}

/// The lines of a file in the folder of the config, once there are so many.
#[track_caller]
fn lines_of(evener: &Evener, name: &str, count: usize) -> Vec<String> {
    let path = evener.config_path().with_file_name(name);
    wait_for(PATIENCE, "the lines of the log", || {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8(bytes).expect("a log is text, whatever clients send");
        let lines: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
}

#[test]
fn lines_of_json_hold_what_the_exchange_was() {
    let recorder = Recorder::answering(ok("answer"));
    let evener = logging(&recorder, "json");
    let lines = "Referer: http://a.test/\r\nUser-Agent: test/1\r\nContent-Length: 4\r\n";
    evener.connect().send(request("POST", "/a?b=c", "A.test", lines) + "body").response();
    evener.connect().send("BAD\r\n\r\n").response();
    let written = lines_of(&evener, "access.log", 2);
    let line: serde_json::Value = serde_json::from_str(&written[0]).expect("a line is JSON");
    for (name, expected) in [
        ("client", "127.0.0.1"),
        ("method", "POST"),
        ("target", "/a?b=c"),
        ("protocol", "HTTP/1.1"),
        ("upstream", "web"),
        ("server", &recorder.address().to_string()),
        ("referer", "http://a.test/"),
        ("user_agent", "test/1"),
    ] {
        assert_eq!(line[name], expected, "{name}: {line}");
    }
    assert_eq!(line["host"].as_str().map(str::to_ascii_lowercase).as_deref(), Some("a.test"));
    assert_eq!((&line["status"], &line["bytes_out"], &line["bytes_in"]), (&200.into(), &6.into(), &4.into()));
    assert_eq!((&line["retries"], line["reason"].is_null()), (&0.into(), true));
    let (whole, server) = (line["duration"].as_f64(), line["server_time"].as_f64());
    assert!(whole >= server && server > Some(0.0), "{line}");
    let time = line["time"].as_str().unwrap_or_default();
    assert!(time.len() == "2026-01-31T12:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    let bad: serde_json::Value = serde_json::from_str(&written[1]).expect("a line is JSON");
    assert_eq!((&bad["status"], bad["server"].is_null(), bad["reason"].is_string()), (&400.into(), true, true));
}

#[test]
fn lines_in_the_formats_of_other_servers_look_like_theirs() {
    let recorder = Recorder::answering(ok("answer"));
    for (format, ending) in [
        ("common", "\"GET /a?b HTTP/1.1\" 200 6"),
        ("combined", "\"GET /a?b HTTP/1.1\" 200 6 \"-\" \"test/1 \\x22x\\x22\""),
    ] {
        let evener = logging(&recorder, format);
        ask(&evener, "GET", "/a?b", "a.test", "User-Agent: test/1 \"x\"\r\n");
        ask(&evener, "HEAD", "/", "a.test", "");
        let line = &lines_of(&evener, "access.log", 1)[0];
        let (start, rest) = line.split_once("] ").expect("a time in brackets");
        assert!(start.starts_with("127.0.0.1 - - [") && start.ends_with(" +0000"), "{line}");
        assert_eq!(start.len(), "127.0.0.1 - - [31/Jan/2026:12:00:00 +0000".len(), "{line}");
        assert_eq!(rest, ending);
    }
}

#[test]
fn every_name_of_a_template_is_filled_in() {
    let recorder = Recorder::answering(ok("answer"));
    let format = "{{}} {client} {method} {target} {path} {query} {protocol} {host} {status} {bytes_out} {bytes_in} \
                  {upstream} {server} {retries} {reason} {referer} {user_agent} {time}|{duration}|{duration_ms}|{server_time}";
    let evener = logging(&recorder, format);
    ask(&evener, "GET", "/p/a?q=1&r", "a.test", "");
    ask(&evener, "GET", "http://a.test?x", "a.test", "");
    let lines = lines_of(&evener, "access.log", 2);
    let server = recorder.address();
    let start = format!("{{}} 127.0.0.1 GET /p/a?q=1&r /p/a q=1&r HTTP/1.1 a.test 200 6 0 web {server} 0 - - - 20");
    assert!(lines[0].starts_with(&start), "{}\nis not\n{start}", lines[0]);
    for time in lines[0].split('|').skip(1) {
        assert!(time.parse::<f64>().is_ok_and(|time| time > 0.0), "{}", lines[0]);
    }
    assert!(lines[1].contains(" x HTTP/1.1 a.test 200 "), "{}", lines[1]);
}

#[test]
fn what_clients_send_breaks_no_line_and_steers_no_terminal() {
    let recorder = Recorder::answering(ok(""));
    // Of control characters only the tab may stand in a value; bytes from 0x80 on may.
    let latin = b"GET /%0d%0a\"fake\" HTTP/1.1\r\nHost: a.test\r\nUser-Agent: a\tb\"c\\d\xff\xc2\x9be\xc3\xa4\r\n\r\n";
    for (format, agent) in [
        ("{user_agent}|{target}", r"a\x09b\x22c\x5cd\xff\xc2\x9be\xc3\xa4"),
        ("combined", r"a\x09b\x22c\x5cd\xff\xc2\x9be\xc3\xa4"),
        ("json", r#"a\tb\"c\\d�\u009beä"#),
    ] {
        let evener = logging(&recorder, format);
        let mut client = evener.connect();
        let quoted = client.send(latin).response();
        for bytes in [&b"\x1b[31m"[..], b"\r", b"\n x", b"\0", b"\x7f"] {
            let start = b"GET /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: bad";
            let refused = evener.connect().send([start, bytes, b"end\r\n\r\n"].concat()).response();
            assert_eq!(refused.status, 400, "{bytes:?}");
        }
        evener.connect().send(b"GET /\x1b[31m\xff HTTP/1.1\r\nHost: a.test\r\n\r\n").response();
        ask(&evener, "GET", "/last", "a.test", "User-Agent: end\r\n");
        let lines = lines_of(&evener, "access.log", 8);
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert_eq!(quoted.status, 200);
        assert!(lines[0].contains(agent), "{}", lines[0]);
        assert!(lines[7].contains("end"), "{}", lines[7]);
        for line in &lines {
            assert!(line.chars().all(|character| !character.is_control()), "{line:?}");
        }
    }
}

#[test]
fn an_agent_of_odd_bytes_is_written_escaped() {
    let recorder = Recorder::answering(ok(""));
    let head =
        b"GET / HTTP/1.1\r\nHost: a.test\r\nReferer: \xff\r\nUser-Agent: a\tb\"c\\d\xff\xc2\x9be\xc3\xa4\r\n\r\n";
    for (format, expected) in [
        ("{referer} {user_agent}", r"\xff a\x09b\x22c\x5cd\xff\xc2\x9be\xc3\xa4"),
        ("json", r#""referer":"�","user_agent":"a\tb\"c\\d�\u009beä"}"#),
    ] {
        let evener = logging(&recorder, format);
        assert_eq!(evener.connect().send(head).response().status, 200);
        let line = &lines_of(&evener, "access.log", 1)[0];
        assert!(line.ends_with(expected), "{line}\ndoes not end with\n{expected}");
    }
    // The server gets the bytes as they are.
    let sent = recorder.conversation(0).bytes();
    assert!(sent.windows(4).any(|window| window == b"d\xff\xc2\x9b"));
}

#[test]
fn a_signal_has_a_renamed_file_opened_anew() {
    let recorder = Recorder::answering(ok(""));
    let evener = logging(&recorder, "{target}");
    let path = evener.config_path().with_file_name("access.log");
    let mut client = evener.connect();
    client.send(request("GET", "/1", "a.test", "")).response();
    assert_eq!(lines_of(&evener, "access.log", 1), ["/1"]);
    std::fs::rename(&path, path.with_file_name("old.log")).expect("a log can be renamed");
    client.send(request("GET", "/2", "a.test", "")).response();
    assert_eq!(lines_of(&evener, "old.log", 2), ["/1", "/2"], "until the signal the old file is written");
    evener.signal(Signal::USR1);
    wait_for(PATIENCE, "the new file", || path.exists().then_some(()));
    client.send(request("GET", "/3", "a.test", "")).response();
    assert_eq!(lines_of(&evener, "access.log", 1), ["/3"]);
    assert_eq!(lines_of(&evener, "old.log", 2), ["/1", "/2"]);

    // Where it cannot be opened the old file stays in use.
    std::fs::rename(&path, path.with_file_name("kept.log")).expect("a log can be renamed");
    std::fs::create_dir(&path).expect("a folder in its place");
    evener.signal(Signal::USR1);
    wait_for(PATIENCE, "a complaint", || evener.process.stderr().contains("cannot be opened again").then_some(()));
    client.send(request("GET", "/4", "a.test", "")).response();
    assert_eq!(lines_of(&evener, "kept.log", 2), ["/3", "/4"]);
}

#[test]
fn lines_go_to_standard_output_and_error() {
    let recorder = Recorder::per_request(|_| vec![Step::send(ok(""))]);
    for place in ["stdout", "stderr"] {
        let evener = Evener::start(&format!(
            "[log]\naccess = \"{place}\"\nformat = \"line {{target}}\"\n[[site]]\nlisten = \"{{listen}}\"\nto = \"{}\"\n",
            recorder.address()
        ));
        evener.get("/x");
        wait_for(PATIENCE, place, || {
            let text = if place == "stdout" { evener.process.stdout() } else { evener.process.stderr() };
            text.contains("line /x\n").then_some(())
        });
    }
}
