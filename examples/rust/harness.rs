//! Three layers held against the vectors of torch-by-hand.
//!     rustc -O --edition 2021 harness.rs        or a cargo project with serde_json in the place of json.rs
//!     ./harness DIR ANSWERS.json [--wrong]      compare with the vectors in DIR; write the answers
mod arrays;
mod json;
mod layers;
use arrays::{answered, read};
use json::{object, Json, Json::*};
use layers::{Array, Failure, Results, FUNCTIONS};

/// What is wrong with the results of a case, or an empty text.
fn complaint(case: &Json, results: Results, arrays: &Json) -> Result<String, Failure> {
    let (expected, refuse) = (case.get("expected"), *case.get("expected").get("refused") != Null);
    let results = match results {
        Err(Failure::Refused(why)) => return Ok(if refuse { String::new() } else { format!("is refused: {why}") }),
        Ok(_) if refuse => return Ok("is taken, but must be refused".to_string()),
        other => other?,
    };
    for (name, wanted) in expected.entries().filter(|(_, wanted)| *wanted.get("absent") == Null) {
        let near = *wanted.get("near") != Null;
        let right = read(arrays.get(wanted.get(if near { "near" } else { "equals" }).text()))?;
        let dtype = if near { case.get("dtype").text() } else { &right.dtype };
        let within = if near { read(arrays.get(wanted.get("within").text()))?.data } else { vec![] };
        let shape: Vec<_> = wanted.get("shape").list().iter().map(|n| n.number() as usize).collect();
        let alike = |found: &&(&str, Array)| found.0 == name && found.1.shape == shape && found.1.dtype == dtype;
        let found = match results.iter().find(alike) {
            Some(found) => &found.1.data,
            None => return Ok(format!("{name} is missing, or of another shape or dtype")),
        };
        for (i, exact) in right.data.iter().enumerate() {
            let at = wanted.get("places").list().get(i).map_or(i, |place| place.number() as usize);
            let (got, signs) = (found[at], *wanted.get("signed_zeros") != Null);
            let same = got == *exact && !(signs && got.is_sign_negative() != exact.is_sign_negative());
            if !(if near { (got - exact).abs() <= within[i] } else { same || (got.is_nan() && exact.is_nan()) }) {
                return Ok(format!("{name}: element {at} is {got}, expected {exact}"));
            }
        }
    }
    Ok(String::new())
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let wrong = words.last().map_or(false, |word| word == "--wrong");
    let name = if wrong { "the Rust example, wrong" } else { "the Rust example" };
    let (mut answers, mut version, mut counts) = (std::collections::BTreeMap::new(), Null, [0; 3]);
    for operation in FUNCTIONS {
        let file = format!("{}/{operation}.json", words[1]);
        let set = Json::parse(&std::fs::read_to_string(file).expect("a file of vectors"));
        version = set.get("version").clone();
        for case in set.get("cases").list() {
            let (id, arrays) = (case.get("id").text(), set.get("arrays"));
            let results = answered(case, |name| arrays.get(name.text()), wrong);
            let (which, said) = match complaint(case, results, arrays) {
                Err(Failure::NotOffered(why) | Failure::Refused(why)) => (2, vec![("not_offered", Text(why))]),
                Ok(why) if why.is_empty() => (0, vec![("passed", Bool(true))]),
                Ok(why) => (1, vec![("passed", Bool(false)), ("why", Text(why))]),
            };
            counts[which] += 1;
            said.get(1).map(|(_, why)| println!("{id}: {}", why.text()));
            answers.insert(id.to_string(), object(said));
        }
    }
    let all = object(vec![("name", Text(name.to_string())), ("version", version), ("answers", Object(answers))]);
    std::fs::write(&words[2], all.to_string()).expect("the answers can be written");
    println!("{} passed, {} failed, {} not offered", counts[0], counts[1], counts[2]);
    std::process::exit((counts[1] > 0) as i32);
}
