//! What is read can be written and read again, and an array is read where serde_json reads one.

#![no_main]

use entity::VectorIds;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let read: Result<VectorIds, _> = text.parse();
    if let Ok(ids) = &read {
        assert_eq!(ids.to_string().parse().as_ref(), Ok(ids));
    }
    if text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('[') {
        let is_id = |value: &Value| value.is_string() || value.is_u64();
        let values: Result<Vec<Value>, _> = serde_json::from_str(text);
        let is_list = values.is_ok_and(|values| values.iter().all(is_id));
        assert_eq!(read.is_ok(), is_list);
    }
});
