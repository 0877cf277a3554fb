//! Blocks of fields (RFC 9113 §4.3, RFC 7541): compression in both directions, and blocks in pieces.
//!
//! Blocks that are broken are in `frames`, fields that are in `heads`.

use super::scene::{Scene, echo};
use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_BYTES, FramePeer, HEADER_TABLE_SIZE, HEADERS, Message,
    Outcome, PADDED, PRIORITIZED, PROTOCOL_ERROR, REFUSED_STREAM, frame, request, rst_stream, value, window_update,
};
use crate::harness::hpack::{BlockWriter, literal_block};
use crate::harness::{Recorder, Step};

/// What a server says of every answer.
const SAID: [(&str, &str); 6] = [
    ("server", "the recorder of the tests"),
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "private, max-age=0, must-revalidate"),
    ("x-frame-options", "sameorigin or so it says"),
    ("x-latin", "caf\u{e9} \u{80}\u{ff}"),
    ("etag", "\"0123456789abcdef\""),
];

/// A server with these fields in each answer. Under `/number/` there is one that is another each time.
fn saying(fields: &[(&str, &str)]) -> Recorder {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Recorder::per_request(move |request| {
        let number = request.target.strip_prefix("/number/").map(|number| format!("x-number: {number:0>40}\r\n"));
        let head = format!("HTTP/1.1 200 OK\r\n{lines}{}Content-Length: 2\r\n\r\nok", number.unwrap_or_default());
        // Each character stands for the byte of the same number.
        vec![Step::Send(head.chars().map(|one| u8::try_from(one).expect("a byte")).collect())]
    })
}

#[track_caller]
fn expect_said(message: &Message, fields: &[(&str, &str)]) {
    assert_eq!((message.status(), message.text(), message.outcome), (200, "ok".into(), Some(Outcome::Ended)));
    for (name, text) in fields {
        let values: Vec<&str> =
            message.heads[0].iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [*text], "{name}");
    }
}

/// The answer, whose fields are right; how many bytes they took.
#[track_caller]
fn ask(client: &mut FramePeer, path: &str) -> usize {
    let stream = client.get(path);
    let message = client.message(stream);
    expect_said(&message, &SAID);
    if let Some(number) = path.strip_prefix("/number/") {
        assert_eq!(message.field("x-number"), Some(format!("{number:0>40}").as_str()));
    }
    message.block_bytes[0]
}

/// What is said again and again is soon said with a byte or two.
#[test]
fn answers_are_compressed() {
    let scene = Scene::before(saying(&SAID), "");
    for bytes in [4096, 65_536] {
        let mut client = scene.door.enter(&[(HEADER_TABLE_SIZE, bytes)]);
        let lengths: Vec<usize> = (0..20).map(|_| ask(&mut client, "/same")).collect();
        println!("table of {bytes}: {lengths:?}");
        assert!(lengths[2..].iter().all(|length| length * 4 < lengths[0]), "{lengths:?}");
    }
    // A client that keeps no table gets all of it each time.
    let mut client = scene.connect();
    let lengths: Vec<usize> = (0..5).map(|_| ask(&mut client, "/same")).collect();
    assert!(lengths.iter().all(|length| length * 2 > lengths[0]), "{lengths:?}");
}

/// Fields that are said once do not drive out those that are said always.
#[test]
fn fields_that_change_do_not_undo_the_compression() {
    let scene = Scene::before(saying(&SAID), "");
    let mut client = scene.door.enter(&[(HEADER_TABLE_SIZE, 4096)]);
    let lengths: Vec<usize> = (0..300).map(|number| ask(&mut client, &format!("/number/{number}"))).collect();
    let least = lengths[0] - SAID.iter().map(|(_, value)| value.len() / 2).sum::<usize>();
    let late = lengths[200..].iter().sum::<usize>() / 100;
    assert!(late < least, "{late} bytes on average after {} at first", lengths[0]);
}

