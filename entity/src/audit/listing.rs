//! The file of points that a vector store's export gives, read as a stream and written.

use std::io::{BufRead, BufReader, Read};

use super::{
    Point,
    listed::{LONGEST, PointsError, Problem, point_of_element, point_of_line},
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads points: one id a line, JSON lines with an `id`, or a JSON array of either. Memory is that of a line or an
/// element.
///
/// A line is an id as it stands, without the spaces around it; digits are a number; what begins with `"` is a JSON string,
/// and with `{` a JSON object whose `id` is a string or a number. Empty lines are skipped.
///
/// ```
/// use entity::audit::PointsReader;
///
/// let file = "0f8fad5b-d9cb-469f-a165-70867728950e\r\n7\n{\"id\": \"chunk 1\", \"payload\": {}}\n";
/// let points: Result<Vec<_>, _> = PointsReader::new(file.as_bytes()).collect();
/// let points: Vec<String> = points?.iter().map(ToString::to_string).collect();
/// assert_eq!(points, ["0f8fad5b-d9cb-469f-a165-70867728950e", "7", "chunk 1"]);
/// # Ok::<(), entity::audit::PointsError>(())
/// ```
pub struct PointsReader<R> {
    reader: BufReader<R>,
    line: u64,
    buffer: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Lines,
    /// Before the first element of an array.
    ArrayStart,
    /// Behind an element.
    Array,
    End,
}

impl<R: Read> PointsReader<R> {
    /// Returns a reader of what this one reads.
    pub fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(1 << 16, reader),
            line: 1,
            buffer: Vec::new(),
            state: State::Start,
        }
    }

    fn next_point(&mut self) -> Result<Option<Point>, Problem> {
        if self.state == State::Start {
            if self.reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
                self.reader.consume(BYTE_ORDER_MARK.len());
            }
            self.state = match self.skip_spaces()? {
                Some(b'[') => {
                    self.reader.consume(1);
                    State::ArrayStart
                }
                Some(_) => State::Lines,
                None => State::End,
            };
        }
        match self.state {
            State::Lines => self.next_line(),
            State::ArrayStart | State::Array => self.next_element(),
            State::Start | State::End => Ok(None),
        }
    }

    fn next_line(&mut self) -> Result<Option<Point>, Problem> {
        loop {
            self.buffer.clear();
            let mut reader = (&mut self.reader).take(LONGEST as u64 + 1);
            let length = reader.read_until(b'\n', &mut self.buffer)?;
            match length {
                0 => return Ok(None),
                length if length > LONGEST => return Err(Problem::TooLong),
                _ => {}
            }
            if let Some(point) = point_of_line(&self.buffer)? {
                return Ok(Some(point));
            }
            self.line += 1;
        }
    }

    fn next_element(&mut self) -> Result<Option<Point>, Problem> {
        const MORE_OR_END: &str = "`,` or `]` behind a point";
        let next = self.skip_spaces()?;
        match (self.state, next) {
            (_, None) => return Err(Problem::Expected("`]` at the end of the array")),
            (_, Some(b']')) => {
                self.reader.consume(1);
                return match self.skip_spaces()? {
                    None => Ok(None),
                    Some(_) => Err(Problem::Expected("nothing behind the array")),
                };
            }
            (State::Array, Some(b',')) => {
                self.reader.consume(1);
                self.skip_spaces()?;
            }
            (State::Array, Some(_)) => return Err(Problem::Expected(MORE_OR_END)),
            (_, Some(_)) => {}
        }
        self.state = State::Array;
        self.read_element()?;
        point_of_element(&self.buffer).map(Some)
    }

    /// Up to a comma or a bracket that belongs to the array.
    fn read_element(&mut self) -> Result<(), Problem> {
        self.buffer.clear();
        let (mut depth, mut is_quoted, mut is_escaped): (u32, bool, bool) = (0, false, false);
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let end = bytes.iter().position(|byte| {
                match (is_quoted, byte) {
                    (true, _) if is_escaped => is_escaped = false,
                    (true, b'\\') => is_escaped = true,
                    (_, b'"') => is_quoted = !is_quoted,
                    (true, _) => {}
                    (false, b',' | b']') if depth == 0 => return true,
                    (false, b'[' | b'{') => depth = depth.saturating_add(1),
                    (false, b']' | b'}') => depth = depth.saturating_sub(1),
                    (false, _) => {}
                }
                false
            });
            let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            let length = part.len();
            self.line += part.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.buffer.extend_from_slice(part);
            self.reader.consume(length);
            if self.buffer.len() > LONGEST {
                return Err(Problem::TooLong);
            }
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Returns what follows them.
    fn skip_spaces(&mut self) -> Result<Option<u8>, Problem> {
        loop {
            let bytes = self.reader.fill_buf()?;
            let end = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
            let next = end.and_then(|end| bytes.get(end)).copied();
            let length = end.unwrap_or(bytes.len());
            let lines = bytes
                .iter()
                .take(length)
                .filter(|byte| **byte == b'\n')
                .count();
            self.line += lines as u64;
            self.reader.consume(length);
            if next.is_some() || length == 0 {
                return Ok(next);
            }
        }
    }
}

impl<R: Read> Iterator for PointsReader<R> {
    type Item = Result<Point, PointsError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_point() {
            Ok(Some(point)) => {
                if self.state == State::Lines {
                    self.line += 1;
                }
                Some(Ok(point))
            }
            Ok(None) => {
                self.state = State::End;
                None
            }
            Err(problem) => {
                self.state = State::End;
                let line = self.line;
                Some(Err(PointsError { line, problem }))
            }
        }
    }
}
