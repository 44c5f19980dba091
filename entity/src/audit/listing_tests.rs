use std::io::Read;

use super::{Point, PointsReader};
use crate::VectorId;

fn read(file: &[u8]) -> Result<Vec<String>, String> {
    let points: Result<Vec<Point>, _> = PointsReader::new(file).collect();
    let points = points.map_err(|error| error.to_string())?;
    Ok(points
        .iter()
        .map(|point| format!("{:?}", point.id()))
        .collect())
}

fn debug(ids: &[VectorId]) -> Vec<String> {
    ids.iter().map(|id| format!("{id:?}")).collect()
}

#[test]
fn every_form_of_an_export_is_read() {
    let uuid = VectorId::from("0f8fad5bd9cb469fa16570867728950e");
    let ids = debug(&[uuid, VectorId::from(7), VectorId::from("chunk 1")]);
    for file in [
        "0f8fad5b-d9cb-469f-a165-70867728950e\n7\nchunk 1\n",
        "0F8FAD5BD9CB469FA16570867728950E\r\n\r\n 7 \r\nchunk 1",
        "\u{feff}0f8fad5bd9cb469fa16570867728950e\n\n7\n\"chunk 1\"\n",
        r#"["0f8fad5bd9cb469fa16570867728950e", 7, "chunk 1"]"#,
        " [ \"0f8fad5bd9cb469fa16570867728950e\"\n,\n7 ,\"chunk 1\" ] \n",
        "{\"id\": \"0f8fad5bd9cb469fa16570867728950e\"}\n{\"vector\": [0.5], \"id\": 7}\n{\"id\":\"chunk \\u0031\"}",
        r#"[{"id": "0f8fad5bd9cb469fa16570867728950e", "payload": {"a": "]}"}}, {"id": 7}, {"id": "chunk 1"}]"#,
    ] {
        assert_eq!(read(file.as_bytes()), Ok(ids.clone()), "{file}");
    }
}

#[test]
fn a_file_without_points_has_none() {
    for file in ["", "\n\r\n", "[]", " [ ] ", "\u{feff}"] {
        assert_eq!(read(file.as_bytes()), Ok(Vec::new()), "{file:?}");
    }
}

#[test]
fn what_is_no_point_is_an_error_with_its_line() {
    for (file, error) in [
        (
            &b"a\n\xff\n"[..],
            "line 2: expected UTF-8 at byte 0, found the byte 0xff",
        ),
        (
            b"a\n{\"a\": 1}\n",
            "line 2: expected a point: missing field `id` at byte 8",
        ),
        (b"{\"id\": -1}", "line 1: expected a point: "),
        (
            b"\n\n\"a",
            "line 3: expected a point: EOF while parsing a string at byte 2",
        ),
        (b"[1,\n2", "line 2: expected `]` at the end of the array"),
        (b"[1,\n2,]", "line 2: expected a point: EOF"),
        (b"[1 2]", "line 1: expected a point: trailing characters"),
        (b"[1]\n2", "line 2: expected nothing behind the array"),
        (b"[null]", "line 1: expected a point: "),
    ] {
        let found = read(file).unwrap_err();
        assert!(found.starts_with(error), "{found}: {error}");
    }
}

/// Endless, as a file that is no export may be.
struct Letters;

impl Read for Letters {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b'a');
        Ok(buffer.len())
    }
}

#[test]
fn a_line_that_is_too_long_is_an_error() {
    for start in ["a\n", "[1,\n\"", "a\n{\"id\": \""] {
        let mut points = PointsReader::new(start.as_bytes().chain(Letters));
        let last = points.find_map(Result::err).expect("an error").to_string();
        assert_eq!(last, "line 2: expected a point of no more than 16 MiB");
        assert!(points.next().is_none());
    }
}

#[test]
fn a_point_is_read_back_from_its_line() {
    for id in [
        VectorId::from(7),
        VectorId::from("7"),
        VectorId::from("007"),
        VectorId::from(" a"),
        VectorId::from("a\nb"),
        VectorId::from("{"),
        VectorId::from("[1]"),
        VectorId::from("\"a\""),
        VectorId::from(""),
        VectorId::from("\u{a0}x"),
        VectorId::from("0f8fad5bd9cb469fa16570867728950e"),
    ] {
        let line = format!("{}\n", Point::from(id.clone()).to_line());
        assert_eq!(read(line.as_bytes()), Ok(debug(&[id])), "{line:?}");
    }
}