/// RFC 7541 §7.1.3: a secret is in no table, where others could be measured against it.
#[test]
fn secrets_are_in_no_table() {
    let secret = ("set-cookie", "session=0123456789abcdef0123456789abcdef");
    let scene = Scene::before(saying(&[&SAID[..], &[secret]].concat()), "");
    let mut client = scene.door.enter(&[(HEADER_TABLE_SIZE, 4096)]);
    for _ in 0..10 {
        let stream = client.get("/same");
        expect_said(&client.message(stream), &[secret]);
    }
    assert!(client.has_learnt("content-type") && !client.has_learnt("set-cookie"));
}

/// RFC 7541 §4.2. The reader of the tests takes no entry that was driven out, and no block without the size updates that
/// must be there.
#[test]
fn clients_that_change_their_table() {
    let scene = Scene::before(saying(&SAID), "");
    let mut client = scene.door.enter(&[(HEADER_TABLE_SIZE, 4096)]);
    let warm = |client: &mut FramePeer| {
        let lengths: Vec<usize> = (0..4).map(|number| ask(client, &format!("/number/{number}"))).collect();
        lengths[3]
    };
    let small = warm(&mut client);
    client.allow_table(0);
    client.expect_alive("no table");
    let large = warm(&mut client);
    assert!(small * 2 < large, "{small} and {large}");
    client.allow_table(100);
    client.expect_alive("a small table");
    warm(&mut client);
    client.allow_table(4096);
    client.expect_alive("a table");
    assert!(warm(&mut client) * 2 < large);
    // Smaller and larger again before the next block.
    client.allow_table(0);
    client.allow_table(4096);
    client.expect_alive("another table");
    assert!(warm(&mut client) * 2 < large);
    client.allow_table(70);
    client.allow_table(50);
    client.allow_table(200);
    client.expect_alive("small tables");
    warm(&mut client);
    client.allow_table(u32::MAX);
    client.expect_alive("any table");
    assert!(warm(&mut client) * 2 < large);
}

/// The same while answers are under way.
#[test]
fn clients_that_change_their_table_under_load() {
    let scene = Scene::before(saying(&SAID), "");
    let mut client = scene.door.enter(&[(HEADER_TABLE_SIZE, 4096)]);
    for round in 0..30 {
        let streams: Vec<u32> = (0..20)
            .map(|number| {
                if number % 7 == 3 {
                    client.allow_table([0, 4096, 100, 300][(round + number) % 4]);
                }
                client.get(&format!("/number/{number}"))
            })
            .collect();
        for stream in streams {
            expect_said(&client.message(stream), &SAID);
        }
    }
}

/// The fields of the request with that number: some always the same, some that change now and then, some each time.
fn numbered(number: usize) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> =
        request("GET", "/").iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    fields[3].1 = format!("/number/{number}");
    let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
    add("user-agent", "a client with a table".to_owned());
    add("x-of-ten", format!("ten {}", number / 10));
    add("x-filler", "f".repeat(number * 37 % 1_100));
    add("authorization", format!("secret {}", number % 5));
    add("x-latin", "caf\u{e9} \u{80}\u{ff}".chars().cycle().skip(number).take(8).collect::<String>().trim().to_owned());
    add(&format!("x-name-{}", number % 30), number.to_string());
    fields
}

#[track_caller]
fn expect_asked(scene: &Scene, numbers: std::ops::Range<usize>) {
    let requests = scene.requests_to("/number/");
    assert_eq!(requests.len(), numbers.len());
    for number in numbers {
        let fields = numbered(number);
        let path = value(&fields, ":path").expect("a path");
        let request = requests.iter().find(|request| request.target == path).expect(path);
        for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(':')) {
            assert_eq!(request.fields.all(name).collect::<Vec<_>>(), [value], "{path}: {name}");
        }
    }
}

fn bytes_of(fields: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |text: &str| text.chars().map(|one| u8::try_from(one).expect("a byte")).collect();
    fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect()
}

