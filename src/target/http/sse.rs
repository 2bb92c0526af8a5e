//! Server-sent events, as they come in.
//!
//! Invariant: the events depend on the bytes alone, not on how the network cut them: in a character,
//! between a carriage return and its line feed, inside the mark at the beginning. Guarded by a
//! property test; another feeds it anything at all.
//!
//! The grammar is that of the HTML standard, section 9.2.6 ("Interpreting an event stream"): lines end
//! in LF, CR or CRLF, an empty line ends an event, a line that begins with a colon is a comment. Of the
//! fields only `data` matters here; an event without any is none. One departure: what stands at the
//! end of the stream without its empty line is taken for an event, since servers leave it out.

use memchr::memchr2;

/// The longest event: far above any chunk that a server sends. A server that exceeds it would
/// otherwise be given all our memory.
pub(super) const EVENT_BYTES_MAX: usize = 4 << 20;

/// The mark that may stand before the first line, and means nothing.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// An event that is longer than [`EVENT_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// A parser in the middle of a stream. Its buffers are kept between events, so a stream of events
/// that are no longer than those before allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Sse {
    /// The line that has begun and not ended.
    line: Vec<u8>,
    /// The data of the event that has begun, its lines joined by LF.
    data: Vec<u8>,
    /// Whether it has any; it may be empty.
    has_data: bool,
    /// The last byte ended a line as CR: an LF that follows belongs to it.
    after_cr: bool,
    /// Whether the first line is over.
    begun: bool,
}

impl Sse {
    /// Takes what came, and hands over the data of each event that it completes.
    ///
    /// # Errors
    /// Where an event is too long. The parser is of no use then.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut event: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.line.extend_from_slice(bytes);
                return self.bounded();
            };
            self.after_cr = bytes[end] == b'\r';
            if self.line.is_empty() {
                self.end_line(&bytes[..end], &mut event);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.end_line(&line, &mut event);
                line.clear();
                self.line = line;
            }
            self.bounded()?;
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// The stream is over: what lacks only its line end or its empty line is an event all the same.
    pub(super) fn finish(&mut self, mut event: impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line, &mut event);
        }
        self.end_line(b"", &mut event);
    }

    fn end_line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = line.strip_prefix(MARK).filter(|_| first).unwrap_or(line);
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                event(&self.data);
                self.data.clear();
            }
            return;
        }
        // `data` alone is a line of no text; `database: 1` is another field.
        let Some(value) = line.strip_prefix(b"data") else { return };
        let value = match value {
            [] => value,
            [b':', b' ', rest @ ..] | [b':', rest @ ..] => rest,
            _ => return,
        };
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
    }

    fn bounded(&self) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() > EVENT_BYTES_MAX { Err(TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The events of a stream that comes in these pieces.
    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let (mut sse, mut got) = (Sse::default(), Vec::new());
        for piece in pieces {
            sse.feed(piece, |data| got.push(data.to_vec())).unwrap();
        }
        sse.finish(|data| got.push(data.to_vec()));
        got
    }

    /// The stream has these events, whole and byte by byte.
    #[track_caller]
    fn check(stream: &str, want: &[&str]) {
        let want: Vec<_> = want.iter().map(|data| data.as_bytes().to_vec()).collect();
        assert_eq!(events([stream.as_bytes()]), want, "{stream:?}");
        assert_eq!(events(stream.as_bytes().chunks(1)), want, "{stream:?}, byte by byte");
    }

    #[test]
    fn lines_end_in_three_ways() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check("data: a\r\n\ndata: b\n\r\n", &["a", "b"]);
    }

    #[test]
    fn a_space_after_the_colon_is_left_out_once() {
        check("data:a\n\ndata: a\n\ndata:  a\n\n", &["a", "a", " a"]);
    }

    #[test]
    fn lines_of_data_are_joined() {
        check("data: {\"a\":\ndata: 1}\n\n", &["{\"a\":\n1}"]);
        check("data: a\r\ndata: b\r\n\r\n", &["a\nb"]);
        check("data\ndata\n\n", &["\n"]);
    }

    #[test]
    fn what_is_no_data_is_passed_over() {
        check(": ping\n\n:\n\nevent: message\nid: 7\nretry: 10\ndata: a\n\n", &["a"]);
        check("event: ping\n\ndatabase: 1\n\n\n\n\ndata: a\n\n", &["a"]);
    }

    #[test]
    fn empty_data_is_an_event_and_no_data_is_none() {
        check("data:\n\nevent: x\n\ndata\n\n", &["", ""]);
    }

    #[test]
    fn a_mark_before_the_first_line_means_nothing() {
        check("\u{feff}data: a\n\ndata: \u{feff}b\n\n", &["a", "\u{feff}b"]);
        check("data: a\n\n\u{feff}data: b\n\n", &["a"]);
    }

    #[test]
    fn the_last_event_needs_no_empty_line() {
        check("data: a\n\ndata: [DONE]\n", &["a", "[DONE]"]);
        check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
        check("", &[]);
        check("\n", &[]);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mebibyte = vec![b'x'; 1 << 20];
        let mut sse = Sse::default();
        sse.feed(b"data: ", |_| ()).unwrap();
        let ends: Vec<_> = (0..5).map(|_| sse.feed(&mebibyte, |_| ())).collect();
        assert_eq!(ends, [Ok(()), Ok(()), Ok(()), Err(TooLong), Err(TooLong)]);
        // The same in many lines.
        let mut sse = Sse::default();
        let line = [b"data: ", &mebibyte[..], b"\n"].concat();
        let ends: Vec<_> = (0..5).map(|_| sse.feed(&line, |_| ())).collect();
        assert!(ends.contains(&Err(TooLong)), "{ends:?}");
    }

    /// Streams of what matters to the grammar, and a character of three bytes.
    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let part = prop::sample::select(vec![
            "data: ", "data:", "data", ":", "event: a", "\n", "\r", "\r\n", "\n\n", "€", " ", "{}",
            "\u{feff}", "[DONE]",
        ]);
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn events_do_not_depend_on_the_cuts(
            stream in streams(),
            cuts in prop::collection::vec(1_usize..7, 1..200),
        ) {
            let mut rest = &stream[..];
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(events(pieces), events([&stream[..]]));
        }

        #[test]
        fn anything_is_borne(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 1_usize..50) {
            events(bytes.chunks(cut));
        }
    }
}
