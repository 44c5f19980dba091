//! Reads and writes the ids of a page: `cargo bench -p entity`.

use divan::{Bencher, black_box, counter::BytesCount};
use entity::{VectorId, VectorIds};

fn main() {
    divan::main();
}

const IDS: u64 = 1_030;

/// Not random, and no two digits alike for the processor.
fn page() -> VectorIds {
    let scattered =
        |number: u64| u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (1..=IDS)
        .map(|number| VectorId::from(format!("{:032x}", scattered(number))))
        .collect()
}

#[divan::bench]
fn read(bencher: Bencher) {
    let text = page().to_string();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| black_box(&text).parse::<VectorIds>());
}

#[divan::bench]
fn read_with_hyphens(bencher: Bencher) {
    let ids = page();
    let ids: Vec<String> = ids
        .uuids()
        .map(|id| format!("\"{}\"", id.hyphenated()))
        .collect();
    let text = format!("[{}]", ids.join(", "));
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| black_box(&text).parse::<VectorIds>());
}

#[divan::bench]
fn copy_the_list(bencher: Bencher) {
    let page = page();
    bencher.bench(|| black_box(&page).clone());
}

#[divan::bench]
fn copy_the_text(bencher: Bencher) {
    let text = page().to_string();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| black_box(&text).clone());
}

#[divan::bench]
fn read_as_strings_with_serde_json(bencher: Bencher) {
    let text = page().to_string();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| serde_json::from_str::<Vec<String>>(black_box(&text)));
}

#[divan::bench]
fn write(bencher: Bencher) {
    let page = page();
    bencher
        .counter(BytesCount::of_str(&page.to_string()))
        .bench(|| black_box(&page).to_string());
}

#[divan::bench]
fn write_strings_with_serde_json(bencher: Bencher) {
    let page: Vec<String> = page().iter().map(ToString::to_string).collect();
    bencher
        .counter(BytesCount::of_str(
            &serde_json::to_string(&page).unwrap_or_default(),
        ))
        .bench(|| serde_json::to_string(black_box(&page)));
}
