//! Arrays as the vectors hold them, and a call of what is tested.
use crate::json::Json::{self, Null};
use crate::layers::{call, Array, Failure, Results};

pub fn read(array: &Json) -> Result<Array, Failure> {
    let dtype = array.get("dtype").text();
    let shape: Vec<usize> = array.get("shape").list().iter().map(|n| n.number() as usize).collect();
    let (length, bits, rule) = (shape.iter().product::<usize>(), array.get("bits").text(), array.get("generator"));
    let (width, mut state, mut data) = (bits.len() / length.max(1), rule.get("seed").number() as u32, Vec::new());
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
    let given = request.get("arguments").entries().filter(|(_, array)| **array != Null);
    let given: Result<_, _> = given.map(|(name, array)| Ok((name.clone(), read(find(array))?))).collect();
    call(request.get("function").text(), &given?, request.get("options"), wrong)
}