/// A thousand requests on one connection, whose table forgets most of what it learns.
#[test]
fn requests_are_decompressed() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    let mut writer = BlockWriter::new();
    for round in 0..20 {
        let streams: Vec<u32> = (round * 50..round * 50 + 50)
            .map(|number| {
                if number % 130 == 129 {
                    [0, 200, 1_000, 4_096].into_iter().skip(number % 4).for_each(|bytes| writer.resize(bytes));
                }
                let stream = client.take_stream();
                let block = writer.write(&bytes_of(&numbered(number)));
                client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block));
                stream
            })
            .collect();
        for stream in streams {
            assert_eq!(client.message(stream).status(), 200, "stream {stream}");
        }
    }
    expect_asked(&scene, 0..1_000);
    scene.expect_well("requests with a table");
}

/// §4.3: the table keeps in step with blocks that are not looked at.
#[test]
fn blocks_that_are_passed_over_are_learnt() {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "[limits]\nstreams = 4");
    let mut client = scene.connect();
    client.expect_alive("settings");
    let mut writer = BlockWriter::new();
    let mut learn = |client: &mut FramePeer, stream: u32, fields: &[(&str, &str)]| {
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, writer.write(fields)));
    };
    // A head beyond the bounds.
    let stream = client.take_stream();
    let many: Vec<String> = (0..140).map(|number| format!("{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|number| ("x-many", number.as_str())).collect();
    learn(&mut client, stream, &[&request("GET", "/bad"), &many[..], &[("x-after-many", "too many")]].concat());
    assert_eq!(client.message(stream).status(), 431);
    // Trailers of a stream that was reset.
    let stream = client.open(0, &request("POST", "/hold"));
    client.send(window_update(stream, 0));
    assert_eq!(client.message(stream).outcome, Some(Outcome::Reset(PROTOCOL_ERROR)));
    learn(&mut client, stream, &[("x-trailer", "of a stream that was reset")]);
    // A malformed head, whose fields after the fault count too.
    let stream = client.take_stream();
    let malformed = [&request("GET", "/bad")[..], &[("X-Bad", "1"), ("x-after", "the fault")]].concat();
    learn(&mut client, stream, &malformed);
    client.message(stream);
    // Streams beyond those that are admitted.
    let held: Vec<u32> = (0..4).map(|_| client.get("/hold")).collect();
    let stream = client.take_stream();
    learn(&mut client, stream, &[&request("GET", "/bad")[..], &[("x-refused", "one stream too many")]].concat());
    assert_eq!(client.message(stream).outcome, Some(Outcome::Reset(REFUSED_STREAM)));
    for stream in held {
        client.send(rst_stream(stream, CANCEL));
    }
    client.expect_alive("streams that were taken back");
    let all = [
        ("x-trailer", "of a stream that was reset"),
        ("x-after", "the fault"),
        ("x-after-many", "too many"),
        ("x-refused", "one stream too many"),
    ];
    let block = writer.write(&[&request("GET", "/after")[..], &all].concat());
    assert!(block.len() < 20, "it is said by index");
    let stream = client.take_stream();
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block));
    assert_eq!(client.message(stream).status(), 200);
    let got = scene.only_request_to("/after");
    for (name, value) in all {
        assert_eq!(got.fields.get(name), Some(value), "{name}");
    }
    scene.expect_well("blocks that are passed over");
}

/// A block of many bytes over frames that end anywhere in it.
fn in_frames(stream: u32, block: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let bounds: Vec<usize> = [&[0], cuts, &[block.len()]].concat();
    for (number, bound) in bounds.windows(2).enumerate() {
        let (kind, mut flags) = if number == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
        if number + 2 == bounds.len() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, stream, &block[bound[0]..bound[1]]));
    }
    bytes
}

