//! Arrays as the vectors hold them, and a call of what is tested.
use crate::json::Json::{self, *};
use crate::layers::{call, Array, Failure, Results};
use std::collections::BTreeMap;

pub fn object(entries: Vec<(&str, Json)>) -> Json {
    Object(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

pub fn read(array: &Json) -> Result<Array, Failure> {
    let (dtype, shape) = (array.get("dtype").text(), array.get("shape").list());
    let shape: Vec<usize> = shape.iter().map(|n| n.number() as usize).collect();
    let (length, bits, rule) = (shape.iter().product::<usize>(), array.get("bits").text(), array.get("generator"));
    let (width, mut state) = (bits.len() / length.max(1), rule.get("seed").number() as u32);
    let mut data = Vec::new();
    for i in 0..length {
        if *rule != Null {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            let steps = ((state >> 16) as u64 * rule.get("count").number() as u64) >> 16;
            data.push((rule.get("low").number() + steps as f64) * rule.get("exponent").number().exp2());
            continue;
        }
        let pattern = u64::from_str_radix(&bits[i * width..(i + 1) * width], 16).unwrap();
        data.push(match dtype {
            "float32" => f32::from_bits(pattern as u32) as f64,
            "float64" => f64::from_bits(pattern),
            "int64" => pattern as i64 as f64,
            _ => return Err(Failure::NotOffered(dtype.to_string())),
        });
    }
    Ok(Array { dtype: dtype.to_string(), shape, data })
}

pub fn answered<'a>(request: &'a Json, find: impl Fn(&'a Json) -> &'a Json, wrong: bool) -> Results {
    let mut given = BTreeMap::new();
    for (name, array) in request.get("arguments").entries().filter(|(_, array)| **array != Null) {
        given.insert(name.clone(), read(find(array))?);
    }
    call(request.get("function").text(), &given, request.get("options"), wrong)
}
