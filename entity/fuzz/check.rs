use entity::VectorIds;
use serde_json::Value;

/// What is read can be written and read again, and of an array it is what serde_json reads.
pub fn check(text: &str) {
    let read: Option<VectorIds> = text.parse().ok();
    if let Some(ids) = &read {
        assert_eq!(ids.to_string().parse().as_ref(), Ok(ids), "{text:?}");
    }
    if text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('[')
    {
        assert_eq!(read, read_with_serde_json(text), "{text:?}");
    }
}

fn read_with_serde_json(text: &str) -> Option<VectorIds> {
    let values: Vec<Value> = serde_json::from_str(text).ok()?;
    let mut ids = VectorIds::default();
    for value in values {
        match value {
            Value::String(id) => ids.push(id),
            other => ids.push(other.as_u64()?),
        }
    }
    Some(ids)
}
