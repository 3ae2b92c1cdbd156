//! The same layers as a subject of the whole specification: --subject "command: ./serve"
//!
//!     rustc -O --edition 2021 serve.rs      ./serve [--wrong]
mod arrays;
mod json;
mod layers;
use arrays::answered;
use json::Json::{self, *};
use json::object;
use layers::{Array, Failure, FUNCTIONS};
use std::io::BufRead;

fn written(array: &Array) -> Json {
    let bits = array.data.iter().map(|number| match array.dtype.as_str() {
        "float32" => format!("{:08x}", (*number as f32).to_bits()),
        "float64" => format!("{:016x}", number.to_bits()),
        _ => format!("{:016x}", *number as i64),
    });
    let shape = List(array.shape.iter().map(|n| Number(*n as f64)).collect());
    object(vec![("dtype", Text(array.dtype.clone())), ("shape", shape), ("bits", Text(bits.collect()))])
}

fn main() {
    let wrong = std::env::args().any(|word| word == "--wrong");
    let name = if wrong { "the Rust example, wrong" } else { "the Rust example" };
    for line in std::io::stdin().lock().lines() {
        let request = Json::parse(&line.unwrap());
        let texts = |texts: &[&str]| List(texts.iter().map(|text| Text(text.to_string())).collect());
        let dtypes = texts(&["float32", "float64"]);
        let (key, said) = if *request.get("hello") != Null {
            let name = Text(name.to_string());
            ("hello", object(vec![("name", name), ("functions", texts(&FUNCTIONS)), ("dtypes", dtypes)]))
        } else {
            ("answer", match answered(&request, |array| array, wrong) {
                Ok(results) => object(results.iter().map(|(name, array)| (*name, written(array))).collect()),
                Err(Failure::Refused(why)) => object(vec![("refused", Text(why))]),
                Err(Failure::NotOffered(why)) => object(vec![("not_offered", Text(why))]),
            })
        };
        println!("{}", object(vec![("id", request.get("id").clone()), (key, said)]));
    }
}
