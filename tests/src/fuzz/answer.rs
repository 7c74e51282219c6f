use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response, StatusCode},
};

/// Between two answers of an input.
const NEXT: &[u8] = b"\n---\n";
/// Between an answer's head and its body.
const EMPTY_LINE: &[u8] = b"\n\n";

/// What a vendor answers. As text: the status, headers with a line each, an empty line, the body.
/// What does not begin with a status is a body of status 200.
///
/// An input that says what a vendor answers is a byte that chooses the call, `a` the first, and the
/// answers in their order, with a line of `---` between. The last is answered to whatever else is
/// asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that a client may look at.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The answers of an input.
    pub fn all(text: &[u8]) -> Vec<Self> {
        let mut answers = Vec::new();
        let mut rest = text;
        while let Some(at) = find(rest, NEXT) {
            answers.push(Self::parse(&rest[..at]));
            rest = &rest[at + NEXT.len()..];
        }
        answers.push(Self::parse(rest));
        answers
    }

    /// Answers as a part of an input.
    pub fn text(answers: &[Self]) -> Vec<u8> {
        let texts: Vec<_> = answers.iter().map(Self::write).collect();
        texts.join(NEXT)
    }

    /// Whether a client may look at a header. Those that frame the body are the server's.
    pub(super) fn keeps(header: &str) -> bool {
        matches!(header, "date" | "retry-after") || header.starts_with("x-")
    }

    fn parse(text: &[u8]) -> Self {
        let plain =
            || Self { status: 200, headers: Vec::new(), body: Bytes::copy_from_slice(text) };
        let Some(at) = find(text, EMPTY_LINE) else { return plain() };
        let Ok(head) = std::str::from_utf8(&text[..at]) else { return plain() };
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.parse().ok());
        let Some(status) = status.filter(|status| (200..600).contains(status)) else {
            return plain();
        };
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers = lines.filter_map(header).filter(|(name, _)| Self::keeps(name)).collect();
        Self { status, headers, body: Bytes::copy_from_slice(&text[at + EMPTY_LINE.len()..]) }
    }

    fn write(&self) -> Vec<u8> {
        let mut text = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        [text.as_bytes(), b"\n", &self.body].concat()
    }

    /// As HTTP; a header that HTTP has no form for is left out.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::from_str(value))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_were_written() {
        let refused = Answer {
            status: 429,
            headers: vec![("retry-after".to_owned(), "5".to_owned())],
            body: Bytes::from_static(b"\n\nno\n--"),
        };
        let empty = Answer { status: 204, ..Answer::default() };
        let answers = [refused, empty];
        assert_eq!(Answer::all(&Answer::text(&answers)), answers);
        assert_eq!(Answer::all(b"{}")[0].status, 200);
    }
}
