//! What is asked and what is answered, chosen by a seed that both sides know. Nothing is sent here.

/// Names and values in order.
pub(crate) type Fields = Vec<(String, String)>;

/// Random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// One time in so many.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn text(&mut self, length_max: usize) -> String {
        let length = self.below(length_max) + 1;
        (0..length).map(|_| char::from(b'!' + self.below(94) as u8)).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length_max = *self.pick(&[1, 50, 2_000, 40_000, 300_000]);
        let (length, first) = (self.below(length_max), self.next());
        (0..length as u64).map(|place| (first.wrapping_add(place * 31) >> 3) as u8).collect()
    }

    /// Some fields, most of which were said before in one way or the other.
    fn fields(&mut self, names: &[&str]) -> Fields {
        let count = self.below(8) * self.below(3);
        let field = |dice: &mut Self| {
            let name = (*dice.pick(names)).to_owned();
            let value = match dice.below(10) {
                0 => dice.text(40),
                1 => dice.text(400),
                2 if dice.one_in(6) => dice.text(6_000),
                3 => String::new(),
                _ => (*dice.pick(&["a", "text/html; charset=utf-8", "max-age=60", "0123456789abcdef"])).to_owned(),
            };
            (name, value)
        };
        (0..count).map(|_| field(self)).collect()
    }
}

const ASKED: [&str; 8] =
    ["accept", "user-agent", "x-a", "x-b", "x-Odd_1", "authorization", "referer", "accept-language"];
const ANSWERED: [&str; 8] = ["Server", "content-type", "X-A", "x-b", "Set-Cookie", "Cache-Control", "ETag", "Vary"];

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) method: &'static str,
    pub(crate) fields: Fields,
    pub(crate) cookies: Vec<String>,
    /// `None`: the head ends the request.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) says_length: bool,
    pub(crate) trailers: Fields,
    pub(crate) answer: Answer,
    /// Whether the answer is begun before the request was read.
    pub(crate) is_hasty: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) interim: Vec<Fields>,
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) is_chunked: bool,
    pub(crate) trailers: Fields,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let method = *dice.pick(&["GET", "GET", "POST", "PUT", "HEAD", "DELETE", "PROPFIND", "OPTIONS"]);
        let has_body = matches!(method, "POST" | "PUT" | "PROPFIND") || dice.one_in(6);
        let mut cookies = Vec::new();
        for _ in 0..dice.below(4) {
            cookies.push(format!("{}={}", dice.below(5), dice.below(3)));
        }
        let says_length = dice.one_in(2);
        let trailers = if has_body && !says_length { dice.fields(&["x-sum", "x-more"]) } else { Vec::new() };
        let fields = dice.fields(&ASKED).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self {
            seed,
            method,
            fields,
            cookies,
            body: has_body.then(|| dice.bytes()),
            says_length,
            trailers,
            answer: Answer::of(dice),
            is_hasty: dice.one_in(4),
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("/{}?a=b", self.seed)
    }

    /// What the client must get of the answer's body.
    pub(crate) fn answer_body(&self) -> &[u8] {
        if self.has_answer_body() { &self.answer.body } else { &[] }
    }

    pub(crate) fn has_answer_body(&self) -> bool {
        self.method != "HEAD" && !matches!(self.answer.status, 204 | 304)
    }

    pub(crate) fn answer_trailers(&self) -> Fields {
        let has_any = self.has_answer_body() && self.answer.is_chunked;
        if has_any { sorted(self.answer.trailers.clone()) } else { Vec::new() }
    }

    /// What the text of the request must say, as [`sorted`] has it.
    pub(crate) fn asked_fields(&self) -> Fields {
        let mut fields = self.fields.clone();
        fields.push(("host".to_owned(), "example.com".to_owned()));
        if !self.cookies.is_empty() {
            fields.push(("cookie".to_owned(), self.cookies.join("; ")));
        }
        match &self.body {
            Some(body) if self.says_length => fields.push(("content-length".to_owned(), body.len().to_string())),
            Some(_) => fields.push(("transfer-encoding".to_owned(), "chunked".to_owned())),
            None => {}
        }
        sorted(fields)
    }

    /// What the client must get of the answer's head.
    pub(crate) fn answer_fields(&self) -> Fields {
        let mut fields = self.answer.fields.clone();
        if !self.answer.is_chunked && self.answer.status != 204 {
            fields.push(("content-length".to_owned(), self.answer.body.len().to_string()));
        }
        sorted(fields)
    }
}

impl Answer {
    fn of(dice: &mut Dice) -> Self {
        let interim = (0..dice.below(3) * dice.below(2)).map(|_| dice.fields(&["Link", "x-early"])).collect();
        let status = *dice.pick(&[200, 200, 200, 200, 201, 204, 206, 302, 304, 404, 418, 500, 503]);
        let (fields, body, is_chunked) = (dice.fields(&ANSWERED), dice.bytes(), dice.one_in(2));
        Self { interim, status, fields, body, is_chunked, trailers: dice.fields(&["X-Sum", "x-more"]) }
    }
}

/// Names in lower case and in their order; values of the same name stay as they are.
pub(crate) fn sorted(mut fields: Fields) -> Fields {
    fields.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}