#[test]
fn blocks_cut_at_every_byte() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    let fields = bytes_of(&numbered(7));
    let mut plain = fields.clone();
    plain.push((b"x-plain".to_vec(), b"without any compression".to_vec()));
    let (plain, mut count) = (literal_block(&plain), 0);
    let mut writer = BlockWriter::new();
    // With the second block, all is in the table.
    let blocks = [plain, writer.write(&fields), writer.write(&fields)];
    for block in &blocks {
        for cut in 0..=block.len() {
            if block == &blocks[1] && cut > 0 {
                break;
            }
            for cuts in [vec![cut], vec![cut, (cut + 1).min(block.len()), (cut + 7).min(block.len())]] {
                if block == &blocks[1] && cuts.len() > 1 {
                    continue;
                }
                let stream = client.take_stream();
                client.send(in_frames(stream, block, &cuts));
                let message = client.message(stream);
                assert_eq!((message.status(), message.text()), (200, "GET /number/7".into()), "{cuts:?}");
                count += 1;
            }
        }
    }
    let requests = scene.requests_to("/number/7");
    assert_eq!(requests.len(), count);
    for request in &requests {
        for (name, value) in numbered(7).iter().filter(|(name, _)| !name.starts_with(':')) {
            assert_eq!(request.fields.get(name), Some(value.as_str()));
        }
    }
    scene.expect_well("blocks in pieces");
}

/// Within the bound of a head, however many frames it takes.
#[test]
fn large_heads_over_several_frames() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    for length in [FRAME_BYTES, 20_000, 40_000, 60_000] {
        let value: String =
            (0..length).map(|place| char::from(b'a' + u8::try_from(place % 23).expect("small"))).collect();
        let path = format!("/large/{length}");
        let fields = [&request("GET", &path)[..], &[("x-large", &value)]].concat();
        for size in [FRAME_BYTES, FRAME_BYTES - 1, 15_000, 12_345] {
            let block = literal_block(&fields);
            let cuts: Vec<usize> = (1..).map(|number| number * size).take_while(|cut| *cut < block.len()).collect();
            let stream = client.take_stream();
            client.send(in_frames(stream, &block, &cuts));
            assert_eq!(client.message(stream).status(), 200, "{length} in pieces of {size}");
        }
        for request in scene.requests_to(&path) {
            assert!(request.fields.get("x-large") == Some(&value), "{length}");
        }
    }
    assert_eq!(scene.requests_to("/large/").len(), 16);
    scene.expect_well("large heads");
}

/// §6.2: padding and priority, each alone and together, in HEADERS that end their block and in those that do not.
#[test]
fn heads_with_padding_and_priority() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    let priority = [0x80, 0, 0, 0, 200];
    for (is_prioritized, padding) in
        [(true, None), (false, Some(0)), (false, Some(255)), (true, Some(0)), (true, Some(77))]
    {
        for cut in [None, Some(0), Some(1), Some(20)] {
            let stream = client.take_stream();
            let path = format!("/head/{stream}");
            let block = literal_block(&request("POST", &path));
            let (first, rest) = block.split_at(cut.unwrap_or(block.len()));
            let mut payload = Vec::from_iter(padding);
            payload.extend(if is_prioritized { &priority[..] } else { &[] });
            payload.extend(first);
            payload.extend(std::iter::repeat_n(0, padding.unwrap_or(0).into()));
            let mut flags = if is_prioritized { PRIORITIZED } else { 0 };
            flags |= if padding.is_some() { PADDED } else { 0 };
            match cut {
                None => client.send(frame(HEADERS, flags | END_HEADERS, stream, payload)),
                Some(_) => client.send(
                    [frame(HEADERS, flags, stream, payload), frame(CONTINUATION, END_HEADERS, stream, rest)].concat(),
                ),
            }
            // Trailers may have both too.
            let trailers = [&[3][..], &priority, &literal_block(&[("x-sum", "42")]), &[0; 3]].concat();
            let ends = END_STREAM | END_HEADERS | PADDED | PRIORITIZED;
            client.send([frame(DATA, 0, stream, b"body"), frame(HEADERS, ends, stream, trailers)].concat());
            let message = client.message(stream);
            let what = format!("priority {is_prioritized}, padding {padding:?}, cut {cut:?}");
            assert_eq!((message.status(), message.text()), (200, format!("POST {path}")), "{what}: {message:?}");
            let got = scene.only_request_to(&path);
            assert_eq!((got.text(), got.trailers.get("x-sum")), ("body".into(), Some("42")), "{what}");
        }
    }
    scene.expect_well("padding and priority");
}
